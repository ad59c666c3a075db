//go:build faults && linux

package live_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/kurtosis-go/kurtosis/backends"
)

// TestDiskFull fills the disk under an enclave's data: what does not fit is refused and leaves nothing, what was
// there stays readable, a run fails where it can't be saved, and goes on from there once there is room.
func TestDiskFull(t *testing.T) {
	withMachine(t, func(m *machine) {
		image, engine := toolbox(t), startEngine(t)
		e := engine.enclave(t, "full")
		dockerOut(t, "stop", e.container)
		require.NoError(t, syscall.Mount("tmpfs", m.volume(e.uuid), "tmpfs", 0, "size=8m"))
		t.Cleanup(func() { require.NoError(t, syscall.Unmount(m.volume(e.uuid), syscall.MNT_DETACH)) })
		dockerOut(t, "start", e.container)
		e.answers(t)
		small, large := archive(t, 1<<20), archive(t, 16<<20)
		require.NoError(t, e.upload(t.Context(), "small", bytes.NewReader(small)))
		err := e.upload(t.Context(), "large", bytes.NewReader(large))
		require.ErrorContains(t, err, "no space left on device")
		require.Equal(t, connect.CodeResourceExhausted, connect.CodeOf(err), "%s", err)
		left, err := filepath.Glob(filepath.Join(m.volume(e.uuid), "state", e.uuid, "artifacts", ".incoming*"))
		require.NoError(t, err)
		require.Empty(t, left, "what did not fit is removed")
		names, err := e.ListFilesArtifactNamesAndUuids(t.Context(), connect.NewRequest(&emptypb.Empty{}))
		require.NoError(t, err)
		require.Len(t, names.Msg.FileNamesAndUuids, 1)

		script := fmt.Sprintf(`
def run(plan):
    plan.add_service(name="one", config=ServiceConfig(image=%[1]q, cmd=["sleep"], files={"/f": "small"}))
    for i in range(60):
        plan.render_templates(name="a%%d" %% i, config={"/a": struct(template="%%d" %% i, data={})})
    plan.add_service(name="two", config=ServiceConfig(image=%[1]q, cmd=["sleep"]))
`, image)
		filler := filepath.Join(m.volume(e.uuid), "filler")
		var free syscall.Statfs_t
		require.NoError(t, syscall.Statfs(m.volume(e.uuid), &free))
		require.NoError(t, os.WriteFile(filler, make([]byte, int64(free.Bavail)*free.Bsize-96<<10), 0o600))
		o, err := e.run(t.Context(), script, "{}", nil)
		require.NoError(t, err)
		require.False(t, o.ok)
		require.Contains(t, strings.Join(o.errors, "\n"), "no space left on device")
		services := e.services(t)
		require.Contains(t, services, "one", "what was done before is there")
		require.NotContains(t, services, "two", "nothing is done that could not be remembered")
		done := len(o.results)

		// The API container starts on a full disk, too.
		kill(t, e.container)
		e.answers(t)
		require.NoError(t, os.Remove(filler))
		o = e.succeed(t, script, "{}")
		require.Empty(t, o.warnings, "the state was never damaged")
		require.True(t, o.skipped[0], "the service is not made again")
		skipped := 0
		for _, s := range o.skipped {
			if s {
				skipped++
			}
		}
		require.GreaterOrEqual(t, skipped, done-1, "what was saved is not done again")
		require.False(t, o.skipped[len(o.skipped)-1])
	})
}

// TestCorruptState damages the state of an enclave: it is set aside, the next run says so, and mends what it can.
func TestCorruptState(t *testing.T) {
	image, engine := toolbox(t), startEngine(t)
	for _, damage := range []struct{ what, file, cause string }{
		{"no JSON", "state.json", "invalid character 'g' looking for beginning of value"},
		{"a line in the middle", "journal.jsonl", "line 1: invalid character 'g' looking for beginning of value"},
	} {
		e := engine.enclave(t, "corrupt")
		script := sevenSteps(image, 1)
		e.succeed(t, script, "{}")
		before := e.services(t)["one"].ServiceUuid
		path := "/kurtosis-data/state/" + e.uuid + "/" + damage.file
		dockerOut(t, "run", "--rm", "--network", "none", "-v", backends.DataVolumeName(e.uuid)+":/kurtosis-data", image, "write", path, "garbage\n")
		kill(t, e.container) // it is Revive that finds it
		e.answers(t)
		o := e.succeed(t, script, "{}")
		require.Len(t, o.warnings, 1, damage.what)
		require.Regexp(t, `^the enclave's state in `+path+` cannot be read: `+damage.cause+`; it was kept as `+path+`\.corrupt-\S+ `+
			`\(the enclave's services still run; the next run treats every step as new and updates them in place\)$`, o.warnings[0])
		require.NotContains(t, o.skipped, true)
		require.Equal(t, before, e.services(t)["one"].ServiceUuid, "services are updated in place")
		listed := dockerOut(t, "run", "--rm", "--network", "none", "-v", backends.DataVolumeName(e.uuid)+":/kurtosis-data", image, "ls", filepath.Dir(path))
		require.Contains(t, listed, damage.file+".corrupt-")
		settled(t, e, script, damage.what)
	}
}

