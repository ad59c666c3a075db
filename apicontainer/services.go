package apicontainer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	pb "github.com/kurtosis-go/kurtosis/api/apicontainerapi"
	"github.com/kurtosis-go/kurtosis/api/rpc"
	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/runtime"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
	"github.com/kurtosis-go/kurtosis/runtime/state"
)

// list gives the services of the enclave, without the containers of tasks that nobody finished.
func (s *Server) list(ctx context.Context) ([]backends.Service, error) {
	services, err := s.Backend.ListServices(ctx, s.enclave.UUID)
	if err == nil {
		s.history.add(services)
	}
	return services, err
}

// note remembers the services that there are now, for the day when they are gone.
func (s *Server) note(ctx context.Context) { _, _ = s.list(ctx) } // the next call that lists them makes up for a failure

func (s *Server) service(ctx context.Context, identifier string) (backends.Service, error) {
	services, err := s.list(ctx)
	if err != nil {
		return backends.Service{}, rpc.Error(err)
	}
	service, ok := runtime.FindService(services, identifier)
	if !ok {
		return backends.Service{}, s.noService(identifier)
	}
	return service, nil
}

func (s *Server) noService(identifier string) error {
	return rpc.Error(backends.Errorf(backends.NotFound, "enclave %q has no service %q", s.enclave.Name, identifier))
}

// GetServices describes services: those that are asked for, by the identifier that was used, or all, by name.
func (s *Server) GetServices(ctx context.Context, req *connect.Request[pb.GetServicesArgs]) (*connect.Response[pb.GetServicesResponse], error) {
	services, err := s.list(ctx)
	if err != nil {
		return nil, rpc.Error(err)
	}
	store, err := s.enclaves.Store(s.enclave.UUID)
	var corrupt *state.CorruptError
	if err != nil && !errors.As(err, &corrupt) {
		return nil, rpc.Error(err)
	}
	remembered, secrets := store.Enclave(), store.Secrets()
	out := &pb.GetServicesResponse{ServiceInfo: map[string]*pb.ServiceInfo{}}
	if len(req.Msg.ServiceIdentifiers) == 0 {
		for _, service := range services {
			out.ServiceInfo[service.Name] = serviceInfo(service, remembered, secrets)
		}
		return connect.NewResponse(out), nil
	}
	for identifier := range req.Msg.ServiceIdentifiers {
		service, ok := runtime.FindService(services, identifier)
		if !ok {
			return nil, s.noService(identifier)
		}
		out.ServiceInfo[identifier] = serviceInfo(service, remembered, secrets)
	}
	return connect.NewResponse(out), nil
}

func serviceInfo(s backends.Service, remembered *state.Enclave, secrets *plan.Secrets) *pb.ServiceInfo {
	m := &pb.ServiceInfo{
		ServiceUuid: s.UUID, ShortenedUuid: backends.ShortUUID(s.UUID), Name: s.Name, PrivateIpAddr: s.Address,
		PrivatePorts: map[string]*pb.Port{}, MaybePublicPorts: map[string]*pb.Port{},
		ServiceStatus: pb.ServiceStatus_STOPPED, Labels: s.Labels,
		Container:                           &pb.Container{Status: pb.Container_STOPPED, ImageName: s.Image},
		ServiceDirPathsToFilesArtifactsList: map[string]*pb.FilesArtifactsList{},
	}
	switch s.State {
	case backends.Running:
		m.ServiceStatus, m.Container.Status = pb.ServiceStatus_RUNNING, pb.Container_RUNNING
	case backends.Starting:
		m.ServiceStatus, m.Container.Status = pb.ServiceStatus_UNKNOWN, pb.Container_UNKNOWN
	}
	for id, p := range s.Ports {
		m.PrivatePorts[id] = port(p)
	}
	for id, e := range s.Published {
		m.MaybePublicIpAddr = e.Address
		m.MaybePublicPorts[id] = port(e.Port)
	}
	var config plan.ServiceConfig
	if known, ok := remembered.Services[s.Name]; ok && known.UUID == s.UUID && json.Unmarshal(withTexts(known.Config, secrets.Hide), &config) == nil {
		describe(m, &config)
	}
	return m
}

var transports = map[backends.Transport]pb.Port_TransportProtocol{
	backends.TCP: pb.Port_TCP, backends.UDP: pb.Port_UDP, backends.SCTP: pb.Port_SCTP,
}

