package cli

import (
	"context"
	"fmt"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/cmd/internal/ui"
	"github.com/kurtosis-go/kurtosis/runtime/imagebuild"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

// pullImages brings onto the engine, one after the other, what a plan needs of registries: images, with the logins of the
// package, and those that other images are built on.
func (a *app) pullImages(ctx context.Context, p *plan.Plan) error {
	images, err := p.Images()
	if err != nil || len(images) == 0 {
		return err
	}
	backend, err := a.engines.open(ctx)
	if err != nil {
		return err
	}
	defer backend.Close()
	for _, image := range images {
		pulls := []backends.PullSpec{{Ref: image.Reference()}}
		if s := image.Spec; s != nil && s.Username != "" {
			pulls[0].Auth = &backends.RegistryAuth{Registry: s.Registry, Username: s.Username, Password: s.Password}
		}
		if image.Build != nil || image.Nix != nil {
			bases, err := imagebuild.Bases(image)
			if err != nil {
				return err
			}
			pulls = nil
			for _, ref := range bases {
				pulls = append(pulls, backends.PullSpec{Ref: ref})
			}
		}
		for _, spec := range pulls {
			pulled, err := backend.PullImage(ctx, spec, nil)
			if err != nil {
				return err
			}
			fmt.Fprintf(a.Err, "pulled %s (%s)\n", spec.Ref, ui.Bytes(pulled.Size))
		}
	}
	return nil
}
