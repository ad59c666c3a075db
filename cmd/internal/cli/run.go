package cli

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kurtosis-go/kurtosis/packages"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

// runFlags are the flags of run: the reference's, then ours.
type runFlags struct {
	enclave        string
	dryRun         bool
	argsFile       string
	secrets        []string
	parallelism    int
	verbosity      *string
	inspect        bool
	fullUUIDs      bool
	function       string
	experimental   []string
	production     bool
	noConnect      bool
	imageDownload  *string
	nonBlocking    bool
	parallel       bool
	resourceCheck  bool
	privileged     bool
	dependencies   bool
	pull           bool
	images         bool
	outputGraph    bool
	outputGraphDir string
	withMermaid    bool

	packageFlags
	cluster *string
	quiet   bool
	prune   bool
	strict  bool
	noCheck bool
}

func (a *app) runCommand() *cobra.Command {
	f := &runFlags{}
	cmd := &cobra.Command{
		Use:   "run PACKAGE [ARGS]",
		Short: "Run a package or a script, or show what it would do",
		Long: `Run a package or a script, or show what it would do.

PACKAGE is a directory with a kurtosis.yml, that file, a .star file that needs no package, a Docker Compose file or
its directory, or a package on GitHub: github.com/<owner>/<repository>[/<path>][@<tag, branch or commit>].
ARGS is a JSON object or a YAML mapping.

The text of an argument that --secret names is in nothing that is shown, logged or kept for others to read: *** stands
for it, wherever it appears; services get it as it is. PATH is the argument's name, with keys or indices after dots.
--secret PATH=env:VARIABLE takes it from the environment, --secret PATH=file:FILE from a file (- is standard input)
without the line's end at its end.

With --dry-run nothing is started and no engine is needed: what would happen is shown. With --dry-run --enclave it is
compared with what was done in that enclave before, and each step is shown with why it would run or be left out.`,
		Example: `  kurtosis run .
  kurtosis run . '{"replicas": 3}' --enclave demo
  kurtosis run . --args-file params.yaml --dry-run
  kurtosis run . --args-file params.yaml --secret mev.signing_key --secret token=env:API_TOKEN
  kurtosis run . --dry-run -v executable          the plan as Starlark that can be run again
  kurtosis run . --dry-run -o mermaid             its dependencies as a diagram
  kurtosis run github.com/owner/repository@v1.2 --dry-run -o json
  echo 'replicas: 3' | kurtosis run . --args-file -`,
		Args: operands(1, "the package or script", "the arguments"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var inline *string
			if len(args) > 1 {
				inline = &args[1]
			}
			return a.run(cmd, f, args[0], inline)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.enclave, "enclave", "", "the enclave to run in, made if missing; without it a new one with a name of its own")
	flags.BoolVar(&f.dryRun, "dry-run", false, "show what would happen, and start nothing")
	flags.StringVar(&f.argsFile, "args-file", "", "the arguments: a JSON or YAML file, - for standard input, or an http URL")
	flags.StringArrayVar(&f.secrets, "secret", nil, "an argument that nothing shows: PATH of one that is given, or PATH=env:VARIABLE or PATH=file:FILE")
	flags.IntVar(&f.parallelism, "parallelism", 4, "how many services of one add_services start at a time")
	f.verbosity = choose(cmd, "verbosity", "v", "how steps are shown", "description", "brief", "detailed", "executable", "output_only")
	flags.BoolVar(&f.inspect, "show-enclave-inspect", true, "show the enclave when the run is done")
	flags.BoolVar(&f.fullUUIDs, "full-uuids", false, "show UUIDs whole")
	flags.StringVar(&f.main, "main-file", "", "the file to run, relative to the package (default main.star)")
	flags.StringVar(&f.function, "main-function-name", "run", "the function to run")
	flags.StringSliceVar(&f.experimental, "experimental", nil, "features to turn on: NO_INSTRUCTIONS_CACHING")
	flags.BoolVarP(&f.production, "production", "p", false, "restart services that end")
	flags.BoolVar(&f.noConnect, "no-connect", false, "publish no port of a service on this machine")
	f.imageDownload = choose(cmd, "image-download", "", "when images are pulled", "missing", "always")
	flags.BoolVar(&f.nonBlocking, "non-blocking-tasks", false, "don't remove the services of run_sh and run_python when they are done")
	flags.BoolVar(&f.parallel, "parallel", false, "run steps that don't depend on each other at the same time")
	flags.BoolVar(&f.resourceCheck, "resource-check", true, "refuse a plan whose services need more CPU or memory than the engine has")
	flags.BoolVar(&f.privileged, "privileged", false, "allow services that are privileged, see the host's processes or mount its files")
	flags.BoolVar(&f.dependencies, "dependencies", false, "list the images and packages that the package needs, and start nothing")
	flags.BoolVar(&f.pull, "pull", false, "with --dependencies: pull the images")
	flags.BoolVar(&f.images, "images", false, "with --dry-run or --dependencies: say which images the engine has, and which a run would pull or build")
	flags.BoolVar(&f.outputGraph, "output-graph", false, "write the graph of the steps' dependencies to dependency-graph.dot")
	flags.StringVar(&f.outputGraphDir, "output-graph-path", "./", "the directory for --output-graph")
	flags.BoolVar(&f.withMermaid, "with-mermaid", false, "with --output-graph: write dependency-graph.mmd, too")
	f.declare(cmd)
	f.cluster = choose(cmd, "cluster", "", "with --dry-run: what get_cluster_type() answers", "docker", "kubernetes")
	flags.BoolVar(&f.prune, "prune", false, "remove the services that earlier runs made and that the package no longer adds")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "print nothing but the result")
	flags.BoolVar(&f.strict, "strict", false, "refuse a package that the checker finds errors in, also in a preview")
	flags.BoolVar(&f.noCheck, "no-check", false, "don't run the checker")
	a.outputFlag(cmd, formatJSON, formatYAML, formatMermaid, formatDot)
	return cmd
}

