// Package backendtest says in tests what package backends says in comments: one suite that every backend passes.
package backendtest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/backends/backendtest/images"
)

// Engine is a backend under test, with what the suite cannot know about it.
type Engine struct {
	Backend backends.Backend
	// Toolbox and Busybox are references of images that the backend has; see package images.
	Toolbox, Busybox string
	// Leftovers lists objects of an enclave that exist on the engine, by the engine's own means.
	Leftovers func(ctx context.Context, enclave string) ([]string, error)
	// HostPorts is whether published ports can be reached from this process.
	HostPorts bool
	// Forgets says that a service which was stopped on purpose is gone but for its name, address and persistent directories, as a
	// Pod is: its log and its own files are no more, and it starts from its image.
	Forgets bool
	// OneStream says that logs do not tell standard error from standard output.
	OneStream bool
	// Gaps has the reason why a test of the suite does not hold on this engine, by the test's name; it is skipped, and the
	// reason printed.
	Gaps map[string]string
}

// Factory prepares an engine; it is called once for each test and cleans up after it.
type Factory func(t *testing.T) Engine

// timeout bounds each test: engines hang rather than fail.
const timeout = 90 * time.Second

// Run runs the suite.
func Run(t *testing.T, factory Factory) {
	for _, test := range suite {
		t.Run(test.name, func(t *testing.T) {
			e := factory(t)
			if reason, ok := e.Gaps[test.name]; ok {
				t.Skipf("gap: %s", reason)
			}
			ctx, cancel := context.WithTimeout(t.Context(), timeout)
			defer cancel()
			test.run(&env{T: t, Engine: e, ctx: ctx})
		})
	}
}

var suite = []struct {
	name string
	run  func(*env)
}{
	{"Info", testInfo},
	{"Enclaves", testEnclaves},
	{"EnclaveIdentifiers", testEnclaveIdentifiers},
	{"EnclaveTaken", testEnclaveTaken},
	{"EnclaveStatus", testEnclaveStatus},
	{"EnclaveStopStart", testEnclaveStopStart},
	{"EnclaveRemoveAll", testEnclaveRemoveAll},
	{"Service", testService},
	{"ServiceNotFound", testServiceNotFound},
	{"ServiceTaken", testServiceTaken},
	{"ServiceInvalid", testServiceInvalid},
	{"ServiceConcurrent", testServiceConcurrent},
	{"ServiceCancelled", testServiceCancelled},
	{"ServiceStopStart", testServiceStopStart},
	{"ServiceRemove", testServiceRemove},
	{"ServiceExits", testServiceExits},
	{"ServiceOutOfMemory", testServiceOutOfMemory},
	{"ServiceProduction", testServiceProduction},
	{"Process", testProcess},
	{"ProcessUser", testProcessUser},
	{"ProcessInit", testProcessInit},
	{"ProcessTTY", testProcessTTY},
	{"ProcessNoCommand", testProcessNoCommand},
	{"Labels", testLabels},
	{"Update", testUpdate},
	{"UpdateFails", testUpdateFails},
	{"PortOpen", testPortOpen},
	{"PortWithoutListener", testPortWithoutListener},
	{"PortPublished", testPortPublished},
	{"PortPublic", testPortPublic}, {"PortUnpublished", testPortUnpublished},
	{"PortTaken", testPortTaken},
	{"PortUDP", testPortUDP},
	{"PortSCTP", testPortSCTP},
	{"Names", testNames},
	{"Isolation", testIsolation},
	{"Exec", testExec},
	{"ExecStreams", testExecStreams},
	{"ExecUser", testExecUser},
	{"ExecNoCommand", testExecNoCommand},
	{"ExecShell", testExecShell},
	{"ExecTTY", testExecTTY},
	{"ExecCancelled", testExecCancelled},
	{"ExecStopped", testExecStopped},
	{"Files", testFiles},
	{"FilesHideImage", testFilesHideImage},
	{"FilesUnreadable", testFilesUnreadable},
	{"FilesLarge", testFilesLarge},
	{"Directories", testDirectories},
	{"CopyFrom", testCopyFrom},
	{"CopyTo", testCopyTo},
	{"Logs", testLogs},
	{"LogsFollow", testLogsFollow},
	{"LogsLongLine", testLogsLongLine},
	{"Watch", testWatch},
	{"Image", testImage},
	{"ImageMissing", testImageMissing},
	{"ImageBuild", testImageBuild},
	{"ImageBuildFails", testImageBuildFails},
}

// Names lists the tests of the suite.
func Names() []string {
	var names []string
	for _, test := range suite {
		names = append(names, test.name)
	}
	return names
}

// env is one test with its engine.
type env struct {
	*testing.T
	Engine
	ctx context.Context
}

// enclave makes an enclave that is removed after the test.
func (e *env) enclave() string {
	e.Helper()
	return e.enclaveOf(backends.EnclaveSpec{}).UUID
}

func (e *env) enclaveOf(spec backends.EnclaveSpec) backends.Enclave {
	e.Helper()
	spec.UUID = backends.NewUUID()
	if spec.Name == "" {
		spec.Name = "test-" + backends.ShortUUID(spec.UUID)
	}
	e.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(e.ctx), timeout)
		defer cancel()
		require.NoError(e, e.Backend.RemoveEnclave(ctx, spec.UUID))
		left, err := e.Leftovers(ctx, spec.UUID)
		require.NoError(e, err)
		require.Empty(e, left)
	})
	enclave, err := e.Backend.CreateEnclave(e.ctx, spec)
	require.NoError(e, err)
	return enclave
}

