package cli

import (
	"fmt"
	"os"
	"path/filepath"
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
func (c choice) Type() string   { return "string" }
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
	last := len(allowed) - 1
	usage += ": " + strings.Join(allowed[:last], ", ") + " or " + allowed[last]
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

// diagnose writes findings for a person, with the lines they are about.
func (a *app) diagnose(list []diag.Diagnostic, file func(name string) *source.File) {
	// Nobody is left to tell where this fails.
	_ = diag.Text(a.Err, list, diag.Frames{File: file, Path: a.shownPath, Color: a.style.Color, Width: a.style.Width()})
}

// shownPath is a path as a person would type it: relative where the file is below the working directory.
func (a *app) shownPath(name string) string {
	dir, err := os.Getwd()
	if err != nil || !filepath.IsAbs(name) {
		return name
	}
	if rel, err := filepath.Rel(dir, name); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return name
}
