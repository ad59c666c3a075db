package cli

import (
	"context"
	"os"

	"github.com/kurtosis-go/kurtosis/backends"
)

// sizes reports the size of a terminal, once: Windows has no signal for a change.
func sizes(_ context.Context, out *os.File) <-chan backends.Size {
	to := make(chan backends.Size, 1)
	sizeNow(out, to)
	return to
}
