package client

import (
	"context"
	"net/http"
	"time"

	"connectrpc.com/connect"

	pb "github.com/kurtosis-go/kurtosis/api/kurtosisv1"
	"github.com/kurtosis-go/kurtosis/api/kurtosisv1/kurtosisv1connect"
	"github.com/kurtosis-go/kurtosis/api/wire"
	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/runtime/state"
)

// Enclave calls the API container of an enclave.
type Enclave struct {
	calls     kurtosisv1connect.EnclaveServiceClient
	transport *http.Transport
	patience  time.Duration // with a server that is to take an interruption in
}

// NewEnclave makes a client. Nothing is dialled before the first call. The caller closes it.
func NewEnclave(o Options) *Enclave {
	transport := o.transport()
	return &Enclave{kurtosisv1connect.NewEnclaveServiceClient(&http.Client{Transport: transport}, o.url(), o.connectOptions()...), transport, interruptTime}
}

// Close ends the connections.
func (e *Enclave) Close() { e.transport.CloseIdleConnections() }

// Inspection is all that an API container knows of its enclave.
type Inspection struct {
	Enclave   backends.Enclave
	Services  []Service // by name
	Artifacts []state.Artifact
	LastRun   *state.Run    // nil where nothing was run
	Holder    *state.Holder // who works in it; nil where nobody does
	SetAside  []string      // files of the state that could not be read, in the enclave's data volume
	Runs      []string      // what the API container executes now, by the ids that Interrupt takes
}

// Service is a service and what it was made from.
type Service struct {
	backends.Service
	Config     []byte // a plan.ServiceConfig as JSON, with *** for secrets; nil where it is not known
	KeptConfig []byte // the same with references that Secret.Kept takes; nil where it has no secrets
}

// Inspect describes the enclave.
func (e *Enclave) Inspect(ctx context.Context) (Inspection, error) {
	resp, err := e.calls.Inspect(ctx, connect.NewRequest(&pb.InspectRequest{}))
	if err != nil {
		return Inspection{}, err
	}
	m := resp.Msg
	out := Inspection{
		Enclave: enclaveOf(m.Enclave).Enclave, LastRun: wire.GoLastRun(m.LastRun), Holder: wire.GoHolder(m.Holder), Runs: m.Runs, SetAside: m.SetAside,
		Services: make([]Service, len(m.Services)), Artifacts: make([]state.Artifact, len(m.Artifacts)),
	}
	for i, s := range m.Services {
		out.Services[i] = serviceOf(s)
	}
	for i, a := range m.Artifacts {
		out.Artifacts[i] = wire.GoArtifact(a)
	}
	return out, nil
}

// Interrupt ends a run early, "" all runs of this API container, and says how many there were. Their streams end
// with the outcome.
func (e *Enclave) Interrupt(ctx context.Context, run string) (int, error) {
	resp, err := e.calls.Interrupt(ctx, connect.NewRequest(&pb.InterruptRequest{Run: run}))
	if err != nil {
		return 0, err
	}
	return int(resp.Msg.Runs), nil
}

// StartService starts a stopped service, named by name or UUID; one that runs is left alone.
func (e *Enclave) StartService(ctx context.Context, service string) (Service, error) {
	resp, err := e.calls.StartService(ctx, connect.NewRequest(&pb.ServiceRequest{Service: service}))
	if err != nil {
		return Service{}, err
	}
	return serviceOf(resp.Msg.Service), nil
}

// StopService stops a service; one that is stopped is left alone.
func (e *Enclave) StopService(ctx context.Context, service string) (Service, error) {
	resp, err := e.calls.StopService(ctx, connect.NewRequest(&pb.ServiceRequest{Service: service}))
	if err != nil {
		return Service{}, err
	}
	return serviceOf(resp.Msg.Service), nil
}

// RemoveService removes a service and its files; its persistent directories stay.
func (e *Enclave) RemoveService(ctx context.Context, service string) error {
	_, err := e.calls.RemoveService(ctx, connect.NewRequest(&pb.ServiceRequest{Service: service}))
	return err
}

func serviceOf(m *pb.Service) Service {
	s := Service{Config: m.GetConfig(), KeptConfig: m.GetKeptConfig(), Service: backends.Service{
		Name: m.GetName(), UUID: m.GetUuid(), Image: m.GetImage(), ImageID: m.GetImageId(), Address: m.GetAddress(), Hostname: m.GetHostname(),
		Ports: map[string]backends.Port{}, Published: map[string]backends.Endpoint{}, Labels: m.GetLabels(), State: backends.ServiceState(m.GetState()),
		Reason: m.GetReason(), ExitCode: int(m.GetExitCode()), OutOfMemory: m.GetOutOfMemory(), Started: at(m.GetStarted()), Finished: at(m.GetFinished()),
	}}
	for _, p := range m.GetPorts() {
		port := backends.Port{Number: uint16(p.Number), Transport: backends.Transport(p.Transport), Application: p.Application}
		if p.Number != 0 {
			s.Ports[p.Id] = port
		}
		if p.PublicPort != 0 {
			port.Number = uint16(p.PublicPort)
			s.Published[p.Id] = backends.Endpoint{Address: p.PublicAddress, Port: port}
		}
	}
	return s
}

// interruptTime is what a server has to take an interruption in.
const interruptTime = 10 * time.Second
