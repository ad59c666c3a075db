package backends

import "context"

// Disk tells how much room an engine has. A Backend whose engine shares this machine's files implements it as well.
type Disk interface {
	// DiskSpace looks at where the engine keeps images, volumes and containers; the zero value where that is elsewhere.
	DiskSpace(ctx context.Context) (DiskSpace, error)
}

// DiskSpace is the room on a file system, in bytes.
type DiskSpace struct {
	Path        string
	Free, Total int64
}
