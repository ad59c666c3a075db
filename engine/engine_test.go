package engine_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	pb "github.com/kurtosis-go/kurtosis/api/engineapi"
	"github.com/kurtosis-go/kurtosis/api/engineapi/engineapiconnect"
	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/backends/fake"
	"github.com/kurtosis-go/kurtosis/engine"
)

type bench struct {
	*engine.Server
	backend *fake.Backend
	client  engineapiconnect.EngineServiceClient
	options engine.Options
	url     string
}

func serve(t *testing.T, backend *fake.Backend, change func(*engine.Options)) *bench {
	t.Helper()
	if backend == nil {
		backend = fake.New(t.Context(), fake.Options{AnyImage: true})
		backend.AddImage("toolbox", fake.Toolbox())
		t.Cleanup(func() { backend.Close() })
	}
	o := engine.Options{Backend: backend, Image: "kurtosis", Dir: t.TempDir()}
	if change != nil {
		change(&o)
	}
	server, err := engine.New(o)
	require.NoError(t, err)
	h := httptest.NewServer(server.Handler())
	t.Cleanup(h.Close)
	return &bench{server, backend, engineapiconnect.NewEngineServiceClient(h.Client(), h.URL), o, h.URL}
}

func (b *bench) create(t *testing.T, name string) *pb.EnclaveInfo {
	t.Helper()
	resp, err := b.client.CreateEnclave(t.Context(), connect.NewRequest(&pb.CreateEnclaveArgs{EnclaveName: &name}))
	require.NoError(t, err)
	return resp.Msg.EnclaveInfo
}

func (b *bench) names(t *testing.T) []string {
	t.Helper()
	resp, err := b.client.GetEnclaves(t.Context(), connect.NewRequest(&emptypb.Empty{}))
	require.NoError(t, err)
	names := []string{}
	for _, e := range resp.Msg.EnclaveInfo {
		names = append(names, e.Name)
	}
	slices.Sort(names)
	return names
}

func TestInfo(t *testing.T) {
	b := serve(t, nil, nil)
	resp, err := b.client.GetEngineInfo(t.Context(), connect.NewRequest(&emptypb.Empty{}))
	require.NoError(t, err)
	require.Equal(t, "1.20.0", resp.Msg.EngineVersion)
}

