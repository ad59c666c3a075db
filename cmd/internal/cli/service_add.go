package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kurtosis-go/kurtosis/api/client"
	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

// configFlags are the flags that say what a service is made from.
type configFlags struct {
	image             string // of update; add has an operand
	cmd, entrypoint   []string
	env, ports, files []string
	secretEnv         []string
	placeholder       string
	privileged        bool
}

func (f *configFlags) declare(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringSliceVar(&f.cmd, "cmd", nil, "the command's arguments, comma-separated; those after -- are taken as they are")
	flags.StringSliceVar(&f.entrypoint, "entrypoint", nil, "the command, in the place of the image's")
	flags.StringSliceVar(&f.env, "env", nil, "environment variables: KEY=VALUE,…")
	flags.StringArrayVar(&f.secretEnv, "secret-env", nil, "an environment variable that nothing shows: NAME=env:VARIABLE or NAME=file:FILE, or NAME of one that is given otherwise")
	flags.StringSliceVar(&f.ports, "ports", nil, "ports: ID=[APPLICATION:]NUMBER[/TRANSPORT],…")
	flags.StringSliceVar(&f.files, "files", nil, "files artifacts: /PATH:ARTIFACT[|ARTIFACT…],…")
	flags.BoolVar(&f.privileged, "privileged", false, "let the service be privileged")
}

// cliPortWait is how long a port that was added from the command line is waited for.
const cliPortWait = "30s"

// apply puts what the flags say into a configuration: lists as a whole, environment, ports and files entry by entry.
func (f *configFlags) apply(config *plan.Object) error {
	env, err := entries("--env", f.env, "=", "KEY=VALUE", func(value string) (plan.Value, error) { return plan.String(value), nil })
	if err != nil {
		return err
	}
	ports, err := entries("--ports", f.ports, "=", "ID=[APPLICATION:]NUMBER[/TRANSPORT]", portSpec)
	if err != nil {
		return err
	}
	files, err := entries("--files", f.files, ":", "/PATH:ARTIFACT[|ARTIFACT…]", func(value string) (plan.Value, error) {
		names := strings.Split(value, "|")
		if slices.Contains(names, "") {
			return nil, errors.New("a files artifact has no name")
		}
		if len(names) == 1 {
			return plan.String(value), nil
		}
		return &plan.Object{Constructor: "Directory", Fields: []plan.Field{{Name: "artifact_names", Value: texts(names)}}}, nil
	})
	if err != nil {
		return err
	}
	merge(config, "env_vars", env)
	merge(config, "ports", ports)
	merge(config, "files", files)
	if f.image != "" {
		set(config, "image", plan.String(f.image))
	}
	if f.entrypoint != nil {
		set(config, "entrypoint", texts(f.entrypoint))
	}
	if f.cmd != nil {
		set(config, "cmd", texts(f.cmd))
	}
	if f.privileged {
		set(config, "privileged", plan.Bool(true))
	}
	if f.placeholder != "" {
		set(config, "private_ip_address_placeholder", plan.String(f.placeholder))
	}
	return nil
}

func texts(list []string) *plan.List {
	out := &plan.List{}
	for _, s := range list {
		out.Items = append(out.Items, plan.String(s))
	}
	return out
}

// entries reads the values of a flag, each with a key in front of what separates it from its value.
func entries(flag string, list []string, separator, form string, value func(string) (plan.Value, error)) (*plan.Dict, error) {
	out := &plan.Dict{}
	for _, entry := range list {
		key, text, ok := strings.Cut(entry, separator)
		if !ok || key == "" {
			return nil, &usageError{fmt.Sprintf("%s can't be '%s'", flag, entry), "it has the form " + form}
		}
		v, err := value(text)
		if err != nil {
			return nil, &usageError{fmt.Sprintf("%s can't be '%s': %s", flag, entry, err), "it has the form " + form}
		}
		out.Items = append(out.Items, plan.Item{Key: plan.String(key), Value: v})
	}
	return out, nil
}

