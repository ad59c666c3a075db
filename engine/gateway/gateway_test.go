package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/emptypb"

	pb "github.com/kurtosis-go/kurtosis/api/apicontainerapi"
	"github.com/kurtosis-go/kurtosis/api/apicontainerapi/apicontainerapiconnect"
	"github.com/kurtosis-go/kurtosis/api/engineapi"
	"github.com/kurtosis-go/kurtosis/api/engineapi/engineapiconnect"
	"github.com/kurtosis-go/kurtosis/api/rpc"
	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/backends/fake"
	"github.com/kurtosis-go/kurtosis/engine/gateway"
)

// limit is for what never takes long.
const limit = 2 * time.Minute

// cluster is a fake whose containers of ours, and whose services, are servers of this test's.
type cluster struct {
	*fake.Backend
	mu       sync.Mutex
	engine   []any             // of dials in turn, the last for good: an address, or an error
	api      []any             // the same
	services map[string]string // addresses, by name
	dialled  int               // containers of ours
}

func (c *cluster) DialSystem(ctx context.Context, s backends.System) (net.Conn, error) {
	c.mu.Lock()
	c.dialled++
	turns := &c.engine
	if s.Kind == backends.ContainerTypeAPI {
		turns = &c.api
	}
	turn := (*turns)[0]
	if len(*turns) > 1 {
		*turns = (*turns)[1:]
	}
	c.mu.Unlock()
	if err, ok := turn.(error); ok {
		return nil, err
	}
	return (&net.Dialer{}).DialContext(ctx, "tcp", turn.(string))
}

func (c *cluster) Dial(ctx context.Context, _, service string, port backends.Port) (net.Conn, error) {
	c.mu.Lock()
	address := c.services[service]
	c.mu.Unlock()
	if address == "" {
		return nil, backends.Errorf(backends.PortClosed, "port %s of service %q is not open: nobody listens on it", port, service)
	}
	return (&net.Dialer{}).DialContext(ctx, "tcp", address)
}

func (c *cluster) set(change func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change()
}

// engineServer knows one enclave, whose API container is elsewhere.
type engineServer struct {
	engineapiconnect.UnimplementedEngineServiceHandler
	info func() *engineapi.EnclaveInfo
}

func (s engineServer) GetEngineInfo(_ context.Context, r *connect.Request[emptypb.Empty]) (*connect.Response[engineapi.GetEngineInfoResponse], error) {
	return connect.NewResponse(&engineapi.GetEngineInfoResponse{EngineVersion: r.Header().Get("Authorization")}), nil
}

func (s engineServer) GetEnclaves(_ context.Context, r *connect.Request[emptypb.Empty]) (*connect.Response[engineapi.GetEnclavesResponse], error) {
	info := s.info()
	if r.Header().Get("Authorization") != "Bearer secret" {
		return nil, connect.NewError(connect.CodeUnauthenticated, errors.New("the token is missing or wrong"))
	}
	stopped := &engineapi.EnclaveInfo{EnclaveUuid: "stopped", ApiContainerStatus: engineapi.EnclaveAPIContainerStatus_EnclaveAPIContainerStatus_STOPPED}
	return connect.NewResponse(&engineapi.GetEnclavesResponse{EnclaveInfo: map[string]*engineapi.EnclaveInfo{info.EnclaveUuid: info, "stopped": stopped}}), nil
}

func (s engineServer) CreateEnclave(context.Context, *connect.Request[engineapi.CreateEnclaveArgs]) (*connect.Response[engineapi.CreateEnclaveResponse], error) {
	return connect.NewResponse(&engineapi.CreateEnclaveResponse{EnclaveInfo: s.info()}), nil
}

// apiServer has services with ports of all kinds, and answers a run with two lines, the second of which waits for the client.
type apiServer struct {
	apicontainerapiconnect.UnimplementedApiContainerServiceHandler
	name string
	seen chan struct{}
}

