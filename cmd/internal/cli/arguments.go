package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/kurtosis-go/kurtosis/packages/fetch"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

// argumentsLimit is the most that package arguments may be, in bytes.
const argumentsLimit = 64 << 20

// packageArguments reads what a package is run with: text from the command line, or a file, "-" for standard input,
// or an http URL.
func (a *app) packageArguments(ctx context.Context, inline *string, file string, cache *fetch.Cache) (*plan.Dict, error) {
	switch {
	case inline != nil && file != "":
		return nil, &usageError{"the package's arguments are given twice", "either on the command line or with --args-file"}
	case inline != nil:
		return parseArguments("the package's arguments", []byte(*inline))
	case file == "":
		return &plan.Dict{}, nil
	}
	text, err := a.argumentsFile(ctx, file, cache)
	if err != nil {
		return nil, err
	}
	what := fmt.Sprintf("the arguments file '%s'", file)
	if file == "-" {
		what = "the arguments on standard input"
	}
	return parseArguments(what, text)
}

func (a *app) argumentsFile(ctx context.Context, file string, cache *fetch.Cache) ([]byte, error) {
	switch {
	case file == "-":
		text, err := io.ReadAll(io.LimitReader(a.In, argumentsLimit))
		if err != nil {
			return nil, &faultError{"can't read the arguments on standard input: " + err.Error(), ""}
		}
		return text, nil
	case strings.HasPrefix(file, "http://"), strings.HasPrefix(file, "https://"):
		var b bytes.Buffer
		_, err := cache.Download(ctx, file, argumentsLimit, &b)
		return b.Bytes(), err
	}
	text, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, &usageError{fmt.Sprintf("there is no arguments file '%s'", file), ""}
	}
	if err != nil {
		return nil, &usageError{fmt.Sprintf("can't read the arguments file '%s': %s", file, reason(err)), ""}
	}
	return text, nil
}

func reason(err error) string {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}

// parseArguments reads what is called `what`.
func parseArguments(what string, text []byte) (*plan.Dict, error) {
	args, err := plan.DecodeArguments(text)
	var e *plan.ArgumentsError
	switch {
	case !errors.As(err, &e):
		return args, err
	case e.Unreadable:
		what = plural(what) + " are"
	default:
		what += " must be"
	}
	return nil, &faultError{what + " " + e.Problem, e.Hint}
}

// plural turns "the arguments file 'x'" into what goes with "are".
func plural(what string) string {
	if strings.HasPrefix(what, "the arguments file") {
		return "the arguments in" + strings.TrimPrefix(what, "the arguments file")
	}
	return what
}
