//go:build unix

package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/kurtosis-go/kurtosis/backends"
)

// sizes reports the size of a terminal now and whenever it changes, until ctx ends.
func sizes(ctx context.Context, out *os.File) <-chan backends.Size {
	to := make(chan backends.Size, 1)
	changed := make(chan os.Signal, 1)
	signal.Notify(changed, syscall.SIGWINCH)
	sizeNow(out, to)
	go func() {
		defer signal.Stop(changed)
		for {
			select {
			case <-ctx.Done():
				return
			case <-changed:
				sizeNow(out, to)
			}
		}
	}()
	return to
}
