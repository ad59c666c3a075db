package client

import (
	"context"
	"iter"
	"net"
	"net/http"
	"strconv"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/kurtosis-go/kurtosis/api/engineapi/engineapiconnect"
	pb "github.com/kurtosis-go/kurtosis/api/kurtosisv1"
	"github.com/kurtosis-go/kurtosis/api/kurtosisv1/kurtosisv1connect"
	"github.com/kurtosis-go/kurtosis/backends"
)

// Engine calls an engine.
type Engine struct {
	calls     kurtosisv1connect.EngineServiceClient
	reference engineapiconnect.EngineServiceClient
	transport *http.Transport
}

// NewEngine makes a client. Nothing is dialled before the first call. The caller closes it.
func NewEngine(o Options) *Engine {
	transport := o.transport()
	caller := &http.Client{Transport: transport}
	return &Engine{
		kurtosisv1connect.NewEngineServiceClient(caller, o.url(), o.connectOptions()...),
		engineapiconnect.NewEngineServiceClient(caller, o.url(), o.connectOptions()...), transport,
	}
}

// Close ends the connections.
func (e *Engine) Close() { e.transport.CloseIdleConnections() }

// EngineInfo describes an engine.
type EngineInfo struct {
	Name        string // among several on one machine
	Version     string // of the program
	WireVersion string // of the reference's wire, "1.20.0"
	Image       string // of its API containers
	Host        backends.Info
}

// Enclave is an enclave of an engine with its API container.
type EnclaveInfo struct {
	backends.Enclave
	API *backends.System // nil where there is none; of Kind, Labels, ImageID and Created nothing is known
}

// Running says whether the API container can be called.
func (e EnclaveInfo) Running() bool { return e.API != nil && e.API.State == backends.Running }

// Address is where the API container is published, as host:port; "" while it does not run.
func (e EnclaveInfo) Address() string {
	if !e.Running() || e.API.Published.Number == 0 {
		return ""
	}
	return net.JoinHostPort(e.API.Published.Address, strconv.Itoa(int(e.API.Published.Number)))
}

// Info describes the engine. An answer of code Unimplemented is given by an engine from before this API: the error
// is then of kind backends.Unsupported.
func (e *Engine) Info(ctx context.Context) (EngineInfo, error) {
	resp, err := e.calls.Info(ctx, connect.NewRequest(&pb.InfoRequest{}))
	if err != nil {
		return EngineInfo{}, err
	}
	m := resp.Msg
	return EngineInfo{m.Name, m.Version, m.WireVersion, m.Image, hostOf(m.Host)}, nil
}

// WireVersion asks for EngineInfo.WireVersion alone. Every engine has it at hand, so it also tells whether one answers.
func (e *Engine) WireVersion(ctx context.Context) (string, error) {
	resp, err := e.reference.GetEngineInfo(ctx, connect.NewRequest(&emptypb.Empty{}))
	if err != nil {
		return "", err
	}
	return resp.Msg.EngineVersion, nil
}

// Create makes an enclave with its API container and returns once that answers. An empty name is made up; production
// starts services again when they end.
func (e *Engine) Create(ctx context.Context, name string, production bool) (EnclaveInfo, error) {
	resp, err := e.calls.CreateEnclave(ctx, connect.NewRequest(&pb.CreateEnclaveRequest{Name: name, Production: production}))
	if err != nil {
		return EnclaveInfo{}, err
	}
	return enclaveOf(resp.Msg.Enclave), nil
}

// List gives the engine's enclaves, oldest first.
func (e *Engine) List(ctx context.Context) ([]EnclaveInfo, error) {
	resp, err := e.calls.ListEnclaves(ctx, connect.NewRequest(&pb.ListEnclavesRequest{}))
	if err != nil {
		return nil, err
	}
	list := make([]EnclaveInfo, len(resp.Msg.Enclaves))
	for i, m := range resp.Msg.Enclaves {
		list[i] = enclaveOf(m)
	}
	return list, nil
}

// Find finds an enclave by name, UUID or an unambiguous beginning of that (NotFound, Ambiguous).
func (e *Engine) Find(ctx context.Context, identifier string) (EnclaveInfo, error) {
	resp, err := e.calls.FindEnclave(ctx, connect.NewRequest(&pb.FindEnclaveRequest{Identifier: identifier}))
	if err != nil {
		return EnclaveInfo{}, err
	}
	return enclaveOf(resp.Msg.Enclave), nil
}