// TestPartition takes a service off the network while a run waits for it: the wait goes on until its own time is
// over, tells why, and succeeds if the service comes back before.
func TestPartition(t *testing.T) {
	image, engine := toolbox(t), startEngine(t)
	e := engine.enclave(t, "partition")
	network := "kt-" + e.name
	e.succeed(t, fmt.Sprintf(`
def run(plan):
    plan.add_service(name="web", config=ServiceConfig(image=%q, cmd=["http", "8080", "here"], ports={"http": PortSpec(number=8080, application_protocol="http")}))
`, image), "{}")
	web := e.services(t)["web"]
	container := dockerOut(t, "ps", "-q", "--filter", "label=com.kurtosistech.guid="+web.ServiceUuid)
	wait := func(timeout string) string {
		return fmt.Sprintf(`
def run(plan):
    plan.wait(service_name="web", recipe=GetHttpRequestRecipe(port_id="http", endpoint="/"), field="code", assertion="==", target_value=200, interval="100ms", timeout=%q)
`, timeout)
	}
	dockerOut(t, "network", "disconnect", "-f", network, container)
	o, err := e.run(t.Context(), wait("3s"), "{}", nil)
	require.NoError(t, err)
	require.False(t, o.ok)
	require.Equal(t, []string{"wait at [3:14]: code == 200 did not come true within 3s: GET http://web:8080/: service \"web\" did not answer\n" +
		"hint: it is too busy, or cut off from the enclave's network; timeout= waits longer"}, o.errors)

	reconnected := make(chan struct{})
	o, err = e.run(t.Context(), wait("2m"), "{}", func() func(l *line) {
		began := false
		return func(l *line) {
			if began || l.GetInstruction() == nil {
				return
			}
			began = true
			go func() {
				defer close(reconnected)
				pause(t, 2*time.Second) // so that it has failed a few times
				dockerOut(t, "network", "connect", "--ip", web.PrivateIpAddr, "--alias", "web", network, container)
			}()
		}
	}())
	<-reconnected
	require.NoError(t, err)
	require.Empty(t, o.errors)
	require.True(t, o.ok)
}

// TestTwoRuns starts a run while another is under way in the enclave: it says whom it waits for, and waits.
func TestTwoRuns(t *testing.T) {
	image, engine := toolbox(t), startEngine(t)
	e := engine.enclave(t, "two")
	first := fmt.Sprintf(`
def run(plan):
    plan.add_service(name="s", config=ServiceConfig(image=%q, cmd=["sleep"]))
    plan.wait(service_name="s", recipe=ExecRecipe(command=["/toolbox", "read", "/go"]), field="code", assertion="==", target_value=0, interval="50ms", timeout="2m")
    plan.print("first")
`, image)
	waits, done := make(chan struct{}), make(chan outcome, 1)
	go func() {
		began := false
		o, _ := e.run(t.Context(), first, "{}", func(l *line) {
			if l.GetInstruction().GetInstructionName() == "wait" && !began {
				began = true
				close(waits)
			}
		})
		done <- o
	}()
	<-waits
	second, err := e.run(t.Context(), `
def run(plan):
    plan.print("second")
`, "{}", func(l *line) {
		if l.GetInfo() != nil {
			code, _ := e.exec(t, "s", "/toolbox", "write", "/go", "now")
			require.Zero(t, code)
		}
	})
	require.NoError(t, err)
	require.True(t, second.ok)
	require.Len(t, second.infos, 1)
	require.Regexp(t, `^enclave `+e.name+` is in use by kurtosis run .*; waiting for it to end$`, second.infos[0])
	select {
	case o := <-done:
		require.True(t, o.ok, "%v", o.errors)
	default:
		require.Fail(t, "the second run ended before the first")
	}
}

func pause(t *testing.T, d time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	<-ctx.Done()
}