func (e *env) leftovers(enclave string) []string {
	e.Helper()
	left, err := e.Leftovers(e.ctx, enclave)
	require.NoError(e, err)
	slices.Sort(left)
	return left
}

// toolbox is a service of the toolbox image that runs a command.
func (e *env) toolbox(name string, command ...string) backends.ServiceSpec {
	return backends.ServiceSpec{Name: name, Image: e.Toolbox, Cmd: command}
}

func (e *env) add(enclave string, spec backends.ServiceSpec) backends.Service {
	e.Helper()
	s, err := e.Backend.AddService(e.ctx, enclave, spec)
	require.NoError(e, err)
	return s
}

// exec runs the toolbox in a service and returns what it prints, without the last line end.
func (e *env) exec(enclave, service string, command ...string) (stdout string, code int) {
	e.Helper()
	var out, errOut bytes.Buffer
	code, err := e.Backend.Exec(e.ctx, enclave, service, backends.Exec{Command: append([]string{"/toolbox"}, command...), Stdout: &out, Stderr: &errOut})
	require.NoError(e, err)
	if code != 0 {
		e.Logf("%v exits with %d: %s", command, code, errOut.String())
	}
	return strings.TrimSuffix(out.String(), "\n"), code
}

// output is exec that must succeed.
func (e *env) output(enclave, service string, command ...string) string {
	e.Helper()
	out, code := e.exec(enclave, service, command...)
	require.Zero(e, code)
	return out
}

// eventually polls what has no event to wait for.
func (e *env) eventually(what string, check func() bool) {
	e.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !check() {
		select {
		case <-tick.C:
		case <-e.ctx.Done():
			e.Fatalf("gave up waiting: %s", what)
		}
	}
}

// open waits until a port accepts and returns the connection.
func (e *env) open(enclave, service string, port backends.Port) net.Conn {
	e.Helper()
	var conn net.Conn
	e.eventually("port "+port.String()+" of "+service, func() bool {
		c, err := e.Backend.Dial(e.ctx, enclave, service, port)
		if backends.KindOf(err) == backends.PortClosed {
			return false
		}
		require.NoError(e, err)
		conn = c
		return true
	})
	e.Cleanup(func() { conn.Close() })
	return conn
}

// stopped waits until a service has ended.
func (e *env) stopped(enclave, service string) backends.Service {
	e.Helper()
	var s backends.Service
	e.eventually(service+" to end", func() bool {
		var err error
		s, err = e.Backend.InspectService(e.ctx, enclave, service)
		require.NoError(e, err)
		return s.State == backends.Stopped
	})
	return s
}

// log collects a log.
func (e *env) log(enclave, service string, options backends.LogOptions) (lines []backends.LogLine) {
	e.Helper()
	for line, err := range e.Backend.Logs(e.ctx, enclave, service, options) {
		require.NoError(e, err)
		lines = append(lines, line)
	}
	return lines
}

func texts(lines []backends.LogLine) (list []string) {
	for _, l := range lines {
		list = append(list, l.Text)
	}
	return list
}

// fails asserts kind and text of an error.
func (e *env) fails(err error, kind backends.Kind, text string) *backends.Error {
	e.Helper()
	require.EqualError(e, err, text)
	require.Equal(e, kind, backends.KindOf(err))
	var typed *backends.Error
	require.ErrorAs(e, err, &typed)
	return typed
}

// echo sends and expects the same back.
func (e *env) echo(conn net.Conn, text string) {
	e.Helper()
	require.NoError(e, conn.SetDeadline(time.Now().Add(10*time.Second)))
	_, err := io.WriteString(conn, text)
	require.NoError(e, err)
	back := make([]byte, len(text))
	_, err = io.ReadFull(conn, back)
	require.NoError(e, err)
	require.Equal(e, text, string(back))
}

// archive makes a tar stream of path → content; a path that ends in a slash is a directory, content "->x" a symbolic link.
func archive(files map[string]string) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range sorted(files) {
		content := files[name]
		h := &tar.Header{Name: name, Mode: 0o640, Size: int64(len(content)), Typeflag: tar.TypeReg, Uid: 1234, Gid: 1234}
		if strings.HasSuffix(name, "/") {
			h.Typeflag, h.Mode = tar.TypeDir, 0o755
		} else if target, ok := strings.CutPrefix(content, "->"); ok {
			h.Typeflag, h.Linkname, h.Size, content = tar.TypeSymlink, target, 0, ""
		}
		must(w.WriteHeader(h))
		_, err := io.WriteString(w, content)
		must(err)
	}
	must(w.Close())
	return b.Bytes()
}

func zipped(b []byte) []byte {
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	_, err := w.Write(b)
	must(err)
	must(w.Close())
	return z.Bytes()
}

// unpacked reads a tar stream back: regular files only.
func unpacked(t testing.TB, r io.Reader) map[string]string {
	files := map[string]string{}
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		require.NoError(t, err)
		if h.Typeflag == tar.TypeReg {
			b, err := io.ReadAll(tr)
			require.NoError(t, err)
			files[h.Name] = string(b)
		}
	}
}

func opener(b []byte) backends.Archive {
	return func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }
}

func sorted[V any](m map[string]V) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// must is for writes into memory.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

// Prepare loads the suite's images into a real engine.
func Prepare(t *testing.T, b backends.Images) (toolbox, busybox string) {
	t.Helper()
	box := images.Busybox(t)
	images.Ensure(t, b, box)
	return Toolbox(t, b), box.Ref
}

// Toolbox loads that image alone.
func Toolbox(t testing.TB, b backends.Images) string {
	t.Helper()
	image := images.Toolbox(t)
	images.Ensure(t, b, image)
	return image.Ref
}
