package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/cmd/internal/ui"
	"github.com/kurtosis-go/kurtosis/runtime/imagebuild"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

// imageDocument is an image as -o json prints it.
type imageDocument struct {
	Image   string   `json:"image"`
	Source  string   `json:"source"`            // "registry", "dockerfile" or "flake"
	Context string   `json:"context,omitempty"` // what it is built from
	Bases   []string `json:"bases,omitempty"`   // images that building it starts from
	State   string   `json:"state,omitempty"`   // "local", "to pull" or "to build", where an engine was asked
	Private bool     `json:"private,omitempty"` // the package gives a login for its registry
	Problem string   `json:"problem,omitempty"` // why it cannot be built
}

// describeImages says of a plan's images, by their names, what is known without an engine.
func describeImages(p *plan.Plan) ([]imageDocument, error) {
	images, err := p.Images()
	if err != nil {
		return nil, err
	}
	list := make([]imageDocument, len(images))
	for i, image := range images {
		d := imageDocument{Image: image.Reference(), Source: "registry"}
		switch {
		case image.Build != nil:
			d.Source, d.Context = "dockerfile", image.Build.BuildContextDir
		case image.Nix != nil:
			d.Source, d.Context = "flake", image.Nix.BuildContextDir
		case image.Spec != nil:
			d.Private = imagebuild.Login(image) != nil
		}
		list[i] = d
		if image.Build != nil && image.Build.ContextPath == "" {
			continue // an enclave's plan knows of it, this machine does not
		}
		bases, err := imagebuild.Bases(image)
		if backends.KindOf(err) == backends.Invalid {
			d.Problem, err = err.Error(), nil
		}
		if err != nil {
			return nil, err
		}
		list[i].Bases, list[i].Problem = bases, d.Problem
	}
	slices.SortFunc(list, func(a, b imageDocument) int { return strings.Compare(a.Image, b.Image) })
	return list, nil
}

// addStates asks the engine what a run would do for each image. Where none answers, it counts as having none.
func (a *app) addStates(ctx context.Context, p *plan.Plan, list []imageDocument) error {
	images, err := p.Images()
	if err != nil || len(images) == 0 {
		return err
	}
	var engine backends.Images
	if backend, err := a.engines.open(ctx); err == nil {
		defer backend.Close()
		engine = backend
	} else {
		a.warn("no engine answers, so that it is not known which images are local", err.Error())
	}
	look, done, err := a.lookFor(ctx, engine)
	if err != nil {
		return err
	}
	defer done()
	for _, image := range images {
		state, err := look(ctx, image)
		if err != nil && backends.KindOf(err) != backends.Invalid {
			return err
		}
		i := slices.IndexFunc(list, func(d imageDocument) bool { return d.Image == image.Reference() })
		list[i].State = string(state)
	}
	return nil
}

// lookFor says what a run would do for an image: of those that are built for a cluster, its nodes know. The caller calls done.
func (a *app) lookFor(ctx context.Context, engine backends.Images) (look func(context.Context, plan.Image) (imagebuild.State, error), done func(), err error) {
	plain := func(ctx context.Context, image plan.Image) (imagebuild.State, error) {
		return imagebuild.Look(ctx, engine, image)
	}
	c, err := a.engines.cluster()
	if err != nil || c.Type == backends.Docker || engine == nil {
		return plain, func() {}, err
	}
	logins, err := a.engines.logins()
	if err != nil {
		return nil, nil, err
	}
	w, done, ok, err := a.workshop(ctx, c, logins)
	if err != nil || !ok {
		return plain, done, err
	}
	return func(ctx context.Context, image plan.Image) (imagebuild.State, error) {
		if imagebuild.Key(image) == "" {
			return plain(ctx, image)
		}
		if _, err := w.Find(ctx, image); ctx.Err() != nil {
			return imagebuild.ToBuild, ctx.Err()
		} else if err != nil {
			return imagebuild.ToBuild, nil
		}
		return imagebuild.Local, nil
	}, done, nil
}

// showStates prints below a plan what a run would do for its images.
func (a *app) showStates(ctx context.Context, p *plan.Plan) error {
	list, err := describeImages(p)
	if err != nil || len(list) == 0 {
		return err
	}
	if err := a.addStates(ctx, p, list); err != nil {
		return err
	}
	fmt.Fprintln(a.Out)
	return a.imageTable(list)
}

// imageTable shows images with their states.
func (a *app) imageTable(list []imageDocument) error {
	table := ui.Table{Head: []string{"Image", "State", "From"}}
	for _, d := range list {
		from := "registry"
		switch d.Source {
		case "dockerfile":
			from = "Dockerfile in " + d.Context
			if len(d.Bases) > 0 {
				from += "\non " + strings.Join(d.Bases, ", ")
			}
		case "flake":
			from = "flake in " + d.Context
		}
		if d.Private {
			from += ", with a login"
		}
		if d.Problem != "" {
			from += "\n" + a.style.Red(d.Problem)
		}
		table.Rows = append(table.Rows, []string{d.Image, d.State, from})
	}
	return table.Write(a.Out, ui.StyleOf(a.Out, a.env))
}
