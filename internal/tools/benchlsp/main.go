// Command benchlsp measures what somebody who types feels: it drives a language server as an editor does and sets
// its times against go.starlark.net's own parse and resolve of the same text, measured between the same edits.
//
//	benchlsp [-lines 1000,10000] [-edits 40] [-empty PROGRAM] [-kurtosis PROGRAM] SERVER [ARG…]
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.lsp.dev/jsonrpc2"
	"go.starlark.net/resolve"
	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/builtins"
)

func main() {
	sizes := flag.String("lines", "1000,10000", "sizes of the files, in lines")
	edits := flag.Int("edits", 40, "edits of each file")
	starts := flag.Int("starts", 20, "starts of the server")
	empty := flag.String("empty", "", "an empty Go program, to compare starts with")
	kurtosis := flag.String("kurtosis", "", "the kurtosis command, to compare a large package with")
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "benchlsp: name the server's command")
		os.Exit(2)
	}
	ctx := context.Background()
	err := run(ctx, os.Stdout, *sizes, *edits, *starts, *empty, flag.Args())
	if err == nil && *kurtosis != "" {
		err = measureLarge(ctx, os.Stdout, *kurtosis, flag.Args())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "benchlsp:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, w io.Writer, sizes string, edits, starts int, empty string, command []string) error {
	if empty != "" {
		if err := measureStart(ctx, w, starts, empty, command); err != nil {
			return err
		}
	}
	fmt.Fprintf(w, "\n%-8s %22s %28s %28s %10s %10s\n", "lines", "parse+resolve", "edit → completion", "edit → diagnostics", "idle MB", "after MB")
	for _, size := range strings.Split(sizes, ",") {
		lines, err := strconv.Atoi(size)
		if err != nil {
			return fmt.Errorf("'%s' is no number of lines", size)
		}
		if err := measureEdits(ctx, w, lines, edits, command); err != nil {
			return err
		}
	}
	return nil
}

// module is a generated text: functions as packages have them, and a run that calls some.
func module(lines int) string {
	var b strings.Builder
	b.WriteString("\"\"\"Generated.\"\"\"\n\nPORT = 8545\nDEFAULTS = {\"image\": \"alpine:3\", \"replicas\": 1}\n")
	for i := 0; strings.Count(b.String(), "\n") < lines-12; i++ {
		fmt.Fprintf(&b, `
def launch_%[1]d(plan, name, image = "alpine:%[1]d", replicas = 1, env = {}):
    """Launches service number %[1]d.

    Args:
        name (string): the service name
        image (string): container image
        replicas (int): how many
        env (dict[string, string]): environment
    """
    ports = {"rpc": PortSpec(number = PORT + %[1]d, transport_protocol = "TCP")}
    names = [name + "-" + str(k) for k in range(replicas) if k >= 0]
    config = ServiceConfig(image = image, ports = ports, env_vars = env)
    service = plan.add_service(name = names[0], config = config)
    plan.print("launched {0}".format(name))
    return struct(name = name, service = service, names = names)
`, i)
	}
	b.WriteString("\ndef run(plan, args = {}):\n    first = launch_0(plan, \"svc0\", replicas = 2)\n    second = launch_1(plan, \"svc1\", replicas = 2)\n    plan.print(DEFAULTS)\n    return first, second\n")
	return b.String()
}

// upstream is the time that go.starlark.net takes for the text.
func upstream(text string) (time.Duration, error) {
	begin := time.Now()
	f, err := (&syntax.FileOptions{}).Parse("main.star", text, syntax.RetainComments)
	if err != nil {
		return 0, err
	}
	err = resolve.File(f, func(name string) bool { return builtins.Lookup("", name) != nil }, func(string) bool { return false })
	return time.Since(begin), err
}

func measureEdits(ctx context.Context, w io.Writer, lines, edits int, command []string) error {
	dir, err := os.MkdirTemp("", "benchlsp")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	text := module(lines)
	file := filepath.Join(dir, "main.star")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return err
	}
	c, err := dial(ctx, command)
	if err != nil {
		return err
	}
	defer c.close()
	if err := c.initialize(ctx, dir); err != nil {
		return err
	}
	idle := c.memory()
	uri := "file://" + file
	if err := c.notify(ctx, "textDocument/didOpen", map[string]any{"textDocument": map[string]any{"uri": uri, "languageId": "starlark", "version": 1, "text": text}}); err != nil {
		return err
	}
	if _, err := c.diagnostics(ctx, 1); err != nil {
		return err
	}
	line := strings.Count(text[:strings.Index(text, "    plan.print(DEFAULTS)")], "\n")
	var floor, completion, diagnostics []time.Duration
	version := 1
	for i := range edits {
		d, err := upstream(text)
		if err != nil {
			return err
		}
		floor = append(floor, d)
		inserted := fmt.Sprintf("    xx%d = plan.\n", i)
		version++
		begin := time.Now()
		if err := c.edit(ctx, uri, version, line, line, inserted); err != nil {
			return err
		}
		var list struct {
			Items []json.RawMessage `json:"items"`
		}
		at := map[string]any{"textDocument": map[string]any{"uri": uri}, "position": map[string]any{"line": line, "character": len(inserted) - 1}}
		if err := c.call(ctx, "textDocument/completion", at, &list); err != nil {
			return err
		}
		completion = append(completion, time.Since(begin))
		if len(list.Items) < 20 {
			return fmt.Errorf("completion behind `plan.` offers %d items", len(list.Items))
		}
		when, err := c.diagnostics(ctx, version)
		if err != nil {
			return err
		}
		diagnostics = append(diagnostics, when.Sub(begin))
		version++
		if err := c.edit(ctx, uri, version, line, line+1, ""); err != nil {
			return err
		}
		if _, err := c.diagnostics(ctx, version); err != nil {
			return err
		}
	}
	base := median(floor)
	fmt.Fprintf(w, "%-8d %20s   %18s (%4.1f×)   %18s (%4.1f×) %10.0f %10.0f\n", lines, show(base),
		show(median(completion)), ratio(median(completion), base), show(median(diagnostics)), ratio(median(diagnostics), base), idle, c.memory())
	return nil
}

