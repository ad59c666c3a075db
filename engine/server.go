// Package engine serves the API of a container engine's enclaves: it makes and removes them, each with an API
// container, and gives the logs of their services. What exists is the backend's to say; an engine that is killed
// and started again knows all that it knew.
package engine

import (
	"context"
	"net/http"
	"path/filepath"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/kurtosis-go/kurtosis/api/engineapi"
	"github.com/kurtosis-go/kurtosis/api/engineapi/engineapiconnect"
	"github.com/kurtosis-go/kurtosis/api/kurtosisv1/kurtosisv1connect"
	"github.com/kurtosis-go/kurtosis/api/rpc"
	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/runtime"
)

// Port is what an engine listens on unless it is told otherwise.
const Port = 9710

// Backend is an engine that can hold containers of ours.
type Backend interface {
	backends.Backend
	backends.Systems
}

// Options are what a server needs. Backend, Image and Dir are required.
type Options struct {
	Backend Backend
	Name    string // of this engine, among several on one machine; "" is DefaultName
	Image   string // of API containers
	Version string // of the program
	Dir     string // what it keeps: identifiers and logs of the past
	// PublishAddress is where the ports of API containers are published; "" is loopback.
	PublishAddress string
	Env            map[string]string // of API containers
	RPC            rpc.Options
	Logs           LogOptions
	Now            func() time.Time // nil is time.Now
}

// DefaultName is the engine that manages the enclaves which nobody else does.
const DefaultName = "default"

// Server is an engine.
type Server struct {
	Options
	enclaves runtime.Enclaves
	history  *history
	logs     *keeper
}

var _ engineapiconnect.EngineServiceHandler = (*Server)(nil)

// New makes the server. Run has to be called for logs to be kept.
func New(o Options) (*Server, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Name == "" {
		o.Name = DefaultName
	}
	s := &Server{Options: o, enclaves: runtime.Enclaves{Backend: o.Backend, Now: o.Now}}
	var err error
	if s.history, err = openHistory(filepath.Join(o.Dir, "enclaves.jsonl")); err != nil {
		return nil, err
	}
	if s.logs, err = newKeeper(s, filepath.Join(o.Dir, "logs"), o.Logs); err != nil {
		return nil, err
	}
	return s, nil
}

// Handler answers gRPC, gRPC-Web and Connect, and leads to services by their host names.
func (s *Server) Handler() http.Handler {
	path, handler := engineapiconnect.NewEngineServiceHandler(s, rpc.Uncompressed())
	own, ownHandler := kurtosisv1connect.NewEngineServiceHandler(&service{s}, rpc.Uncompressed())
	return newProxy(s).around(rpc.Handler(s.RPC, map[string]http.Handler{path: handler, own: ownHandler}))
}

// Run starts what went down with the machine, and keeps logs until ctx ends.
func (s *Server) Run(ctx context.Context) {
	s.revive(ctx)
	s.logs.run(ctx)
}

// GetEngineInfo tells the version of the wire protocol.
func (s *Server) GetEngineInfo(context.Context, *connect.Request[emptypb.Empty]) (*connect.Response[engineapi.GetEngineInfoResponse], error) {
	return connect.NewResponse(&engineapi.GetEngineInfoResponse{EngineVersion: rpc.Version}), nil
}

func empty() *connect.Response[emptypb.Empty] { return connect.NewResponse(&emptypb.Empty{}) }
