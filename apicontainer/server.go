// Package apicontainer serves the API of one enclave: it runs Starlark there, tells about services and executes in
// them, and takes and gives files artifacts. What it does is done by the runtime; this is its form on the wire.
package apicontainer

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/kurtosis-go/kurtosis/api/apicontainerapi"
	"github.com/kurtosis-go/kurtosis/api/apicontainerapi/apicontainerapiconnect"
	"github.com/kurtosis-go/kurtosis/api/kurtosisv1/kurtosisv1connect"
	"github.com/kurtosis-go/kurtosis/api/rpc"
	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/lang/workspace"
	"github.com/kurtosis-go/kurtosis/packages"
	"github.com/kurtosis-go/kurtosis/runtime"
	"github.com/kurtosis-go/kurtosis/runtime/interp"
)

// Port is what an API container listens on.
const Port = 7443

// Options are what a server needs. Backend, Enclave and Dir are required.
type Options struct {
	Backend backends.Backend
	Enclave string // name or UUID
	Dir     string // the enclave's data: state, files artifacts, uploaded packages
	// Fetcher brings remote packages; token is of GitHub, "" for none. nil refuses them.
	Fetcher func(token string) packages.Fetcher
	// Checker, where not nil, makes the checker of a package that is run by the project's own API.
	Checker func(*packages.Package) runtime.Checker
	RPC     rpc.Options
	HTTP    *http.Client     // for files artifacts of a URL; nil is a client with no more than Go's defaults
	Now     func() time.Time // nil is time.Now
}

// Server is the API of one enclave.
type Server struct {
	Options
	life     context.Context // of runs, which outlive the calls that asked for them
	runs     sync.WaitGroup
	enclaves runtime.Enclaves
	enclave  backends.Enclave
	uploads  *uploads
	bundles  *bundles
	active   active

	unconnected atomic.Bool // services that are started from now on publish no port
	cache       *workspace.Cache
	interp      *interp.Interpreter
	history     *history
	last        *lastRun
	alive       *alive
	lost        lost
	host        atomic.Pointer[backends.Info]
}

var _ apicontainerapiconnect.ApiContainerServiceHandler = (*Server)(nil)

// parsedBytes is how much text of parsed modules is kept from one run to the next.
const parsedBytes = 64 << 20

// New makes the server of an enclave that exists. Runs are interrupted when life ends.
func New(life context.Context, o Options) (*Server, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	enclave, err := o.Backend.InspectEnclave(life, o.Enclave)
	if err != nil {
		return nil, err
	}
	s := &Server{
		Options: o, life: life, enclave: enclave,
		enclaves: runtime.Enclaves{Backend: o.Backend, State: filepath.Join(o.Dir, "state"), Now: o.Now},
		cache:    workspace.NewCache(parsedBytes), interp: interp.New(),
		last: &lastRun{path: filepath.Join(o.Dir, "starlark-run.pb")},
	}
	if s.uploads, err = openUploads(filepath.Join(o.Dir, "packages")); err != nil {
		return nil, err
	}
	if s.bundles, err = openBundles(filepath.Join(o.Dir, "bundles"), o.Now); err != nil {
		return nil, err
	}
	if s.history, err = openHistory(filepath.Join(o.Dir, "services.json")); err != nil {
		return nil, err
	}
	if s.alive, err = openAlive(alivePath(o.Dir)); err != nil {
		return nil, err
	}
	_, err = os.Stat(filepath.Join(o.Dir, unconnectedFile))
	s.unconnected.Store(err == nil)
	return s, nil
}

// maxMessage is the largest message that is read: a script, or a chunk of data with what is around it.
const maxMessage = 100 << 20

// Handler answers gRPC, gRPC-Web and Connect.
func (s *Server) Handler() http.Handler {
	path, handler := apicontainerapiconnect.NewApiContainerServiceHandler(s, rpc.Uncompressed(), connect.WithReadMaxBytes(maxMessage))
	own, ownHandler := kurtosisv1connect.NewEnclaveServiceHandler(&service{s}, rpc.Uncompressed(), connect.WithReadMaxBytes(maxMessage))
	return rpc.Handler(s.RPC, map[string]http.Handler{path: handler, own: ownHandler})
}

// about is what the backend says about itself. Docker takes ten milliseconds to find it out, and it stays as it is for as
// long as this process does, which ends with the machine; what is free on a cluster changes, so nil has it asked.
func (s *Server) about(ctx context.Context) *backends.Info {
	if known := s.host.Load(); known != nil {
		return known
	}
	info, err := s.Backend.Info(ctx)
	if err != nil || info.ClusterType != backends.Docker {
		return nil // who asks again is told why
	}
	s.host.Store(&info)
	return &info
}

// Wait returns when no run is under way any more.
func (s *Server) Wait() { s.runs.Wait() }

// unconnectedFile is there while NO_CONNECT is in force.
const unconnectedFile = "no-connect"

// ConnectServices says whether services that are started from now on publish their ports on the host. Those that run
// stay as they are: to publish a port, or cease to, a container is made anew.
func (s *Server) ConnectServices(_ context.Context, req *connect.Request[connectServicesArgs]) (*connect.Response[connectServicesResponse], error) {
	unconnected := req.Msg.Connect == apicontainerapi.Connect_NO_CONNECT
	file := filepath.Join(s.Dir, unconnectedFile)
	var err error
	if unconnected {
		err = writeFile(file, nil)
	} else if err = os.Remove(file); errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return nil, rpc.Error(err)
	}
	s.unconnected.Store(unconnected)
	return connect.NewResponse(&connectServicesResponse{}), nil
}

func empty() *connect.Response[emptypb.Empty] { return connect.NewResponse(&emptypb.Empty{}) }

func invalid(format string, args ...any) error {
	return rpc.Error(backends.Errorf(backends.Invalid, format, args...))
}