func median(d []time.Duration) time.Duration {
	s := slices.Clone(d)
	slices.Sort(s)
	return s[len(s)/2]
}

func ratio(a, b time.Duration) float64 { return float64(a) / float64(b) }

func show(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000) }

// measureStart compares the time to the answer to initialize with that of an empty program, start by start.
func measureStart(ctx context.Context, w io.Writer, starts int, empty string, command []string) error {
	var bare, full []time.Duration
	for range starts {
		begin := time.Now()
		if err := exec.CommandContext(ctx, empty).Run(); err != nil {
			return err
		}
		bare = append(bare, time.Since(begin))
		begin = time.Now()
		c, err := dial(ctx, command)
		if err != nil {
			return err
		}
		if err := c.initialize(ctx, os.TempDir()); err != nil {
			return err
		}
		full = append(full, time.Since(begin))
		c.close()
	}
	fmt.Fprintf(w, "start → initialize: best %s (%.1f× an empty program's %s), median %s (%.1f× of %s)\n",
		show(slices.Min(full)), ratio(slices.Min(full), slices.Min(bare)), show(slices.Min(bare)), show(median(full)), ratio(median(full), median(bare)), show(median(bare)))
	return nil
}

// client drives one server process.
type client struct {
	cmd  *exec.Cmd
	conn jsonrpc2.Conn
	told chan told
}

// told is a notice of diagnostics.
type told struct {
	version int
	when    time.Time
}

type pipes struct {
	io.Reader
	io.WriteCloser
}

func dial(ctx context.Context, command []string) (*client, error) {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c := &client{cmd: cmd, told: make(chan told, 1000)}
	c.conn = jsonrpc2.NewConn(jsonrpc2.NewHeaderStream(pipes{out, in}))
	c.conn.Go(ctx, c.handle)
	return c, nil
}

func (c *client) handle(_ context.Context, req *jsonrpc2.Request) (any, error) {
	if req.Method() == "textDocument/publishDiagnostics" {
		when := time.Now()
		var p struct {
			Version int `json:"version"`
		}
		if err := json.Unmarshal(req.Params(), &p); err == nil {
			c.told <- told{p.Version, when}
		}
	}
	return nil, nil
}

func (c *client) call(ctx context.Context, method string, params, result any) error {
	_, err := c.conn.Call(ctx, method, params, result)
	return err
}

func (c *client) notify(ctx context.Context, method string, params any) error {
	return c.conn.Notify(ctx, method, params)
}

func (c *client) initialize(ctx context.Context, root string) error {
	capabilities := json.RawMessage(`{"textDocument": {"publishDiagnostics": {"versionSupport": true}, "completion": {"completionItem": {"snippetSupport": true}}}}`)
	params := map[string]any{"processId": os.Getpid(), "rootUri": "file://" + root, "capabilities": capabilities}
	if err := c.call(ctx, "initialize", params, nil); err != nil {
		return err
	}
	return c.notify(ctx, "initialized", map[string]any{})
}

func (c *client) edit(ctx context.Context, uri string, version, from, to int, text string) error {
	at := func(line int) map[string]any { return map[string]any{"line": line, "character": 0} }
	return c.notify(ctx, "textDocument/didChange", map[string]any{
		"textDocument":   map[string]any{"uri": uri, "version": version},
		"contentChanges": []any{map[string]any{"range": map[string]any{"start": at(from), "end": at(to)}, "text": text}},
	})
}

// diagnostics waits for those of a version.
func (c *client) diagnostics(ctx context.Context, version int) (time.Time, error) {
	limit := time.NewTimer(30 * time.Second)
	defer limit.Stop()
	for {
		select {
		case t := <-c.told:
			if t.version == version {
				return t.when, nil
			}
		case <-limit.C:
			return time.Time{}, fmt.Errorf("no diagnostics of version %d came", version)
		case <-ctx.Done():
			return time.Time{}, ctx.Err()
		}
	}
}

// memory is what the server's process has resident, in megabytes; 0 where the system does not tell.
func (c *client) memory() float64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	for _, line := range strings.Split(string(status), "\n") {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, _ := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 64)
			return kb / 1024
		}
	}
	return 0
}

func (c *client) close() {
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}
