package apicontainer_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	pb "github.com/kurtosis-go/kurtosis/api/apicontainerapi"
	"github.com/kurtosis-go/kurtosis/api/apicontainerapi/apicontainerapiconnect"
	"github.com/kurtosis-go/kurtosis/apicontainer"
	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/backends/fake"
)

type bench struct {
	t       *testing.T
	backend *fake.Backend
	client  apicontainerapiconnect.ApiContainerServiceClient
	dir     string
	server  *apicontainer.Server
}

func newBench(t *testing.T) *bench {
	t.Helper()
	backend := fake.New(t.Context(), fake.Options{})
	t.Cleanup(func() { backend.Close() })
	image := fake.Toolbox()
	rest := image.Program
	image.Program = func(ctx context.Context, p *fake.Process) int {
		if len(p.Args) > 3 && p.Args[1] == "http" {
			return serveHTTP(ctx, p, p.Args[3])
		}
		return rest(ctx, p)
	}
	backend.AddImage("toolbox", image)
	_, err := backend.CreateEnclave(t.Context(), backends.EnclaveSpec{UUID: backends.NewUUID(), Name: "demo"})
	require.NoError(t, err)
	b := &bench{t: t, backend: backend, dir: t.TempDir()}
	b.serve(t.Context())
	return b
}

// serveHTTP is the toolbox's command of that name, as far as it is needed here.
func serveHTTP(ctx context.Context, p *fake.Process, text string) int {
	l, err := p.Listen(backends.Port{Number: 8080})
	if err != nil {
		return 1
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/echo" {
			_, _ = io.Copy(w, r.Body)
			return
		}
		fmt.Fprint(w, text)
	})}
	context.AfterFunc(ctx, func() { server.Close() })
	_ = server.Serve(l)
	return 0
}

// serve makes the server, or makes it again, as after a crash.
func (b *bench) serve(life context.Context) {
	server, err := apicontainer.New(life, apicontainer.Options{Backend: b.backend, Enclave: "demo", Dir: b.dir})
	require.NoError(b.t, err)
	h := httptest.NewServer(server.Handler())
	b.t.Cleanup(h.Close)
	b.server, b.client = server, apicontainerapiconnect.NewApiContainerServiceClient(h.Client(), h.URL)
}

// text is a line as the tests compare it.
func text(l *pb.StarlarkRunResponseLine) string {
	switch l := l.RunResponseLine.(type) {
	case *pb.StarlarkRunResponseLine_ProgressInfo:
		p := l.ProgressInfo
		return fmt.Sprintf("progress %d/%d %s", p.CurrentStepNumber, p.TotalSteps, strings.Join(p.CurrentStepInfo, "; "))
	case *pb.StarlarkRunResponseLine_Instruction:
		i := l.Instruction
		return fmt.Sprintf("instruction %s at %d:%d skipped=%t: %s", i.InstructionName, i.Position.Line, i.Position.Column, i.IsSkipped, i.Description)
	case *pb.StarlarkRunResponseLine_InstructionResult:
		return "result " + l.InstructionResult.SerializedInstructionResult
	case *pb.StarlarkRunResponseLine_Error:
		switch e := l.Error.Error.(type) {
		case *pb.StarlarkError_InterpretationError:
			return "interpretation error " + e.InterpretationError.ErrorMessage
		case *pb.StarlarkError_ValidationError:
			return "validation error " + e.ValidationError.ErrorMessage
		case *pb.StarlarkError_ExecutionError:
			return "execution error " + e.ExecutionError.ErrorMessage
		}
	case *pb.StarlarkRunResponseLine_RunFinishedEvent:
		return fmt.Sprintf("finished %t %s", l.RunFinishedEvent.IsRunSuccessful, l.RunFinishedEvent.GetSerializedOutput())
	case *pb.StarlarkRunResponseLine_Warning:
		return "warning " + l.Warning.WarningMessage
	case *pb.StarlarkRunResponseLine_Info:
		return "info " + l.Info.InfoMessage
	}
	return "?"
}

func lines(stream *connect.ServerStreamForClient[pb.StarlarkRunResponseLine], err error) ([]string, error) {
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	var list []string
	for stream.Receive() {
		list = append(list, text(stream.Msg()))
	}
	return list, stream.Err()
}

