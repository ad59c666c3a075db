package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/lang/source"
)

// format is a form of output.
type format string

const (
	formatText    format = "text"
	formatJSON    format = "json"
	formatYAML    format = "yaml"
	formatMermaid format = "mermaid"
	formatDot     format = "dot"
)

// choice is a flag with a fixed set of values.
type choice struct {
	value   *string
	allowed []string
}

func (c choice) String() string { return *c.value }
func (c choice) Type() string   { return strings.Join(c.allowed, "|") }
func (c choice) Set(s string) error {
	for _, a := range c.allowed {
		if strings.EqualFold(s, a) {
			*c.value = a
			return nil
		}
	}
	if near, ok := diag.Closest(s, c.allowed); ok {
		return fmt.Errorf("did you mean '%s'?", near)
	}
	return fmt.Errorf("it is one of %s", strings.Join(c.allowed, ", "))
}

// choose declares such a flag; the first allowed value is the default.
func choose(cmd *cobra.Command, name, short, usage string, allowed ...string) *string {
	value := allowed[0]
	cmd.Flags().VarP(choice{&value, allowed}, name, short, usage)
	_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(allowed, cobra.ShellCompDirectiveNoFileComp))
	return &value
}

// outputFlag declares -o with the formats that a command has; text comes first.
func (a *app) outputFlag(cmd *cobra.Command, others ...format) {
	allowed := []string{string(formatText)}
	for _, f := range others {
		allowed = append(allowed, string(f))
	}
	value := choose(cmd, "output", "o", "form of the output", allowed...)
	before := cmd.PreRunE
	cmd.PreRunE = func(cmd *cobra.Command, args []string) error {
		a.output = format(*value)
		if before != nil {
			return before(cmd, args)
		}
		return nil
	}
}

// askedForJSON looks for -o json in a command line that may be wrong elsewhere.
func askedForJSON(args []string) bool {
	for i, arg := range args {
		switch {
		case arg == "--":
			return false
		case slices.Contains([]string{"-ojson", "-o=json", "--output=json"}, arg):
			return true
		case (arg == "-o" || arg == "--output") && i+1 < len(args) && args[i+1] == "json":
			return true
		}
	}
	return false
}

// diagnosticJSON is a diagnostic as JSON: lines and columns from 1, columns in code points.
type diagnosticJSON struct {
	Code     string       `json:"code"`
	Severity string       `json:"severity"`
	File     string       `json:"file"`
	Start    positionJSON `json:"start"`
	End      positionJSON `json:"end"`
	Message  string       `json:"message"`
	Hint     string       `json:"hint,omitempty"`
}

type positionJSON struct {
	Line   int32 `json:"line"`
	Column int32 `json:"column"`
}

func diagnosticsJSON(list []diag.Diagnostic) []diagnosticJSON {
	out := make([]diagnosticJSON, len(list))
	for i, d := range list {
		out[i] = diagnosticJSON{
			Code: d.Code, Severity: d.Severity.String(), File: d.File,
			Start:   positionJSON{d.Range.Start.Line, d.Range.Start.Col},
			End:     positionJSON{d.Range.End.Line, d.Range.End.Col},
			Message: d.Message, Hint: d.Hint,
		}
	}
	return out
}

// diagnostic writes one finding with the line it is about.
func (a *app) diagnostic(d diag.Diagnostic, f *source.File) {
	fmt.Fprintf(a.Err, "%s %s:%s: %s\n", a.style.Red("kurtosis:"), d.File, d.Range.Start, d.Message)
	a.frame(f, d.Range)
	if d.Hint != "" {
		fmt.Fprintf(a.Err, "%s %s\n", a.style.Bold("hint:"), d.Hint)
	}
}

// frame writes the line of a range, with a mark below it.
func (a *app) frame(f *source.File, r source.Range) {
	if f == nil || !r.Start.IsValid() {
		return
	}
	line := []rune(string(f.Line(int(r.Start.Line))))
	from := min(int(r.Start.Col)-1, len(line))
	to := from + 1
	if r.End.Line == r.Start.Line {
		to = max(to, min(int(r.End.Col)-1, len(line)))
	}
	number := fmt.Sprint(r.Start.Line)
	pad := make([]rune, from)
	for i := range pad {
		pad[i] = ' '
		if line[i] == '\t' {
			pad[i] = '\t'
		}
	}
	margin := strings.Repeat(" ", len(number))
	fmt.Fprintf(a.Err, " %s | %s\n", number, string(line))
	fmt.Fprintf(a.Err, " %s | %s%s\n", margin, string(pad), a.style.Red(strings.Repeat("^", to-from)))
}