func (s apiServer) GetServices(context.Context, *connect.Request[pb.GetServicesArgs]) (*connect.Response[pb.GetServicesResponse], error) {
	ports := map[string]*pb.Port{
		"echo": {Number: 7000, TransportProtocol: pb.Port_TCP, MaybeApplicationProtocol: "tcp"},
		"dns":  {Number: 53, TransportProtocol: pb.Port_UDP},
	}
	elsewhere := map[string]*pb.Port{"echo": {Number: 30001, TransportProtocol: pb.Port_TCP}}
	return connect.NewResponse(&pb.GetServicesResponse{ServiceInfo: map[string]*pb.ServiceInfo{
		"web":  {Name: "web", ServiceStatus: pb.ServiceStatus_RUNNING, PrivatePorts: ports, MaybePublicIpAddr: "192.0.2.1", MaybePublicPorts: elsewhere},
		"idle": {Name: "idle", ServiceStatus: pb.ServiceStatus_STOPPED, PrivatePorts: ports, MaybePublicIpAddr: "192.0.2.1", MaybePublicPorts: elsewhere},
	}}), nil
}

func (s apiServer) RunStarlarkScript(_ context.Context, _ *connect.Request[pb.RunStarlarkScriptArgs], out *connect.ServerStream[pb.StarlarkRunResponseLine]) error {
	for _, text := range []string{"first", s.name} {
		if err := out.Send(&pb.StarlarkRunResponseLine{RunResponseLine: &pb.StarlarkRunResponseLine_Info{Info: &pb.StarlarkInfo{InfoMessage: text}}}); err != nil {
			return err
		}
		if text == "first" {
			<-s.seen
		}
	}
	return nil
}

// bench is a gateway to a cluster with an engine and an enclave.
type bench struct {
	*testing.T
	ctx     context.Context
	cluster *cluster
	enclave backends.Enclave
	opened  chan gateway.Forward
	left    chan gateway.Forward
	address string
	ended   chan error
	stop    context.CancelFunc
}

