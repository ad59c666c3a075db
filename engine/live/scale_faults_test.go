//go:build faults && linux

package live_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"archive/tar"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/emptypb"

	pb "github.com/kurtosis-go/kurtosis/api/apicontainerapi"
	"github.com/kurtosis-go/kurtosis/api/engineapi"
)

// peakMemory is the most that a container's process ever had resident, in bytes, since forgetPeak.
func peakMemory(t *testing.T, container string) int64 {
	t.Helper()
	text, err := os.ReadFile("/proc/" + dockerOut(t, "inspect", "-f", "{{.State.Pid}}", container) + "/status")
	require.NoError(t, err)
	_, rest, ok := strings.Cut(string(text), "VmHWM:")
	require.True(t, ok)
	kilobytes, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	require.NoError(t, err)
	return kilobytes << 10
}

func forgetPeak(t *testing.T, container string) {
	t.Helper()
	pid := dockerOut(t, "inspect", "-f", "{{.State.Pid}}", container)
	require.NoError(t, os.WriteFile("/proc/"+pid+"/clear_refs", []byte("5"), 0))
}

// TestLargeArtifact sends a file of 1 GiB and takes it back: the API container needs no more memory for that than for
// one of 64 MiB, and every byte comes back.
func TestLargeArtifact(t *testing.T) {
	engine := startEngine(t)
	e := engine.enclave(t, "large")
	there := func(name string, size int64) int64 {
		forgetPeak(t, e.container)
		r, w := io.Pipe()
		go func() { w.CloseWithError(writeArchive(w, size)) }()
		require.NoError(t, e.upload(t.Context(), name, r))
		stream, err := e.DownloadFilesArtifact(t.Context(), connect.NewRequest(&pb.DownloadFilesArtifactArgs{Identifier: name}))
		require.NoError(t, err)
		r, w = io.Pipe()
		go func() {
			for stream.Receive() {
				if _, err := w.Write(stream.Msg().Data); err != nil {
					break
				}
			}
			w.CloseWithError(errors.Join(stream.Err(), stream.Close()))
		}()
		z, err := gzip.NewReader(r)
		require.NoError(t, err)
		members := tar.NewReader(z)
		header, err := members.Next()
		require.NoError(t, err)
		require.Equal(t, size, header.Size)
		got, want := sha256.New(), sha256.New()
		_, err = io.Copy(got, members)
		require.NoError(t, err)
		_, err = io.CopyN(want, random(), size)
		require.NoError(t, err)
		require.Equal(t, want.Sum(nil), got.Sum(nil))
		_, err = members.Next()
		require.ErrorIs(t, err, io.EOF)
		return peakMemory(t, e.container)
	}
	small := there("small", 64<<20)
	large := there("large", 1<<30)
	t.Logf("peak memory of the API container: %d MB for 64 MiB, %d MB for 1 GiB", small>>20, large>>20)
	require.Less(t, large, small*3/2+32<<20, "memory is flat")
}

// TestFastLog has a service print 10,000 lines a second for a minute: who follows gets every line, in order; so does
// who asks when the service is gone.
func TestFastLog(t *testing.T) {
	image, engine := toolbox(t), startEngine(t)
	e := engine.enclave(t, "flood")
	const lines = 600_000
	e.succeed(t, fmt.Sprintf(`
def run(plan):
    plan.add_service(name="flood", config=ServiceConfig(image=%q, cmd=["flood", "%d", "10000"]))
`, image, lines), "{}")
	uuid := e.services(t)["flood"].ServiceUuid
	read := func(follow bool) {
		stream, err := engine.GetServiceLogs(t.Context(), connect.NewRequest(&engineapi.GetServiceLogsArgs{
			EnclaveIdentifier: e.uuid, ServiceUuidSet: map[string]bool{uuid: true}, FollowLogs: &follow, ReturnAllLogs: new(true),
		}))
		require.NoError(t, err)
		defer stream.Close()
		n := 0
		for stream.Receive() {
			for _, l := range stream.Msg().ServiceLogsByServiceUuid[uuid].GetLine() {
				n++
				if want := "line " + strconv.Itoa(n); l != want {
					require.Equal(t, want, l, "follow %t", follow)
				}
			}
		}
		require.NoError(t, stream.Err())
		require.Equal(t, lines, n, "follow %t", follow)
	}
	started := time.Now()
	read(true)
	t.Logf("followed %d lines in %s", lines, time.Since(started).Round(time.Second))
	read(false)
	e.succeed(t, "def run(plan):\n    plan.remove_service(name=\"flood\")\n", "{}")
	started = time.Now()
	read(false)
	t.Logf("read them again, the service gone, in %s", time.Since(started).Round(time.Millisecond))
	t.Logf("peak memory of the engine: %d MB", peakMemory(t, engine.container)>>20)
}

