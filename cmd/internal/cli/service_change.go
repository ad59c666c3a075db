package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"
	"gopkg.in/yaml.v3"

	"github.com/kurtosis-go/kurtosis/api/client"
	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

// shortest is how much of a UUID names something.
const shortest = backends.ShortUUIDLength

// withService runs a command on one service.
func (a *app) withService(ctx context.Context, enclave, service string, do func(*client.Enclave, client.Service) error) error {
	return a.withEnclave(ctx, enclave, func(_ *session, _ client.EnclaveInfo, e *client.Enclave) error {
		found, err := findService(ctx, e, service)
		if err != nil {
			return err
		}
		return do(e, found)
	})
}

func (a *app) serviceUpdateCommand() *cobra.Command {
	f := &configFlags{}
	var full bool
	cmd := &cobra.Command{
		Use:   "update ENCLAVE SERVICE [-- COMMAND...]",
		Short: "Replace a service by one that is made from something else",
		Long: `Replace a service by one that is made from something else. What no flag names stays as it is: of --env, --secret-env,
--ports and --files only the entries that are given change. The service keeps its address, its UUID, the ports on this machine and
its persistent directories; other files are made anew.`,
		Example: `  kurtosis service update demo web --image nginx:1.28
  kurtosis service update demo web --env DEBUG=1 --ports metrics=http:9100
  kurtosis service update demo db --secret-env POSTGRES_PASSWORD=file:password.txt`,
		Args: func(cmd *cobra.Command, args []string) error {
			given := commandAt(cmd, args)
			return operands(2, "the enclave", "the service")(cmd, args[:given])
		},
		ValidArgsFunction: a.completeService,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			if given := commandAt(cmd, args); given < len(args) {
				f.cmd = args[given:]
			}
			if f.image == "" && f.cmd == nil && f.entrypoint == nil && f.env == nil && f.ports == nil && f.files == nil && f.secretEnv == nil && !f.privileged {
				return &usageError{"nothing is to be changed", "--image, --cmd, --entrypoint, --env, --secret-env, --ports and --files say what"}
			}
			return a.withService(ctx, args[0], args[1], func(_ *client.Enclave, s client.Service) error {
				config, err := a.configOf(s)
				if err != nil {
					return err
				}
				if err := f.apply(config); err != nil {
					return err
				}
				return a.putService(ctx, args[0], s.Name, config, f, full)
			})
		},
	}
	cmd.Flags().StringVar(&f.image, "image", "", "the image")
	f.declare(cmd)
	cmd.Flags().BoolVar(&full, "full-uuids", false, "show UUIDs whole")
	a.outputFlag(cmd, formatJSON)
	return cmd
}

