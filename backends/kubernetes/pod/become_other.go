//go:build !unix

package pod

import "errors"

// become is for Pods, which run Linux; the package is part of the command line everywhere.
func become(int, int) error { return errors.ErrUnsupported }
