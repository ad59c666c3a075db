package imagebuild

import (
	"context"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

// State says what a run has to do for an image.
type State string

const (
	Local   State = "local"    // the engine has it
	ToPull  State = "to pull"  // from its registry
	ToBuild State = "to build" // from a Dockerfile or a flake
)

// Look says what a run would do for an image on an engine, without doing it. engine may be nil: it has nothing then.
// Whether a flake's image is current only nix knows, so that one is always to build.
func Look(ctx context.Context, engine backends.Images, image plan.Image) (State, error) {
	switch {
	case image.Nix != nil:
		return ToBuild, nil
	case image.Build != nil:
		if engine == nil {
			return ToBuild, nil
		}
		w, err := read(image.Build)
		if err != nil {
			return ToBuild, err
		}
		if w.content, err = w.digest(ctx); err != nil {
			return ToBuild, err
		}
		if _, ok, err := w.present(ctx, engine); err != nil || !ok {
			return ToBuild, err
		}
		return Local, nil
	case engine == nil:
		return ToPull, nil
	}
	_, err := engine.InspectImage(ctx, image.Reference())
	if backends.KindOf(err) == backends.ImageNotFound {
		return ToPull, nil
	} else if err != nil {
		return ToPull, err
	}
	return Local, nil
}

// Bases lists the images that building an image starts from, as registries know them.
func Bases(image plan.Image) ([]string, error) {
	if image.Build == nil {
		return nil, nil
	}
	w, err := read(image.Build)
	if err != nil {
		return nil, err
	}
	return w.file.Images(w.TargetStage, w.args), nil
}
