package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kurtosis-go/kurtosis/cmd/internal/ui"
	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/lang/source"
	"github.com/kurtosis-go/kurtosis/packages"
	"github.com/kurtosis-go/kurtosis/typecheck"
)

const (
	formatSARIF  format = "sarif"
	formatGitHub format = "github"
	formatJUnit  format = "junit"
)

// lintFlags are the flags of lint.
type lintFlags struct {
	rewrite        bool
	fix            bool
	checkDocstring bool
	selected       []string
	ignored        []string
	lowest         *string
	argsFile       string
	watch          bool
	explain        string
	packageFlags

	arguments *source.File // what argsFile holds, nil for none
}

func (a *app) lintCommand() *cobra.Command {
	f := &lintFlags{}
	cmd := &cobra.Command{
		Use:   "lint [PATH…]",
		Short: "Find the mistakes in packages, and format them",
		Long: `Find the mistakes in packages, and format them.

PATH is a .star file, a kurtosis.yml or a directory, whose files are all checked; the default is the working
directory. Nothing is run and nothing is fetched: what an import brings is known where it is on disk (--vendor, or
fetched before), and unknown otherwise.

Findings are errors (the line fails when it runs), warnings (it is almost surely wrong), infos and hints. A comment
switches one off: '# kurtosis: ignore[code]' on its line or the line above, '# kurtosis: ignore-file[code]' anywhere.
A file .kurtosis-lint.yml beside kurtosis.yml does so for the package.`,
		Example: `  kurtosis lint                            check the packages below the working directory
  kurtosis lint --format                   rewrite what is not formatted
  kurtosis lint --fix                      apply the fixes that are safe
  kurtosis lint --args-file params.yaml .  check arguments against run's parameters
  kurtosis lint -o sarif > report.sarif
  kurtosis lint --explain unknown-argument`,
		RunE: func(cmd *cobra.Command, paths []string) error {
			if cmd.Flags().Changed("explain") {
				return a.explainCode(f.explain)
			}
			if f.watch {
				return a.watchLint(cmd.Context(), f, paths)
			}
			return a.lint(cmd.Context(), f, paths)
		},
	}
	flags := cmd.Flags()
	flags.BoolVarP(&f.rewrite, "format", "f", false, "rewrite files that are not formatted")
	flags.BoolVar(&f.fix, "fix", false, "apply the fixes that are safe")
	flags.BoolVarP(&f.checkDocstring, "check-docstring", "c", false, "check that public functions have docstrings")
	flags.StringSliceVar(&f.selected, "select", nil, "codes to report though they are off by default, or all")
	flags.StringSliceVar(&f.ignored, "ignore", nil, "codes not to report, or all, which leaves the layout")
	f.lowest = choose(cmd, "max-severity-exit", "", "the lowest severity that makes the exit status 1", "warning", "error", "info", "hint")
	flags.StringVar(&f.argsFile, "args-file", "", "check these arguments, too, against the parameters of the package's run: a JSON or YAML file, or - for standard input")
	flags.BoolVar(&f.watch, "watch", false, "check again whenever a file changes")
	flags.StringVar(&f.explain, "explain", "", "say what a code means, and stop")
	flags.StringVar(&f.vendor, "vendor", "", "take other repositories from this tree (DIR/github.com/<owner>/<repository>)")
	_ = cmd.MarkFlagDirname("vendor")
	for _, name := range []string{"select", "ignore", "explain"} {
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(lintCodes(), cobra.ShellCompDirectiveNoFileComp))
	}
	cmd.MarkFlagsMutuallyExclusive("watch", "fix")
	cmd.MarkFlagsMutuallyExclusive("watch", "format")
	a.outputFlag(cmd, formatJSON, formatSARIF, formatGitHub, formatJUnit)
	return cmd
}

// Codes that the command itself adds to those of the checker, and one of the checker that says of a file what the formatter
// would say again.
const (
	codeRefused    = "refused-form"
	codeFormatting = "formatting"
	codeUnreadable = "unreadable-file"
	codeLargeFile  = "large-file"
)

func lintCodes() []string { return typecheck.Codes() }

func (a *app) explainCode(code string) error {
	page, ok := typecheck.Page(code)
	if !ok {
		return unknownCode(code)
	}
	fmt.Fprintln(a.Out, strings.TrimSpace(page))
	return nil
}

