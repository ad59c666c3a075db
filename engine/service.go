package engine

import (
	"cmp"
	"context"
	"strings"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/kurtosis-go/kurtosis/api/engineapi"
	"github.com/kurtosis-go/kurtosis/api/kurtosisv1"
	"github.com/kurtosis-go/kurtosis/api/kurtosisv1/kurtosisv1connect"
	"github.com/kurtosis-go/kurtosis/api/rpc"
	"github.com/kurtosis-go/kurtosis/api/wire"
	"github.com/kurtosis-go/kurtosis/backends"
)

// service is the server as the project's own API has it.
type service struct{ *Server }

var _ kurtosisv1connect.EngineServiceHandler = (*service)(nil)

// Info describes the engine.
func (s *service) Info(ctx context.Context, _ *connect.Request[kurtosisv1.InfoRequest]) (*connect.Response[kurtosisv1.InfoResponse], error) {
	info, err := s.Backend.Info(ctx)
	if err != nil {
		return nil, rpc.Error(err)
	}
	return connect.NewResponse(&kurtosisv1.InfoResponse{
		Name: s.Name, Version: s.Version, WireVersion: rpc.Version, Image: s.Image,
		Host: &kurtosisv1.Host{
			ClusterType: string(info.ClusterType), Name: info.Name, Version: info.Version, Endpoint: info.Endpoint, Platform: info.Platform,
			TotalCpu: info.TotalCPU, FreeCpu: info.FreeCPU, TotalMemory: info.TotalMemory, FreeMemory: info.FreeMemory,
		},
	}), nil
}

func (m managed) message() *kurtosisv1.Enclave {
	e := wire.Enclave(m.Enclave)
	if a := m.api; a != nil {
		e.Api = &kurtosisv1.ApiContainer{
			Id: a.ID, Name: a.Name, Image: a.Image, State: string(a.State), ExitCode: int32(a.ExitCode), Address: a.Address, Port: uint32(a.Port),
		}
		if a.State == backends.Running {
			e.Api.PublicAddress, e.Api.PublicPort = a.Published.Address, uint32(a.Published.Number)
		}
	}
	return e
}

// CreateEnclave makes an enclave and its API container.
func (s *service) CreateEnclave(ctx context.Context, req *connect.Request[kurtosisv1.CreateEnclaveRequest]) (*connect.Response[kurtosisv1.CreateEnclaveResponse], error) {
	made, err := s.create(ctx, req.Msg.Name, req.Msg.Production)
	if err != nil {
		return nil, rpc.Error(err)
	}
	return connect.NewResponse(&kurtosisv1.CreateEnclaveResponse{Enclave: made.message()}), nil
}

// ListEnclaves lists this engine's enclaves, oldest first.
func (s *service) ListEnclaves(ctx context.Context, _ *connect.Request[kurtosisv1.ListEnclavesRequest]) (*connect.Response[kurtosisv1.ListEnclavesResponse], error) {
	list, err := s.list(ctx)
	if err != nil {
		return nil, rpc.Error(err)
	}
	out := &kurtosisv1.ListEnclavesResponse{}
	for _, m := range list {
		out.Enclaves = append(out.Enclaves, m.message())
	}
	return connect.NewResponse(out), nil
}

// FindEnclave finds one.
func (s *service) FindEnclave(ctx context.Context, req *connect.Request[kurtosisv1.FindEnclaveRequest]) (*connect.Response[kurtosisv1.FindEnclaveResponse], error) {
	found, err := s.find(ctx, req.Msg.Identifier)
	if err != nil {
		return nil, rpc.Error(err)
	}
	return connect.NewResponse(&kurtosisv1.FindEnclaveResponse{Enclave: found.message()}), nil
}

// StartEnclave starts what StopEnclave stopped, or a crash.
func (s *service) StartEnclave(ctx context.Context, req *connect.Request[kurtosisv1.StartEnclaveRequest]) (*connect.Response[kurtosisv1.StartEnclaveResponse], error) {
	if err := s.Start(ctx, req.Msg.Identifier); err != nil {
		return nil, rpc.Error(err)
	}
	found, err := s.find(ctx, req.Msg.Identifier)
	if err != nil {
		return nil, rpc.Error(err)
	}
	return connect.NewResponse(&kurtosisv1.StartEnclaveResponse{Enclave: found.message()}), nil
}