func (b *bench) script(script string, change func(*pb.RunStarlarkScriptArgs)) []string {
	b.t.Helper()
	args := &pb.RunStarlarkScriptArgs{SerializedScript: script}
	if change != nil {
		change(args)
	}
	list, err := lines(b.client.RunStarlarkScript(b.t.Context(), connect.NewRequest(args)))
	require.NoError(b.t, err)
	return list
}

const web = `
def run(plan, args):
    plan.print("hello " + args["who"])
    plan.add_service(name="web", config=ServiceConfig(image="toolbox", cmd=["http", "8080", "it works"],
        ports={"http": PortSpec(number=8080, application_protocol="http")}, env_vars={"A": "b"}, labels={"tier": "front"}, max_memory=64))
    return 7
`

func who(a *pb.RunStarlarkScriptArgs) { a.SerializedParams = proto.String(`{"who": "world"}`) }

func (b *bench) service(name string) *pb.ServiceInfo {
	b.t.Helper()
	resp, err := b.client.GetServices(b.t.Context(), connect.NewRequest(&pb.GetServicesArgs{ServiceIdentifiers: map[string]bool{name: true}}))
	require.NoError(b.t, err)
	return resp.Msg.ServiceInfo[name]
}

func TestScript(t *testing.T) {
	b := newBench(t)
	got := b.script(web, who)
	s := b.service("web")
	require.Equal(t, []string{
		"progress 0/0 Interpreting Starlark code - execution will begin shortly",
		"progress 0/2 Starting execution",
		"progress 1/2 Executing instruction",
		"instruction print at 3:15 skipped=false: Printing a message",
		"result hello world",
		"progress 2/2 Executing instruction",
		"instruction add_service at 4:21 skipped=false: Adding service with name 'web' and image 'toolbox'",
		"progress 2/2 starting service web",
		"result Service 'web' added with service UUID '" + s.ServiceUuid + "'",
		"finished true 7",
	}, withoutImages(got))
	require.Equal(t, []string{
		"progress 0/0 Interpreting Starlark code - execution will begin shortly",
		"progress 0/2 Starting execution",
		"progress 1/2 Executing instruction",
		"instruction print at 3:15 skipped=true: Printing a message",
		"result SKIPPED - This instruction has already been run in this enclave",
		"progress 2/2 Executing instruction",
		"instruction add_service at 4:21 skipped=true: Adding service with name 'web' and image 'toolbox'",
		"result SKIPPED - This instruction has already been run in this enclave",
		"finished true 7",
	}, b.script(web, who))
	require.Contains(t, b.script(web, func(a *pb.RunStarlarkScriptArgs) {
		who(a)
		a.ExperimentalFeatures = []pb.KurtosisFeatureFlag{pb.KurtosisFeatureFlag_NO_INSTRUCTIONS_CACHING}
	}), "instruction print at 3:15 skipped=false: Printing a message")
	require.Equal(t, []string{
		"progress 0/0 Interpreting Starlark code - execution will begin shortly",
		"instruction print at 3:15 skipped=false: Printing a message",
		"instruction add_service at 4:21 skipped=true: Adding service with name 'web' and image 'toolbox'",
	}, b.script(web, func(a *pb.RunStarlarkScriptArgs) {
		a.SerializedParams, a.DryRun = proto.String(`{"who": "you"}`), proto.Bool(true)
	}))
}

// withoutImages leaves out what is said beside the steps: it comes when it comes.
func withoutImages(list []string) []string {
	return slices.DeleteFunc(list, func(l string) bool { return strings.Contains(l, " image toolbox: ") })
}

