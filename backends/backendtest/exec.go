package backendtest

import (
	"bytes"
	"context"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/backends"
)

func testExec(e *env) {
	enclave := e.enclave()
	spec := e.toolbox("web", "sleep")
	spec.Env = map[string]string{"A": "service"}
	e.add(enclave, spec)
	for _, want := range []int{0, 1, 42, 255} {
		code, err := e.Backend.Exec(e.ctx, enclave, "web", backends.Exec{Command: []string{"/toolbox", "exit", itoa(want)}})
		require.NoError(e, err)
		require.Equal(e, want, code)
	}
	require.Equal(e, `["a b","$HOME","*"]`, e.output(enclave, "web", "args", "a b", "$HOME", "*"), "no shell comes between")
	require.Equal(e, "service", e.output(enclave, "web", "env", "A"))
	var out bytes.Buffer
	code, err := e.Backend.Exec(e.ctx, enclave, "web", backends.Exec{
		Command: []string{"/toolbox", "env", "A", "+", "ls", "."}, Env: map[string]string{"A": "exec"}, Dir: "/from-image", Stdout: &out,
	})
	require.NoError(e, err)
	require.Zero(e, code)
	require.Equal(e, "exec\ndefault.txt\n", out.String())
	_, err = e.Backend.Exec(e.ctx, enclave, "web", backends.Exec{})
	e.fails(err, backends.Invalid, `no command to execute in service "web"`)

	// Several at once.
	var wait sync.WaitGroup
	codes := make([]int, 5)
	for i := range codes {
		wait.Go(func() {
			codes[i], _ = e.Backend.Exec(e.ctx, enclave, "web", backends.Exec{Command: []string{"/toolbox", "exit", itoa(i + 10)}})
		})
	}
	wait.Wait()
	require.Equal(e, []int{10, 11, 12, 13, 14}, codes)
}

func testExecStreams(e *env) {
	enclave := e.enclave()
	e.add(enclave, e.toolbox("web", "sleep"))
	var out, errOut bytes.Buffer
	code, err := e.Backend.Exec(e.ctx, enclave, "web", backends.Exec{
		Command: []string{"/toolbox", "print", "out", "+", "complain", "err", "+", "stdin"},
		Stdin:   strings.NewReader("typed"), Stdout: &out, Stderr: &errOut,
	})
	require.NoError(e, err)
	require.Zero(e, code)
	require.Equal(e, "out\ntyped", out.String())
	require.Equal(e, "err\n", errOut.String())

	big := strings.Repeat("0123456789abcdef", 1<<16) // a MiB there and back
	out.Reset()
	code, err = e.Backend.Exec(e.ctx, enclave, "web", backends.Exec{Command: []string{"/toolbox", "stdin"}, Stdin: strings.NewReader(big), Stdout: &out})
	require.NoError(e, err)
	require.Zero(e, code)
	require.Equal(e, len(big), out.Len())
	require.True(e, big == out.String())
}

func testExecUser(e *env) {
	enclave := e.enclave()
	e.add(enclave, e.toolbox("web", "sleep"))
	for user, want := range map[string]string{"": "0:0", "root": "0:0", "nobody": "65534:65534", "1000": "1000:0", "1000:1001": "1000:1001"} {
		var out bytes.Buffer
		code, err := e.Backend.Exec(e.ctx, enclave, "web", backends.Exec{Command: []string{"/toolbox", "id"}, User: user, Stdout: &out})
		require.NoError(e, err)
		require.Zero(e, code)
		require.Equal(e, want+"\n", out.String(), "as %q", user)
	}
	_, err := e.Backend.Exec(e.ctx, enclave, "web", backends.Exec{Command: []string{"/toolbox", "id"}, User: "martian"})
	e.fails(err, backends.Invalid, `executing a command in service "web": there is no user "martian"`)
}

func testExecNoCommand(e *env) {
	enclave := e.enclave()
	e.add(enclave, e.toolbox("web", "sleep"))
	var errOut bytes.Buffer
	code, err := e.Backend.Exec(e.ctx, enclave, "web", backends.Exec{Command: []string{"no-such-command"}, Stderr: &errOut})
	require.NoError(e, err)
	require.Equal(e, 127, code)
	require.Equal(e, "no-such-command: not found\n", errOut.String())
}

func testExecShell(e *env) {
	enclave := e.enclave()
	e.add(enclave, backends.ServiceSpec{Name: "box", Image: e.Busybox, Cmd: []string{"sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1; done"}})
	var out bytes.Buffer
	code, err := e.Backend.Exec(e.ctx, enclave, "box", backends.Exec{
		Command: []string{"/bin/sh", "-c", "cd /tmp && echo one two > f && cat f | tr a-z A-Z && exit 7"}, Stdout: &out,
	})
	require.NoError(e, err)
	require.Equal(e, 7, code)
	require.Equal(e, "ONE TWO\n", out.String())
}

func testExecTTY(e *env) {
	enclave := e.enclave()
	e.add(enclave, e.toolbox("web", "sleep"))
	sizes := make(chan backends.Size, 1)
	sizes <- backends.Size{Columns: 80, Rows: 24}
	var out bytes.Buffer
	code, err := e.Backend.Exec(e.ctx, enclave, "web", backends.Exec{
		Command: []string{"/toolbox", "tty", "+", "complain", "mixed"}, TTY: true, Resize: sizes, Stdout: &out,
	})
	require.NoError(e, err)
	require.Zero(e, code)
	require.Equal(e, "true\r\nmixed\r\n", out.String())
}

func testExecCancelled(e *env) {
	enclave := e.enclave()
	e.add(enclave, e.toolbox("web", "sleep"))
	ctx, cancel := context.WithCancel(e.ctx)
	r, w := io.Pipe()
	go func() {
		io.ReadFull(r, make([]byte, 1)) // it runs
		cancel()
		io.Copy(io.Discard, r)
	}()
	began := time.Now()
	_, err := e.Backend.Exec(ctx, enclave, "web", backends.Exec{Command: []string{"/toolbox", "print", "go", "+", "sleep", "1h"}, Stdout: w})
	w.Close()
	require.ErrorIs(e, err, context.Canceled)
	require.Less(e, time.Since(began), timeout/2)
}

func testExecStopped(e *env) {
	enclave := e.enclave()
	e.add(enclave, e.toolbox("web", "print", "bye", "+", "exit", "9"))
	e.stopped(enclave, "web")
	_, err := e.Backend.Exec(e.ctx, enclave, "web", backends.Exec{Command: []string{"/toolbox", "id"}})
	failure := e.fails(err, backends.Exited, `service "web" does not run: it exited with code 9`)
	require.Equal(e, []string{"bye"}, failure.Log)
}
