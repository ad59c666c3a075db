package cli

import (
	"context"
	"fmt"

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
		pulls, err := imagebuild.Pulls(image)
		if err != nil {
			return err
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
