package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/lang/source"
	"github.com/kurtosis-go/kurtosis/lang/workspace"
	"github.com/kurtosis-go/kurtosis/packages"
	"github.com/kurtosis-go/kurtosis/packages/fetch"
)

// usageError says that the command line is wrong.
type usageError struct{ message, hint string }

func (e *usageError) Error() string { return e.message }

// faultError says that the package, its arguments or the environment is, where no library has said so already.
type faultError struct{ message, hint string }

func (e *faultError) Error() string { return e.message }

// shownError ends the command with a status after it has said itself what there was to say.
type shownError struct{ status int }

func (e *shownError) Error() string { return fmt.Sprintf("exit status %d", e.status) }

// errorDocument is an error as JSON.
type errorDocument struct {
	Error       string            `json:"error"`
	Hint        string            `json:"hint,omitempty"`
	Diagnostics []diag.Diagnostic `json:"diagnostics,omitempty"`
}

// fail shows err and says with which status the process ends.
func (a *app) fail(ctx context.Context, err error) int {
	var shown *shownError
	if errors.As(err, &shown) {
		return shown.status
	}
	status := statusFault
	var usage *usageError
	var operand *packages.OperandError
	switch {
	case errors.As(err, &usage), errors.As(err, &operand):
		status = statusUsage
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		status, err = statusInterrupted, errors.New("interrupted")
	}
	a.report(err)
	return status
}

// report writes err for a reader, and as JSON where that was asked for.
func (a *app) report(err error) {
	doc := errorDocument{Error: err.Error(), Hint: hintOf(err)}
	var manifest *packages.ManifestError
	if errors.As(err, &manifest) {
		doc.Diagnostics = manifest.Diagnostics
		a.diagnose(manifest.Diagnostics, func(string) *source.File { return manifest.File })
	} else {
		fmt.Fprintf(a.Err, "%s %s\n", a.style.Red("kurtosis:"), err)
		if doc.Hint != "" {
			fmt.Fprintf(a.Err, "%s %s\n", a.style.Bold("hint:"), doc.Hint)
		}
	}
	if a.output == formatJSON {
		a.printJSON(doc)
	}
}

// hintOf finds what the error says to do about it.
func hintOf(err error) string {
	var (
		usage   *usageError
		fault   *faultError
		operand *packages.OperandError
		pkg     *packages.PackageError
		locator *workspace.LocatorError
		fetched *fetch.Error
		hinted  interface{ Hint() string }
	)
	switch {
	case errors.As(err, &usage):
		return usage.hint
	case errors.As(err, &fault):
		return fault.hint
	case errors.As(err, &operand):
		return operand.Hint
	case errors.As(err, &pkg):
		return pkg.Hint
	case errors.As(err, &locator):
		return locator.Hint
	case errors.As(err, &fetched):
		return fetched.Hint
	case errors.As(err, &hinted):
		return hinted.Hint()
	}
	return backends.HintOf(err)
}

// flagError words what the flag library has against a flag.
func flagError(cmd *cobra.Command, err error) error {
	see := fmt.Sprintf("'%s --help' lists the flags", cmd.CommandPath())
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) {
		name := unknown.GetSpecifiedName()
		if unknown.GetSpecifiedShortnames() != "" {
			return &usageError{fmt.Sprintf("unknown flag -%s", name), see}
		}
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden {
				names = append(names, f.Name)
			}
		})
		if near, ok := diag.Closest(name, names); ok {
			see = fmt.Sprintf("did you mean --%s?", near)
		}
		return &usageError{fmt.Sprintf("unknown flag --%s", name), see}
	}
	var missing *pflag.ValueRequiredError
	if errors.As(err, &missing) {
		return &usageError{fmt.Sprintf("the flag %s needs a value", flagName(missing.GetFlag(), missing.GetSpecifiedShortnames())), see}
	}
	var invalid *pflag.InvalidValueError
	if errors.As(err, &invalid) {
		reason := invalid.Unwrap().Error()
		if strings.HasPrefix(reason, "strconv.") || strings.HasPrefix(reason, "parsing ") {
			reason = fmt.Sprintf("it must be %s", kindOf(invalid.GetFlag()))
		}
		return &usageError{fmt.Sprintf("--%s can't be '%s': %s", invalid.GetFlag().Name, invalid.GetValue(), reason), ""}
	}
	return &usageError{err.Error(), see}
}

func flagName(f *pflag.Flag, short string) string {
	if short != "" {
		return "-" + f.Shorthand
	}
	return "--" + f.Name
}

func kindOf(f *pflag.Flag) string {
	switch f.Value.Type() {
	case "int":
		return "a whole number"
	case "bool":
		return "true or false"
	case "duration":
		return "a duration such as 30s or 2m"
	}
	return "of type " + f.Value.Type()
}

// noSuchCommand refuses operands where a command is wanted, with the command that was meant.
func (a *app) noSuchCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	hint := fmt.Sprintf("'%s --help' lists the commands", cmd.CommandPath())
	if near, ok := diag.Closest(args[0], names); ok {
		hint = fmt.Sprintf("did you mean '%s %s'?", cmd.CommandPath(), near)
	}
	return &usageError{fmt.Sprintf("unknown command '%s %s'", cmd.CommandPath(), args[0]), hint}
}

// operands checks how many operands there are; names are those of the usage line, for the message.
func operands(least int, names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		hint := "usage: " + cmd.UseLine()
		if len(args) < least {
			return &usageError{fmt.Sprintf("%s is missing", names[len(args)]), hint}
		}
		if len(args) > len(names) {
			return &usageError{fmt.Sprintf("'%s' is one operand too many", args[len(names)]), hint}
		}
		return nil
	}
}

func (a *app) printJSON(v any) {
	enc := json.NewEncoder(a.Out)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // a reader that has gone away is nobody to tell
}
