package plan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// ArgumentsError says why a text is not the arguments of a package. Problem goes on from "the arguments are" where the
// text is Unreadable, and from "the arguments must be" where it is something else than an object.
type ArgumentsError struct {
	Unreadable    bool
	Problem, Hint string
}

func (e *ArgumentsError) Error() string {
	if e.Unreadable {
		return "the arguments are " + e.Problem
	}
	return "the arguments must be " + e.Problem
}

// DecodeArguments reads a JSON object, or a YAML mapping, as [DecodeDocument] does. Nothing at all is no arguments. An
// error is an *ArgumentsError.
func DecodeArguments(text []byte) (*Dict, error) {
	value, err := DecodeDocument(text)
	if err != nil {
		return nil, &ArgumentsError{Unreadable: true, Problem: "neither JSON nor YAML: " + err.Error(), Hint: `an object is wanted: {"name": "value"}, or name: value`}
	}
	switch v := value.(type) {
	case *Dict:
		return v, nil
	case None:
		if string(bytes.TrimSpace(text)) != "null" {
			return &Dict{}, nil
		}
	}
	return nil, &ArgumentsError{Problem: "an object, not " + jsonKind(value), Hint: `{"name": "value"}, or name: value`}
}

// DecodeDocument reads JSON, whose objects keep their order, or else YAML: that goes through JSON, as the reference has
// it, so that mappings are by key and 1.0 becomes 1. Nothing at all is None. The error is about the form that the text
// seems to have.
func DecodeDocument(text []byte) (Value, error) {
	value, jsonErr := decodeText(text)
	if jsonErr == nil {
		return value, nil
	}
	converted, err := yamlToJSON(text)
	if err == nil {
		return decodeText(converted)
	}
	if looksLikeJSON(text) {
		return nil, jsonErr
	}
	return nil, errors.New(strings.TrimPrefix(strings.ReplaceAll(err.Error(), "\n", " "), "yaml: "))
}

func looksLikeJSON(text []byte) bool {
	text = bytes.TrimSpace(text)
	return len(text) > 0 && (text[0] == '{' || text[0] == '[')
}

func jsonKind(v Value) string {
	switch v.(type) {
	case *List:
		return "a list"
	case String:
		return "a string"
	case Bool:
		return "a boolean"
	case None:
		return "null"
	}
	return "a number"
}

// decodeText reads one JSON value and says where it goes wrong.
func decodeText(text []byte) (Value, error) {
	v, err := DecodeJSON(text)
	if err == nil {
		return v, nil
	}
	var any any
	var syntax *json.SyntaxError
	if problem := json.Unmarshal(text, &any); errors.As(problem, &syntax) {
		line, col := placeOf(text, int(syntax.Offset))
		return nil, fmt.Errorf("line %d, column %d: %w", line, col, syntax)
	}
	return nil, err
}

// placeOf turns the number of bytes read into a line and a column, both from 1.
func placeOf(text []byte, read int) (line, col int) {
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
	if err := plainKeys(&doc); err != nil {
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

// plainKeys refuses lists and mappings as keys.
func plainKeys(n *yaml.Node) error {
	for i, c := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 && (c.Kind == yaml.SequenceNode || c.Kind == yaml.MappingNode) {
			return fmt.Errorf("line %d: a list or a mapping can't be a key", c.Line)
		}
		if err := plainKeys(c); err != nil {
			return err
		}
	}
	return nil
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
