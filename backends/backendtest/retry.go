package backendtest

import (
	"context"
	"fmt"
	"time"
)

// Retry calls do until it gives no error, every few milliseconds for as long as ctx lasts.
func Retry(ctx context.Context, do func() error) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := do()
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ctx.Err(), err)
		}
	}
}