// configOf is the call of ServiceConfig that a service was made from.
func (a *app) configOf(s client.Service) (*plan.Object, error) {
	unknown := &faultError{fmt.Sprintf("it isn't known what service '%s' was made from", s.Name), "'kurtosis service add' replaces it"}
	made := s.Config
	if len(s.KeptConfig) > 0 { // only the enclave knows what its secrets are
		made = s.KeptConfig
	}
	if len(made) == 0 {
		return nil, unknown
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(made, &fields); err != nil {
		return nil, unknown
	}
	if conditions, ok := fields["ReadyConditions"]; ok && string(conditions) != "null" {
		delete(fields, "ReadyConditions") // their target value has no type in JSON
		a.warn(fmt.Sprintf("the ready conditions of service '%s' are not waited for", s.Name), "")
	}
	text, err := json.Marshal(fields)
	if err != nil {
		return nil, unknown
	}
	var config plan.ServiceConfig
	if err := json.Unmarshal(text, &config); err != nil {
		return nil, unknown
	}
	if config.Image.Build != nil || config.Image.Nix != nil {
		config.Image = plan.Image{Name: s.Image} // as the engine, or the node, has it
	}
	if config.Image.Spec != nil {
		config.Image = plan.Image{Name: config.Image.Reference()} // the password is not kept, and the image is there
	}
	return config.Object(), nil
}

// serviceDetail is all that is known of a service, as a document, with *** for secrets.
type serviceDetail struct {
	serviceDocument `yaml:",inline"`
	Entrypoint      []string            `json:"entrypoint,omitempty" yaml:"entrypoint,omitempty"`
	Cmd             []string            `json:"cmd,omitempty" yaml:"cmd,omitempty"`
	Env             map[string]string   `json:"env,omitempty" yaml:"env,omitempty"`
	Files           map[string][]string `json:"files,omitempty" yaml:"files,omitempty"` // artifacts, or persistent:KEY, by path
	Labels          map[string]string   `json:"labels,omitempty" yaml:"labels,omitempty"`
}

func detailOf(s client.Service) serviceDetail {
	doc := serviceDetail{serviceDocument: serviceOf(s.Service), Labels: s.Labels}
	var config struct {
		Entrypoint, Cmd []string
		EnvVars         plan.Map[string]
		Files           plan.Map[plan.Directory]
	}
	if json.Unmarshal(s.Config, &config) != nil {
		return doc // what is not known is not shown
	}
	doc.Entrypoint, doc.Cmd = config.Entrypoint, config.Cmd
	for key, value := range config.EnvVars.All() {
		if doc.Env == nil {
			doc.Env = map[string]string{}
		}
		doc.Env[key] = value
	}
	for path, d := range config.Files.All() {
		if doc.Files == nil {
			doc.Files = map[string][]string{}
		}
		doc.Files[path] = d.ArtifactNames
		if d.PersistentKey != "" {
			doc.Files[path] = []string{"persistent:" + d.PersistentKey}
		}
	}
	return doc
}

func (a *app) serviceInspectCommand() *cobra.Command {
	var full bool
	cmd := &cobra.Command{
		Use: "inspect ENCLAVE SERVICE", Short: "Show all that is known of a service",
		Example: "  kurtosis service inspect demo web\n  kurtosis service inspect demo web -o yaml",
		Args:    operands(2, "the enclave", "the service"), ValidArgsFunction: a.completeService,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withService(cmd.Context(), args[0], args[1], func(_ *client.Enclave, s client.Service) error { return a.showService(s, full) })
		},
	}
	cmd.Flags().BoolVar(&full, "full-uuid", false, "show the UUID whole")
	a.outputFlag(cmd, formatJSON, formatYAML)
	return cmd
}

func (a *app) showService(s client.Service, full bool) error {
	doc := detailOf(s)
	switch a.output {
	case formatJSON:
		a.printJSON(doc)
		return nil
	case formatYAML:
		enc := yaml.NewEncoder(a.Out)
		enc.SetIndent(2)
		if err := enc.Encode(doc); err != nil {
			return err
		}
		return enc.Close()
	}
	const indent = "                 "
	line := func(key, value string) {
		if value != "" {
			fmt.Fprintf(a.Out, "%-17s%s\n", key+":", strings.ReplaceAll(strings.TrimRight(value, "\n"), "\n", "\n"+indent))
		}
	}
	status := doc.Status
	if doc.ExitCode != nil {
		status += fmt.Sprintf(" (exit code %d)", *doc.ExitCode)
	}
	if doc.Reason != "" {
		status += ": " + doc.Reason
	}
	line("Name", doc.Name)
	line("UUID", shown(doc.UUID, full))
	line("Status", status)
	line("Image", doc.Image)
	line("Address", doc.Address)
	line("Ports", portLines(doc.Ports))
	line("Entrypoint", command(doc.Entrypoint))
	line("Command", command(doc.Cmd))
	line("Environment", sorted(doc.Env, func(k, v string) string { return k + "=" + v }))
	line("Files", sorted(doc.Files, func(k string, v []string) string { return k + ": " + strings.Join(v, ", ") }))
	line("Labels", sorted(doc.Labels, func(k, v string) string { return k + "=" + v }))
	return nil
}

func sorted[V any](m map[string]V, line func(string, V) string) string {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(m)) {
		b.WriteString(line(k, m[k]) + "\n")
	}
	return b.String()
}

// command is a command line as JSON, which leaves no doubt about what is one argument.
func command(args []string) string {
	if len(args) == 0 {
		return ""
	}
	text, err := json.Marshal(args)
	if err != nil {
		return strings.Join(args, " ")
	}
	return string(text)
}

