package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

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

// parseArguments reads a JSON object, in its own order, or a YAML mapping, by key: YAML goes through JSON, as the
// reference has it, and so 1.0 becomes 1 there. Nothing at all is no arguments.
func parseArguments(what string, text []byte) (*plan.Dict, error) {
	value, jsonErr := decodeJSON(text)
	if jsonErr != nil {
		converted, err := yamlToJSON(text)
		if err != nil {
			problem := strings.TrimPrefix(strings.ReplaceAll(err.Error(), "\n", " "), "yaml: ")
			if looksLikeJSON(text) {
				problem = jsonErr.Error()
			}
			return nil, &faultError{fmt.Sprintf("%s are neither JSON nor YAML: %s", plural(what), problem), `an object is wanted: {"name": "value"}, or name: value`}
		}
		if value, err = decodeJSON(converted); err != nil {
			return nil, &faultError{fmt.Sprintf("%s are neither JSON nor YAML: %s", plural(what), err), ""}
		}
	}
	switch v := value.(type) {
	case *plan.Dict:
		return v, nil
	case plan.None:
		if len(bytes.TrimSpace(text)) == 0 || jsonErr != nil {
			return &plan.Dict{}, nil
		}
	}
	return nil, &faultError{fmt.Sprintf("%s must be an object, not %s", what, jsonKind(value)), `{"name": "value"}, or name: value`}
}

// plural turns "the arguments file 'x'" into what goes with "are".
func plural(what string) string {
	if strings.HasPrefix(what, "the arguments file") {
		return "the arguments in" + strings.TrimPrefix(what, "the arguments file")
	}
	return what
}

func looksLikeJSON(text []byte) bool {
	text = bytes.TrimSpace(text)
	return len(text) > 0 && (text[0] == '{' || text[0] == '[')
}

func jsonKind(v plan.Value) string {
	switch v.(type) {
	case *plan.List:
		return "a list"
	case plan.String:
		return "a string"
	case plan.Bool:
		return "a boolean"
	case plan.None:
		return "null"
	}
	return "a number"
}

// decodeJSON reads one JSON value and says where it goes wrong.
func decodeJSON(text []byte) (plan.Value, error) {
	v, err := plan.DecodeJSON(text)
	if err == nil {
		return v, nil
	}
	var any any
	var syntax *json.SyntaxError
	if problem := json.Unmarshal(text, &any); errors.As(problem, &syntax) {
		line, col := place(text, int(syntax.Offset))
		return nil, fmt.Errorf("line %d, column %d: %w", line, col, syntax)
	}
	return nil, err
}

// place turns the number of bytes read into a line and a column, both from 1.
func place(text []byte, read int) (line, col int) {
	before := text[:max(0, min(read-1, len(text)))]
	last := bytes.LastIndexByte(before, '\n')
	return bytes.Count(before, []byte("\n")) + 1, utf8.RuneCount(before[last+1:]) + 1
}

// yamlToJSON converts YAML the way the reference's clients do: keys become strings and are sorted, dates stay text.
func yamlToJSON(text []byte) ([]byte, error) {
	var doc, more yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(text))
	if err := dec.Decode(&doc); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if err := dec.Decode(&more); err == nil {
		return nil, fmt.Errorf("line %d: a second document starts here", more.Line)
	} else if !errors.Is(err, io.EOF) {
		return nil, err
	}
	datesAreText(&doc)
	var value any
	if len(doc.Content) > 0 {
		if err := doc.Decode(&value); err != nil {
			return nil, err
		}
	}
	plain, err := stringKeys(value)
	if err != nil {
		return nil, err
	}
	return json.Marshal(plain)
}

func datesAreText(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!timestamp" {
		n.Tag = "!!str"
	}
	for _, c := range n.Content {
		datesAreText(c)
	}
}

func stringKeys(v any) (any, error) {
	switch v := v.(type) {
	case map[string]any:
		for k, item := range v {
			plain, err := stringKeys(item)
			if err != nil {
				return nil, err
			}
			v[k] = plain
		}
		return v, nil
	case map[any]any:
		out := make(map[string]any, len(v))
		for k, item := range v {
			plain, err := stringKeys(item)
			if err != nil {
				return nil, err
			}
			switch k.(type) {
			case string, int, int64, uint64, float64, bool, nil:
			default:
				return nil, fmt.Errorf("%v can't be a key", k)
			}
			name := fmt.Sprint(k)
			if k == nil {
				name = "null"
			}
			out[name] = plain
		}
		return out, nil
	case []any:
		for i, item := range v {
			plain, err := stringKeys(item)
			if err != nil {
				return nil, err
			}
			v[i] = plain
		}
	}
	return v, nil
}