func TestLife(t *testing.T) {
	b := serve(t, nil, nil)
	ctx := t.Context()
	e := b.create(t, "one")
	require.Equal(t, pb.EnclaveContainersStatus_EnclaveContainersStatus_RUNNING, e.ContainersStatus, "clients refuse an enclave that does not run")
	require.Equal(t, pb.EnclaveAPIContainerStatus_EnclaveAPIContainerStatus_RUNNING, e.ApiContainerStatus)
	require.EqualValues(t, 7443, e.ApiContainerInfo.GrpcPortInsideEnclave)
	require.Equal(t, "127.0.0.1", e.ApiContainerHostMachineInfo.IpOnHostMachine)
	require.NotZero(t, e.ApiContainerHostMachineInfo.GrpcPortOnHostMachine)
	require.Equal(t, e.EnclaveUuid[:12], e.ShortenedUuid)
	port := e.ApiContainerHostMachineInfo.GrpcPortOnHostMachine

	named, err := b.client.CreateEnclave(ctx, connect.NewRequest(&pb.CreateEnclaveArgs{Mode: pb.EnclaveMode_PRODUCTION.Enum()}))
	require.NoError(t, err)
	require.NotEmpty(t, named.Msg.EnclaveInfo.Name)
	require.Equal(t, pb.EnclaveMode_PRODUCTION, named.Msg.EnclaveInfo.Mode)

	some, err := b.client.GetEnclavesByUuids(ctx, connect.NewRequest(&pb.GetEnclavesByUuidsArgs{EnclaveUuids: []string{e.EnclaveUuid, "absent"}}))
	require.NoError(t, err)
	require.Len(t, some.Msg.EnclaveInfo, 1)
	all, err := b.client.GetEnclavesByUuids(ctx, connect.NewRequest(&pb.GetEnclavesByUuidsArgs{}))
	require.NoError(t, err)
	require.Len(t, all.Msg.EnclaveInfo, 2)

	_, err = b.backend.AddService(ctx, e.EnclaveUuid, backends.ServiceSpec{Name: "web", Image: "toolbox"})
	require.NoError(t, err)
	_, err = b.client.StopEnclave(ctx, connect.NewRequest(&pb.StopEnclaveArgs{EnclaveIdentifier: "one"}))
	require.NoError(t, err)
	some, err = b.client.GetEnclavesByUuids(ctx, connect.NewRequest(&pb.GetEnclavesByUuidsArgs{EnclaveUuids: []string{e.EnclaveUuid}}))
	require.NoError(t, err)
	stopped := some.Msg.EnclaveInfo[e.EnclaveUuid]
	require.Equal(t, pb.EnclaveContainersStatus_EnclaveContainersStatus_STOPPED, stopped.ContainersStatus)
	require.Equal(t, pb.EnclaveAPIContainerStatus_EnclaveAPIContainerStatus_STOPPED, stopped.ApiContainerStatus)
	require.Nil(t, stopped.ApiContainerHostMachineInfo)

	require.NoError(t, b.Start(ctx, e.ShortenedUuid))
	some, err = b.client.GetEnclavesByUuids(ctx, connect.NewRequest(&pb.GetEnclavesByUuidsArgs{EnclaveUuids: []string{e.EnclaveUuid}}))
	require.NoError(t, err)
	require.Equal(t, port, some.Msg.EnclaveInfo[e.EnclaveUuid].ApiContainerHostMachineInfo.GrpcPortOnHostMachine, "it is where it was")
	web, err := b.backend.InspectService(ctx, e.EnclaveUuid, "web")
	require.NoError(t, err)
	require.Equal(t, backends.Running, web.State)

	_, err = b.client.DestroyEnclave(ctx, connect.NewRequest(&pb.DestroyEnclaveArgs{EnclaveIdentifier: e.ShortenedUuid}))
	require.NoError(t, err)
	require.Empty(t, b.backend.Leftovers(e.EnclaveUuid))
	require.Equal(t, []string{named.Msg.EnclaveInfo.Name}, b.names(t))

	// Another engine with the same directory knows what was.
	again := serve(t, b.backend, func(o *engine.Options) { o.Dir = b.options.Dir })
	past, err := again.client.GetExistingAndHistoricalEnclaveIdentifiers(ctx, connect.NewRequest(&emptypb.Empty{}))
	require.NoError(t, err)
	require.Len(t, past.Msg.AllIdentifiers, 2)
	require.True(t, proto.Equal(&pb.EnclaveIdentifiers{EnclaveUuid: e.EnclaveUuid, Name: "one", ShortenedUuid: e.ShortenedUuid}, past.Msg.AllIdentifiers[0]))
}

