//go:build docker && linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/backends/backendtest/images"
	"github.com/kurtosis-go/kurtosis/backends/docker"
)

const ttyImage = "kurtosis-test/toolbox:script"

// waits has a service, and one more that never listens where it says it will.
const waits = `
def run(plan):
    plan.add_service(name="done", config=ServiceConfig(image="` + ttyImage + `", cmd=["sleep"]))
    plan.add_service(name="waits", config=ServiceConfig(image="` + ttyImage + `", cmd=["sleep"], ports={"never": PortSpec(number=9, wait="20m")}))
`

// terminal is the built command in a terminal of its own, and what it has written there.
type terminal struct {
	t      *testing.T
	cmd    *exec.Cmd
	master *os.File

	mu      sync.Mutex
	written bytes.Buffer
	more    chan struct{} // closed, and made anew, with each piece that is read
	ended   bool
}

// ttyBench is a place for enclaves, an engine of its own if one is needed, and the command.
type ttyBench struct {
	binary, enclave, dir string
	env                  []string
}

func newTTYBench(t *testing.T) *ttyBench {
	t.Helper()
	b, err := docker.Open(t.Context(), docker.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { b.Close() })
	archive, err := images.Toolbox(t).Open(t.Context())
	require.NoError(t, err)
	_, err = b.LoadImage(t.Context(), archive, ttyImage)
	require.NoError(t, err)
	dir := t.TempDir()
	e := &ttyBench{binary: filepath.Join(dir, "kurtosis"), enclave: "tty-" + backends.NewUUID()[:8], dir: dir}
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", e.binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "main.star"), []byte(waits), 0o600))
	e.env = append(os.Environ(), "TERM=xterm-256color", "NO_COLOR=", "KURTOSIS_ENGINE="+e.enclave,
		"XDG_DATA_HOME="+filepath.Join(dir, "data"), "XDG_CONFIG_HOME="+filepath.Join(dir, "config"), "XDG_CACHE_HOME="+filepath.Join(dir, "cache"))
	t.Cleanup(func() {
		_, _, _ = e.run("enclave", "rm", "--force", e.enclave) // gone already, unless the test failed
		_, _, _ = e.run("engine", "stop", "--forget")          // there need not be one
	})
	return e
}

// run is the command without a terminal.
func (e *ttyBench) run(words ...string) (stdout string, status int, err error) {
	cmd := exec.Command(e.binary, words...)
	cmd.Env = e.env
	out, err := cmd.Output()
	return string(out), cmd.ProcessState.ExitCode(), err
}

// start runs the package in a terminal.
func (e *ttyBench) start(t *testing.T) *terminal {
	t.Helper()
	cmd := exec.Command(e.binary, "run", filepath.Join(e.dir, "main.star"), "--enclave", e.enclave)
	cmd.Env = e.env
	master, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: 80})
	require.NoError(t, err)
	term := &terminal{t: t, cmd: cmd, master: master, more: make(chan struct{})}
	t.Cleanup(func() { _ = cmd.Process.Kill(); master.Close() })
	return term
}

// read takes what is written until done says so, or the other end closes.
func (term *terminal) read(done <-chan struct{}) {
	buffer := make([]byte, 4096)
	for {
		n, err := term.master.Read(buffer)
		term.mu.Lock()
		term.written.Write(buffer[:n])
		close(term.more)
		term.more = make(chan struct{})
		term.ended = term.ended || err != nil
		term.mu.Unlock()
		if err != nil {
			return // EIO once nobody has the other end open
		}
		select {
		case <-done:
			return
		default:
		}
	}
}

// wait blocks until what was written fits, and returns it.
func (term *terminal) wait(what string, fits func(string) bool) string {
	term.t.Helper()
	ctx, cancel := context.WithTimeout(term.t.Context(), 3*time.Minute)
	defer cancel()
	for {
		term.mu.Lock()
		text, more, ended := term.written.String(), term.more, term.ended
		term.mu.Unlock()
		if fits(text) {
			return text
		}
		if ended {
			term.t.Fatalf("the terminal was closed before there was %s:\n%q", what, text)
		}
		select {
		case <-more:
		case <-ctx.Done():
			term.t.Fatalf("there is no %s:\n%q", what, text)
		}
	}
}

var (
	escapes = regexp.MustCompile(`\x1b(\[[0-9;?]*[A-Za-z]|.)`)
	// What the view may do with the screen: colours, up and down, to the start of a line, clear to its end or the end of
	// the screen below, hide the cursor, and have the terminal show each drawing as a whole.
	allowed = regexp.MustCompile(`^\x1b\[([0-9;]*m|[0-9]*[ABG]|0?[KJ]|\?(25|2026)[lh])$`)
)

