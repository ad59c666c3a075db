// Package module is for authors of executable modules: programs in a container image that `kurtosis module exec`
// starts in an enclave, calls with parameters and prints the answer of. A module works on the enclave through its
// API container.
package module

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/kurtosis-go/kurtosis/api/apicontainerapi"
	"github.com/kurtosis-go/kurtosis/api/apicontainerapi/apicontainerapiconnect"
	"github.com/kurtosis-go/kurtosis/api/moduleapi"
	"github.com/kurtosis-go/kurtosis/api/moduleapi/moduleapiconnect"
	"github.com/kurtosis-go/kurtosis/api/rpc"
)

// Variable is the environment variable that holds Arguments as JSON.
const Variable = "SERIALIZED_ARGS"

// Port is what `kurtosis module exec` tells modules to listen on.
const Port = 1111

// Arguments are what a module is started with.
type Arguments struct {
	EnclaveID    string `json:"enclaveId"`
	ListenPort   int    `json:"listenPortNum"`
	APIContainer string `json:"apiContainerSocket"`     // host:port
	LoadParams   string `json:"serializedCustomParams"` // a JSON object
}

// Module answers calls. What it returns is encoded as JSON.
type Module interface {
	Execute(ctx context.Context, params json.RawMessage) (any, error)
}

// Enclave is where a module works.
type Enclave struct {
	ID string
	// Calls has every rpc of the API container.
	Calls apicontainerapiconnect.ApiContainerServiceClient
}

// Run executes a Starlark script in the enclave and gives what it returned, as JSON. params is a JSON object, or "".
func (e Enclave) Run(ctx context.Context, script, params string) (json.RawMessage, error) {
	stream, err := e.Calls.RunStarlarkScript(ctx, connect.NewRequest(&apicontainerapi.RunStarlarkScriptArgs{
		SerializedScript: script, SerializedParams: &params,
	}))
	if err != nil {
		return nil, err
	}
	defer stream.Close() // read to its end, or of no more interest
	for stream.Receive() {
		line := stream.Msg()
		if failed := line.GetError(); failed != nil {
			return nil, errors.New(cmp.Or(failed.GetInterpretationError().GetErrorMessage(), failed.GetValidationError().GetErrorMessage(), failed.GetExecutionError().GetErrorMessage()))
		}
		if end := line.GetRunFinishedEvent(); end != nil {
			return json.RawMessage(cmp.Or(end.GetSerializedOutput(), "null")), nil
		}
	}
	return nil, cmp.Or(stream.Err(), errors.New("the run ended without a result"))
}

// Serve makes the module that the environment describes and answers calls until ctx ends. loadParams is the JSON object
// that it is loaded with.
func Serve(ctx context.Context, getenv func(string) string, load func(enclave Enclave, loadParams json.RawMessage) (Module, error)) error {
	args, err := arguments(getenv(Variable))
	if err != nil {
		return err
	}
	m, err := load(args.enclave(), json.RawMessage(cmp.Or(args.LoadParams, "{}")))
	if err != nil {
		return err
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", ":"+strconv.Itoa(args.ListenPort))
	if err != nil {
		return err
	}
	return rpc.Serve(ctx, listener, handler(m))
}

func arguments(text string) (Arguments, error) {
	var args Arguments
	if text == "" {
		return args, fmt.Errorf("%s is not set: a module is started by 'kurtosis module exec'", Variable)
	}
	if err := json.Unmarshal([]byte(text), &args); err != nil {
		return args, fmt.Errorf("%s is not the JSON that it should be: %w", Variable, err)
	}
	return args, nil
}

func (a Arguments) enclave() Enclave {
	client := &http.Client{Transport: &http.Transport{Protocols: rpc.PlainHTTP2()}}
	return Enclave{a.EnclaveID, apicontainerapiconnect.NewApiContainerServiceClient(client, "http://"+a.APIContainer, connect.WithGRPC())}
}

func handler(m Module) http.Handler {
	path, handler := moduleapiconnect.NewExecutableModuleServiceHandler(server{m})
	return rpc.Handler(rpc.Options{}, map[string]http.Handler{path: handler})
}

type server struct{ Module }

// IsAvailable answers: what listens is ready.
func (server) IsAvailable(context.Context, *connect.Request[emptypb.Empty]) (*connect.Response[emptypb.Empty], error) {
	return connect.NewResponse(&emptypb.Empty{}), nil
}

// Execute calls the module.
func (s server) Execute(ctx context.Context, req *connect.Request[moduleapi.ExecuteArgs]) (*connect.Response[moduleapi.ExecuteResponse], error) {
	params := json.RawMessage(cmp.Or(req.Msg.ParamsJson, "{}"))
	if !json.Valid(params) {
		return nil, connect.NewError(connect.CodeInvalidArgument, errors.New("the parameters are not JSON"))
	}
	answer, err := s.Module.Execute(ctx, params)
	if err != nil {
		return nil, connect.NewError(connect.CodeUnknown, err)
	}
	out, err := json.Marshal(answer)
	if err != nil {
		return nil, connect.NewError(connect.CodeInternal, err)
	}
	return connect.NewResponse(&moduleapi.ExecuteResponse{ResponseJson: string(out)}), nil
}