func TestErrors(t *testing.T) {
	b := serve(t, nil, nil)
	ctx := t.Context()
	b.create(t, "one")
	for _, c := range []struct {
		call func() error
		code connect.Code
		text string
	}{
		{func() error {
			_, err := b.client.CreateEnclave(ctx, connect.NewRequest(&pb.CreateEnclaveArgs{EnclaveName: proto.String("one")}))
			return err
		}, connect.CodeAlreadyExists, "already_exists: there is an enclave \"one\" already (choose another name, or remove it with `kurtosis enclave rm one`)"},
		{func() error {
			_, err := b.client.StopEnclave(ctx, connect.NewRequest(&pb.StopEnclaveArgs{EnclaveIdentifier: "two"}))
			return err
		}, connect.CodeNotFound, "not_found: there is no enclave \"two\" (`kurtosis enclave ls` lists them)"},
		{func() error {
			_, err := b.client.DestroyEnclave(ctx, connect.NewRequest(&pb.DestroyEnclaveArgs{}))
			return err
		}, connect.CodeInvalidArgument, "invalid_argument: an empty enclave identifier"},
		{func() error {
			_, err := b.logs(ctx, &pb.GetServiceLogsArgs{EnclaveIdentifier: "two"})
			return err
		}, connect.CodeNotFound, `not_found: there is and was no enclave "two"`},
		{func() error {
			_, err := b.logs(ctx, &pb.GetServiceLogsArgs{EnclaveIdentifier: "one", ConjunctiveFilters: []*pb.LogLineFilter{{Operator: pb.LogLineOperator_LogLineOperator_DOES_CONTAIN_MATCH_REGEX, TextPattern: "("}}})
			return err
		}, connect.CodeInvalidArgument, "invalid_argument: the log filter \"(\" is no regular expression: error parsing regexp: missing closing ): `(`"},
	} {
		err := c.call()
		require.EqualError(t, err, c.text)
		require.Equal(t, c.code, connect.CodeOf(err))
	}

	// An enclave whose API container cannot be started is not left behind.
	b.backend.Fail("StartSystem", 1, errors.New("no such luck"))
	_, err := b.client.CreateEnclave(ctx, connect.NewRequest(&pb.CreateEnclaveArgs{EnclaveName: proto.String("two")}))
	require.EqualError(t, err, "unknown: no such luck")
	require.Equal(t, []string{"one"}, b.names(t))
}

// TestSeveral: engines on one machine do not touch each other's enclaves.
func TestSeveral(t *testing.T) {
	first := serve(t, nil, nil)
	second := serve(t, first.backend, func(o *engine.Options) { o.Name = "second" })
	first.create(t, "one")
	second.create(t, "two")
	_, err := first.backend.CreateEnclave(t.Context(), backends.EnclaveSpec{UUID: backends.NewUUID(), Name: "by-hand"})
	require.NoError(t, err)
	require.Equal(t, []string{"by-hand", "one"}, first.names(t))
	require.Equal(t, []string{"two"}, second.names(t))

	clean := func(b *bench, all bool) (removed []string) {
		resp, err := b.client.Clean(t.Context(), connect.NewRequest(&pb.CleanArgs{ShouldCleanAll: &all}))
		require.NoError(t, err)
		for _, e := range resp.Msg.RemovedEnclaveNameAndUuids {
			removed = append(removed, e.Name)
		}
		return removed
	}
	require.Equal(t, []string{"by-hand"}, clean(first, false), "what runs stays")
	require.Equal(t, []string{"two"}, clean(second, true))
	require.Equal(t, []string{"one"}, first.names(t))
}

func (b *bench) logs(ctx context.Context, args *pb.GetServiceLogsArgs) ([]string, error) {
	stream, err := b.client.GetServiceLogs(ctx, connect.NewRequest(args))
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	var lines []string
	for stream.Receive() {
		for id := range stream.Msg().NotFoundServiceUuidSet {
			lines = append(lines, "no service "+id)
		}
		for _, l := range stream.Msg().ServiceLogsByServiceUuid {
			lines = append(lines, l.Line...)
		}
	}
	return lines, stream.Err()
}

