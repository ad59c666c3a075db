package plan

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDecodeArguments(t *testing.T) {
	for text, want := range map[string]string{
		"":                                     "{}",
		" \n":                                  "{}",
		"~":                                    "{}",
		"# nothing":                            "{}",
		`{"b": 1, "a": 1.0}`:                   `{"a": 1.0, "b": 1}`, // shown by key
		"b: 1\na: 1.0\nc: [x, {d: null}]":      `{"a": 1, "b": 1, "c": ["x", {"d": None}]}`,
		"day: 2001-01-01\n1: one\ntrue: yes":   `{"1": "one", "day": "2001-01-01", "true": "yes"}`,
		"a: &x {b: 1}\nc: {<<: *x, d: 0o17}\n": `{"a": {"b": 1}, "c": {"b": 1, "d": 15}}`,
	} {
		args, err := DecodeArguments([]byte(text))
		require.NoError(t, err, text)
		require.Equal(t, want, StringOf(args), text)
	}
	args, err := DecodeArguments([]byte(`{"b": 1, "a": 1.0}`))
	require.NoError(t, err)
	require.Equal(t, String("b"), args.Items[0].Key, "JSON keeps its order")
	for text, want := range map[string]string{
		`[1]`:              "the arguments must be an object, not a list",
		"1.5":              "the arguments must be an object, not a number",
		"word":             "the arguments must be an object, not a string",
		"null":             "the arguments must be an object, not null",
		"true":             "the arguments must be an object, not a boolean",
		`{"a": 1`:          "the arguments are neither JSON nor YAML: line 1, column 7: unexpected end of JSON input",
		"a: b: c":          "the arguments are neither JSON nor YAML: mapping values are not allowed in this context",
		"a: 1\n---\nb: 2":  "the arguments are neither JSON nor YAML: line 2: a second document starts here",
		"? [a, b]\n: c":    "the arguments are neither JSON nor YAML: line 1: a list or a mapping can't be a key",
		"a: 1\nb: 2\na: 3": "the arguments are neither JSON nor YAML: unmarshal errors:   line 3: mapping key \"a\" already defined at line 1",
	} {
		_, err := DecodeArguments([]byte(text))
		require.EqualError(t, err, want, text)
	}
}
