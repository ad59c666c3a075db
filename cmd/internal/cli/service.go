package cli

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/runtime"
)

func (a *app) serviceCommand() *cobra.Command {
	cmd := a.group(&cobra.Command{Use: "service", Short: "Read the logs of services, and run commands in them"})
	cmd.AddCommand(a.serviceLogsCommand(), a.serviceExecCommand())
	return cmd
}

// logFlags choose services and lines.
type logFlags struct {
	follow, all, invert, every bool
	lines                      int
	match, regex               string
}

func (a *app) serviceLogsCommand() *cobra.Command {
	var f logFlags
	cmd := &cobra.Command{
		Use:   "logs ENCLAVE [SERVICE...]",
		Short: "Print what services wrote",
		Long: `Print what services wrote: the last 200 lines, or as -n and -a say.

Each line has its service in front. --match and --regex-match choose lines, -v turns the choice round.`,
		Example: `  kurtosis service logs demo web
  kurtosis service logs demo web db -f
  kurtosis service logs demo -x -a --match error -o json`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: a.completeServices,
		RunE: func(cmd *cobra.Command, args []string) error {
			chosen, err := f.filter()
			if err != nil {
				return err
			}
			switch {
			case len(args) == 0:
				return &usageError{"the enclave is missing", "usage: " + cmd.UseLine()}
			case len(args) == 1 && !f.every:
				return &usageError{"the service is missing", "-x prints the logs of all services"}
			case f.lines < 1:
				return &usageError{fmt.Sprintf("--num can't be %d: it must be at least 1", f.lines), "-a prints all lines"}
			}
			ctx := cmd.Context()
			return a.withEnclave(ctx, args[0], func(e runtime.Enclaves, enclave backends.Enclave) error {
				return a.logs(ctx, e.Backend, enclave, args[1:], f, chosen)
			})
		},
	}
	flags := cmd.Flags()
	flags.BoolVarP(&f.follow, "follow", "f", false, "go on printing what is written from now on")
	flags.BoolVarP(&f.all, "all", "a", false, "print all lines")
	flags.IntVarP(&f.lines, "num", "n", 200, "how many of the last lines are printed")
	flags.StringVar(&f.match, "match", "", "only lines that contain this text")
	flags.StringVar(&f.regex, "regex-match", "", "only lines that this regular expression matches")
	flags.BoolVarP(&f.invert, "invert-match", "v", false, "only the lines that --match or --regex-match leaves out")
	flags.BoolVarP(&f.every, "all-services", "x", false, "the logs of all services")
	cmd.MarkFlagsMutuallyExclusive("match", "regex-match")
	a.outputFlag(cmd, formatJSON)
	return cmd
}

func (f logFlags) filter() (func(string) bool, error) {
	if f.match == "" && f.regex == "" {
		if f.invert {
			return nil, &usageError{"--invert-match goes with --match or --regex-match", ""}
		}
		return func(string) bool { return true }, nil
	}
	matches := func(line string) bool { return strings.Contains(line, f.match) }
	if f.regex != "" {
		re, err := regexp.Compile(f.regex)
		if err != nil {
			return nil, &usageError{fmt.Sprintf("--regex-match can't be '%s': %s", f.regex, strings.TrimPrefix(err.Error(), "error parsing regexp: ")), ""}
		}
		matches = re.MatchString
	}
	return func(line string) bool { return matches(line) != f.invert }, nil
}

type logDocument struct {
	Service string    `json:"service"`
	Time    time.Time `json:"time"`
	Stream  string    `json:"stream"`
	Line    string    `json:"line"`
}