// portSpec reads [APPLICATION:]NUMBER[/TRANSPORT].
func portSpec(text string) (plan.Value, error) {
	rest, transport, _ := strings.Cut(text, "/")
	application, number, ok := strings.Cut(rest, ":")
	if !ok {
		application, number = "", rest
	}
	n, err := strconv.ParseUint(number, 10, 16)
	if err != nil || n == 0 {
		return nil, fmt.Errorf("'%s' is no port", number)
	}
	fields := []plan.Field{{Name: "number", Value: plan.NewInt(int64(n))}}
	if transport != "" {
		transport = strings.ToUpper(transport)
		if known := []string{"TCP", "UDP", "SCTP"}; !slices.Contains(known, transport) {
			return nil, fmt.Errorf("'%s' isn't one of tcp, udp, sctp", strings.ToLower(transport))
		}
		fields = append(fields, plan.Field{Name: "transport_protocol", Value: plan.String(transport)})
	}
	if application != "" {
		fields = append(fields, plan.Field{Name: "application_protocol", Value: plan.String(application)})
	}
	return &plan.Object{Constructor: "PortSpec", Fields: append(fields, plan.Field{Name: "wait", Value: plan.String(cliPortWait)})}, nil
}

func set(config *plan.Object, name string, value plan.Value) {
	for i, f := range config.Fields {
		if f.Name == name {
			config.Fields[i].Value = value
			return
		}
	}
	config.Fields = append(config.Fields, plan.Field{Name: name, Value: value})
}

// merge puts entries into a dict of a configuration, in the place of those with their keys.
func merge(config *plan.Object, name string, entries *plan.Dict) {
	if len(entries.Items) == 0 {
		return
	}
	merged := &plan.Dict{}
	if present, ok := config.Field(name); ok {
		if d, ok := present.(*plan.Dict); ok {
			merged.Items = slices.Clone(d.Items)
		}
	}
	for _, entry := range entries.Items {
		at := slices.IndexFunc(merged.Items, func(i plan.Item) bool { return i.Key == entry.Key })
		if at < 0 {
			merged.Items = append(merged.Items, entry)
		} else {
			merged.Items[at] = entry
		}
	}
	set(config, name, merged)
}

// constructed are the attributes of a ServiceConfig that hold calls of constructors, by what they are in JSON: dicts.
var constructed = map[string]string{
	"ports": "PortSpec", "public_ports": "PortSpec", "files": "Directory", "user": "User", "tolerations": "Toleration", "gpu": "GpuConfig",
	"image": "ImageSpec", "ready_conditions": "ReadyCondition",
}

// serviceConfig makes a call of ServiceConfig of its form in JSON.
func serviceConfig(text []byte) (*plan.Object, error) {
	v, err := plan.DecodeJSON(text)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, errors.New("it ends in the middle of JSON")
	} else if err != nil {
		return nil, fmt.Errorf("it is no JSON: %w", err)
	}
	d, ok := v.(*plan.Dict)
	if !ok {
		return nil, errors.New("it is no JSON object")
	}
	config := &plan.Object{Constructor: "ServiceConfig"}
	for _, item := range d.Items {
		name := plan.StringOf(item.Key)
		set(config, name, construct(name, item.Value))
	}
	return config, nil
}

// recipe makes a call of a recipe's constructor of its form in JSON: a command, or a request, which posts where it has a
// body.
func recipe(v plan.Value) plan.Value {
	d, ok := v.(*plan.Dict)
	if !ok {
		return v
	}
	o := &plan.Object{Constructor: "GetHttpRequestRecipe"}
	for _, item := range d.Items {
		switch name := plan.StringOf(item.Key); name {
		case "command":
			o.Constructor = "ExecRecipe"
		case "body", "content_type":
			o.Constructor = "PostHttpRequestRecipe"
		}
		o.Fields = append(o.Fields, plan.Field{Name: plan.StringOf(item.Key), Value: item.Value})
	}
	return o
}

