package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/cmd/internal/ui"
	"github.com/kurtosis-go/kurtosis/runtime"
	"github.com/kurtosis-go/kurtosis/runtime/imagebuild"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

// imageDocument is an image as -o json prints it.
type imageDocument struct {
	Image   string   `json:"image"`
	Source  string   `json:"source"`            // "registry", "dockerfile" or "flake"
	Context string   `json:"context,omitempty"` // what it is built from
	Bases   []string `json:"bases,omitempty"`   // images that building it starts from
	State   string   `json:"state"`             // "local", "to pull" or "to build"
	Private bool     `json:"private,omitempty"` // the package gives a login for its registry
	Problem string   `json:"problem,omitempty"` // why it cannot be built
}

func (a *app) packageImagesCommand() *cobra.Command {
	var sources packageFlags
	var argsFile string
	var names bool
	cmd := &cobra.Command{
		Use:   "images [PACKAGE] [ARGUMENTS]",
		Short: "List the images that a package needs, and what a run would do for each",
		Long: `List the images that a package needs, and what a run would do for each: take the engine's own, pull, or build.
Nothing is pulled or built. Where no engine answers, it counts as having none.

With --names, only what registries have to give is listed, one name on a line: for a mirror, or for a machine
without a network. Images that others are built on are among them.`,
		Example: `  kurtosis package images
  kurtosis package images github.com/owner/repository '{"replicas": 3}'
  kurtosis package images . --names | xargs -n1 docker pull`,
		Args: operands(0, "the package", "its arguments"),
		RunE: func(cmd *cobra.Command, args []string) error {
			operand, inline := ".", (*string)(nil)
			if len(args) > 0 {
				operand = args[0]
			}
			if len(args) > 1 {
				inline = &args[1]
			}
			ctx := cmd.Context()
			list, err := a.packageImages(ctx, &sources, operand, inline, argsFile, names)
			if err != nil {
				return err
			}
			return a.showImages(list, names)
		},
	}
	sources.declare(cmd)
	cmd.Flags().StringVar(&argsFile, "args-file", "", "file with the package's arguments, JSON or YAML")
	cmd.Flags().BoolVar(&names, "names", false, "only the names of what is pulled, one on a line")
	a.outputFlag(cmd, formatJSON)
	return cmd
}

func (a *app) packageImages(ctx context.Context, f *packageFlags, operand string, inline *string, argsFile string, offline bool) ([]imageDocument, error) {
	args, err := a.packageArguments(ctx, inline, argsFile, a.cache(f.offline))
	if err != nil {
		return nil, err
	}
	pkg, err := f.open(ctx, a, operand)
	if err != nil {
		return nil, err
	}
	flags := &runFlags{function: "run", cluster: new(string)}
	*flags.cluster = "docker"
	j := &job{runFlags: flags, pkg: pkg, args: args}
	made, err := runtime.Plan(ctx, j.options())
	if err != nil {
		return nil, a.refusal(ctx, made, err)
	}
	images, err := made.Plan.Images()
	if err != nil {
		return nil, err
	}
	var engine backends.Images
	if !offline {
		if backend, err := a.engines.open(ctx); err == nil {
			defer backend.Close()
			engine = backend
		} else {
			a.warn("no engine answers, so that it is not known which images are local", err.Error())
		}
	}
	list := make([]imageDocument, len(images))
	for i, image := range images {
		if list[i], err = describeImage(ctx, engine, image); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(list, func(a, b imageDocument) int { return strings.Compare(a.Image, b.Image) })
	return list, nil
}

func describeImage(ctx context.Context, engine backends.Images, image plan.Image) (imageDocument, error) {
	d := imageDocument{Image: image.Reference(), Source: "registry"}
	switch {
	case image.Build != nil:
		d.Source, d.Context = "dockerfile", image.Build.BuildContextDir
	case image.Nix != nil:
		d.Source, d.Context = "flake", image.Nix.BuildContextDir
	case image.Spec != nil:
		d.Private = image.Spec.Username != ""
	}
	state, err := imagebuild.Look(ctx, engine, image)
	d.State = string(state)
	if err == nil {
		d.Bases, err = imagebuild.Bases(image)
	}
	if kind := backends.KindOf(err); kind == backends.Invalid {
		d.Problem, err = err.Error(), nil
	}
	return d, err
}

func (a *app) showImages(list []imageDocument, names bool) error {
	if names {
		return a.showPulled(list)
	}
	if a.output == formatJSON {
		a.printJSON(struct {
			Images []imageDocument `json:"images"`
		}{append([]imageDocument{}, list...)})
		return nil
	}
	if len(list) == 0 {
		_, err := fmt.Fprintln(a.Out, "the package needs no image")
		return err
	}
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

// showPulled prints what registries have to give.
func (a *app) showPulled(list []imageDocument) error {
	var refs []string
	for _, d := range list {
		if d.Source == "registry" {
			refs = append(refs, d.Image)
		}
		refs = append(refs, d.Bases...)
	}
	slices.Sort(refs)
	for _, ref := range slices.Compact(refs) {
		if _, err := io.WriteString(a.Out, ref+"\n"); err != nil {
			return err
		}
	}
	return nil
}
