//go:build faults && linux

package live_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/backends/docker"
)

// ownMachine is set, to a directory, in the process that has a machine of its own.
const ownMachine = "KURTOSIS_LIVE_MACHINE"

// machine is a Docker Engine of a test's own, in namespaces of its own for the network, mounts and processes: it can
// be killed, and its volumes be put on other file systems, while nobody else sees anything of it.
type machine struct {
	t       *testing.T
	dir     string
	dockerd *exec.Cmd
}

// withMachine runs the rest of a test on a machine of its own: the test is called again in a process that has one.
func withMachine(t *testing.T, body func(*machine)) {
	t.Helper()
	if dir := os.Getenv(ownMachine); dir != "" {
		m := &machine{t: t, dir: dir}
		require.NoError(t, exec.Command("ip", "link", "set", "lo", "up").Run())
		m.start()
		t.Cleanup(m.stop)
		body(m)
		return
	}
	dir := t.TempDir()
	file, err := build()
	require.NoError(t, err)
	cmd := exec.Command("unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child",
		"sh", "-c", `"$@"; exit $?`, "sh", // the first process has to bury what daemons leave behind
		os.Args[0], "-test.run", "^"+t.Name()+"$", "-test.v", "-test.timeout", "8m")
	cmd.Env = append(os.Environ(), ownMachine+"="+dir, "DOCKER_HOST=unix://"+filepath.Join(dir, "docker.sock"), "KURTOSIS_DOCKER_SOCKET="+filepath.Join(dir, "docker.sock"), "KURTOSIS="+file,
		"PATH="+os.Getenv("PATH")+":/usr/sbin:/sbin")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "--- PASS: "+t.Name(), "the test ran there")
}

// start starts the daemon and waits until it answers.
func (m *machine) start() {
	m.t.Helper()
	log, err := os.OpenFile(filepath.Join(m.dir, "dockerd.log"), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	require.NoError(m.t, err)
	defer log.Close()
	m.dockerd = exec.Command("dockerd", "--bridge", "none", "--data-root", filepath.Join(m.dir, "data"), "--exec-root", filepath.Join(m.dir, "exec"),
		"--pidfile", filepath.Join(m.dir, "docker.pid"), "--host", os.Getenv("DOCKER_HOST"), "--log-level", "warn", "--cgroup-parent", "kurtosis-"+filepath.Base(filepath.Dir(m.dir)))
	m.dockerd.Stdout, m.dockerd.Stderr = log, log
	require.NoError(m.t, m.dockerd.Start())
	deadline := time.Now().Add(time.Minute)
	for {
		b, err := docker.Open(m.t.Context(), docker.Options{})
		if err == nil {
			require.NoError(m.t, b.Close())
			return
		}
		if time.Now().After(deadline) {
			text, _ := os.ReadFile(log.Name())
			m.t.Fatalf("dockerd does not answer: %s\n%s", err, text[max(0, len(text)-3000):])
		}
		m.pause(50 * time.Millisecond)
	}
}

func (m *machine) pause(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-m.t.Context().Done():
	}
}

// kill ends the daemon; its containers run on until it is there again.
func (m *machine) kill() {
	m.t.Helper()
	require.NoError(m.t, m.dockerd.Process.Kill())
	_ = m.dockerd.Wait() // "signal: killed"
}

// cut ends the daemon as a power cut would: at once, and with it what it ran.
func (m *machine) cut() {
	m.t.Helper()
	m.kill()
	// Its containers run on without it. A machine that is switched off has none.
	pids, err := filepath.Glob("/proc/[0-9]*")
	require.NoError(m.t, err)
	for _, p := range pids {
		name, _ := os.ReadFile(filepath.Join(p, "comm")) // it may have ended
		words, _ := os.ReadFile(filepath.Join(p, "cmdline"))
		var pid int
		if _, err := fmt.Sscan(filepath.Base(p), &pid); err != nil || pid == 1 {
			continue
		}
		if strings.HasPrefix(string(name), "containerd") || bytes.HasPrefix(words, []byte("/kurtosis\x00")) || bytes.HasPrefix(words, []byte("/toolbox\x00")) || strings.HasPrefix(string(name), "docker-proxy") {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	// Nor does it have mounts, or what lies in /run.
	mounts, err := os.ReadFile("/proc/self/mounts")
	require.NoError(m.t, err)
	for _, line := range slices.Backward(strings.Split(strings.TrimSpace(string(mounts)), "\n")) {
		if at := strings.Fields(line)[1]; strings.HasPrefix(at, m.dir) {
			require.NoError(m.t, syscall.Unmount(at, syscall.MNT_DETACH), at)
		}
	}
	require.NoError(m.t, os.RemoveAll(filepath.Join(m.dir, "exec")))
	require.NoError(m.t, os.Remove(filepath.Join(m.dir, "docker.pid")))
}

// stop ends the daemon and its containers; the namespaces go with the process.
func (m *machine) stop() {
	_ = m.dockerd.Process.Signal(syscall.SIGTERM)
	_ = m.dockerd.Wait()
	if m.t.Failed() {
		text, _ := os.ReadFile(filepath.Join(m.dir, "dockerd.log"))
		m.t.Logf("end of the daemon's log:\n%s", text[max(0, len(text)-4000):])
	}
}

// explain shows what there is when a test has failed.
func (m *machine) explain(e *engineOf) {
	if m.t.Failed() {
		all, _ := exec.Command("docker", "ps", "-a").CombinedOutput()
		said, _ := exec.Command("docker", "logs", "--tail", "20", e.container).CombinedOutput()
		m.t.Logf("containers:\n%s\nthe engine's log:\n%s", all, said)
	}
}

// volume is where the machine has an enclave's data.
func (m *machine) volume(enclave string) string {
	return filepath.Join(m.dir, "data", "volumes", backends.DataVolumeName(enclave), "_data")
}

// within gives a context that ends after a while.
func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}