// StopEnclave stops the services of an enclave and its API container.
func (s *service) StopEnclave(ctx context.Context, req *connect.Request[kurtosisv1.StopEnclaveRequest]) (*connect.Response[kurtosisv1.StopEnclaveResponse], error) {
	if _, err := s.Server.StopEnclave(ctx, connect.NewRequest(&engineapi.StopEnclaveArgs{EnclaveIdentifier: req.Msg.Identifier})); err != nil {
		return nil, err
	}
	return connect.NewResponse(&kurtosisv1.StopEnclaveResponse{}), nil
}

// RemoveEnclave removes one with all that belongs to it.
func (s *service) RemoveEnclave(ctx context.Context, req *connect.Request[kurtosisv1.RemoveEnclaveRequest]) (*connect.Response[kurtosisv1.RemoveEnclaveResponse], error) {
	found, err := s.find(ctx, req.Msg.Identifier)
	if err != nil {
		return nil, rpc.Error(err)
	}
	if err := s.destroy(ctx, found); err != nil {
		return nil, rpc.Error(err)
	}
	return connect.NewResponse(&kurtosisv1.RemoveEnclaveResponse{Enclave: found.message()}), nil
}

// Logs streams what services wrote, those that are gone included.
func (s *service) Logs(ctx context.Context, req *connect.Request[kurtosisv1.LogsRequest], stream *connect.ServerStream[kurtosisv1.LogsResponse]) error {
	m := req.Msg
	operator := engineapi.LogLineOperator_LogLineOperator_DOES_CONTAIN_TEXT
	switch {
	case m.Pattern != "" && m.Invert:
		operator = engineapi.LogLineOperator_LogLineOperator_DOES_NOT_CONTAIN_MATCH_REGEX
	case m.Pattern != "":
		operator = engineapi.LogLineOperator_LogLineOperator_DOES_CONTAIN_MATCH_REGEX
	case m.Invert:
		operator = engineapi.LogLineOperator_LogLineOperator_DOES_NOT_CONTAIN_TEXT
	}
	var filters []*engineapi.LogLineFilter
	if m.Contains+m.Pattern != "" {
		filters = append(filters, &engineapi.LogLineFilter{Operator: operator, TextPattern: m.Contains + m.Pattern})
	}
	matches, err := filter(filters)
	switch {
	case err != nil:
		return err
	case m.Contains != "" && m.Pattern != "":
		return rpc.Error(backends.Errorf(backends.Invalid, "lines are chosen by a text or by a regular expression, not by both"))
	case m.Tail < 0:
		return rpc.Error(backends.Errorf(backends.Invalid, "the number of lines can't be %d", m.Tail))
	}
	readers, missing, err := s.readers(ctx, logQuery{enclave: m.Enclave, services: m.Services, matches: matches, tail: int(m.Tail), follow: m.Follow})
	switch {
	case err != nil:
		return rpc.Error(err)
	case len(missing) > 0:
		return rpc.Error(backends.Errorf(backends.NotFound, "enclave %q has and had no service %q", m.Enclave, missing[0]))
	}
	send := func(r reader, l backends.LogLine) error {
		return stream.Send(&kurtosisv1.LogsResponse{
			Service: cmp.Or(r.name, r.asked), Time: timestamppb.New(l.Time), Stderr: l.Stderr, Line: strings.ToValidUTF8(l.Text, "\uFFFD"),
		})
	}
	if m.Follow {
		return together(ctx, readers, send)
	}
	for _, r := range readers {
		var failed error
		if err := r.read(ctx, func(l backends.LogLine) bool { failed = send(r, l); return failed == nil }); err != nil {
			return rpc.Error(err)
		}
		if err := cmp.Or(failed, ctx.Err()); err != nil {
			return rpc.Error(err)
		}
	}
	return nil
}