func TestLogs(t *testing.T) {
	now := time.Now()
	b := serve(t, nil, func(o *engine.Options) { o.Now = func() time.Time { return now } })
	ctx := t.Context()
	e := b.create(t, "one")
	run, stop := context.WithCancel(ctx)
	kept := make(chan struct{})
	go func() { b.Run(run); close(kept) }()
	service, err := b.backend.AddService(ctx, e.EnclaveUuid, backends.ServiceSpec{Name: "web", Image: "toolbox", Cmd: []string{"count", "10", "+", "sleep"}})
	require.NoError(t, err)
	args := func(change func(*pb.GetServiceLogsArgs)) *pb.GetServiceLogsArgs {
		a := &pb.GetServiceLogsArgs{EnclaveIdentifier: "one", ServiceUuidSet: map[string]bool{service.UUID: true}, ReturnAllLogs: proto.Bool(true)}
		if change != nil {
			change(a)
		}
		return a
	}
	ten := []string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10"}
	log := filepath.Join(b.options.Dir, "logs", e.EnclaveUuid, service.UUID+".jsonl")
	require.Eventually(t, func() bool {
		lines, err := b.logs(ctx, args(nil))
		text, _ := os.ReadFile(log)
		return err == nil && slices.Equal(ten, lines) && strings.Count(string(text), "\n") == 10
	}, 20*time.Second, 10*time.Millisecond)

	filter := func(operator pb.LogLineOperator, pattern string) *pb.LogLineFilter {
		return &pb.LogLineFilter{Operator: operator, TextPattern: pattern}
	}
	for _, c := range []struct {
		name   string
		change func(*pb.GetServiceLogsArgs)
		want   []string
	}{
		{"the last lines", func(a *pb.GetServiceLogsArgs) { a.ReturnAllLogs, a.NumLogLines = nil, proto.Uint32(3) }, []string{"8", "9", "10"}},
		{"the last lines that match", func(a *pb.GetServiceLogsArgs) {
			a.ReturnAllLogs, a.NumLogLines = nil, proto.Uint32(1)
			a.ConjunctiveFilters = []*pb.LogLineFilter{filter(pb.LogLineOperator_LogLineOperator_DOES_NOT_CONTAIN_TEXT, "0")}
		}, []string{"9"}},
		{"text", func(a *pb.GetServiceLogsArgs) {
			a.ConjunctiveFilters = []*pb.LogLineFilter{filter(pb.LogLineOperator_LogLineOperator_DOES_CONTAIN_TEXT, "1")}
		}, []string{"1", "10"}},
		{"a pattern", func(a *pb.GetServiceLogsArgs) {
			a.ConjunctiveFilters = []*pb.LogLineFilter{filter(pb.LogLineOperator_LogLineOperator_DOES_CONTAIN_MATCH_REGEX, "^[12]")}
		}, []string{"1", "2", "10"}},
		{"several", func(a *pb.GetServiceLogsArgs) {
			a.ConjunctiveFilters = []*pb.LogLineFilter{
				filter(pb.LogLineOperator_LogLineOperator_DOES_CONTAIN_MATCH_REGEX, "^[12]"),
				filter(pb.LogLineOperator_LogLineOperator_DOES_NOT_CONTAIN_MATCH_REGEX, "0$"),
			}
		}, []string{"1", "2"}},
		{"a name", func(a *pb.GetServiceLogsArgs) { a.ServiceUuidSet = map[string]bool{"web": true} }, ten},
		{"nobody", func(a *pb.GetServiceLogsArgs) { a.ServiceUuidSet = map[string]bool{"nobody": true} }, []string{"no service nobody"}},
	} {
		lines, err := b.logs(ctx, args(c.change))
		require.NoError(t, err, c.name)
		require.Equal(t, c.want, lines, c.name)
	}

	// Whoever follows gets what comes until the service ends.
	got := make(chan []string, 1)
	go func() {
		lines, _ := b.logs(ctx, args(func(a *pb.GetServiceLogsArgs) { a.FollowLogs = proto.Bool(true) }))
		got <- lines
	}()
	require.NoError(t, b.backend.StopService(ctx, e.EnclaveUuid, "web"))
	require.Equal(t, ten, <-got)

	// What was said is there after the service, and after the enclave; and no longer than it is kept.
	require.NoError(t, b.backend.RemoveService(ctx, e.EnclaveUuid, "web"))
	lines, err := b.logs(ctx, args(nil))
	require.NoError(t, err)
	require.Equal(t, ten, lines)
	_, err = b.client.DestroyEnclave(ctx, connect.NewRequest(&pb.DestroyEnclaveArgs{EnclaveIdentifier: "one"}))
	require.NoError(t, err)
	lines, err = b.logs(ctx, args(nil))
	require.NoError(t, err)
	require.Equal(t, ten, lines)
	stop()
	<-kept
	now = now.Add(engine.DefaultRetention + time.Hour)
	again := serve(t, b.backend, func(o *engine.Options) { o.Dir = b.options.Dir; o.Now = func() time.Time { return now } })
	ended, end := context.WithCancel(ctx)
	end()
	again.Run(ended)
	_, err = os.Stat(filepath.Dir(log))
	require.ErrorIs(t, err, os.ErrNotExist)
}