func serveRPC(t *testing.T, path string, handler http.Handler) string {
	t.Helper()
	s := httptest.NewUnstartedServer(rpc.Handler(rpc.Options{}, map[string]http.Handler{path: handler}))
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

func (b *bench) apiAddress(name string, seen chan struct{}) string {
	path, handler := apicontainerapiconnect.NewApiContainerServiceHandler(apiServer{name: name, seen: seen})
	return serveRPC(b.T, path, handler)
}

func newBench(t *testing.T) *bench {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	back := fake.New(ctx, fake.Options{Cluster: backends.Kubernetes})
	t.Cleanup(func() { back.Close() })
	back.AddImage("toolbox", fake.Toolbox())
	uuid := backends.NewUUID()
	enclave, err := back.CreateEnclave(ctx, backends.EnclaveSpec{UUID: uuid, Name: "demo"})
	require.NoError(t, err)
	b := &bench{T: t, ctx: ctx, enclave: enclave, opened: make(chan gateway.Forward, 20), left: make(chan gateway.Forward, 20), ended: make(chan error, 1)}
	path, handler := engineapiconnect.NewEngineServiceHandler(engineServer{info: func() *engineapi.EnclaveInfo {
		return &engineapi.EnclaveInfo{EnclaveUuid: uuid, Name: "demo", ApiContainerStatus: engineapi.EnclaveAPIContainerStatus_EnclaveAPIContainerStatus_RUNNING,
			ApiContainerInfo:            &engineapi.EnclaveAPIContainerInfo{GrpcPortInsideEnclave: 7443, IpInsideEnclave: "10.1.2.3"},
			ApiContainerHostMachineInfo: &engineapi.EnclaveAPIContainerHostMachineInfo{IpOnHostMachine: "10.1.2.3", GrpcPortOnHostMachine: 7443}}
	}})
	seen := make(chan struct{})
	close(seen)
	b.cluster = &cluster{Backend: back, engine: []any{serveRPC(t, path, handler)}, api: []any{b.apiAddress("api", seen)}, services: map[string]string{}}
	for _, spec := range []backends.SystemSpec{
		{Kind: backends.ContainerTypeEngine, Name: backends.EngineName("mine"), Labels: map[string]string{backends.LabelEngine: "mine"}},
		{Kind: backends.ContainerTypeAPI, Name: backends.APIContainerName(uuid), Enclave: uuid, Labels: map[string]string{backends.LabelEngine: "mine"}},
	} {
		_, err := back.StartSystem(ctx, spec)
		require.NoError(t, err)
	}
	return b
}

// start begins to serve.
func (b *bench) start() {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	b.address = listener.Addr().String()
	ctx, stop := context.WithCancel(b.ctx)
	b.stop = stop
	go func() {
		b.ended <- gateway.Serve(ctx, gateway.Options{Backend: b.cluster, Engine: "mine",
			Opened: func(f gateway.Forward) { b.opened <- f }, Left: func(f gateway.Forward) { b.left <- f }}, listener)
	}()
	b.Cleanup(func() {
		stop()
		require.NoError(b, <-b.ended)
	})
	require.Equal(b, gateway.Forward{Port: backends.Port{Number: uint16(listener.Addr().(*net.TCPAddr).Port)}, Local: b.address}, b.next(b.opened))
}

func (b *bench) next(from chan gateway.Forward) gateway.Forward {
	b.Helper()
	select {
	case f := <-from:
		return f
	case <-b.ctx.Done():
		b.Fatal("the gateway told nothing")
		return gateway.Forward{}
	}
}

// client speaks as SDKs do.
func (b *bench) client() *http.Client {
	t := &http.Transport{Protocols: rpc.PlainHTTP2()}
	b.Cleanup(t.CloseIdleConnections)
	return &http.Client{Transport: t}
}

func (b *bench) engineClient() engineapiconnect.EngineServiceClient {
	return engineapiconnect.NewEngineServiceClient(b.client(), "http://"+b.address, connect.WithGRPC())
}

func (b *bench) apiClient() apicontainerapiconnect.ApiContainerServiceClient {
	b.Helper()
	made, err := b.engineClient().CreateEnclave(b.ctx, connect.NewRequest(&engineapi.CreateEnclaveArgs{}))
	require.NoError(b, err)
	host := made.Msg.EnclaveInfo.ApiContainerHostMachineInfo
	require.Equal(b, "127.0.0.1", host.IpOnHostMachine)
	return apicontainerapiconnect.NewApiContainerServiceClient(b.client(), fmt.Sprintf("http://127.0.0.1:%d", host.GrpcPortOnHostMachine), connect.WithGRPC())
}

// service makes a service of the fake, so that its ports are opened, and gives the port here.
func (b *bench) service() string {
	b.Helper()
	_, err := b.cluster.AddService(b.ctx, b.enclave.UUID, backends.ServiceSpec{Name: "web", Image: "toolbox", Cmd: []string{"sleep"},
		Ports: map[string]backends.Port{"echo": {Number: 7000, Transport: backends.TCP}, "dns": {Number: 53, Transport: backends.UDP}}})
	require.NoError(b, err)
	f := b.next(b.opened)
	require.Equal(b, gateway.Forward{Enclave: "demo", Service: "web", Port: backends.Port{Number: 7000, Transport: backends.TCP}, Local: f.Local}, f)
	return f.Local
}

// listen serves connections of a service, each by handle.
func (b *bench) listen(handle func(*net.TCPConn)) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	b.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				handle(conn.(*net.TCPConn))
			}()
		}
	}()
	return l.Addr().String()
}

