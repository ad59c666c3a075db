// Package cli is the kurtosis command: one file per command, and what they share. Commands return errors; Main
// alone shows them and says with which status the process ends.
package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/kurtosis-go/kurtosis/cmd/internal/ui"
)

// Version is what this build calls itself; the linker sets it.
var Version = "dev"

// Streams are where a command reads from and writes to.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// Exit statuses.
const (
	statusDone        = 0
	statusFault       = 1 // the package, its arguments or the run is at fault
	statusUsage       = 2 // the command line is
	statusBug         = 3 // we are
	statusInterrupted = 130
)

// app is one call of the command.
type app struct {
	Streams
	engines Engines
	style   ui.Style // of Err, where errors go
	output  format   // of the command that runs, text until its flags are parsed
	quiet   bool     // it is to say nothing but its result
}

// Main runs the command line args (without the program's name) and returns the exit status.
func Main(ctx context.Context, args []string, streams Streams, engines Engines) (status int) {
	a := &app{Streams: streams, engines: engines, style: ui.StyleOf(streams.Err, os.Getenv), output: formatText}
	defer func() {
		if r := recover(); r != nil {
			status = a.bug(r, debug.Stack())
		}
	}()
	root := a.root()
	root.SetArgs(args)
	root.SetIn(streams.In)
	root.SetOut(streams.Out)
	root.SetErr(streams.Err)
	// Errors before the flags are parsed are JSON too where JSON was asked for.
	if askedForJSON(args) {
		a.output = formatJSON
	}
	if err := root.ExecuteContext(ctx); err != nil {
		return a.fail(ctx, err)
	}
	return statusDone
}

func (a *app) bug(r any, stack []byte) int {
	fmt.Fprintf(a.Err, "%s this is a bug in kurtosis %s: %v\n", a.style.Red("kurtosis:"), Version, r)
	fmt.Fprintf(a.Err, "%s please report it with what follows\n\n%s", a.style.Bold("hint:"), stack)
	if a.output == formatJSON {
		a.printJSON(errorDocument{Error: fmt.Sprintf("this is a bug in kurtosis %s: %v", Version, r), Hint: "please report it"})
	}
	return statusBug
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "kurtosis",
		Short: "Run packages of services, and see what they would do first",
		Long: `Kurtosis runs packages: Starlark programs that start services in containers.

A preview (run --dry-run) says exactly what a package would do, on any machine, without Docker.`,
		Example: `  kurtosis run .                                  run the package of this directory
  kurtosis run . --dry-run                        see what it would do
  kurtosis run github.com/owner/repository '{"replicas": 3}'
  kurtosis docs plan.add_service                  what an instruction takes and gives`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          a.noSuchCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(flagError)
	root.PersistentFlags().String("cli-log-level", "", "accepted so that scripts written for the reference work; there is no log")
	_ = root.PersistentFlags().MarkHidden("cli-log-level")
	root.SetHelpCommand(&cobra.Command{Use: "help [command]", Short: "Say what a command does", Args: cobra.ArbitraryArgs, RunE: a.help})
	root.AddCommand(a.runCommand(), a.importCommand(), a.lintCommand(), a.packageCommand(), a.docsCommand(), a.configCommand(), a.versionCommand(), a.completionCommand(), a.doctorCommand(), a.dumpCommand(),
		a.enclaveCommand(), a.serviceCommand(), a.filesCommand(), a.portCommand(), a.cleanCommand(), a.lspCommand(),
		a.moduleCommand(), a.engineCommand(), a.apiCommand(), a.relayCommand(), a.clusterCommand(), a.gatewayCommand())
	return root
}

func (a *app) help(cmd *cobra.Command, args []string) error {
	found, rest, err := cmd.Root().Find(args)
	if err != nil || len(rest) > 0 {
		return a.noSuchCommand(cmd.Root(), args)
	}
	found.InitDefaultHelpFlag() // as when it is asked for with --help
	return found.Help()
}

// group is a command that only has others below it.
func (a *app) group(cmd *cobra.Command) *cobra.Command {
	cmd.Args = a.noSuchCommand
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	return cmd
}
