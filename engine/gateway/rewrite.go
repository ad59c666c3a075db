package gateway

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/emptypb"

	pb "github.com/kurtosis-go/kurtosis/api/apicontainerapi"
	"github.com/kurtosis-go/kurtosis/api/apicontainerapi/apicontainerapiconnect"
	"github.com/kurtosis-go/kurtosis/api/engineapi"
	"github.com/kurtosis-go/kurtosis/api/engineapi/engineapiconnect"
	"github.com/kurtosis-go/kurtosis/backends"
)

// writeErrors answers calls in their own protocol.
var writeErrors = connect.NewErrorWriter()

func unavailable(w http.ResponseWriter, r *http.Request, err error) {
	if writeErrors.IsSupported(r) {
		_ = writeErrors.Write(w, r, connect.NewError(connect.CodeUnavailable, err)) // a caller that has gone is nobody to tell
		return
	}
	http.Error(w, err.Error(), http.StatusBadGateway)
}

// unary answers one call by asking there and changing the answer.
func unary[Req, Res any](mux *http.ServeMux, procedure string, call func(context.Context, *connect.Request[Req]) (*connect.Response[Res], error), change func(*Res) error) {
	mux.Handle(procedure, connect.NewUnaryHandler(procedure, func(ctx context.Context, req *connect.Request[Req]) (*connect.Response[Res], error) {
		on := connect.NewRequest(req.Msg)
		if token := req.Header().Get("Authorization"); token != "" {
			on.Header().Set("Authorization", token)
		}
		resp, err := call(ctx, on)
		if err != nil {
			return nil, err
		}
		if err := change(resp.Msg); err != nil {
			return nil, err
		}
		return connect.NewResponse(resp.Msg), nil
	}))
}

const there = "http://there"

// engineHandler is the engine, whose API containers are on this machine.
func (g *Gateway) engineHandler() http.Handler {
	to := transport(g.dialEngine)
	calls := engineapiconnect.NewEngineServiceClient(&http.Client{Transport: to}, there, connect.WithGRPC())
	mux := http.NewServeMux()
	mux.Handle("/", proxy(to))
	unary(mux, engineapiconnect.EngineServiceCreateEnclaveProcedure, calls.CreateEnclave, func(m *engineapi.CreateEnclaveResponse) error {
		return g.local(m.EnclaveInfo)
	})
	locals := func(m *engineapi.GetEnclavesResponse) error {
		for _, e := range m.EnclaveInfo {
			if err := g.local(e); err != nil {
				return err
			}
		}
		return nil
	}
	unary[emptypb.Empty](mux, engineapiconnect.EngineServiceGetEnclavesProcedure, calls.GetEnclaves, locals)
	unary(mux, engineapiconnect.EngineServiceGetEnclavesByUuidsProcedure, calls.GetEnclavesByUuids, locals)
	return mux
}

// local puts the API container of an enclave on this machine.
func (g *Gateway) local(e *engineapi.EnclaveInfo) error {
	if e == nil || e.ApiContainerStatus != engineapi.EnclaveAPIContainerStatus_EnclaveAPIContainerStatus_RUNNING {
		return nil
	}
	a, err := g.openAPI(e.EnclaveUuid, e.Name, uint16(e.ApiContainerInfo.GetGrpcPortInsideEnclave()))
	if err != nil {
		return err
	}
	e.ApiContainerHostMachineInfo = &engineapi.EnclaveAPIContainerHostMachineInfo{IpOnHostMachine: a.IP.String(), GrpcPortOnHostMachine: uint32(a.Port)}
	return nil
}

// enclaveHandler is the API container of an enclave, whose services have ports on this machine.
func (g *Gateway) enclaveHandler(uuid, name string, to *http.Transport) http.Handler {
	calls := apicontainerapiconnect.NewApiContainerServiceClient(&http.Client{Transport: to}, there, connect.WithGRPC())
	mux := http.NewServeMux()
	mux.Handle("/", proxy(to))
	unary(mux, apicontainerapiconnect.ApiContainerServiceGetServicesProcedure, calls.GetServices, func(m *pb.GetServicesResponse) error {
		for _, s := range m.ServiceInfo {
			if err := g.localService(uuid, name, s); err != nil {
				return err
			}
		}
		return nil
	})
	return mux
}

// localService puts the TCP ports of a service that runs on this machine.
func (g *Gateway) localService(enclave, enclaveName string, s *pb.ServiceInfo) error {
	s.MaybePublicIpAddr, s.MaybePublicPorts = "", nil
	if s.ServiceStatus != pb.ServiceStatus_RUNNING {
		return nil
	}
	for id, p := range s.PrivatePorts {
		if p.TransportProtocol != pb.Port_TCP {
			continue
		}
		a, err := g.openService(enclave, enclaveName, s.Name, backends.Port{Number: uint16(p.Number), Application: p.MaybeApplicationProtocol})
		if err != nil {
			return err
		}
		if s.MaybePublicPorts == nil {
			s.MaybePublicIpAddr, s.MaybePublicPorts = a.IP.String(), map[string]*pb.Port{}
		}
		s.MaybePublicPorts[id] = &pb.Port{Number: uint32(a.Port), TransportProtocol: p.TransportProtocol, MaybeApplicationProtocol: p.MaybeApplicationProtocol}
	}
	return nil
}

// join copies both ways until one of the ends has gone.
func join(a, b net.Conn) {
	var both sync.WaitGroup
	half := func(to, from net.Conn) {
		_, _ = io.Copy(to, from)
		if w, ok := to.(interface{ CloseWrite() error }); ok {
			_ = w.CloseWrite()
			return
		}
		_ = to.Close()
	}
	both.Go(func() { half(a, b) })
	both.Go(func() { half(b, a) })
	both.Wait()
}
