package apicontainer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"gopkg.in/yaml.v3"

	"github.com/kurtosis-go/kurtosis/packages"
	"github.com/kurtosis-go/kurtosis/packages/compose"
	"github.com/kurtosis-go/kurtosis/runtime/state"
)

// uploads are the packages that clients sent. Each lies in a directory named by its content: one that is sent again
// does not disturb runs of the one before.
type uploads struct {
	dir   string
	mu    sync.Mutex
	index map[string]string // name of the directory of a package's latest upload, by the package's name
}

func openUploads(dir string) (*uploads, error) {
	u := &uploads{dir: dir, index: map[string]string{}}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := readJSON(u.indexFile(), &u.index); err != nil {
		return nil, err
	}
	// Nobody runs anything yet: what no name leads to any more can go.
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	used := map[string]bool{filepath.Base(u.indexFile()): true}
	for _, name := range u.index {
		used[name] = true
	}
	for _, e := range entries {
		if !used[e.Name()] {
			if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
				return nil, err
			}
		}
	}
	return u, nil
}

func (u *uploads) indexFile() string { return filepath.Join(u.dir, "index.json") }

// put unpacks an archive as the latest upload of a package.
func (u *uploads) put(ctx context.Context, name string, archive io.Reader) error {
	tmp, err := os.MkdirTemp(u.dir, ".incoming-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp) // nothing is there once it was renamed
	if err := state.Extract(ctx, archive, tmp); err != nil {
		return err
	}
	digest, err := state.Digest(ctx, tmp)
	if err != nil {
		return err
	}
	if err := asPackage(ctx, name, tmp); err != nil {
		return err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	to := filepath.Join(u.dir, digest)
	if _, err := os.Stat(to); errors.Is(err, os.ErrNotExist) {
		if err := os.Rename(tmp, to); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	u.index[name] = digest
	return writeJSON(u.indexFile(), u.index)
}

// find gives the directory of a package, or of one that has it inside.
func (u *uploads) find(name string) (string, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	inner := ""
	for at := name; at != "." && at != "/"; at = path.Dir(at) {
		if digest, ok := u.index[at]; ok {
			return filepath.Join(u.dir, digest, filepath.FromSlash(inner)), true
		}
		inner = path.Join(path.Base(at), inner)
	}
	return "", false
}

// asPackage makes a package of a directory that only has a Compose file.
func asPackage(ctx context.Context, name, dir string) error {
	if _, err := os.Stat(filepath.Join(dir, packages.ManifestName)); err == nil || !errors.Is(err, os.ErrNotExist) {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(entries, func(e os.DirEntry) bool { return !e.IsDir() && compose.Is(e.Name()) })
	if i < 0 {
		return nil // a package inside of a repository, or files that one imports
	}
	text, err := os.ReadFile(filepath.Join(dir, entries[i].Name()))
	if err != nil {
		return err
	}
	env, err := os.ReadFile(filepath.Join(dir, ".env"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	converted, err := compose.Convert(ctx, dir, path.Join(name, entries[i].Name()), text, env)
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dir, packages.ManifestName), []byte("name: "+name+"\n"), 0o600),
		os.WriteFile(filepath.Join(dir, packages.DefaultMain), []byte(converted.Source), 0o600))
}

// open opens an uploaded package. Replacements by directories of the client's machine are those that it uploaded.
func (u *uploads) open(ctx context.Context, name string, o packages.Options) (*packages.Package, error) {
	dir, ok := u.find(name)
	if !ok {
		return nil, &packages.OperandError{
			Message: fmt.Sprintf("the package '%s' was not uploaded", name),
			Hint:    "upload it before it is run, or run it as a remote one",
		}
	}
	if err := u.place(dir); err != nil {
		return nil, err
	}
	return packages.Open(ctx, dir, o)
}

// place makes the local replacements of a package's manifest lead to what was uploaded in their names.
func (u *uploads) place(dir string) error {
	file := filepath.Join(dir, packages.ManifestName)
	text, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil // Open says what is wrong
	} else if err != nil {
		return err
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil || len(doc.Content) == 0 || doc.Content[0].Kind != yaml.MappingNode {
		return nil // likewise
	}
	changed := false
	fields := doc.Content[0].Content
	for i := 0; i+1 < len(fields); i += 2 {
		if fields[i].Value != "replace" || fields[i+1].Kind != yaml.MappingNode {
			continue
		}
		entries := fields[i+1].Content
		for k := 0; k+1 < len(entries); k += 2 {
			with := entries[k+1]
			if !strings.HasPrefix(with.Value, ".") && !strings.HasPrefix(with.Value, "/") {
				continue
			}
			if to, ok := u.find(entries[k].Value); ok && to != with.Value {
				with.Value, changed = to, true
			}
		}
	}
	if !changed {
		return nil
	}
	out, err := yaml.Marshal(&doc)
	if err != nil {
		return err
	}
	return writeFile(file, out)
}