func construct(name string, v plan.Value) plan.Value {
	constructor, ok := constructed[name]
	if !ok {
		return v
	}
	object := func(v plan.Value) plan.Value {
		d, ok := v.(*plan.Dict)
		if !ok {
			return v
		}
		o := &plan.Object{Constructor: constructor}
		for _, item := range d.Items {
			field := plan.Field{Name: plan.StringOf(item.Key), Value: item.Value}
			if field.Name == "recipe" && constructor == "ReadyCondition" {
				field.Value = recipe(field.Value)
			}
			o.Fields = append(o.Fields, field)
		}
		return o
	}
	switch name {
	case "ports", "public_ports", "files":
		d, ok := v.(*plan.Dict)
		if !ok {
			return v
		}
		out := &plan.Dict{}
		for _, item := range d.Items {
			out.Items = append(out.Items, plan.Item{Key: item.Key, Value: object(item.Value)})
		}
		return out
	case "tolerations":
		l, ok := v.(*plan.List)
		if !ok {
			return v
		}
		out := &plan.List{}
		for _, item := range l.Items {
			out.Items = append(out.Items, object(item))
		}
		return out
	}
	return object(v)
}

func (a *app) serviceAddCommand() *cobra.Command {
	f := &configFlags{}
	var file string
	var full bool
	cmd := &cobra.Command{
		Use:   "add ENCLAVE SERVICE IMAGE [-- COMMAND...]",
		Short: "Add a service to an enclave",
		Long: `Add a service to an enclave, or replace the one of that name. It is what plan.add_service does.

With --json-service-config the configuration is a JSON file, or - for standard input, with the attributes of
ServiceConfig; IMAGE can then be left out.

The value of an environment variable that --secret-env names is in nothing that is shown, logged or kept for others to
read: *** stands for it, wherever it appears. --secret-env NAME=env:VARIABLE takes it from the environment here, and
--secret-env NAME=file:FILE from a file (- is standard input) without the line's end at its end.`,
		Example: `  kurtosis service add demo web nginx:1.27 --ports http=http:80
  kurtosis service add demo db postgres:16 --secret-env POSTGRES_PASSWORD=env:DB_PASSWORD --ports sql=postgresql:5432
  kurtosis service add demo job busybox -- sh -c 'sleep 1000'
  kurtosis service add demo web --json-service-config web.json`,
		Args: func(cmd *cobra.Command, args []string) error {
			names := []string{"the enclave", "the service", "the image"}
			if file != "" {
				names = names[:2]
			}
			if given := commandAt(cmd, args); given < len(names) {
				return &usageError{names[given] + " is missing", "usage: " + cmd.UseLine()}
			} else if given > 3 {
				return &usageError{fmt.Sprintf("'%s' is one operand too many", args[3]), "what the service runs comes after --"}
			}
			return nil
		},
		ValidArgsFunction: a.completeEnclaves,
		RunE: func(cmd *cobra.Command, args []string) error {
			config := &plan.Object{Constructor: "ServiceConfig"}
			if file != "" {
				text, err := a.readInput(file)
				if err != nil {
					return err
				}
				if config, err = serviceConfig(text); err != nil {
					return &usageError{fmt.Sprintf("can't read the configuration '%s': %s", file, err), ""}
				}
			}
			given := commandAt(cmd, args)
			if given > 2 {
				f.image = args[2]
			}
			if given < len(args) {
				f.cmd = args[given:]
			}
			if err := f.apply(config); err != nil {
				return err
			}
			return a.putService(cmd.Context(), args[0], args[1], config, f, full)
		},
	}
	f.declare(cmd)
	cmd.Flags().StringVar(&f.placeholder, "ip-address-placeholder", "", "what is replaced by the service's address in its command and environment")
	cmd.Flags().StringVar(&file, "json-service-config", "", "the configuration as JSON: a file, or - for standard input")
	cmd.Flags().BoolVar(&full, "full-uuids", false, "show UUIDs whole")
	a.outputFlag(cmd, formatJSON)
	return cmd
}