func (a *app) logs(ctx context.Context, b backends.Backend, enclave backends.Enclave, services []string, f logFlags, chosen func(string) bool) error {
	if f.every {
		list, err := b.ListServices(ctx, enclave.UUID)
		if err != nil {
			return err
		}
		services = services[:0]
		for _, s := range list {
			services = append(services, s.Name)
		}
	}
	for _, name := range services { // a wrong name is said before anything is printed
		if _, err := b.InspectService(ctx, enclave.UUID, name); err != nil {
			return err
		}
	}
	options := backends.LogOptions{Follow: f.follow, Tail: f.lines}
	if f.all {
		options.Tail = 0
	}
	out := &logPrinter{app: a}
	if !f.follow {
		for i, name := range services {
			if err := out.print(ctx, b, enclave.UUID, name, i, options, chosen); err != nil {
				return err
			}
		}
		return nil
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var following sync.WaitGroup
	for i, name := range services {
		following.Go(func() {
			if err := out.print(ctx, b, enclave.UUID, name, i, options, chosen); err != nil {
				stop(err)
			}
		})
	}
	following.Wait()
	return context.Cause(ctx)
}

// logPrinter writes lines of several services, whole.
type logPrinter struct {
	*app
	mu sync.Mutex
}

func (p *logPrinter) print(ctx context.Context, b backends.Backend, enclave, service string, index int, o backends.LogOptions, chosen func(string) bool) error {
	style := p.outStyle()
	paint := []func(string) string{style.Cyan, style.Green, style.Yellow, style.Bold}[index%4]
	for line, err := range b.Logs(ctx, enclave, service, o) {
		if err != nil {
			return err
		}
		if !chosen(line.Text) {
			continue
		}
		p.mu.Lock()
		if p.output == formatJSON {
			stream := "stdout"
			if line.Stderr {
				stream = "stderr"
			}
			p.printJSON(logDocument{service, line.Time, stream, line.Text})
		} else {
			fmt.Fprintf(p.Out, "%s %s\n", paint("["+service+"]"), line.Text)
		}
		p.mu.Unlock()
	}
	return nil
}

func (a *app) serviceExecCommand() *cobra.Command {
	var user string
	cmd := &cobra.Command{
		Use:   "exec ENCLAVE SERVICE COMMAND [ARGUMENT...]",
		Short: "Run a command in a service",
		Long: `Run a command in a service, and end with its exit code.

A single COMMAND is a shell's command line; with arguments, it is run as it is.`,
		Example: `  kurtosis service exec demo db 'psql -U app -c "select 1"'
  kurtosis service exec demo db -- psql -U app -c 'select 1'
  kurtosis service exec demo web -u nobody id`,
		Args: func(cmd *cobra.Command, args []string) error {
			names := []string{"the enclave", "the service", "the command"}
			if len(args) < len(names) {
				return &usageError{names[len(args)] + " is missing", "usage: " + cmd.UseLine()}
			}
			return nil
		},
		ValidArgsFunction: a.completeServices,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			return a.withEnclave(ctx, args[0], func(e runtime.Enclaves, enclave backends.Enclave) error {
				command := args[2:]
				if command[0] == "--" && len(command) > 1 {
					command = command[1:]
				}
				if len(command) == 1 {
					command = []string{"/bin/sh", "-c", command[0]}
				}
				return a.exec(ctx, e.Backend, enclave, args[1], backends.Exec{Command: command, User: user})
			})
		},
	}
	cmd.Flags().StringVarP(&user, "user", "u", "", "who runs it, as name, uid or uid:gid (default: the service's own)")
	cmd.Flags().SetInterspersed(false)
	a.outputFlag(cmd, formatJSON)
	return cmd
}

type execDocument struct {
	ExitCode int    `json:"exit_code"`
	Stdout   string `json:"stdout"`
	Stderr   string `json:"stderr"`
}

func (a *app) exec(ctx context.Context, b backends.Backend, enclave backends.Enclave, service string, command backends.Exec) error {
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = a.Out, a.Err
	if a.output == formatJSON {
		command.Stdout, command.Stderr = &stdout, &stderr
	}
	if in, ok := a.In.(*os.File); !ok || !term.IsTerminal(int(in.Fd())) {
		command.Stdin = a.In
	}
	code, err := b.Exec(ctx, enclave.UUID, service, command)
	if err != nil {
		return err
	}
	if a.output == formatJSON {
		a.printJSON(execDocument{code, stdout.String(), stderr.String()})
	}
	if code != 0 {
		return &shownError{code}
	}
	return nil
}
