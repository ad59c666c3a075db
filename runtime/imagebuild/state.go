package imagebuild

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

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

// Content identifies what an image is built from, the images below it apart: files that a build does not see, and the
// times of those that it sees, do not count. It is "" for an image that is not built.
func Content(ctx context.Context, image plan.Image) (string, error) {
	switch {
	case image.Build != nil:
		w, err := read(image.Build)
		if err != nil {
			return "", err
		}
		return w.digest(ctx)
	case image.Nix != nil:
		t, err := wholeTree(image.Nix.ContextPath)
		sum := sha256.New()
		if err == nil {
			err = t.hash(ctx, sum)
		}
		if err != nil {
			return "", fmt.Errorf("the build context of image %q: %w", image.Nix.ImageName, err)
		}
		return hex.EncodeToString(sum.Sum(nil)), nil
	}
	return "", nil
}

// Outdated is what Identity says of an image that the engine has and that is to be built anew.
const Outdated = "outdated"

// Identity is the id of an image that the engine has, "" where it has none. For a built image it is Outdated where what it
// is built from, or the images below it, are not what they were; with Update that is after asking their registries.
func Identity(ctx context.Context, o Options, image plan.Image) (string, error) {
	if o.Built != nil && Key(image) != "" {
		return o.Built[Key(image)].Image.ID, nil
	}
	got, err := o.Backend.InspectImage(ctx, image.Reference())
	if backends.KindOf(err) == backends.ImageNotFound {
		return "", nil
	} else if err != nil || image.Build == nil {
		return got.ID, err
	}
	w, err := read(image.Build)
	if err != nil {
		return Outdated, nil // the step that builds it says what is wrong
	}
	if w.content, err = w.digest(ctx); err != nil {
		return "", err
	}
	if o.Update {
		if _, err := w.pullBases(ctx, o); err != nil {
			return "", err
		}
	}
	if _, ok, err := w.present(ctx, o.Backend); err != nil || !ok {
		return Outdated, err
	}
	return got.ID, nil
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
