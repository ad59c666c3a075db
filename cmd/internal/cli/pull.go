package cli

import (
	"context"
	"fmt"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/cmd/internal/ui"
)

// pullImages brings images onto the engine, one after the other.
func (a *app) pullImages(ctx context.Context, images []string) error {
	if len(images) == 0 {
		return nil
	}
	backend, err := a.engines.open(ctx)
	if err != nil {
		return err
	}
	defer backend.Close()
	for _, ref := range images {
		image, err := backend.PullImage(ctx, backends.PullSpec{Ref: ref}, nil)
		if err != nil {
			return err
		}
		fmt.Fprintf(a.Err, "pulled %s (%s)\n", ref, ui.Bytes(image.Size))
	}
	return nil
}
