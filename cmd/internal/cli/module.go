package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path"
	"regexp"
	"strconv"
	"strings"

	"connectrpc.com/connect"
	"github.com/spf13/cobra"

	"github.com/kurtosis-go/kurtosis/api/client"
	"github.com/kurtosis-go/kurtosis/api/module"
	"github.com/kurtosis-go/kurtosis/api/moduleapi"
	"github.com/kurtosis-go/kurtosis/api/moduleapi/moduleapiconnect"
	"github.com/kurtosis-go/kurtosis/api/rpc"
	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/engine"
	"github.com/kurtosis-go/kurtosis/lang/rule"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

func (a *app) moduleCommand() *cobra.Command {
	cmd := a.group(&cobra.Command{Use: "module", Short: "Execute modules: images that work on an enclave through its API"})
	cmd.AddCommand(a.moduleExecCommand())
	return cmd
}

// moduleFlags say how a module is executed.
type moduleFlags struct {
	enclave, name, load, params string
	keep                        bool
}

func (a *app) moduleExecCommand() *cobra.Command {
	var f moduleFlags
	cmd := &cobra.Command{
		Use: "exec IMAGE", Short: "Start a module in an enclave, execute it and print its answer",
		Long: `Start a module in an enclave, execute it and print its answer.

A module is an image that serves module_api.ExecutableModuleService over gRPC. It is started with the address of the
enclave's API container, and called once; what it makes in the enclave stays, and the module itself goes unless
--keep says otherwise.`,
		Example: `  kurtosis module exec kurtosis-example/module:1 --execute-params '{"workers": 3}'
  kurtosis module exec my-module:1.0 --enclave demo --load-params '{"image": "my-worker:1.0"}'`,
		Args: operands(1, "the image"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.executeModule(cmd.Context(), args[0], f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.enclave, "enclave", "", "the enclave, made if missing; without it a new one with a name of its own")
	flags.StringVar(&f.enclave, "enclave-id", "", "the same as --enclave")
	_ = flags.MarkHidden("enclave-id")
	flags.StringVar(&f.name, "name", "", "the module's name as a service (default one made of the image's)")
	flags.StringVar(&f.load, "load-params", "{}", "what the module is started with: a JSON object")
	flags.StringVar(&f.params, "execute-params", "{}", "what it is called with: a JSON object")
	flags.BoolVar(&f.keep, "keep", false, "leave the module running")
	a.outputFlag(cmd, formatJSON)
	return cmd
}

// check refuses what no module could be executed with.
func (f *moduleFlags) check(image string) error {
	for flag, text := range map[string]string{"load-params": f.load, "execute-params": f.params} {
		var object map[string]json.RawMessage
		if err := json.Unmarshal([]byte(text), &object); err != nil || object == nil {
			return &usageError{fmt.Sprintf("--%s is not a JSON object", flag), `as in '{"workers": 3}'`}
		}
	}
	if f.name == "" {
		f.name = moduleName(image)
	} else if message, ok := rule.Check("service-name", f.name); !ok {
		return &usageError{fmt.Sprintf("--name %q: %s", f.name, message), ""}
	}
	if os.Getenv(engine.TokenVariable) != "" {
		return &faultError{"a module has no token to call the API container with", "use an engine without one"}
	}
	return nil
}

var notInName = regexp.MustCompile(`[^a-z0-9-]+`)

// moduleName is the last part of an image's name as a service is called.
func moduleName(image string) string {
	image, _, _ = strings.Cut(image, "@")
	base, _, _ := strings.Cut(path.Base(image), ":")
	name := strings.Trim(notInName.ReplaceAllString(strings.ToLower(base), "-"), "-")
	if _, ok := rule.Check("service-name", name); !ok {
		return "module"
	}
	return name
}

func (a *app) executeModule(ctx context.Context, image string, f moduleFlags) error {
	if err := f.check(image); err != nil {
		return err
	}
	return a.withEngine(ctx, needEngine, func(s *session) error {
		found, err := s.lookUp(ctx, f.enclave)
		if err != nil {
			return err
		}
		if s.tls != nil {
			return &faultError{"a module does not speak TLS to the API container", "use an engine without"}
		}
		if found.UUID == "" {
			if found, err = s.Create(ctx, f.enclave, false); err != nil {
				return err
			}
			a.progress("made enclave '" + found.Name + "'")
		}
		e, err := s.dial(found)
		if err != nil {
			return err
		}
		defer e.Close()
		if err := a.startModule(ctx, e, found, image, f); err != nil {
			return err
		}
		answer, err := s.callModule(ctx, found, f)
		if err == nil && !f.keep {
			err = e.RemoveService(ctx, f.name)
		}
		if err != nil {
			return err
		}
		return a.showAnswer(found.Name, answer)
	})
}

// modulePort is the id of the port on which a module is called.
const modulePort = "module"

// startModule adds the module to its enclave as a service.
func (a *app) startModule(ctx context.Context, e *client.Enclave, found client.EnclaveInfo, image string, f moduleFlags) error {
	held, err := e.Inspect(ctx)
	if err != nil {
		return err
	}
	for _, s := range held.Services {
		if s.Name == f.name {
			return &faultError{fmt.Sprintf("enclave '%s' has a service '%s' already", found.Name, f.name), "give the module another --name"}
		}
	}
	args, err := json.Marshal(module.Arguments{
		EnclaveID: found.UUID, ListenPort: module.Port, LoadParams: f.load,
		APIContainer: net.JoinHostPort(found.API.Address, strconv.Itoa(int(found.API.Port))),
	})
	if err != nil {
		return err
	}
	object := func(constructor string, fields ...plan.Field) *plan.Object {
		return &plan.Object{Constructor: constructor, Fields: fields}
	}
	dict := func(key string, value plan.Value) *plan.Dict {
		return &plan.Dict{Items: []plan.Item{{Key: plan.String(key), Value: value}}}
	}
	call := object("plan.add_service", plan.Field{Name: "name", Value: plan.String(f.name)}, plan.Field{Name: "config", Value: object("ServiceConfig",
		plan.Field{Name: "image", Value: plan.String(image)},
		plan.Field{Name: "ports", Value: dict(modulePort, object("PortSpec", plan.Field{Name: "number", Value: plan.NewInt(module.Port)}, plan.Field{Name: "application_protocol", Value: plan.String("grpc")}))},
		plan.Field{Name: "env_vars", Value: dict(module.Variable, plan.String(args))},
	)})
	_, err = a.runScript(ctx, e, script{text: "def run(plan):\n    " + call.String() + "\n", images: []string{image}})
	return err
}

// callModule executes a module that listens.
func (s *session) callModule(ctx context.Context, found client.EnclaveInfo, f moduleFlags) (json.RawMessage, error) {
	transport := &http.Transport{Protocols: rpc.PlainHTTP2(), DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return s.backend.Dial(ctx, found.UUID, f.name, backends.Port{Number: module.Port, Transport: backends.TCP})
	}}
	defer transport.CloseIdleConnections()
	calls := moduleapiconnect.NewExecutableModuleServiceClient(&http.Client{Transport: transport}, "http://"+f.name, connect.WithGRPC())
	resp, err := calls.Execute(ctx, connect.NewRequest(&moduleapi.ExecuteArgs{ParamsJson: f.params}))
	var wire *connect.Error
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.As(err, &wire) && wire.Code() == connect.CodeUnimplemented:
		return nil, &faultError{fmt.Sprintf("service '%s' is no module: it does not serve module_api.ExecutableModuleService", f.name), ""}
	case errors.As(err, &wire):
		return nil, &faultError{fmt.Sprintf("module '%s' failed: %s", f.name, wire.Message()), fmt.Sprintf("'kurtosis service logs %s %s' shows what it wrote", found.Name, f.name)}
	case err != nil:
		return nil, err
	}
	answer := json.RawMessage(resp.Msg.ResponseJson)
	if !json.Valid(answer) { // a string then
		return json.Marshal(resp.Msg.ResponseJson)
	}
	return answer, nil
}

// answerDocument is what a module answered, as JSON.
type answerDocument struct {
	Enclave string          `json:"enclave"`
	Answer  json.RawMessage `json:"answer"`
}

func (a *app) showAnswer(enclave string, answer json.RawMessage) error {
	if a.output == formatJSON {
		a.printJSON(answerDocument{enclave, answer})
		return nil
	}
	var value any
	if err := json.Unmarshal(answer, &value); err != nil {
		return err
	}
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	fmt.Fprintln(a.Out, string(text))
	return nil
}