func port(p backends.Port) *pb.Port {
	return &pb.Port{Number: uint32(p.Number), TransportProtocol: transports[p.Protocol()], MaybeApplicationProtocol: p.Application}
}

// describe adds what only the configuration of a service says.
func describe(m *pb.ServiceInfo, c *plan.ServiceConfig) {
	m.Container.EntrypointArgs, m.Container.CmdArgs = c.Entrypoint, c.Cmd
	m.Container.EnvVars = stringMap(c.EnvVars)
	for path, dir := range c.Files.All() {
		if len(dir.ArtifactNames) > 0 {
			m.ServiceDirPathsToFilesArtifactsList[path] = &pb.FilesArtifactsList{FilesArtifactsIdentifiers: dir.ArtifactNames}
		}
	}
	for id, spec := range c.Ports.All() {
		if p := m.PrivatePorts[id]; p != nil && spec.Wait != nil {
			p.MaybeWaitTimeout = spec.Wait.String()
		}
	}
	m.MaxMillicpus, m.MinMillicpus = uint32(c.MaxCPU), uint32(c.MinCPU)
	m.MaxMemoryMegabytes, m.MinMemoryMegabytes = uint32(c.MaxMemory), uint32(c.MinMemory)
	if c.User != nil {
		m.User = &pb.User{Uid: uint32(c.User.UID)}
		if c.User.GID != nil {
			m.User.Gid = uint32(*c.User.GID)
		}
	}
	for _, t := range c.Tolerations {
		toleration := &pb.Toleration{Key: t.Key, Operator: t.Operator, Value: t.Value, Effect: t.Effect}
		if t.Seconds != nil {
			toleration.TolerationSeconds = *t.Seconds
		}
		m.Tolerations = append(m.Tolerations, toleration)
	}
	m.NodeSelectors = stringMap(c.NodeSelectors)
	m.TiniEnabled, m.TtyEnabled = proto.Bool(c.TiniEnabled), proto.Bool(c.TTYEnabled)
	m.Capabilities, m.Privileged, m.HostPidNamespace = c.Capabilities, c.Privileged, c.HostPIDNamespace
	m.BindMounts = stringMap(c.BindMounts)
	if g := c.GPU; g != nil {
		m.GpuConfig = &pb.GpuConfig{
			Count: g.Count, DeviceIds: g.DeviceIDs, ShmSizeMegabytes: uint64(g.ShmSize), Ulimits: map[string]int64{},
			DockerDriver: g.Driver.Docker, K8SResourceName: g.Driver.Kubernetes,
		}
		for name, limit := range g.Ulimits.All() {
			m.GpuConfig.Ulimits[name] = limit
		}
	}
}

func stringMap(m plan.Map[string]) map[string]string {
	out := map[string]string{}
	for k, v := range m.All() {
		out[k] = v
	}
	return out
}

// GetExistingAndHistoricalServiceIdentifiers lists the services that there are and those that there were.
func (s *Server) GetExistingAndHistoricalServiceIdentifiers(ctx context.Context, _ *connect.Request[emptypb.Empty]) (*connect.Response[pb.GetExistingAndHistoricalServiceIdentifiersResponse], error) {
	if _, err := s.list(ctx); err != nil {
		return nil, rpc.Error(err)
	}
	out := &pb.GetExistingAndHistoricalServiceIdentifiersResponse{}
	for _, known := range s.history.all() {
		out.AllIdentifiers = append(out.AllIdentifiers, &pb.ServiceIdentifiers{ServiceUuid: known.UUID, Name: known.Name, ShortenedUuid: backends.ShortUUID(known.UUID)})
	}
	return connect.NewResponse(out), nil
}

// history keeps the names of services.
type history struct {
	path string
	mu   sync.Mutex
	list []identity
}

type identity struct {
	UUID string `json:"uuid"`
	Name string `json:"name"`
}

func openHistory(path string) (*history, error) {
	h := &history{path: path}
	return h, readJSON(path, &h.list)
}

func (h *history) add(services []backends.Service) {
	h.mu.Lock()
	defer h.mu.Unlock()
	before := len(h.list)
	for _, s := range services {
		if !slices.ContainsFunc(h.list, func(i identity) bool { return i.UUID == s.UUID }) {
			h.list = append(h.list, identity{s.UUID, s.Name})
		}
	}
	if len(h.list) > before {
		_ = writeJSON(h.path, h.list) // in memory it is complete; the next addition writes all of it
	}
}

