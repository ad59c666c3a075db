//go:build unix

package pod

import (
	"os"
	"syscall"
)

func become(uid, gid int) error {
	if uid == os.Getuid() && gid == os.Getgid() {
		return nil // a service that is not root's may still name itself
	}
	if err := syscall.Setgroups([]int{gid}); err != nil {
		return err
	}
	if err := syscall.Setgid(gid); err != nil {
		return err
	}
	return syscall.Setuid(uid)
}
