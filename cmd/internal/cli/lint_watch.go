package cli

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

// settle is how long nothing may change before a check begins: an editor that saves writes several times.
const settle = 100 * time.Millisecond

// watchLint checks, and checks again after each change, until the user ends it.
func (a *app) watchLint(ctx context.Context, f *lintFlags, paths []string) error {
	if err := f.check(a.In); err != nil {
		return err
	}
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return &faultError{fmt.Sprintf("can't watch files: %s", err), ""}
	}
	defer watcher.Close()
	if len(paths) == 0 {
		paths = []string{"."}
	}
	for _, path := range paths {
		if err := watchBelow(watcher, path); err != nil {
			return err
		}
	}
	for {
		r, err := a.lintOnce(ctx, f, paths)
		if err == nil {
			err = a.showReport(r)
		}
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			a.report(err) // the next change may mend it
		}
		fmt.Fprintln(a.Err, "watching; Ctrl-C ends it")
		if err := awaitChange(ctx, watcher); err != nil {
			return err
		}
	}
}

// watchBelow watches a file's directory, or a directory with all below it.
func watchBelow(watcher *fsnotify.Watcher, path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return &usageError{fmt.Sprintf("there is no '%s'", path), "name a .star file, a kurtosis.yml or a directory"}
	}
	if !info.IsDir() {
		return watcher.Add(filepath.Dir(path))
	}
	return filepath.WalkDir(path, func(dir string, d fs.DirEntry, err error) error {
		switch {
		case err != nil || !d.IsDir():
			return nil
		case dir != path && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules"):
			return filepath.SkipDir
		}
		return watcher.Add(dir)
	})
}

// awaitChange returns when a file has changed that a check may depend on, and nothing has for a moment.
func awaitChange(ctx context.Context, watcher *fsnotify.Watcher) error {
	var quiet <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-watcher.Errors:
			return &faultError{fmt.Sprintf("can't watch files any longer: %s", err), ""}
		case change := <-watcher.Events:
			if info, err := os.Stat(change.Name); err == nil && info.IsDir() && change.Has(fsnotify.Create) {
				if err := watchBelow(watcher, change.Name); err != nil {
					return err
				}
			}
			if change.Op != fsnotify.Chmod && !strings.HasPrefix(filepath.Base(change.Name), ".") || filepath.Base(change.Name) == lintConfigName {
				quiet = time.After(settle)
			}
		case <-quiet:
			return nil
		}
	}
}
