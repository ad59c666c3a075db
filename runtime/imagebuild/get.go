package imagebuild

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/runtime/event"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

// Get makes the engine have an image of a plan: it takes the engine's own, pulls it, or builds it. Errors are *backends.Error
// wherever the kind is known, with a hint.
func Get(ctx context.Context, o Options, image plan.Image) (backends.Image, event.ImageSource, error) {
	switch {
	case o.Built != nil && Key(image) != "":
		got, err := o.built(image)
		return got, event.ImageCached, err
	case image.Build != nil:
		got, built, err := Dockerfile(ctx, o, image.Build)
		if built {
			return got, event.ImageBuilt, err
		}
		return got, event.ImageCached, err
	case image.Nix != nil:
		got, err := Nix(ctx, o, image.Nix)
		return got, event.ImageBuilt, err
	}
	got, source, err := o.fetch(ctx, pull(image), "")
	return got, source, unavailable(image.Reference(), err)
}

// Pulls lists what an image takes from registries: itself, or the images that building it starts from.
func Pulls(image plan.Image) ([]backends.PullSpec, error) {
	if image.Build == nil && image.Nix == nil {
		return []backends.PullSpec{pull(image)}, nil
	}
	bases, err := Bases(image)
	specs := make([]backends.PullSpec, len(bases))
	for i, ref := range bases {
		specs[i].Ref = ref
	}
	return specs, err
}

func pull(image plan.Image) backends.PullSpec {
	return backends.PullSpec{Ref: image.Reference(), Auth: Login(image)}
}

// Login is that of an ImageSpec; nil leaves it to what `docker login` stored.
func Login(image plan.Image) *backends.RegistryAuth {
	s := image.Spec
	if s == nil || s.Username == "" && s.Password == "" {
		return nil
	}
	return &backends.RegistryAuth{Registry: s.Registry, Username: s.Username, Password: s.Password}
}

// fetch takes the engine's image or the registry's, as the options say. status is what progress calls it, "" what the
// engine says itself.
func (o Options) fetch(ctx context.Context, spec backends.PullSpec, status string) (backends.Image, event.ImageSource, error) {
	local, err := o.Backend.InspectImage(ctx, spec.Ref)
	missing := backends.KindOf(err) == backends.ImageNotFound
	if err != nil && !missing {
		return local, "", err
	}
	if !missing && !o.Update {
		return local, event.ImageCached, nil
	}
	pulled, err := o.Backend.PullImage(ctx, spec, func(p backends.PullProgress) {
		said := Progress{Status: p.Status, Current: p.Current, Total: p.Total}
		if status != "" {
			said.Status = status
		}
		o.Progress(said)
	})
	unreachable := []backends.Kind{backends.RegistryUnreachable, backends.RateLimited, backends.ImageNotFound, backends.AuthNeeded}
	switch {
	case err == nil:
		return pulled, event.ImagePulled, nil
	case !missing && slices.Contains(unreachable, backends.KindOf(err)):
		if o.Warn != nil {
			o.Warn(fmt.Sprintf("image %s cannot be downloaded again: %s", spec.Ref, err), "the engine's own copy is used")
		}
		return local, event.ImageCached, nil
	}
	return pulled, "", err
}

// unavailable adds what to do about an image that cannot be had, where the engine has no better word.
func unavailable(ref string, err error) error {
	if err == nil || backends.HintOf(err) != "" {
		return err
	}
	e := &backends.Error{Kind: backends.KindOf(err), Message: err.Error(), Err: err}
	var known *backends.Error
	if errors.As(err, &known) {
		c := *known
		e = &c
	}
	switch e.Kind {
	case backends.ImageNotFound:
		e.Hint = fmt.Sprintf("is the name %s right? an image that was built here needs no registry: `docker images` lists what the engine has", ref)
	case backends.AuthNeeded:
		e.Hint = "`docker login`, or username and password in an ImageSpec"
	case backends.RateLimited:
		e.Hint = "`docker login` raises the limit"
	case backends.RegistryUnreachable, backends.Unknown:
		e.Hint = fmt.Sprintf("without its registry, %s can be brought with `docker load`", ref)
	default:
		return err
	}
	return e
}
