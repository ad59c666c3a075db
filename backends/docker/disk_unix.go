//go:build linux || darwin

package docker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/kurtosis-go/kurtosis/backends"
)

var _ backends.Disk = (*Backend)(nil)

// DiskSpace asks the engine for its directory, and the system for what is free there.
func (b *Backend) DiskSpace(ctx context.Context) (backends.DiskSpace, error) {
	if !strings.HasPrefix(b.endpoint, "unix://") {
		return backends.DiskSpace{}, nil
	}
	info, err := b.client.Info(ctx)
	if err != nil {
		return backends.DiskSpace{}, b.wrap(ctx, err, "asking the engine where it keeps its data")
	}
	var stat unix.Statfs_t
	err = unix.Statfs(info.DockerRootDir, &stat)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) { // in a virtual machine, or not ours to see
		return backends.DiskSpace{}, nil
	} else if err != nil {
		return backends.DiskSpace{}, fmt.Errorf("looking for room at %s: %w", info.DockerRootDir, err)
	}
	return backends.DiskSpace{Path: info.DockerRootDir, Free: int64(stat.Bavail) * int64(stat.Bsize), Total: int64(stat.Blocks) * int64(stat.Bsize)}, nil
}