// serviceVerb is a command on one service.
func (a *app) serviceVerb(verb, short, example string, do func(ctx context.Context, e *client.Enclave, s client.Service) (client.Service, error)) *cobra.Command {
	cmd := &cobra.Command{
		Use: verb + " ENCLAVE SERVICE", Short: short, Example: example,
		Args: operands(2, "the enclave", "the service"), ValidArgsFunction: a.completeService,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			return a.withService(ctx, args[0], args[1], func(e *client.Enclave, s client.Service) error {
				now, err := do(ctx, e, s)
				if err != nil {
					return err
				}
				if a.output == formatJSON {
					a.printJSON(serviceOf(now.Service))
					return nil
				}
				_, err = fmt.Fprintln(a.Out, s.Name)
				return err
			})
		},
	}
	a.outputFlag(cmd, formatJSON)
	return cmd
}

func (a *app) serviceStartCommand() *cobra.Command {
	return a.serviceVerb("start", "Start a service that is stopped", "  kurtosis service start demo web", func(ctx context.Context, e *client.Enclave, s client.Service) (client.Service, error) {
		return e.StartService(ctx, s.Name)
	})
}

func (a *app) serviceStopCommand() *cobra.Command {
	return a.serviceVerb("stop", "Stop a service; its files and address stay", "  kurtosis service stop demo web", func(ctx context.Context, e *client.Enclave, s client.Service) (client.Service, error) {
		return e.StopService(ctx, s.Name)
	})
}

func (a *app) serviceRemoveCommand() *cobra.Command {
	var force bool
	cmd := a.serviceVerb("rm", "Remove a service and its files", "  kurtosis service rm demo web\n  kurtosis service rm -f demo web", func(ctx context.Context, e *client.Enclave, s client.Service) (client.Service, error) {
		if s.State != backends.Stopped && !force {
			if err := a.confirm(fmt.Sprintf("service '%s' is running", s.Name), "remove it?"); err != nil {
				return s, err
			}
		}
		return s, e.RemoveService(ctx, s.Name)
	})
	cmd.Flags().BoolVarP(&force, "force", "f", false, "remove it also while it runs")
	return cmd
}

// shells are looked for in a service, the best first.
const findShell = `for s in bash zsh ash; do command -v $s >/dev/null 2>&1 && exec $s; done; exec sh`

func (a *app) serviceShellCommand() *cobra.Command {
	var user string
	cmd := &cobra.Command{
		Use: "shell ENCLAVE SERVICE", Short: "Open a shell in a service",
		Long:    "Open a shell in a service: bash where it has one, else sh. It ends with the shell's exit code.",
		Example: "  kurtosis service shell demo web",
		Args:    operands(2, "the enclave", "the service"), ValidArgsFunction: a.completeService,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			return a.withService(ctx, args[0], args[1], func(e *client.Enclave, s client.Service) error {
				return a.shell(ctx, e, s.Name, backends.Exec{Command: []string{"/bin/sh", "-c", findShell}, User: user})
			})
		},
	}
	cmd.Flags().StringVarP(&user, "user", "u", "", "who runs it, as name, uid or uid:gid (default: the service's own)")
	return cmd
}

// shell runs an interactive command: with a terminal where this program has one, else with its input as it is.
func (a *app) shell(ctx context.Context, e *client.Enclave, service string, command backends.Exec) error {
	command.Stdin, command.Stdout, command.Stderr = a.In, a.Out, a.Err
	in, isFile := a.In.(*os.File)
	out, shows := a.Out.(*os.File)
	if isFile && shows && term.IsTerminal(int(in.Fd())) && term.IsTerminal(int(out.Fd())) {
		restore, err := term.MakeRaw(int(in.Fd()))
		if err != nil {
			return err
		}
		defer func() { _ = term.Restore(int(in.Fd()), restore) }() // nothing else can be done about a terminal that is gone
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		command.TTY, command.Resize = true, sizes(ctx, out)
		if name := os.Getenv("TERM"); name != "" {
			command.Env = map[string]string{"TERM": name}
		}
	}
	code, err := e.Exec(ctx, service, command)
	if err != nil {
		return err
	}
	if code != 0 {
		return &shownError{code}
	}
	return nil
}

// sizeNow sends the size of a terminal, without waiting for who has not taken the one before.
func sizeNow(out *os.File, to chan backends.Size) {
	columns, rows, err := term.GetSize(int(out.Fd()))
	if err != nil {
		return
	}
	select {
	case <-to: // nobody took it, and it is old
	default:
	}
	to <- backends.Size{Columns: uint16(columns), Rows: uint16(rows)}
}