func (b *bench) dial(address string) *net.TCPConn {
	b.Helper()
	conn, err := (&net.Dialer{}).DialContext(b.ctx, "tcp", address)
	require.NoError(b, err)
	b.Cleanup(func() { conn.Close() })
	deadline, _ := b.ctx.Deadline()
	require.NoError(b, conn.SetDeadline(deadline))
	return conn.(*net.TCPConn)
}

// TestAddresses: what the engine and the API container say of addresses leads to this machine; the rest is handed on as it is.
func TestAddresses(t *testing.T) {
	b := newBench(t)
	b.start()
	calls := b.engineClient()
	token := connect.NewRequest(&emptypb.Empty{})
	token.Header().Set("Authorization", "Bearer secret")
	enclaves, err := calls.GetEnclaves(b.ctx, token)
	require.NoError(t, err)
	info := enclaves.Msg.EnclaveInfo[b.enclave.UUID]
	opened := b.next(b.opened)
	require.Equal(t, gateway.Forward{Enclave: "demo", Port: backends.Port{Number: 7443}, Local: opened.Local}, opened)
	require.Equal(t, opened.Local, fmt.Sprintf("%s:%d", info.ApiContainerHostMachineInfo.IpOnHostMachine, info.ApiContainerHostMachineInfo.GrpcPortOnHostMachine))
	require.Equal(t, "10.1.2.3", info.ApiContainerInfo.IpInsideEnclave)
	require.Nil(t, enclaves.Msg.EnclaveInfo["stopped"].ApiContainerHostMachineInfo)
	_, err = calls.GetEnclaves(b.ctx, connect.NewRequest(&emptypb.Empty{}))
	require.EqualError(t, err, "unauthenticated: the token is missing or wrong")
	plain, err := calls.GetEngineInfo(b.ctx, token)
	require.NoError(t, err)
	require.Equal(t, "Bearer secret", plain.Msg.EngineVersion)

	api := b.apiClient()
	list, err := api.GetServices(b.ctx, connect.NewRequest(&pb.GetServicesArgs{}))
	require.NoError(t, err)
	web := list.Msg.ServiceInfo["web"]
	port := b.next(b.opened)
	require.Equal(t, backends.Port{Number: 7000, Application: "tcp"}, port.Port)
	require.Equal(t, "127.0.0.1", web.MaybePublicIpAddr)
	require.Len(t, web.MaybePublicPorts, 1, "no UDP")
	require.Equal(t, port.Local, fmt.Sprintf("127.0.0.1:%d", web.MaybePublicPorts["echo"].Number))
	require.Empty(t, list.Msg.ServiceInfo["idle"].MaybePublicIpAddr)
	require.Empty(t, list.Msg.ServiceInfo["idle"].MaybePublicPorts)

	b.stop()
	require.NoError(t, <-b.ended)
	b.ended <- nil
	for _, address := range []string{b.address, opened.Local, port.Local} {
		_, err := net.Dial("tcp", address)
		require.Error(t, err, "%s is closed with the gateway", address)
	}
}

// TestStream: lines of a run arrive as they are said, not at its end.
func TestStream(t *testing.T) {
	b := newBench(t)
	seen := make(chan struct{})
	b.cluster.api = []any{b.apiAddress("last", seen)}
	b.start()
	lines, err := b.apiClient().RunStarlarkScript(b.ctx, connect.NewRequest(&pb.RunStarlarkScriptArgs{}))
	require.NoError(t, err)
	defer lines.Close()
	require.True(t, lines.Receive(), lines.Err())
	require.Equal(t, "first", lines.Msg().GetInfo().GetInfoMessage())
	close(seen)
	require.True(t, lines.Receive(), lines.Err())
	require.Equal(t, "last", lines.Msg().GetInfo().GetInfoMessage())
	require.False(t, lines.Receive())
	require.NoError(t, lines.Err())
}

