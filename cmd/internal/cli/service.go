package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/kurtosis-go/kurtosis/api/client"
	"github.com/kurtosis-go/kurtosis/backends"
)

func (a *app) serviceCommand() *cobra.Command {
	cmd := a.group(&cobra.Command{Use: "service", Short: "Add services, look at them, change them, and run commands in them"})
	cmd.AddCommand(a.serviceAddCommand(), a.serviceUpdateCommand(), a.serviceInspectCommand(), a.serviceLogsCommand(), a.serviceExecCommand(),
		a.serviceShellCommand(), a.serviceStartCommand(), a.serviceStopCommand(), a.serviceRemoveCommand())
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
			if err := f.check(); err != nil {
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
			return a.logs(cmd.Context(), args[0], args[1:], f)
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

func (f logFlags) check() error {
	if f.match == "" && f.regex == "" && f.invert {
		return &usageError{"--invert-match goes with --match or --regex-match", ""}
	}
	if _, err := regexp.Compile(f.regex); err != nil {
		return &usageError{fmt.Sprintf("--regex-match can't be '%s': %s", f.regex, strings.TrimPrefix(err.Error(), "error parsing regexp: ")), ""}
	}
	return nil
}

type logDocument struct {
	Service string    `json:"service"`
	Time    time.Time `json:"time"`
	Stream  string    `json:"stream"`
	Line    string    `json:"line"`
}

func (a *app) logs(ctx context.Context, enclave string, services []string, f logFlags) error {
	options := client.LogOptions{Follow: f.follow, Tail: f.lines, Contains: f.match, Pattern: f.regex, Invert: f.invert}
	if f.all {
		options.Tail = 0
	}
	if !f.every {
		options.Services = services
	}
	out := &logPrinter{app: a}
	err := a.withEngine(ctx, needEnclaves, func(s *session) error {
		for line, err := range s.Logs(ctx, enclave, options) {
			if err != nil {
				return err
			}
			out.print(line)
		}
		return nil
	})
	if errors.Is(err, errNoEngine) {
		_, err = backends.MatchEnclave(nil, enclave) // words it
	}
	return err
}

// logPrinter writes lines of several services, each in a colour.
type logPrinter struct {
	*app
	colors map[string]func(string) string
}

func (p *logPrinter) print(line client.LogLine) {
	if p.output == formatJSON {
		stream := "stdout"
		if line.Stderr {
			stream = "stderr"
		}
		p.printJSON(logDocument{line.Service, line.Time, stream, line.Text})
		return
	}
	paint := p.colors[line.Service]
	if paint == nil {
		style := p.outStyle()
		paint = []func(string) string{style.Cyan, style.Green, style.Yellow, style.Bold}[len(p.colors)%4]
		if p.colors == nil {
			p.colors = map[string]func(string) string{}
		}
		p.colors[line.Service] = paint
	}
	fmt.Fprintf(p.Out, "%s %s\n", paint("["+line.Service+"]"), line.Text)
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
			return a.withEnclave(ctx, args[0], func(_ *session, _ client.EnclaveInfo, e *client.Enclave) error {
				command := args[2:]
				if command[0] == "--" && len(command) > 1 {
					command = command[1:]
				}
				if len(command) == 1 {
					command = []string{"/bin/sh", "-c", command[0]}
				}
				return a.exec(ctx, e, args[1], backends.Exec{Command: command, User: user})
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

func (a *app) exec(ctx context.Context, e *client.Enclave, service string, command backends.Exec) error {
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = a.Out, a.Err
	if a.output == formatJSON {
		command.Stdout, command.Stderr = &stdout, &stderr
	}
	if in, ok := a.In.(*os.File); !ok || !term.IsTerminal(int(in.Fd())) {
		command.Stdin = a.In
	}
	code, err := e.Exec(ctx, service, command)
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