func TestErrors(t *testing.T) {
	b := newBench(t)
	last := func(script, params string) string {
		got := b.script(script, func(a *pb.RunStarlarkScriptArgs) { a.SerializedParams = &params })
		require.Equal(t, "finished false ", got[len(got)-1])
		return got[len(got)-2]
	}
	for _, c := range []struct{ script, params, want string }{
		{"def run(plan):\n    plan.verify(value=\"1\", assertion=\"==\", target_value=\"2\")\n", "", "execution error verify at [2:16]: "},
		{"def run(plan):\n    plan.stop_service(name=\"absent\")\n", "", "validation error [2:22]: "},
		{"def run(plan):\n    fail(\"no\")\n", "", "interpretation error Evaluation error: fail: no\n"},
		{"def run(plan):\n    pass\n", "{", "interpretation error the package's arguments are no JSON: "},
		{"def run(plan):\n    pass\n", "[]", "interpretation error the arguments are a list, and must be a JSON or YAML object"},
		{"def run(plan):\n    plan.upload_files(src=\"github.com/o/r/x\")\n", "", "interpretation error "},
	} {
		require.True(t, strings.HasPrefix(last(c.script, c.params), c.want), "%s\n%s", c.want, last(c.script, c.params))
	}
	got, err := lines(b.client.RunStarlarkPackage(t.Context(), connect.NewRequest(&pb.RunStarlarkPackageArgs{PackageId: "github.com/o/absent"})))
	require.NoError(t, err)
	require.Equal(t, []string{"interpretation error the package 'github.com/o/absent' was not uploaded", "finished false "}, got)

	ctx := t.Context()
	for _, c := range []struct {
		call func() error
		text string
	}{
		{func() error {
			_, err := b.client.GetServices(ctx, connect.NewRequest(&pb.GetServicesArgs{ServiceIdentifiers: map[string]bool{"absent": true}}))
			return err
		}, `not_found: enclave "demo" has no service "absent"`},
		{func() error {
			_, err := b.client.ExecCommand(ctx, connect.NewRequest(&pb.ExecCommandArgs{ServiceIdentifier: "absent"}))
			return err
		}, "invalid_argument: there is no command to execute"},
		{func() error {
			_, err := b.client.InspectFilesArtifactContents(ctx, connect.NewRequest(&pb.InspectFilesArtifactContentsRequest{}))
			return err
		}, `not_found: enclave "demo" has no files artifact ""`},
		{func() error {
			_, err := b.client.GetStarlarkScriptPlanYaml(ctx, connect.NewRequest(&pb.StarlarkScriptPlanYamlArgs{SerializedScript: "def run(plan):\n    fail(\"no\")\n"}))
			return err
		}, "invalid_argument: Evaluation error: fail: no\n\tat [2:9]: run\n\tat [0:0]: fail"},
		{func() error {
			stream := b.client.UploadStarlarkPackage(ctx)
			require.NoError(t, stream.Send(&pb.StreamedDataChunk{Data: []byte("x")}))
			_, err := stream.CloseAndReceive()
			return err
		}, "invalid_argument: the upload does not say which package it is"},
		{func() error {
			_, err := b.upload("links", archive(t, map[string]string{"a": "-> /etc/passwd"}))
			return err
		}, `invalid_argument: files artifact "links": archive entry "a" links to "/etc/passwd", outside of the archive`},
	} {
		require.EqualError(t, c.call(), c.text)
	}
}

// archive makes a tar.gz; content that begins with "-> " is a link.
func archive(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for name, content := range files {
		h := &tar.Header{Name: name, Mode: 0o644, Size: int64(len(content)), Typeflag: tar.TypeReg}
		if target, ok := strings.CutPrefix(content, "-> "); ok {
			h.Typeflag, h.Linkname, h.Size, content = tar.TypeSymlink, target, 0, ""
		}
		require.NoError(t, w.WriteHeader(h))
		_, err := io.WriteString(w, content)
		require.NoError(t, err)
	}
	require.NoError(t, errors.Join(w.Close(), z.Close()))
	return b.Bytes()
}

// chunked sends data in pieces of 100 bytes.
func chunked(name string, data []byte, send func(*pb.StreamedDataChunk) error) error {
	previous := ""
	for len(data) > 0 {
		part := data[:min(100, len(data))]
		data = data[len(part):]
		if err := send(&pb.StreamedDataChunk{Data: part, PreviousChunkHash: previous, Metadata: &pb.DataChunkMetadata{Name: name}}); err != nil {
			return err
		}
		sum := sha1.Sum(part)
		previous = hex.EncodeToString(sum[:])
	}
	return nil
}

func (b *bench) upload(name string, data []byte) (*pb.UploadFilesArtifactResponse, error) {
	stream := b.client.UploadFilesArtifact(b.t.Context())
	if err := chunked(name, data, stream.Send); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	resp, err := stream.CloseAndReceive()
	if err != nil {
		return nil, err
	}
	return resp.Msg, nil
}

