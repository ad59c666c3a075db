package cli

import (
	"os"
	"runtime/debug"
)

// A command that reads a package lives for a fraction of a second and makes little garbage: collecting it as often as
// a server does would take a third of its time. The soft limit keeps a large package from taking what a machine has.
const (
	garbagePercent = 200
	memoryLimit    = 64 << 20 // bytes
)

// collectSeldom sets the garbage collector up for such a command, unless the environment says how it is to work.
func collectSeldom() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbagePercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
}
