package runtime

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/runtime/execute"
	"github.com/kurtosis-go/kurtosis/runtime/imagebuild"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
	"github.com/kurtosis-go/kurtosis/runtime/state"
)

// identifyFiles hashes the files that steps upload or build from: an edit of one is a change of the step. Of a build
// context only those count that the build sees.
func identifyFiles(ctx context.Context, p *plan.Plan) error {
	known := map[string]string{}
	digest := func(key string, of func() (string, error)) (string, error) {
		if d, ok := known[key]; ok {
			return d, nil
		}
		d, err := of()
		if ctx.Err() != nil {
			return "", ctx.Err()
		} else if err != nil {
			d = backends.NewUUID() // like nothing before, so that the step runs, and says what is wrong
		}
		known[key] = d
		return d, nil
	}
	for _, s := range p.Steps {
		images, err := builtBy(s)
		if err != nil {
			return err
		}
		for i := range s.Locators {
			at := &s.Locators[i]
			if at.Path == "" || at.Hash != "" {
				continue
			}
			var parts []string
			for _, image := range images[at.Locator] {
				part, err := digest(fmt.Sprintf("%+v %+v", image.Build, image.Nix), func() (string, error) { return imagebuild.Content(ctx, image) })
				if err != nil {
					return err
				}
				parts = append(parts, part)
			}
			if len(parts) == 0 {
				part, err := digest(at.Path, func() (string, error) { return state.Digest(ctx, at.Path) })
				if err != nil {
					return err
				}
				parts = []string{part}
			}
			at.Hash = strings.Join(parts, " ")
		}
	}
	return nil
}

// builtBy gives the images that a step needs built, by the locators of their build contexts.
func builtBy(s *plan.Step) (map[string][]plan.Image, error) {
	if len(s.Locators) == 0 {
		return nil, nil
	}
	in, err := s.Instruction()
	if err != nil {
		return nil, err
	}
	list := map[string][]plan.Image{}
	for _, image := range plan.ImagesNamedIn(in) {
		switch {
		case image.Build != nil:
			list[image.Build.BuildContextDir] = append(list[image.Build.BuildContextDir], image)
		case image.Nix != nil:
			list[image.Nix.BuildContextDir] = append(list[image.Nix.BuildContextDir], image)
		}
	}
	return list, nil
}

// imagesAtOnce bounds how many images are looked at at once.
const imagesAtOnce = 8

// imagesPresent gives the content of the plan's images that earlier steps used, as it is now. Where images are always
// downloaded, that is after downloading them: what is unchanged has to be known before deciding.
func imagesPresent(ctx context.Context, p *plan.Plan, remembered *state.Enclave, from *execute.Images) (map[string]string, error) {
	used := map[string]bool{}
	for _, s := range remembered.Steps {
		for ref := range s.Images {
			used[ref] = true
		}
	}
	images, err := p.Images()
	if err != nil {
		return nil, err
	}
	var (
		mu     sync.Mutex
		failed error
		found  = map[string]string{}
		slots  = make(chan struct{}, imagesAtOnce)
		all    sync.WaitGroup
	)
	for _, image := range images {
		ref := image.Reference()
		if !used[ref] {
			continue
		}
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			id, err := from.Identity(ctx, image)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err != nil && failed == nil:
				failed = err
			case id != "":
				found[ref] = id
			}
		})
	}
	all.Wait()
	return found, failed
}

// awaitImages waits until all images are there that the plan's steps need, or says which cannot be had.
func (r *session) awaitImages(ctx context.Context) error {
	seen := map[string]bool{}
	for _, s := range r.result.Plan.Steps {
		in, err := s.Instruction()
		if err != nil || r.result.Delta.Of(s).Skip {
			continue // executing the step reports it
		}
		for _, image := range plan.ImagesOf(in) {
			if seen[image.Reference()] {
				continue
			}
			seen[image.Reference()] = true
			if _, err := r.images.Need(ctx, image); ctx.Err() != nil {
				return ctx.Err()
			} else if err != nil {
				r.result.Problems = append(r.result.Problems, plan.Problem{
					Code: "image", Message: err.Error(), Position: s.Position, Hint: backends.HintOf(err), Step: s.ID,
				})
			}
		}
	}
	if len(r.result.Problems) > 0 {
		return &ProblemsError{r.result.Problems}
	}
	return nil
}
