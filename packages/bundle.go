package packages

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// Bundle is a package, or a standalone script, with all that it imports, for another machine to open: a tar stream in
// which each tree that the package reads has a directory, and bundle.json says what they are.
type Bundle struct {
	Digest string   // sha256 in hex of the tar stream, which the same files make again
	Size   int64    // bytes of all files
	Left   []string // paths that are not part of it: links that lead out of their tree, and what may not be read

	trees   []bundleTree
	members []bundleMember // by name
}

// BundleOptions say what goes into a bundle.
type BundleOptions struct {
	// Discover, unless nil, is called where modules name locators that are only known when they run. It is to have the
	// package interpreted, which resolves them. Where that fails, who opens the bundle finds out why: its error is the
	// bundle's only when ctx ended.
	Discover func(ctx context.Context) error
	// Alone says that who opens the bundle is to fetch nothing.
	Alone bool
	// MaxBytes is the most that all files together may have; 0 is DefaultBundleBytes.
	MaxBytes int64
}

// DefaultBundleBytes is enough for any package that people would fetch.
const DefaultBundleBytes = 4 << 30

// bundleFile describes a bundle. Its name is the one that no tree can have.
const bundleFile = "bundle.json"

// bundleFormat changes when who opens a bundle has to know about it.
const bundleFormat = 1

// bundleRecord is what bundleFile holds. Directories are slash-separated, from the bundle's root.
type bundleRecord struct {
	Format       int                `json:"format"`
	Root         string             `json:"root"` // the directory of the package, or of the script
	Main         string             `json:"main"` // in root
	Name         string             `json:"name,omitempty"`
	Identity     string             `json:"identity"`
	Version      string             `json:"version,omitempty"`   // of a package that was fetched
	Fetched      bool               `json:"fetched,omitempty"`   // the whole repository is around it
	Checkout     bool               `json:"checkout,omitempty"`  // so it is, as somebody works on it
	Converted    bool               `json:"converted,omitempty"` // main is a file that a module is made of
	Vendor       string             `json:"vendor,omitempty"`
	Alone        bool               `json:"alone,omitempty"`    // what is not here is not looked for elsewhere
	Replaced     map[string]string  `json:"replaced,omitempty"` // directories by the package that they replace
	Repositories []bundleRepository `json:"repositories,omitempty"`
}

type bundleRepository struct {
	Repository string `json:"repository"`
	Version    string `json:"version"`
	Dir        string `json:"dir"`
}

// bundleTree is a directory of this machine and where the bundle has it.
type bundleTree struct{ name, dir string }

type bundleMember struct {
	name string
	mode fs.FileMode
	file string // of a regular file
	size int64
	text []byte // instead of a file
	link string
}

// Bundle finds out what the package needs and takes a digest of it. Nothing is copied: Write reads the files again.
// What the package imports is fetched where it is not on this machine. An import that does not exist is left for who
// opens the bundle to find.
func (p *Package) Bundle(ctx context.Context, o BundleOptions) (*Bundle, error) {
	if o.MaxBytes == 0 {
		o.MaxBytes = DefaultBundleBytes
	}
	known := false
	if !p.converted() {
		s := &seeker{p: p, seen: map[string]bool{}, needs: map[string]Need{}}
		_ = s.module(ctx, p.Main) // what does not exist, the interpretation words better
		known = !s.dynamic
	}
	if !known && o.Discover != nil {
		_ = o.Discover(ctx) // likewise
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	g := &gatherer{p: p, record: bundleRecord{Alone: o.Alone}, max: o.MaxBytes, members: map[string]bundleMember{}, sizes: map[string]int64{}, included: map[string]bool{}}
	if err := g.gather(ctx); err != nil {
		return nil, err
	}
	b := g.bundle()
	sum := sha256.New()
	if err := b.Write(ctx, sum); err != nil {
		return nil, err
	}
	b.Digest = hex.EncodeToString(sum.Sum(nil))
	return b, nil
}

func (p *Package) converted() bool { return path.Ext(p.Main.Path) != ".star" }

// bundleTime is when all files of a bundle were changed, so that only their content counts.
var bundleTime = time.Unix(0, 0)

// Write writes the bundle as a tar stream. A file that has changed since the bundle was made gives another digest, or
// an error.
func (b *Bundle) Write(ctx context.Context, w io.Writer) error {
	out := tar.NewWriter(w)
	for _, m := range b.members {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := m.write(out); err != nil {
			return err
		}
	}
	return out.Close()
}

func (m bundleMember) write(out *tar.Writer) error {
	h := &tar.Header{Name: m.name, Mode: int64(m.mode.Perm()), ModTime: bundleTime, Format: tar.FormatPAX}
	switch {
	case m.mode.IsDir():
		h.Typeflag, h.Name = tar.TypeDir, m.name+"/"
		return out.WriteHeader(h)
	case m.link != "":
		h.Typeflag, h.Linkname = tar.TypeSymlink, m.link
		return out.WriteHeader(h)
	case m.file == "":
		h.Size = int64(len(m.text))
		if err := out.WriteHeader(h); err != nil {
			return err
		}
		_, err := out.Write(m.text)
		return err
	}
	h.Size = m.size
	if err := out.WriteHeader(h); err != nil {
		return err
	}
	f, err := os.Open(m.file)
	if err != nil {
		return &PackageError{Message: fmt.Sprintf("can't read '%s': %s", m.file, plainError(err))}
	}
	defer f.Close()
	n, err := io.Copy(out, io.LimitReader(f, m.size))
	if err == nil && n < m.size {
		err = &PackageError{Message: fmt.Sprintf("'%s' became shorter while it was read", m.file), Hint: "run the package again"}
	}
	return err
}

// bundled begins a path in a bundle where machines that have it in different places talk about it.
const bundled = "bundle:"

// BundledPath is what the machine that opened a bundle in dir calls a file of it when it talks to the one that made
// it, also where the path is part of a text. All else stays as it is.
func BundledPath(dir, text string) string {
	return strings.ReplaceAll(text, dir+string(filepath.Separator), bundled)
}

// Local is a path on this machine where BundledPath gave one on the other, also in a text; all else stays as it is.
func (b *Bundle) Local(text string) string {
	return b.local(text, func(dir string) string { return dir })
}

// LocalJSON does so in JSON.
func (b *Bundle) LocalJSON(text []byte) []byte {
	return []byte(b.local(string(text), func(dir string) string {
		quoted, err := json.Marshal(dir)
		if err != nil { // not of a string
			return dir
		}
		return string(quoted[1 : len(quoted)-1])
	}))
}

func (b *Bundle) local(text string, quote func(string) string) string {
	if !strings.Contains(text, bundled) {
		return text
	}
	for _, t := range b.trees {
		text = strings.ReplaceAll(text, bundled+t.name, quote(t.dir))
	}
	return text
}

// errTooLarge is what gatherer words once it knows what is large.
var errTooLarge = errors.New("too large")

func sizeText(n int64) string {
	for _, unit := range []string{"bytes", "KiB", "MiB"} {
		if n < 1<<10 {
			return fmt.Sprintf("%d %s", n, unit)
		}
		n >>= 10
	}
	return fmt.Sprintf("%d GiB", n)
}
