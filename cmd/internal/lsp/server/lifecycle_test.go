package server

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestListen: with --listen, each connection has a server of its own, and the process outlives them.
func TestListen(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	said, says := io.Pipe()
	status := make(chan int, 1)
	go func() {
		status <- Main(ctx, []string{"--listen", "127.0.0.1:0"}, Streams{In: strings.NewReader(""), Out: io.Discard, Err: says}, Options{Name: "lsp", Version: "1"})
	}()
	lines := bufio.NewReader(said)
	line, err := lines.ReadString('\n')
	require.NoError(t, err)
	address, ok := strings.CutPrefix(strings.TrimSpace(line), "lsp listens on ")
	require.True(t, ok, line)
	go func() { _, _ = io.Copy(io.Discard, lines) }()

	root := tempDir(t)
	path := filepath.Join(root, "main.star")
	dial := func() *editor {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		require.NoError(t, err)
		e := speak(t, conn)
		e.initialize(root, fullCapabilities)
		return e
	}
	first, second := dial(), dial()
	first.open(path, "def run(plan):\n    plan.prnt(1)\n", 1)
	second.open(path, "def run(plan):\n    plan.print(1)\n", 1)
	require.Len(t, first.published(path, 1), 1)
	require.Empty(t, second.published(path, 1), "what one client has open is nothing to another")
	first.call("shutdown", nil)
	first.notify("exit", nil)
	<-first.conn.Done()
	third := dial()
	third.open(path, "def run(plan):\n    plan.print(x)\n", 1)
	require.Len(t, third.published(path, 1), 1)
	second.change(path, 2, map[string]any{"text": "def run(plan):\n    plan.print(y)\n"})
	require.Len(t, second.published(path, 2), 1, "one that leaves takes no other with it")

	stop()
	require.Equal(t, 0, <-status)
	<-second.conn.Done()
	<-third.conn.Done()
}

// TestParentDies: a server ends when the process does that started it, even though its input stays open.
func TestParentDies(t *testing.T) {
	parent := exec.Command("cat")
	input, err := parent.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, parent.Start())
	e := connect(t)
	e.parent = &parent.Process.Pid
	root := tempDir(t)
	e.initialize(root, fullCapabilities)
	e.open(filepath.Join(root, "main.star"), "def run(plan):\n    plan.print(1)\n", 1)
	require.Empty(t, e.published(filepath.Join(root, "main.star"), 1), "it serves while the process lives")
	require.NoError(t, input.Close())
	require.NoError(t, parent.Wait())
	select {
	case status := <-e.status:
		require.Equal(t, 1, status, "nobody took leave")
	case <-time.After(time.Minute):
		t.Fatal("the server lives on")
	}
}

// TestProgress: a look at all modules of a large package is shown as progress, from its beginning to its end, to a
// client that can show it.
func TestProgress(t *testing.T) {
	root := tempDir(t)
	write(t, filepath.Join(root, "kurtosis.yml"), "name: github.com/example/large\n")
	for i := range manyModules {
		write(t, filepath.Join(root, fmt.Sprintf("m%d.star", i)), "def f():\n    return 1\n")
	}
	write(t, filepath.Join(root, "m0.star"), "def f():\n    return nothing_defines_this\n") // so that something is said of it
	main := filepath.Join(root, "main.star")
	const text = "def run(plan):\n    plan.print(1)\n"
	write(t, main, text)
	type progress struct {
		Token string
		Value struct{ Kind, Title, Message string }
	}
	of := func(e *editor, kind string) (found progress) {
		e.wait("$/progress", func(raw json.RawMessage) bool {
			var p progress
			require.NoError(t, json.Unmarshal(raw, &p))
			found = p
			return p.Value.Kind == kind
		})
		return found
	}
	able := strings.Replace(fullCapabilities, `"workspace": {`, `"window": {"workDoneProgress": true}, "workspace": {`, 1)
	e := start(t, root, able)
	e.open(main, text, 1)
	begin, end := of(e, "begin"), of(e, "end")
	require.Equal(t, "Checking packages", begin.Value.Title)
	require.Equal(t, fmt.Sprintf("%d files", manyModules+2), begin.Value.Message, "main.star and kurtosis.yml, too")
	require.NotEmpty(t, begin.Token)
	require.Equal(t, begin.Token, end.Token)
	require.Zero(t, e.leave())

	e = start(t, root, fullCapabilities)
	e.open(main, text, 1)
	e.wait("textDocument/publishDiagnostics", func(raw json.RawMessage) bool { return strings.Contains(string(raw), "nothing_defines_this") })
	require.Zero(t, e.leave())
	require.Empty(t, e.notes["$/progress"], "a client that can't show it is not told")
}