func TestArtifacts(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	made, err := b.upload("conf", archive(t, map[string]string{"a.txt": "alpha\n", "long.txt": strings.Repeat("é", 90), "binary": "\x00\x01"}))
	require.NoError(t, err)
	again, err := b.upload("conf", archive(t, map[string]string{"b.txt": "beta\n"}))
	require.NoError(t, err)
	require.Equal(t, made.Uuid, again.Uuid, "an artifact that is made again keeps its UUID")
	_, err = b.upload("other", archive(t, map[string]string{"a.txt": "alpha\n", "long.txt": strings.Repeat("é", 90), "binary": "\x00\x01"}))
	require.NoError(t, err)
	inspected, err := b.client.InspectFilesArtifactContents(ctx, connect.NewRequest(&pb.InspectFilesArtifactContentsRequest{FileNamesAndUuid: &pb.FilesArtifactNameAndUuid{FileName: "other"}}))
	require.NoError(t, err)
	previews := map[string]*string{}
	for _, f := range inspected.Msg.FileDescriptions {
		previews[f.Path] = f.TextPreview
	}
	require.Equal(t, map[string]*string{"a.txt": proto.String("alpha\n"), "long.txt": proto.String(strings.Repeat("é", 50)), "binary": nil}, previews)

	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "from the web") }))
	defer site.Close()
	_, err = b.client.StoreWebFilesArtifact(ctx, connect.NewRequest(&pb.StoreWebFilesArtifactArgs{Url: site.URL + "/page.html", Name: "page"}))
	require.NoError(t, err)
	b.script(web, who)
	stored, err := b.client.StoreFilesArtifactFromService(ctx, connect.NewRequest(&pb.StoreFilesArtifactFromServiceArgs{ServiceIdentifier: b.service("web").ShortenedUuid, SourcePath: "/from-image", Name: "stored"}))
	require.NoError(t, err)
	require.Len(t, stored.Msg.Uuid, 32)
	listed, err := b.client.ListFilesArtifactNamesAndUuids(ctx, connect.NewRequest(&emptypb.Empty{}))
	require.NoError(t, err)
	var names []string
	for _, f := range listed.Msg.FileNamesAndUuids {
		names = append(names, f.FileName)
	}
	require.Equal(t, []string{"conf", "other", "page", "stored"}, names)

	stream, err := b.client.DownloadFilesArtifact(ctx, connect.NewRequest(&pb.DownloadFilesArtifactArgs{Identifier: "page"}))
	require.NoError(t, err)
	var data []byte
	for stream.Receive() {
		data = append(data, stream.Msg().Data...)
	}
	require.NoError(t, errors.Join(stream.Err(), stream.Close()))
	z, err := gzip.NewReader(bytes.NewReader(data))
	require.NoError(t, err)
	r := tar.NewReader(z)
	h, err := r.Next()
	require.NoError(t, err)
	content, err := io.ReadAll(r)
	require.NoError(t, err)
	require.Equal(t, []string{"page.html", "from the web"}, []string{h.Name, string(content)})
}

func (b *bench) uploadPackage(name string, files map[string]string) {
	b.t.Helper()
	stream := b.client.UploadStarlarkPackage(b.t.Context())
	require.NoError(b.t, chunked(name, archive(b.t, files), stream.Send))
	_, err := stream.CloseAndReceive()
	require.NoError(b.t, err)
}

func (b *bench) runPackage(args *pb.RunStarlarkPackageArgs) string {
	b.t.Helper()
	got, err := lines(b.client.RunStarlarkPackage(b.t.Context(), connect.NewRequest(args)))
	require.NoError(b.t, err)
	return strings.Join(got[len(got)-2:], "\n")
}