// TestLogSize: of a service that says much the newest lines are kept.
func TestLogSize(t *testing.T) {
	b := serve(t, nil, func(o *engine.Options) { o.Logs.MaxBytes = 4000 })
	ctx := t.Context()
	e := b.create(t, "one")
	service, err := b.backend.AddService(ctx, e.EnclaveUuid, backends.ServiceSpec{Name: "web", Image: "toolbox", Cmd: []string{"count", "500"}})
	require.NoError(t, err)
	run, stop := context.WithCancel(ctx)
	kept := make(chan struct{})
	go func() { b.Run(run); close(kept) }()
	log := filepath.Join(b.options.Dir, "logs", e.EnclaveUuid, service.UUID)
	require.Eventually(t, func() bool {
		text, _ := os.ReadFile(log + ".jsonl")
		return strings.Contains(string(text), `"m":"500"`)
	}, 20*time.Second, 10*time.Millisecond)
	stop()
	<-kept
	var size int64
	for _, f := range []string{log + ".jsonl", log + ".1.jsonl"} {
		info, err := os.Stat(f)
		require.NoError(t, err)
		size += info.Size()
	}
	require.LessOrEqual(t, size, int64(4000))
	require.NoError(t, b.backend.RemoveEnclave(ctx, e.EnclaveUuid))
	lines, err := b.logs(ctx, &pb.GetServiceLogsArgs{EnclaveIdentifier: "one", ServiceUuidSet: map[string]bool{service.UUID: true}, ReturnAllLogs: proto.Bool(true)})
	require.NoError(t, err)
	require.Equal(t, "500", lines[len(lines)-1])
	for i := 1; i < len(lines); i++ {
		var a, b int
		fmt.Sscan(lines[i-1], &a)
		fmt.Sscan(lines[i], &b)
		require.Equal(t, a+1, b, "none is missing in between")
	}
}

func TestWeb(t *testing.T) {
	b := serve(t, nil, func(o *engine.Options) {
		o.RPC.Token = "secret"
		o.RPC.Origins = []string{"https://ui.example.com"}
	})
	h := httptest.NewServer(b.Handler())
	defer h.Close()
	ask := func(method, origin, token string) *http.Response {
		req, err := http.NewRequestWithContext(t.Context(), method, h.URL+"/engine_api.EngineService/GetEngineInfo", strings.NewReader("{}"))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/json")
		if origin != "" {
			req.Header.Set("Origin", origin)
		}
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		if method == http.MethodOptions {
			req.Header.Set("Access-Control-Request-Method", "POST")
		}
		resp, err := h.Client().Do(req)
		require.NoError(t, err)
		resp.Body.Close()
		return resp
	}
	require.Equal(t, 401, ask("POST", "", "").StatusCode)
	require.Equal(t, 401, ask("POST", "", "guess").StatusCode)
	require.Equal(t, 200, ask("POST", "", "secret").StatusCode)
	require.Equal(t, 200, ask("POST", "https://ui.example.com", "secret").StatusCode)
	require.Equal(t, 200, ask("POST", "http://localhost:3000", "secret").StatusCode)
	require.Equal(t, 403, ask("POST", "https://evil.example.com", "secret").StatusCode)
	require.Equal(t, 403, ask("OPTIONS", "http://localhost.evil.example.com", "").StatusCode)
	preflight := ask("OPTIONS", "http://127.0.0.1:3000", "")
	require.Equal(t, 204, preflight.StatusCode)
	require.Equal(t, "http://127.0.0.1:3000", preflight.Header.Get("Access-Control-Allow-Origin"))
}
