package backends

import (
	"context"
	"io"
)

// Tools is implemented by engines that can run a program in a container that belongs to no enclave, for building.
type Tools interface {
	// RunTool runs a command to its end and removes its container. The image must be there. An exit code other
	// than 0 is no error.
	RunTool(ctx context.Context, spec ToolSpec) (exitCode int, err error)
}

// ToolSpec is a program to run.
type ToolSpec struct {
	Image   string
	Command []string
	Env     map[string]string
	// Volume, of type VolumeType, is kept from run to run and mounted at VolumePath; where it is new it begins with what the
	// image has there.
	Volume, VolumeType, VolumePath string
	// Files, if not nil, are unpacked at the root before the start.
	Files          Archive
	Stdout, Stderr io.Writer // not nil
}
