package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/kurtosis-go/kurtosis/internal/tools/genpkg"
)

// rounds is how often each side of a comparison with the command line is measured, in turn.
const rounds = 7

// measureLarge compares the server with the command on a package of the size of the largest real ones: opening it
// until every file's diagnostics are there with `kurtosis lint`, and a preview after a keystroke with a dry run.
func measureLarge(ctx context.Context, w io.Writer, kurtosis string, command []string) error {
	dir, err := os.MkdirTemp("", "benchlsp")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := genpkg.Write(dir, genpkg.Modules, genpkg.Lines); err != nil {
		return err
	}
	var lint, open, dry, preview []time.Duration
	files := 0
	for range rounds {
		d, err := process(ctx, kurtosis, "lint", dir)
		if err != nil {
			return err
		}
		lint = append(lint, d)
		if d, err = process(ctx, kurtosis, "run", dir, "--dry-run", "-o", "json"); err != nil {
			return err
		}
		dry = append(dry, d)
		o, p, n, err := large(ctx, dir, command)
		if err != nil {
			return err
		}
		open, preview, files = append(open, o), append(preview, p), n
	}
	fmt.Fprintf(w, "\n%d files, opened cold to all diagnostics: %s (%.2f× lint's %s)\nkeystroke → preview: %s (%.2f× a dry run's %s)\n", files,
		show(slices.Min(open)), ratio(slices.Min(open), slices.Min(lint)), show(slices.Min(lint)),
		show(slices.Min(preview)), ratio(slices.Min(preview), slices.Min(dry)), show(slices.Min(dry)))
	return nil
}

// process is the time of a command. One that has findings ends with status 1.
func process(ctx context.Context, name string, args ...string) (time.Duration, error) {
	begin := time.Now()
	err := exec.CommandContext(ctx, name, args...).Run()
	var status *exec.ExitError
	if errors.As(err, &status) && status.ExitCode() == 1 {
		err = nil
	}
	return time.Since(begin), err
}

func large(ctx context.Context, dir string, command []string) (open, preview time.Duration, files int, err error) {
	begin := time.Now()
	c, err := dial(ctx, command)
	if err != nil {
		return 0, 0, 0, err
	}
	defer c.close()
	pull := json.RawMessage(`{"textDocument": {"diagnostic": {}}, "workspace": {"diagnostics": {}}}`)
	if err := c.call(ctx, "initialize", map[string]any{"processId": os.Getpid(), "rootUri": "file://" + dir, "capabilities": pull}, nil); err != nil {
		return 0, 0, 0, err
	}
	if err := c.notify(ctx, "initialized", map[string]any{}); err != nil {
		return 0, 0, 0, err
	}
	file := filepath.Join(dir, "main.star")
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, 0, 0, err
	}
	uri := "file://" + file
	if err := c.notify(ctx, "textDocument/didOpen", map[string]any{"textDocument": map[string]any{"uri": uri, "languageId": "starlark", "version": 1, "text": string(text)}}); err != nil {
		return 0, 0, 0, err
	}
	var report struct {
		Items []json.RawMessage `json:"items"`
	}
	if err := c.call(ctx, "workspace/diagnostic", map[string]any{"previousResultIds": []any{}}, &report); err != nil {
		return 0, 0, 0, err
	}
	open = time.Since(begin)
	var plan struct {
		Steps []json.RawMessage `json:"steps"`
	}
	ask := func() error {
		if err := c.call(ctx, "kurtosis/planPreview", map[string]any{"uri": uri}, &plan); err != nil {
			return err
		}
		if len(plan.Steps) == 0 {
			return errors.New("the preview has no steps")
		}
		return nil
	}
	if err := ask(); err != nil {
		return 0, 0, 0, err
	}
	begin = time.Now()
	if err := c.edit(ctx, uri, 2, 0, 0, "# typed\n"); err != nil {
		return 0, 0, 0, err
	}
	err = ask()
	return open, time.Since(begin), len(report.Items), err
}