// TestManyEnclaves makes 200 enclaves, each with its network, volume and API container, on one machine: no two
// networks overlap, all are listed, and cleaning removes them all.
func TestManyEnclaves(t *testing.T) {
	engine := startEngine(t)
	const enclaves, atOnce = 200, 4
	var (
		mu    sync.Mutex
		errs  error
		made  []*enclaveOf
		all   sync.WaitGroup
		slots = make(chan struct{}, atOnce)
	)
	started := time.Now()
	for i := range enclaves {
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			e, err := engine.add(t.Context(), "many-"+strconv.Itoa(i))
			mu.Lock()
			defer mu.Unlock()
			if errs = errors.Join(errs, err); err == nil {
				made = append(made, e)
			}
		})
	}
	all.Wait()
	require.NoError(t, errs)
	t.Logf("made %d enclaves in %s", enclaves, time.Since(started).Round(time.Second))
	started = time.Now()
	list, err := engine.GetEnclaves(t.Context(), connect.NewRequest(&emptypb.Empty{}))
	require.NoError(t, err)
	require.Len(t, list.Msg.EnclaveInfo, enclaves)
	t.Logf("listed them in %s", time.Since(started).Round(time.Millisecond))
	addresses := map[string]bool{}
	for _, e := range list.Msg.EnclaveInfo {
		require.Equal(t, engineapi.EnclaveAPIContainerStatus_EnclaveAPIContainerStatus_RUNNING, e.ApiContainerStatus)
		require.False(t, addresses[e.ApiContainerInfo.IpInsideEnclave])
		addresses[e.ApiContainerInfo.IpInsideEnclave] = true
	}
	routed := hostRoutes(t)
	for _, e := range made {
		subnet := netip.MustParsePrefix(dockerOut(t, "network", "inspect", "kt-"+e.name, "-f", "{{(index .IPAM.Config 0).Subnet}}"))
		for device, route := range routed {
			require.False(t, route.Overlaps(subnet), "%s of %s overlaps the host's route %s to %s", subnet, e.name, route, device)
		}
	}
	for _, e := range []*enclaveOf{made[0], made[enclaves-1]} { // they are usable
		e.succeed(t, "def run(plan):\n    plan.print(\"here\")\n", "{}")
	}
	t.Logf("an API container that has run nothing takes %d MB", peakMemory(t, made[1].container)>>20)
	started = time.Now()
	removed, err := engine.Clean(t.Context(), connect.NewRequest(&engineapi.CleanArgs{ShouldCleanAll: new(true)}))
	require.NoError(t, err)
	require.Len(t, removed.Msg.RemovedEnclaveNameAndUuids, enclaves)
	t.Logf("removed them in %s", time.Since(started).Round(time.Second))
	for _, e := range made {
		for _, left := range []string{
			dockerOut(t, "ps", "-aq", "--filter", "label=com.kurtosistech.enclave-id="+e.uuid),
			dockerOut(t, "network", "ls", "-q", "--filter", "name=^kt-"+e.name+"$"),
			dockerOut(t, "volume", "ls", "-q", "--filter", "name="+e.uuid),
		} {
			require.Empty(t, left)
		}
		if t.Failed() {
			break
		}
	}
}

// hostRoutes are the machine's own routes that are no bridge of Docker's, by device.
func hostRoutes(t *testing.T) map[string]netip.Prefix {
	t.Helper()
	text, err := os.ReadFile("/proc/net/route")
	require.NoError(t, err)
	routes := map[string]netip.Prefix{}
	for i, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		f := strings.Fields(line)
		if i == 0 || strings.HasPrefix(f[0], "br-") {
			continue
		}
		little := func(s string) (a [4]byte) {
			n, err := strconv.ParseUint(s, 16, 32)
			require.NoError(t, err)
			return [4]byte{byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24)}
		}
		bits, mask := 0, little(f[7])
		for _, b := range mask {
			bits += strings.Count(strconv.FormatUint(uint64(b), 2), "1")
		}
		if bits > 0 {
			routes[f[0]] = netip.PrefixFrom(netip.AddrFrom4(little(f[1])), bits)
		}
	}
	return routes
}

// TestManyServices plans a thousand services in an API container, and runs as many as a small machine carries.
func TestManyServices(t *testing.T) {
	image, engine := toolbox(t), startEngine(t)
	e := engine.enclave(t, "services")
	script := fmt.Sprintf(`
def run(plan, n=1000):
    for i in range(n):
        plan.add_service(name="s%%d" %% i, config=ServiceConfig(image=%q, cmd=["tcp", "7000"], ports={"p": PortSpec(number=7000)}, env_vars={"N": str(i)}))
`, image)
	started := time.Now()
	dry := runArgs(script, "{}")
	dry.Msg.DryRun = new(true)
	o, err := receive(t.Context(), e.ApiContainerServiceClient, dry, nil)
	require.ErrorIs(t, err, errUnfinished) // a plan has no end to speak of
	require.Empty(t, o.errors)
	require.Len(t, o.steps, 1000)
	t.Logf("planned 1,000 services in %s", time.Since(started).Round(time.Millisecond))
	const real = 60
	parallel := runArgs(script, fmt.Sprintf(`{"n": %d}`, real))
	parallel.Msg.Parallel = new(true)
	started = time.Now()
	o, err = receive(t.Context(), e.ApiContainerServiceClient, parallel, nil)
	require.NoError(t, err)
	require.Empty(t, o.errors)
	require.Len(t, e.services(t), real)
	t.Logf("started %d services in %s", real, time.Since(started).Round(time.Millisecond))
	o = e.succeed(t, script, fmt.Sprintf(`{"n": %d}`, real))
	require.NotContains(t, o.skipped, false)
	require.False(t, bytes.Contains([]byte(strings.Join(o.warnings, "")), []byte("corrupt")))
}
