package module

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/emptypb"

	pb "github.com/kurtosis-go/kurtosis/api/apicontainerapi"
	"github.com/kurtosis-go/kurtosis/api/apicontainerapi/apicontainerapiconnect"
	"github.com/kurtosis-go/kurtosis/api/moduleapi"
	"github.com/kurtosis-go/kurtosis/api/moduleapi/moduleapiconnect"
	"github.com/kurtosis-go/kurtosis/api/rpc"
)

// apiContainer answers scripts that have "fail" in them with an error, and others with their parameters.
type apiContainer struct {
	apicontainerapiconnect.UnimplementedApiContainerServiceHandler
}

func (apiContainer) RunStarlarkScript(_ context.Context, req *connect.Request[pb.RunStarlarkScriptArgs], stream *connect.ServerStream[pb.StarlarkRunResponseLine]) error {
	if strings.Contains(req.Msg.SerializedScript, "fail") {
		return stream.Send(&pb.StarlarkRunResponseLine{RunResponseLine: &pb.StarlarkRunResponseLine_Error{Error: &pb.StarlarkError{
			Error: &pb.StarlarkError_ExecutionError{ExecutionError: &pb.StarlarkExecutionError{ErrorMessage: "it failed"}},
		}}})
	}
	return stream.Send(&pb.StarlarkRunResponseLine{RunResponseLine: &pb.StarlarkRunResponseLine_RunFinishedEvent{
		RunFinishedEvent: &pb.StarlarkRunFinishedEvent{IsRunSuccessful: true, SerializedOutput: req.Msg.SerializedParams},
	}})
}

type script struct {
	Enclave
	Text string `json:"text"`
}

func (s *script) Execute(ctx context.Context, params json.RawMessage) (any, error) {
	return s.Run(ctx, s.Text, string(params))
}

// listen serves over HTTP/2 without TLS and gives the host and port.
func listen(t *testing.T, h http.Handler) string {
	server := httptest.NewUnstartedServer(h)
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

func call(t *testing.T, text, params string) (string, error) {
	path, api := apicontainerapiconnect.NewApiContainerServiceHandler(apiContainer{})
	args, err := arguments(`{"enclaveId": "e1", "listenPortNum": 1111, "apiContainerSocket": "` +
		listen(t, rpc.Handler(rpc.Options{}, map[string]http.Handler{path: api})) + `"}`)
	require.NoError(t, err)
	assert.Equal(t, 1111, args.ListenPort)
	address := listen(t, handler(&script{args.enclave(), text}))

	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	client := moduleapiconnect.NewExecutableModuleServiceClient(&http.Client{Transport: &http.Transport{Protocols: protocols}}, "http://"+address, connect.WithGRPC())
	_, err = client.IsAvailable(t.Context(), connect.NewRequest(&emptypb.Empty{}))
	require.NoError(t, err)
	resp, err := client.Execute(t.Context(), connect.NewRequest(&moduleapi.ExecuteArgs{ParamsJson: params}))
	if err != nil {
		var wire *connect.Error
		require.ErrorAs(t, err, &wire)
		return "", errors.New(wire.Message())
	}
	return resp.Msg.ResponseJson, nil
}

func TestExecute(t *testing.T) {
	answer, err := call(t, "def run(plan): pass", `{"a": 1}`)
	require.NoError(t, err)
	assert.JSONEq(t, `{"a": 1}`, answer)

	_, err = call(t, "fail", "")
	assert.EqualError(t, err, "it failed")

	_, err = call(t, "def run(plan): pass", "{")
	assert.EqualError(t, err, "the parameters are not JSON")
}

func TestArguments(t *testing.T) {
	load := func(Enclave, json.RawMessage) (Module, error) { return nil, errors.New("not asked for") }
	err := Serve(t.Context(), func(string) string { return "" }, load)
	assert.EqualError(t, err, "SERIALIZED_ARGS is not set: a module is started by 'kurtosis module exec'")
	err = Serve(t.Context(), func(string) string { return "{" }, load)
	assert.EqualError(t, err, "SERIALIZED_ARGS is not the JSON that it should be: unexpected end of JSON input")
	err = Serve(t.Context(), func(string) string { return `{}` }, load)
	assert.EqualError(t, err, "not asked for")
}