func (h *history) all() []identity {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.list)
}

// ExecCommand runs a command in a service. Its output is all that it wrote, on whichever stream.
func (s *Server) ExecCommand(ctx context.Context, req *connect.Request[pb.ExecCommandArgs]) (*connect.Response[pb.ExecCommandResponse], error) {
	if len(req.Msg.CommandArgs) == 0 {
		return nil, invalid("there is no command to execute")
	}
	service, err := s.service(ctx, req.Msg.ServiceIdentifier)
	if err != nil {
		return nil, err
	}
	output := &output{}
	code, err := s.Backend.Exec(ctx, s.enclave.UUID, service.Name, backends.Exec{Command: req.Msg.CommandArgs, Stdout: output, Stderr: output})
	if err != nil {
		return nil, rpc.Error(err)
	}
	return connect.NewResponse(&pb.ExecCommandResponse{ExitCode: int32(code), LogOutput: strings.ToValidUTF8(output.String(), "\uFFFD")}), nil
}

// output takes two streams in the order in which they come.
type output struct {
	mu sync.Mutex
	bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.Buffer.Write(p)
}

// endpoint is what is waited for.
type endpoint interface {
	GetServiceIdentifier() string
	GetPort() uint32
	GetPath() string
	GetInitialDelayMilliseconds() uint32
	GetRetries() uint32
	GetRetriesDelayMilliseconds() uint32
	GetBodyText() string
}

// WaitForHttpGetEndpointAvailability waits until a GET answers 200.
func (s *Server) WaitForHttpGetEndpointAvailability(ctx context.Context, req *connect.Request[pb.WaitForHttpGetEndpointAvailabilityArgs]) (*connect.Response[emptypb.Empty], error) {
	return s.await(ctx, http.MethodGet, "", req.Msg)
}

// WaitForHttpPostEndpointAvailability waits until a POST answers 200.
func (s *Server) WaitForHttpPostEndpointAvailability(ctx context.Context, req *connect.Request[pb.WaitForHttpPostEndpointAvailabilityArgs]) (*connect.Response[emptypb.Empty], error) {
	return s.await(ctx, http.MethodPost, req.Msg.GetRequestBody(), req.Msg)
}

// answerTime bounds one attempt.
const answerTime = 10 * time.Second

func (s *Server) await(ctx context.Context, method, body string, m endpoint) (*connect.Response[emptypb.Empty], error) {
	service, err := s.service(ctx, m.GetServiceIdentifier())
	if err != nil {
		return nil, err
	}
	if m.GetPort() == 0 || m.GetPort() > 65535 {
		return nil, invalid("there is no port %d", m.GetPort())
	}
	client := &http.Client{Timeout: answerTime, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return s.Backend.Dial(ctx, s.enclave.UUID, service.Name, backends.Port{Number: uint16(m.GetPort())})
		},
	}}
	url := fmt.Sprintf("http://%s:%d/%s", service.Name, m.GetPort(), strings.TrimPrefix(m.GetPath(), "/"))
	if err := pause(ctx, time.Duration(m.GetInitialDelayMilliseconds())*time.Millisecond); err != nil {
		return nil, rpc.Error(err)
	}
	tries := max(1, int(m.GetRetries()))
	var last error
	for attempt := 1; attempt <= tries; attempt++ {
		if last = s.ask(ctx, client, method, url, body, m.GetBodyText()); last == nil {
			return empty(), nil
		}
		if ctx.Err() != nil {
			return nil, rpc.Error(ctx.Err())
		}
		if attempt < tries {
			if err := pause(ctx, time.Duration(m.GetRetriesDelayMilliseconds())*time.Millisecond); err != nil {
				return nil, rpc.Error(err)
			}
		}
	}
	return nil, connect.NewError(connect.CodeDeadlineExceeded, fmt.Errorf("%s %s of service %q did not become available in %d attempts: %w", method, url, service.Name, tries, last))
}

func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// maxBody bounds what is read of an answer to compare it.
const maxBody = 10 << 20

func (s *Server) ask(ctx context.Context, client *http.Client, method, url, body, want string) error {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	switch {
	case err != nil:
		return err
	case resp.StatusCode != http.StatusOK:
		return fmt.Errorf("it answered %s", resp.Status)
	case want != "" && string(text) != want:
		return errors.New("the body of its answer is another one")
	}
	return nil
}