// showsSteps says whether a plan's output is about its steps, and can be about its images.
func (f *runFlags) showsSteps(output format) bool {
	whole := *f.verbosity == string(plan.Executable) || *f.verbosity == string(plan.OutputOnly)
	return output == formatJSON || output == formatText && !f.quiet && !whole
}

func (f *runFlags) check(output format, inline *string) error {
	switch {
	case f.parallelism < 1:
		return &usageError{fmt.Sprintf("--parallelism can't be %d: it must be at least 1", f.parallelism), ""}
	case f.pull && !f.dependencies:
		return &usageError{"--pull goes with --dependencies", ""}
	case f.images && !f.dryRun && !f.dependencies:
		return &usageError{"--images goes with --dry-run or --dependencies", ""}
	case f.images && !f.dependencies && !f.showsSteps(output):
		return &usageError{"--images goes with a plan that is shown as text or JSON", "'kurtosis package images' lists them by themselves"}
	case f.withMermaid && !f.outputGraph:
		return &usageError{"--with-mermaid goes with --output-graph", "'-o mermaid' prints the diagram"}
	case *f.cluster != "docker" && !f.dryRun && !f.dependencies:
		return &usageError{fmt.Sprintf("--cluster %s goes with --dry-run: a run is on the engine of this machine, which is Docker's", *f.cluster), "leave --cluster out"}
	case f.strict && f.noCheck:
		return &usageError{"--strict and --no-check don't go together", ""}
	case f.function == "":
		return &usageError{"--main-function-name can't be empty", ""}
	case f.argsFile != "" && inline != nil:
		return &usageError{"the package's arguments are given twice", "either on the command line or with --args-file"}
	case f.vendor != "" && (strings.HasPrefix(f.argsFile, "http://") || strings.HasPrefix(f.argsFile, "https://")):
		return &usageError{"--args-file is a URL, and with --vendor nothing comes from the network", ""}
	}
	for _, feature := range f.experimental {
		if feature != "NO_INSTRUCTIONS_CACHING" {
			return &usageError{fmt.Sprintf("there is no experimental feature '%s'", feature), "there is NO_INSTRUCTIONS_CACHING"}
		}
	}
	return nil
}

// job is a run, or the preview of one, with all that comes before the package's own code.
type job struct {
	*runFlags
	pkg        *packages.Package
	args       *plan.Dict
	secrets    []string // paths in args
	privileged bool
}

func (a *app) run(cmd *cobra.Command, f *runFlags, operand string, inline *string) error {
	if err := f.check(a.output, inline); err != nil {
		return err
	}
	collectSeldom()
	ctx := cmd.Context()
	args, err := a.packageArguments(ctx, inline, f.argsFile, a.cache(f.offline))
	if err != nil {
		return err
	}
	args, secrets, err := a.secretArguments(args, f.secrets)
	if err != nil {
		return err
	}
	pkg, err := f.open(ctx, a, operand)
	if err != nil {
		return err
	}
	j := &job{runFlags: f, pkg: pkg, args: args, secrets: secrets, privileged: f.privileged}
	if !j.privileged {
		config, err := readSettings()
		if err != nil {
			return err
		}
		j.privileged = config.AllowPrivileged
	}
	switch {
	case f.dryRun && f.enclave != "" && !f.dependencies:
		return a.compare(ctx, j)
	case f.dryRun || f.dependencies:
		return a.preview(ctx, j)
	}
	return a.execute(ctx, j)
}

func (a *app) env(name string) string { return os.Getenv(name) }