func TestPackages(t *testing.T) {
	b := newBench(t)
	b.uploadPackage("github.com/o/r", map[string]string{
		"kurtosis.yml":   "name: github.com/o/r\nreplace:\n  github.com/o/lib: ../lib\n",
		"main.star":      "lib = import_module(\"github.com/o/lib/lib.star\")\ndef run(plan):\n    plan.print(lib.text)\ndef other(plan, n):\n    plan.print(n)\n",
		"sub/other.star": "def run(plan):\n    plan.print(\"the other file\")\n",
	})
	b.uploadPackage("github.com/o/lib", map[string]string{"kurtosis.yml": "name: github.com/o/lib\n", "lib.star": "text = \"from the library\"\n"})
	require.Equal(t, "result from the library\nfinished true ", b.runPackage(&pb.RunStarlarkPackageArgs{PackageId: "github.com/o/r"}))
	b.uploadPackage("github.com/o/lib", map[string]string{"kurtosis.yml": "name: github.com/o/lib\n", "lib.star": "text = \"from the new library\"\n"})
	require.Equal(t, "result from the new library\nfinished true ", b.runPackage(&pb.RunStarlarkPackageArgs{PackageId: "github.com/o/r"}))
	require.Equal(t, "result 5\nfinished true ", b.runPackage(&pb.RunStarlarkPackageArgs{PackageId: "github.com/o/r", MainFunctionName: proto.String("other"), SerializedParams: proto.String(`{"n": 5}`)}))
	require.Equal(t, "result the other file\nfinished true ", b.runPackage(&pb.RunStarlarkPackageArgs{PackageId: "github.com/o/r", RelativePathToMainFile: proto.String("sub/other.star")}))
	record, err := b.client.GetStarlarkRun(t.Context(), connect.NewRequest(&emptypb.Empty{}))
	require.NoError(t, err)
	require.Equal(t, []string{"github.com/o/r", "sub/other.star"}, []string{record.Msg.PackageId, record.Msg.RelativePathToMainFile})

	// The same after a crash: what was uploaded is still there.
	b.serve(t.Context())
	require.Contains(t, b.runPackage(&pb.RunStarlarkPackageArgs{PackageId: "github.com/o/r"}), "finished true")

	b.uploadPackage("github.com/o/compose", map[string]string{"docker-compose.yml": "services:\n  db:\n    image: toolbox\n    command: [\"sleep\"]\n"})
	require.Contains(t, b.runPackage(&pb.RunStarlarkPackageArgs{PackageId: "github.com/o/compose"}), "finished true")
	require.Equal(t, pb.ServiceStatus_RUNNING, b.service("db").ServiceStatus)

	got := b.runPackage(&pb.RunStarlarkPackageArgs{PackageId: "github.com/o/inline", StarlarkPackageContent: &pb.RunStarlarkPackageArgs_Local{
		Local: archive(t, map[string]string{"kurtosis.yml": "name: github.com/o/inline\n", "main.star": "def run(plan):\n    plan.print(\"inline\")\n"}),
	}})
	require.Equal(t, "result inline\nfinished true ", got)
}

func TestServices(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	b.script(web, who)
	s := b.service("web")
	require.Equal(t, pb.ServiceStatus_RUNNING, s.ServiceStatus)
	require.Equal(t, "toolbox", s.Container.ImageName)
	require.Equal(t, []string{"http", "8080", "it works"}, s.Container.CmdArgs)
	require.Equal(t, map[string]string{"A": "b"}, s.Container.EnvVars)
	require.Equal(t, map[string]string{"tier": "front"}, s.Labels)
	require.EqualValues(t, 64, s.MaxMemoryMegabytes)
	require.Equal(t, "http", s.PrivatePorts["http"].MaybeApplicationProtocol)
	require.Equal(t, "2m0s", s.PrivatePorts["http"].MaybeWaitTimeout)
	require.NotZero(t, s.MaybePublicPorts["http"].Number)
	require.Equal(t, s.ServiceUuid, b.service(s.ServiceUuid).ServiceUuid)

	executed, err := b.client.ExecCommand(ctx, connect.NewRequest(&pb.ExecCommandArgs{ServiceIdentifier: "web", CommandArgs: []string{"/toolbox", "print", "one", "+", "complain", "two", "+", "exit", "3"}}))
	require.NoError(t, err)
	require.EqualValues(t, 3, executed.Msg.ExitCode)
	require.Equal(t, "one\ntwo\n", executed.Msg.LogOutput)

	_, err = b.client.WaitForHttpGetEndpointAvailability(ctx, connect.NewRequest(&pb.WaitForHttpGetEndpointAvailabilityArgs{ServiceIdentifier: "web", Port: 8080, BodyText: proto.String("it works")}))
	require.NoError(t, err)
	_, err = b.client.WaitForHttpPostEndpointAvailability(ctx, connect.NewRequest(&pb.WaitForHttpPostEndpointAvailabilityArgs{
		ServiceIdentifier: "web", Port: 8080, Path: proto.String("/echo"), RequestBody: proto.String("ping"), BodyText: proto.String("ping")}))
	require.NoError(t, err)
	_, err = b.client.WaitForHttpGetEndpointAvailability(ctx, connect.NewRequest(&pb.WaitForHttpGetEndpointAvailabilityArgs{
		ServiceIdentifier: "web", Port: 8081, Retries: proto.Uint32(3), RetriesDelayMilliseconds: proto.Uint32(1)}))
	require.ErrorContains(t, err, "deadline_exceeded: GET http://web:8081/ of service \"web\" did not become available in 3 attempts: ")

	b.script("def run(plan):\n    plan.remove_service(name=\"web\")\n", nil)
	b.serve(ctx)
	past, err := b.client.GetExistingAndHistoricalServiceIdentifiers(ctx, connect.NewRequest(&emptypb.Empty{}))
	require.NoError(t, err)
	require.True(t, proto.Equal(&pb.ServiceIdentifiers{ServiceUuid: s.ServiceUuid, Name: "web", ShortenedUuid: s.ShortenedUuid}, past.Msg.AllIdentifiers[0]))
	all, err := b.client.GetServices(ctx, connect.NewRequest(&pb.GetServicesArgs{}))
	require.NoError(t, err)
	require.Empty(t, all.Msg.ServiceInfo)
}

