package packages

import (
	"context"
	"errors"
	"io"
)

// Bundle is a package, or a standalone script, with all that it imports, for another machine to open.
type Bundle struct {
	Digest string   // sha256 in hex, of the content: the same files make the same digest
	Size   int64    // bytes of all files
	Left   []string // links that lead out of their tree, which are not part of it
}

// BundleOptions say what goes into a bundle.
type BundleOptions struct {
	// Discover, unless nil, is called where modules name locators that are only known when they run. It is to have the
	// package interpreted, which resolves them; its error is the bundle's only when ctx ended.
	Discover func(ctx context.Context) error
	// MaxBytes is the most that all files together may have; 0 is DefaultBundleBytes.
	MaxBytes int64
}

// DefaultBundleBytes is enough for any package that people would fetch.
const DefaultBundleBytes = 4 << 30

// Bundle finds out what the package needs and takes a digest of it. Nothing is copied: the files are read again by
// Write.
func (p *Package) Bundle(ctx context.Context, o BundleOptions) (*Bundle, error) {
	return nil, errors.ErrUnsupported
}

// Write writes the bundle as a tar stream.
func (b *Bundle) Write(ctx context.Context, w io.Writer) error { return errors.ErrUnsupported }

// Local is the path on this machine of a file that the machine which opened the bundle talks about; other paths stay
// as they are.
func (b *Bundle) Local(path string) string { return path }
