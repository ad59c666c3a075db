//go:build docker && linux

package main

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/creack/pty"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/kurtosis-go/kurtosis/backends/backendtest/images"
	"github.com/kurtosis-go/kurtosis/backends/docker"
)

// TestShell: a shell in a service has a terminal of its own, which is as large as the one here and gets what is typed,
// Ctrl-C too; the terminal here is as it was when the shell has ended, and its exit code is the command's.
func TestShell(t *testing.T) {
	e := newTTYBench(t)
	b, err := docker.Open(t.Context(), docker.Options{})
	require.NoError(t, err)
	defer b.Close()
	busybox := images.Busybox(t)
	images.Ensure(t, b, busybox)
	for _, words := range [][]string{{"enclave", "add", "--name", e.enclave}, {"service", "add", e.enclave, "box", busybox.Ref, "--", "sleep", "1000"}} {
		out, _, err := e.run(words...)
		require.NoError(t, err, "%v: %s", words, out)
	}
	cmd := exec.Command(e.binary, "service", "shell", e.enclave, "box")
	cmd.Env = e.env
	master, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 30, Cols: 100})
	require.NoError(t, err)
	term := &terminal{t: t, cmd: cmd, master: master, more: make(chan struct{})}
	t.Cleanup(func() { _ = cmd.Process.Kill(); master.Close() })
	before, err := unix.IoctlGetTermios(int(master.Fd()), unix.TCGETS)
	require.NoError(t, err)
	require.NotZero(t, before.Lflag&unix.ISIG, "at first, the terminal makes signals of keys")
	go term.read(nil)
	enter := func(line, want string) {
		t.Helper()
		_, err := master.Write([]byte(line))
		require.NoError(t, err)
		term.wait(want, func(text string) bool { return strings.Contains(text, want) })
	}
	term.wait("a prompt", func(text string) bool { return strings.Contains(text, "/ # ") })
	enter("echo is $((6*7)) $TERM\r", "is 42 xterm-256color\r\n")
	enter("tty -s && echo a term''inal\r", "a terminal\r\n")
	enter("while [ \"$(stty size)\" != '30 100' ]; do sleep 0.1; done; echo fi''ts\r", "fits\r\n") // it is set once the shell runs
	require.NoError(t, pty.Setsize(master, &pty.Winsize{Rows: 40, Cols: 120}))
	enter("while [ \"$(stty size)\" != '40 120' ]; do sleep 0.1; done; echo re''sized\r", "resized\r\n")
	during, err := unix.IoctlGetTermios(int(master.Fd()), unix.TCGETS)
	require.NoError(t, err)
	require.Zero(t, during.Lflag&(unix.ISIG|unix.ECHO|unix.ICANON), "keys go to the service as they are")
	enter("echo star''ted; sleep 1000\r", "started\r\n")
	enter("\x03", "^C")
	enter("echo after''wards\r", "afterwards\r\n")
	_, err = master.Write([]byte("exit 7\r"))
	require.NoError(t, err)
	var ended *exec.ExitError
	require.ErrorAs(t, cmd.Wait(), &ended)
	require.Equal(t, 7, ended.ExitCode())
}