var clock = regexp.MustCompile(`\d+\.\ds`)

// moves says whether the step that waits has been drawn with so many times.
func moves(times int) func(string) bool {
	return func(text string) bool {
		at := strings.Index(text, "'waits'")
		if at < 0 {
			return false
		}
		seen := map[string]bool{}
		for _, m := range clock.FindAllString(text[at:], -1) {
			seen[m] = true
		}
		return len(seen) >= times
	}
}

// TestTerminal: the live view is drawn in place, and Ctrl-C ends a run such that the enclave can be looked at and removed.
func TestTerminal(t *testing.T) {
	e := newTTYBench(t)
	term := e.start(t)
	go term.read(nil)
	text := term.wait("a view that moves", moves(12))
	require.Contains(t, text, "\x1b[?25l", "the cursor is hidden")
	for _, sequence := range escapes.FindAllString(text, -1) {
		require.Regexp(t, allowed, sequence, "of %q", text)
	}
	require.NotContains(t, text, "\x1b[2J", "the screen is never cleared")
	text = text[strings.Index(text, "'waits'"):]
	frames := regexp.MustCompile(`\x1b\[[0-9]*A`).FindAllStringIndex(text, -1)
	require.Greater(t, len(frames), 4, "%q", text)
	last := text[frames[len(frames)-2][0]:frames[len(frames)-1][0]]
	require.LessOrEqual(t, strings.Count(last, "\n"), 3, "only what changed is written again: %q", last)

	_, err := term.master.Write([]byte{3}) // Ctrl-C
	require.NoError(t, err)
	var exit *exec.ExitError
	require.ErrorAs(t, term.cmd.Wait(), &exit)
	require.Equal(t, 130, exit.ExitCode())
	text = term.wait("the end", func(text string) bool { return strings.Contains(text, "interrupted\r\n") })
	require.Contains(t, text, "\x1b[?25h", "the cursor is back")

	out, status, err := e.run("enclave", "inspect", e.enclave, "--output", "json")
	require.NoError(t, err, "%d: %s", status, out)
	var enclave struct {
		Services []struct{ Name, State string }
	}
	require.NoError(t, json.Unmarshal([]byte(out), &enclave), out)
	require.NotEmpty(t, enclave.Services, out)
	require.Equal(t, "done", enclave.Services[0].Name, out)
	_, _, err = e.run("enclave", "rm", "--force", e.enclave)
	require.NoError(t, err)
	_, status, _ = e.run("enclave", "inspect", e.enclave)
	require.Equal(t, 1, status, "it is gone")
}

// fill writes to the terminal of a process until nothing more fits, so that the process's own next line does not.
func fill(t *testing.T, pid int) {
	t.Helper()
	fd, err := syscall.Open(fmt.Sprintf("/proc/%d/fd/2", pid), syscall.O_WRONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	require.NoError(t, err)
	defer syscall.Close(fd)
	blanks := bytes.Repeat([]byte{' '}, 1024)
	for size := len(blanks); size > 0; {
		_, err := syscall.Write(fd, blanks[:size])
		switch {
		case errors.Is(err, syscall.EAGAIN):
			size /= 2
		case err != nil && !errors.Is(err, syscall.EINTR):
			t.Fatal(err)
		}
	}
}

// TestSecondInterrupt: nothing that is left to do keeps a process that is told twice to end. Here it cannot write to its
// terminal, as nobody reads it.
func TestSecondInterrupt(t *testing.T) {
	e := newTTYBench(t)
	term := e.start(t)
	stop := make(chan struct{})
	read := make(chan struct{})
	go func() { defer close(read); term.read(stop) }()
	term.wait("a view that moves", moves(3))
	close(stop)
	<-read
	fill(t, term.cmd.Process.Pid)

	ended := make(chan error, 1)
	go func() { ended <- term.cmd.Wait() }()
	require.NoError(t, term.cmd.Process.Signal(os.Interrupt))
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	late := time.After(time.Minute)
	for {
		select {
		case err := <-ended:
			var exit *exec.ExitError
			require.ErrorAs(t, err, &exit)
			status := exit.Sys().(syscall.WaitStatus)
			require.True(t, status.Signaled() && status.Signal() == syscall.SIGINT || status.ExitStatus() == 130, "ended with %v", exit)
			_, _, err = e.run("enclave", "rm", "--force", e.enclave)
			require.NoError(t, err, "what it left can be removed")
			return
		case <-again.C: // the first one may still be on its way
			if err := term.cmd.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
				t.Fatal(err)
			}
		case <-late:
			t.Fatal("two interrupts do not end it")
		}
	}
}