// commandAt is where the operands after -- begin, or how many operands there are.
func commandAt(cmd *cobra.Command, args []string) int {
	if at := cmd.ArgsLenAtDash(); at >= 0 {
		return at
	}
	return len(args)
}

// readInput reads a file, or standard input for "-".
func (a *app) readInput(file string) ([]byte, error) {
	if file == "-" {
		return io.ReadAll(io.LimitReader(a.In, argumentsLimit))
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, &usageError{fmt.Sprintf("can't read '%s': %s", file, reason(err)), ""}
	}
	return text, nil
}

// putService adds a service, or replaces it, and shows it.
func (a *app) putService(ctx context.Context, enclave, name string, config *plan.Object, f *configFlags, full bool) error {
	variables, err := a.secretVariables(config, f.secretEnv)
	if err != nil {
		return err
	}
	login := takeLogin(config)
	images := images(config)
	config, args, secrets := apart(config, variables)
	call := plan.Object{Constructor: "plan.add_service", Fields: []plan.Field{{Name: "name", Value: plan.String(name)}, {Name: "config", Value: config}}}
	return a.withEnclave(ctx, enclave, func(_ *session, _ client.EnclaveInfo, e *client.Enclave) error {
		s := script{text: "def run(plan, secrets):\n    " + call.String() + "\n", args: args, secrets: secrets, images: images, privileged: f.privileged, login: login}
		if _, err := a.runScript(ctx, e, s); err != nil {
			return err
		}
		service, err := findService(ctx, e, name)
		if err != nil {
			return err
		}
		return a.showService(service, full)
	})
}

// takeLogin takes the login out of a configuration whose image has one, and leaves the image's name: a login goes
// beside the script, as no text may hold a password.
func takeLogin(config *plan.Object) *client.Login {
	image, _ := config.Field("image")
	spec, ok := image.(*plan.Object)
	if !ok || spec.Constructor != "ImageSpec" {
		return nil
	}
	text := func(name string) string {
		v, _ := spec.Field(name)
		s, _ := v.(plan.String)
		return string(s)
	}
	set(config, "image", plan.String(text("image")))
	if text("password") == "" {
		return nil
	}
	registry := text("registry") // people write it as a URL, too: images have its host
	if _, rest, ok := strings.Cut(registry, "://"); ok {
		registry = rest
	}
	registry, _, _ = strings.Cut(registry, "/")
	return &client.Login{RegistryAuth: backends.RegistryAuth{Registry: registry, Username: text("username"), Password: text("password")}}
}

func images(config *plan.Object) []string {
	if image, ok := config.Field("image"); ok {
		if name, ok := image.(plan.String); ok {
			return []string{string(name)}
		}
	}
	return nil
}

// findService finds a service of an enclave by its name or UUID, or says which one was meant.
func findService(ctx context.Context, e *client.Enclave, identifier string) (client.Service, error) {
	held, err := e.Inspect(ctx)
	if err != nil {
		return client.Service{}, err
	}
	for _, s := range held.Services {
		if s.Name == identifier || len(identifier) >= shortest && strings.HasPrefix(s.UUID, identifier) {
			return s, nil
		}
	}
	hint := fmt.Sprintf("'kurtosis enclave inspect %s' lists them", held.Enclave.Name)
	if near, ok := diag.Closest(identifier, serviceNames(held)); ok {
		hint = fmt.Sprintf("did you mean '%s'?", near)
	}
	return client.Service{}, &faultError{fmt.Sprintf("enclave %q has no service %q", held.Enclave.Name, identifier), hint}
}