// Start starts what was stopped in an enclave, services and API container, and makes an API container where there is
// none. One of another image than the engine's, EngineInfo.Image, or with another token, is replaced, which interrupts
// what it runs; what it kept stays. Start returns once the API container answers.
func (e *Engine) Start(ctx context.Context, identifier string) (EnclaveInfo, error) {
	resp, err := e.calls.StartEnclave(ctx, connect.NewRequest(&pb.StartEnclaveRequest{Identifier: identifier}))
	if err != nil {
		return EnclaveInfo{}, err
	}
	return enclaveOf(resp.Msg.Enclave), nil
}

// Stop stops the services of an enclave and its API container. A run that is under way is interrupted first.
func (e *Engine) Stop(ctx context.Context, identifier string) error {
	_, err := e.calls.StopEnclave(ctx, connect.NewRequest(&pb.StopEnclaveRequest{Identifier: identifier}))
	return err
}

// Remove removes an enclave, whatever runs in it, and says what it was.
func (e *Engine) Remove(ctx context.Context, identifier string) (EnclaveInfo, error) {
	resp, err := e.calls.RemoveEnclave(ctx, connect.NewRequest(&pb.RemoveEnclaveRequest{Identifier: identifier}))
	if err != nil {
		return EnclaveInfo{}, err
	}
	return enclaveOf(resp.Msg.Enclave), nil
}

// LogOptions choose lines.
type LogOptions struct {
	Services []string // by name or UUID, those that are gone, too; none is all that there are now
	Follow   bool
	Tail     int // how many of the last lines to begin with, of each service; 0 is all
	// Contains and Pattern (RE2) leave only lines that contain, or match; Invert leaves the others. At most one is set.
	Contains, Pattern string
	Invert            bool
}

// LogLine is a line of a service.
type LogLine struct {
	Service string // its name; of one that is gone, as it was asked for
	backends.LogLine
}

// Logs yields what services of an enclave wrote, also of an enclave that is gone. The lines of one service come in
// their order, those of several as they come; without Follow, one service after the other. A service that there never
// was is an error of kind NotFound before the first line.
func (e *Engine) Logs(ctx context.Context, enclave string, o LogOptions) iter.Seq2[LogLine, error] {
	return func(yield func(LogLine, error) bool) {
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		stream, err := e.calls.Logs(ctx, connect.NewRequest(&pb.LogsRequest{
			Enclave: enclave, Services: o.Services, Follow: o.Follow, Tail: int32(o.Tail), Contains: o.Contains, Pattern: o.Pattern, Invert: o.Invert,
		}))
		if err != nil {
			yield(LogLine{}, fail(ctx, err))
			return
		}
		defer stream.Close()
		for stream.Receive() {
			m := stream.Msg()
			if !yield(LogLine{m.Service, backends.LogLine{Time: m.Time.AsTime(), Stderr: m.Stderr, Text: m.Line}}, nil) {
				return
			}
		}
		if err := stream.Err(); err != nil {
			yield(LogLine{}, fail(ctx, err))
		}
	}
}

func hostOf(m *pb.Host) backends.Info {
	return backends.Info{
		ClusterType: backends.ClusterType(m.GetClusterType()), Name: m.GetName(), Version: m.GetVersion(), Endpoint: m.GetEndpoint(), Platform: m.GetPlatform(),
		TotalCPU: m.GetTotalCpu(), FreeCPU: m.GetFreeCpu(), TotalMemory: m.GetTotalMemory(), FreeMemory: m.GetFreeMemory(),
	}
}

func enclaveOf(m *pb.Enclave) EnclaveInfo {
	e := EnclaveInfo{Enclave: backends.Enclave{
		UUID: m.GetUuid(), Name: m.GetName(), Status: backends.EnclaveStatus(m.GetStatus()), Created: at(m.GetCreated()),
		Production: m.GetProduction(), Subnet: m.GetSubnet(), Labels: m.GetLabels(),
	}}
	if a := m.GetApi(); a != nil {
		e.API = &backends.System{
			ID: a.Id, Name: a.Name, Kind: backends.ContainerTypeAPI, Enclave: m.Uuid, Image: a.Image, State: backends.ServiceState(a.State),
			ExitCode: int(a.ExitCode), Address: a.Address, Port: uint16(a.Port),
			Published: backends.Endpoint{Address: a.PublicAddress, Port: backends.Port{Number: uint16(a.PublicPort)}},
		}
	}
	return e
}

// at is a time, the zero one where there is none.
func at(t interface {
	IsValid() bool
	AsTime() time.Time
}) time.Time {
	if !t.IsValid() {
		return time.Time{}
	}
	return t.AsTime()
}
