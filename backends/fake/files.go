package fake

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/backends/archive"
)

// volume is a tree of files by path relative to its root; directories end in a slash.
type volume struct {
	mu    sync.Mutex
	nodes map[string]node
}

type node struct {
	content []byte
	link    string
}

func newVolume() *volume { return &volume{nodes: map[string]node{}} }

// unpack adds what an archive, plain or gzip, has.
func (v *volume) unpack(ctx context.Context, open backends.Archive) error {
	r, err := open(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	return readTar(r, v.put)
}

func (v *volume) put(name string, n node) {
	v.mu.Lock()
	v.nodes[name] = n
	v.mu.Unlock()
}

// readTar calls put for each member, with names that cannot climb out.
func readTar(r io.Reader, put func(string, node)) error {
	return archive.Walk(r, func(h *tar.Header, content io.Reader) error {
		name := path.Clean("/" + h.Name)[1:]
		switch {
		case name == "":
		case h.Typeflag == tar.TypeDir:
			put(name+"/", node{})
		case h.Typeflag == tar.TypeSymlink:
			put(name, node{link: h.Linkname})
		default:
			text, err := io.ReadAll(content)
			if err != nil {
				return fmt.Errorf("reading the archive: %w", err)
			}
			put(name, node{content: text})
		}
		return nil
	})
}

// files is a service's file system: a root and what is mounted over it.
type files struct {
	root   *volume
	mounts map[string]*volume // by clean path
}

func newFiles(image map[string]string) *files {
	f := &files{root: newVolume(), mounts: map[string]*volume{}}
	for p, content := range image {
		f.root.put(strings.TrimPrefix(p, "/"), node{content: []byte(content)})
	}
	return f
}

func (f *files) mount(p string, v *volume) { f.mounts[path.Clean(p)] = v }

// copyOf is a new volume with what lies at a path now.
func (f *files) copyOf(p string) *volume {
	v := newVolume()
	for name, n := range f.tree(p) {
		v.put(name, n)
	}
	return v
}

// at finds the volume a path lies in, and the path there.
func (f *files) at(p string) (*volume, string) {
	p = path.Clean(p)
	best, v := "/", f.root
	for m, mounted := range f.mounts {
		if (p == m || strings.HasPrefix(p, m+"/")) && len(m) > len(best) {
			best, v = m, mounted
		}
	}
	return v, strings.TrimPrefix(strings.TrimPrefix(p, best), "/")
}

// resolve follows symbolic links in the last element.
func (f *files) resolve(p string) string {
	for range 8 {
		v, name := f.at(p)
		v.mu.Lock()
		n, ok := v.nodes[name]
		v.mu.Unlock()
		if !ok || n.link == "" {
			break
		}
		if p = n.link; !strings.HasPrefix(n.link, "/") {
			_, dir := "", path.Dir(pathOf(f, v, name))
			p = path.Join(dir, n.link)
		}
	}
	return path.Clean(p)
}

// pathOf is the path from the root of a name in a volume.
func pathOf(f *files, v *volume, name string) string {
	for m, mounted := range f.mounts {
		if mounted == v {
			return path.Join(m, name)
		}
	}
	return "/" + name
}

// read returns a file's content.
func (f *files) read(p string) ([]byte, bool) {
	v, name := f.at(f.resolve(p))
	v.mu.Lock()
	defer v.mu.Unlock()
	n, ok := v.nodes[name]
	return n.content, ok
}

func (f *files) write(p string, content []byte) {
	v, name := f.at(p)
	v.put(name, node{content: content})
}

// tree lists everything below a path, by relative name, mounts included.
func (f *files) tree(p string) map[string]node {
	p = f.resolve(p)
	all := map[string]node{}
	add := func(v *volume, base string) {
		v.mu.Lock()
		defer v.mu.Unlock()
		for name, n := range v.nodes {
			full := path.Join(base, name)
			rel, ok := strings.CutPrefix(full, strings.TrimSuffix(p, "/")+"/")
			if owner, _ := f.at(full); !ok || owner != v {
				continue
			}
			for dir := path.Dir(rel); dir != "."; dir = path.Dir(dir) {
				all[dir+"/"] = node{}
			}
			if strings.HasSuffix(name, "/") {
				rel += "/"
			}
			all[rel] = n
		}
	}
	add(f.root, "/")
	for m, v := range f.mounts {
		if rel, ok := strings.CutPrefix(m, strings.TrimSuffix(p, "/")+"/"); ok {
			all[rel+"/"] = node{}
		}
		add(v, m)
	}
	return all
}

// CopyTo unpacks an archive into a directory of a service.
func (b *Backend) CopyTo(ctx context.Context, enclave, service, dir string, archive io.Reader) error {
	if err := b.enter(ctx, "CopyTo", enclave, service); err != nil {
		return err
	}
	if err := absolute(fmt.Sprintf("copying to service %q", service), dir); err != nil {
		return err
	}
	s, err := b.service(enclave, service)
	if err != nil {
		return err
	}
	doing := fmt.Sprintf("copying to %s of service %q", dir, service)
	if _, isFile := s.files.read(dir); isFile {
		return invalidf("%s: it is not a directory", doing)
	}
	err = readTar(archive, func(name string, n node) {
		v, at := s.files.at(path.Join(s.files.resolve(dir), name))
		if strings.HasSuffix(name, "/") {
			at += "/"
		}
		v.put(at, n)
	})
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

// CopyFrom streams a file or directory out of a service.
func (b *Backend) CopyFrom(ctx context.Context, enclave, service, source string) (io.ReadCloser, error) {
	if err := b.enter(ctx, "CopyFrom", enclave, service); err != nil {
		return nil, err
	}
	if err := absolute(fmt.Sprintf("copying from service %q", service), source); err != nil {
		return nil, err
	}
	s, err := b.service(enclave, service)
	if err != nil {
		return nil, err
	}
	base := path.Base(path.Clean(source))
	members := map[string]node{}
	if content, ok := s.files.read(source); ok {
		members[base] = node{content: content}
	} else {
		for name, n := range s.files.tree(source) {
			full := path.Join(base, name)
			if strings.HasSuffix(name, "/") {
				full += "/"
			}
			members[full] = n
		}
	}
	if len(members) == 0 && s.files.mounts[path.Clean(source)] == nil {
		return nil, backends.Errorf(backends.NotFound, "service %q has no file or directory %s", service, source)
	}
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, name := range slices.Sorted(maps.Keys(members)) {
		n := members[name]
		h := &tar.Header{Name: name, Mode: 0o644, Typeflag: tar.TypeReg, Size: int64(len(n.content))}
		if strings.HasSuffix(name, "/") {
			h.Typeflag, h.Mode = tar.TypeDir, 0o755
		} else if n.link != "" {
			h.Typeflag, h.Linkname = tar.TypeSymlink, n.link
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write(n.content); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return io.NopCloser(&out), nil
}
