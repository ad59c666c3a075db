package packages

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// VendorRecord is the file that a vendor tree keeps about itself.
const VendorRecord = "vendor.json"

// Vendored is a repository in a vendor tree.
type Vendored struct {
	Repository string `json:"repository"`
	Version    string `json:"version,omitempty"` // as asked for, "" for the default branch
	Commit     string `json:"commit,omitempty"`
}

// Vendor copies the trees that a package needs into dir/github.com/<owner>/<name>, each whole or not at all, in place
// of what is there of the same name. A vendor tree holds one version of a repository: two are an error.
func Vendor(ctx context.Context, needs []Need, dir string) ([]Vendored, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, &OperandError{Message: fmt.Sprintf("can't write '%s': %s", dir, plainError(err))}
	}
	record := []Vendored{}
	for i, n := range needs {
		if i > 0 && needs[i-1].Repository == n.Repository {
			return nil, &PackageError{
				Message: fmt.Sprintf("two versions of '%s' are needed, '%s' and '%s', and a vendor tree holds one", n.Repository, orDefault(needs[i-1].Version), orDefault(n.Version)),
				Hint:    fmt.Sprintf("settle for one with 'replace' in %s", ManifestName),
			}
		}
		v := Vendored{Repository: n.Repository, Version: n.Version}
		if commit := filepath.Base(n.Dir); len(commit) == 40 {
			v.Commit = commit
		}
		record = append(record, v)
	}
	for _, n := range needs {
		if err := copyTree(ctx, n.Dir, filepath.Join(dir, filepath.FromSlash(n.Repository))); err != nil {
			return nil, err
		}
	}
	text, err := json.MarshalIndent(struct {
		Repositories []Vendored `json:"repositories"`
	}{record}, "", "  ")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, VendorRecord), append(text, '\n'), 0o644); err != nil {
		return nil, &OperandError{Message: fmt.Sprintf("can't write '%s': %s", dir, plainError(err))}
	}
	return record, nil
}

func orDefault(version string) string {
	if version == "" {
		return "the default branch"
	}
	return version
}

// copyTree puts a copy of a directory at to, where there may be an older one.
func copyTree(ctx context.Context, from, to string) error {
	if same, err := filepath.EvalSymlinks(to); err == nil {
		if source, err := filepath.EvalSymlinks(from); err == nil && source == same {
			return nil // the tree that it was found in
		}
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	work, err := os.MkdirTemp(filepath.Dir(to), ".vendor-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	fresh, old := filepath.Join(work, "new"), filepath.Join(work, "old")
	err = filepath.WalkDir(from, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		rel, err := filepath.Rel(from, file)
		if err != nil {
			return err
		}
		return copyEntry(file, filepath.Join(fresh, rel), d)
	})
	if err != nil {
		return err
	}
	if err := os.Rename(to, old); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Rename(fresh, to)
}

func copyEntry(from, to string, d fs.DirEntry) error {
	switch {
	case d.IsDir():
		return os.Mkdir(to, 0o755)
	case d.Type()&fs.ModeSymlink != 0:
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(target, to)
	case !d.Type().IsRegular():
		return nil
	}
	info, err := d.Info()
	if err != nil {
		return err
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, info.Mode().Perm()|0o200)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
