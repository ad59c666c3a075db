package cli

import (
	"os"
	"runtime/debug"
)

// A command that reads a package lives for a fraction of a second and makes little garbage: collecting it as often as
// a server does would take a third of its time. What a large package needs at once, checker and all, is less than the
// soft limit; nearing it, garbage is collected more often, so that the process stays below 60 MB with its code.
const (
	garbagePercent = 200
	memoryLimit    = 36 << 20 // bytes
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
