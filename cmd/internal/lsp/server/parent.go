package server

import (
	"context"
	"time"
)

// parentInterval is how often the editor's process is looked for. There is no event to wait for that works for a
// process that is not one's child.
const parentInterval = 2 * time.Second

// watchParent ends the session when the editor dies without saying so.
func watchParent(ctx context.Context, pid int, end func()) {
	tick := time.NewTicker(parentInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if !alive(pid) {
				end()
				return
			}
		}
	}
}