// TestReplaced: an API container that does not run is waited for, and its successor is found at the same port.
func TestReplaced(t *testing.T) {
	b := newBench(t)
	away := backends.Errorf(backends.Exited, "its Pod does not run")
	first := b.cluster.api[0]
	b.cluster.api = []any{away, away, first}
	b.start()
	api := b.apiClient()
	_, err := api.GetServices(b.ctx, connect.NewRequest(&pb.GetServicesArgs{}))
	require.NoError(t, err)
	b.cluster.set(func() { require.Equal(t, 4, b.cluster.dialled, "of them one is the engine") })
}

// TestRefused: what cannot be connected to is told to who calls.
func TestRefused(t *testing.T) {
	b := newBench(t)
	b.cluster.engine = []any{backends.Errorf(backends.PermissionDenied, "you may not")}
	b.start()
	_, err := b.engineClient().GetEngineInfo(b.ctx, connect.NewRequest(&emptypb.Empty{}))
	require.EqualError(t, err, "unavailable: you may not")
	resp, err := b.client().Post("http://"+b.address+"/page", "text/plain", nil)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, http.StatusBadGateway, resp.StatusCode)
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, "you may not\n", string(text))
}

// TestHalfClosed: either end may cease to send and go on receiving.
func TestHalfClosed(t *testing.T) {
	b := newBench(t)
	b.start()
	address := b.service()
	heard := make(chan string, 1)
	b.cluster.set(func() {
		b.cluster.services["web"] = b.listen(func(conn *net.TCPConn) { // speaks first, then listens to the end, then answers no more
			_, _ = io.WriteString(conn, "welcome")
			_ = conn.CloseWrite()
			text, _ := io.ReadAll(conn)
			heard <- string(text)
		})
	})
	conn := b.dial(address)
	text, err := io.ReadAll(conn)
	require.NoError(t, err)
	require.Equal(t, "welcome", string(text))
	_, err = io.WriteString(conn, "said after the other had ended")
	require.NoError(t, err)
	require.NoError(t, conn.Close())
	require.Equal(t, "said after the other had ended", <-heard)

	b.cluster.set(func() {
		b.cluster.services["web"] = b.listen(func(conn *net.TCPConn) { // answers when all was said
			text, _ := io.ReadAll(conn)
			_, _ = conn.Write(append([]byte("heard "), text...))
		})
	})
	conn = b.dial(address) // the Pod was replaced; the port stays
	_, err = io.WriteString(conn, "all of it")
	require.NoError(t, err)
	require.NoError(t, conn.CloseWrite())
	text, err = io.ReadAll(conn)
	require.NoError(t, err)
	require.Equal(t, "heard all of it", string(text))
}

// TestServices: ports of services are opened as these start, UDP is told of once, and a connection to what has gone ends.
func TestServices(t *testing.T) {
	b := newBench(t)
	b.start()
	address := b.service()
	require.Equal(t, gateway.Forward{Enclave: "demo", Service: "web", Port: backends.Port{Number: 53, Transport: backends.UDP}}, b.next(b.left))
	_, err := b.dial(address).Read(make([]byte, 1))
	require.Error(t, err, "nobody listens: it hangs up")

	b.cluster.set(func() { b.cluster.services["web"] = b.listen(func(conn *net.TCPConn) { _, _ = io.Copy(conn, conn) }) })
	require.NoError(t, b.cluster.StopService(b.ctx, b.enclave.UUID, "web"))
	_, err = b.cluster.StartService(b.ctx, b.enclave.UUID, "web")
	require.NoError(t, err)
	conn := b.dial(address)
	_, err = io.WriteString(conn, "still here")
	require.NoError(t, err)
	answer := make([]byte, len("still here"))
	_, err = io.ReadFull(conn, answer)
	require.NoError(t, err)
	require.Equal(t, "still here", string(answer))
	b.stop()
	_, err = conn.Read(answer)
	require.Error(t, err, "connections end with the gateway")
	require.NoError(t, <-b.ended)
	b.ended <- nil
	require.Empty(t, b.left, "it was told of already")
	require.Empty(t, b.opened)
}