// TestKilled ends the server in the middle of a run, and makes it again: the next run goes on where it was.
func TestKilled(t *testing.T) {
	b := newBench(t)
	life, kill := context.WithCancel(t.Context())
	b.serve(life)
	script := `
def run(plan, code):
    plan.add_service(name="one", config=ServiceConfig(image="toolbox"))
    plan.wait(service_name="one", recipe=ExecRecipe(command=["/toolbox", "exit", "0"]), field="code", assertion="==", target_value=code, interval="1ms", timeout="1h")
    plan.add_service(name="two", config=ServiceConfig(image="toolbox"))
`
	stream, err := b.client.RunStarlarkScript(t.Context(), connect.NewRequest(&pb.RunStarlarkScriptArgs{SerializedScript: script, SerializedParams: proto.String(`{"code": 1}`)}))
	require.NoError(t, err)
	for stream.Receive() {
		if stream.Msg().GetInstruction().GetInstructionName() == "wait" {
			break
		}
	}
	kill()
	b.server.Wait()
	b.serve(t.Context())
	got := b.script(script, func(a *pb.RunStarlarkScriptArgs) { a.SerializedParams = proto.String(`{"code": 0}`) })
	require.Contains(t, got, "instruction add_service at 3:21 skipped=true: Adding service with name 'one' and image 'toolbox'")
	require.Equal(t, "finished true ", got[len(got)-1])
}

// TestLeave: who stops listening does not stop the run, and a second run waits for it.
func TestLeave(t *testing.T) {
	b := newBench(t)
	ctx, leave := context.WithCancel(t.Context())
	release := make(chan struct{})
	b.backend.OnExec(func(ctx context.Context, _, _ string, _ backends.Exec) (int, bool) {
		select {
		case <-release:
		case <-ctx.Done():
		}
		return 0, true
	})
	stream, err := b.client.RunStarlarkScript(ctx, connect.NewRequest(&pb.RunStarlarkScriptArgs{SerializedScript: `
def run(plan):
    plan.add_service(name="one", config=ServiceConfig(image="toolbox"))
    plan.exec(service_name="one", recipe=ExecRecipe(command=["wait"]))
    plan.add_service(name="two", config=ServiceConfig(image="toolbox"))
`}))
	require.NoError(t, err)
	for stream.Receive() {
		if stream.Msg().GetInstruction().GetInstructionName() == "exec" {
			break
		}
	}
	leave()
	second := make(chan []string)
	waiting := make(chan struct{})
	go func() {
		var got []string
		stream, err := b.client.RunStarlarkScript(t.Context(), connect.NewRequest(&pb.RunStarlarkScriptArgs{SerializedScript: "def run(plan):\n    plan.get_service(name=\"one\")\n"}))
		for err == nil && stream.Receive() {
			got = append(got, text(stream.Msg()))
			if stream.Msg().GetInfo() != nil {
				close(waiting)
			}
		}
		second <- got
	}()
	select {
	case <-waiting:
	case <-time.After(20 * time.Second):
		t.Fatal("the second run does not say that it waits")
	}
	close(release)
	got := <-second
	require.Equal(t, "finished true ", got[len(got)-1])
	require.Equal(t, pb.ServiceStatus_RUNNING, b.service("two").ServiceStatus, "the first run was done to its end")
}