func unknownCode(code string) error {
	hint := "docs/diagnostics lists the codes"
	if near, ok := diag.Closest(code, lintCodes()); ok {
		hint = fmt.Sprintf("did you mean '%s'?", near)
	}
	return &usageError{fmt.Sprintf("there is no code '%s'", code), hint}
}

func (f *lintFlags) check(stdin io.Reader) error {
	for _, code := range slices.Concat(f.selected, f.ignored) {
		if code != "all" && !slices.Contains(lintCodes(), code) {
			return unknownCode(code)
		}
	}
	vendor, err := packages.VendorTree(f.vendor)
	if err != nil {
		return err
	}
	f.vendor = vendor
	if f.argsFile == "" {
		return nil
	}
	name, text, err := f.argsFile, []byte(nil), error(nil)
	if name == "-" {
		name = "standard input"
		text, err = io.ReadAll(stdin)
	} else {
		if name, err = filepath.Abs(name); err == nil {
			text, err = os.ReadFile(name)
		}
	}
	if err != nil {
		return &usageError{fmt.Sprintf("can't read the arguments file '%s'", f.argsFile), err.Error()}
	}
	f.arguments = source.NewFile(name, text)
	return nil
}

// severity reads the name of one.
func severity(name string) (diag.Severity, bool) {
	for _, s := range []diag.Severity{diag.Error, diag.Warning, diag.Info, diag.Hint} {
		if s.String() == name {
			return s, true
		}
	}
	return 0, false
}

func (a *app) lint(ctx context.Context, f *lintFlags, paths []string) error {
	if err := f.check(a.In); err != nil {
		return err
	}
	report, err := a.lintOnce(ctx, f, paths)
	if err != nil {
		return err
	}
	if err := a.showReport(report); err != nil {
		return err
	}
	lowest, _ := severity(*f.lowest)
	for _, d := range report.findings {
		if d.Severity <= lowest {
			return &shownError{statusFault}
		}
	}
	return nil
}

// report is what a check found.
type report struct {
	files     []string // that were checked, by path
	findings  []diag.Diagnostic
	formatted int // files that were rewritten
	fixed     int // fixes that were applied
}

func (a *app) showReport(r *report) error {
	switch a.output {
	case formatJSON:
		return diag.JSON(a.Out, r.findings)
	case formatSARIF:
		return diag.SARIF(a.Out, r.findings, diag.Tool{Name: "kurtosis", Version: Version})
	case formatGitHub:
		return diag.GitHub(a.Out, r.findings, a.shownPath)
	case formatJUnit:
		return diag.JUnit(a.Out, r.files, r.findings)
	}
	style := ui.StyleOf(a.Out, a.env)
	var text bytes.Buffer
	frames := diag.Frames{File: reader(), Path: a.shownPath, Color: style.Color, Width: style.Width()}
	if err := diag.Text(&text, r.findings, frames); err != nil {
		return err
	}
	if len(r.findings) > 0 {
		text.WriteByte('\n')
	}
	text.WriteString(r.summary() + "\n")
	_, err := io.Copy(a.Out, &text)
	return err
}

func (r *report) summary() string {
	count := map[diag.Severity]int{}
	unformatted := 0
	for _, d := range r.findings {
		if d.Code == codeFormatting {
			unformatted++
			continue
		}
		count[d.Severity]++
	}
	var parts []string
	for _, s := range []diag.Severity{diag.Error, diag.Warning, diag.Info, diag.Hint} {
		if n := count[s]; n > 0 {
			parts = append(parts, counted(n, s.String()))
		}
	}
	if unformatted > 0 {
		parts = append(parts, counted(unformatted, "file")+" not formatted")
	}
	if r.fixed > 0 {
		parts = append(parts, counted(r.fixed, "fix")+" applied")
	}
	if r.formatted > 0 {
		parts = append(parts, counted(r.formatted, "file")+" formatted")
	}
	if len(parts) == 0 {
		parts = []string{"nothing found"}
	}
	return fmt.Sprintf("%s (%s checked)", strings.Join(parts, ", "), counted(len(r.files), "file"))
}

func counted(n int, word string) string {
	switch {
	case n == 1:
		return "1 " + word
	case strings.HasSuffix(word, "x"):
		word += "e"
	}
	return fmt.Sprintf("%d %ss", n, word)
}
