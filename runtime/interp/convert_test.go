package interp

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	starlarkjson "go.starlark.net/lib/json"
	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

// samples are Starlark expressions whose values are compared in pairs, printed and encoded.
var samples = []string{
	"None", "True", "False", "0", "1", "-1", "255", "9223372036854775807", "9223372036854775808", "-9223372036854775809", "10000000000000000000000",
	"0.0", "1.0", "-0.5", "1e17", "1e16", "123456789.125", "1e-7", "1.5e300", "9223372036854775808.0", "float('inf')", "float('-inf')", "float('nan')",
	"''", "'a'", "'A'", "'b'", "'ab'", "'\"'", "'\\\\'", "'\\n\\t\\r'", "'\\a\\b\\f\\v'", "'\\x00\\x1f\\x7f'", "'é'", "'\\u00a0'", "'\\u200b'", "'\\uFEFF'", "'😀'", "'\\U000E0001'", "'\\u2028'", "'<&>'", "'`$'",
	"b'a'", "b'b'", "b'\\xff\\x00'", "b'é'", "b'\"'",
	"[]", "[1]", "[1, 2]", "[1.0, 2]", "[2]", "['a', None]", "()", "(1,)", "(1, 2)", "(1, 'a')", "[[]]", "[()]",
	"{}", "{'a': 1}", "{'a': 1.0}", "{'a': 2}", "{'a': 1, 'b': 2}", "{1: 2}", "{'x': {'y': []}}", "{(1, 2): 3}",
	"struct()", "struct(a = 1)", "struct(a = 1.0)", "struct(a = 2)", "struct(b = 1)", "struct(a = 1, b = [1])",
}

func evaluate(t *testing.T, text string) starlark.Value {
	v, err := starlark.EvalOptions(&syntax.FileOptions{}, &starlark.Thread{}, "sample.star", text,
		starlark.StringDict{"struct": starlark.NewBuiltin("struct", starlarkstruct.Make)})
	require.NoError(t, err, text)
	return v
}

func converted(t *testing.T, v starlark.Value) plan.Value {
	out, err := convert(v)
	require.NoError(t, err)
	return out
}

// TestValuesCompareLikeStarlark holds plan.Equal and plan.Compare to Starlark's == and <.
func TestValuesCompareLikeStarlark(t *testing.T) {
	for _, a := range samples {
		for _, b := range samples {
			x, y := evaluate(t, a), evaluate(t, b)
			equal, err := starlark.Equal(x, y)
			require.NoError(t, err)
			require.Equal(t, equal, plan.Equal(converted(t, x), converted(t, y)), "%s == %s", a, b)

			less, err := starlark.Compare(syntax.LT, x, y)
			order, ok := plan.Compare(converted(t, x), converted(t, y))
			require.Equal(t, err == nil, ok, "%s < %s", a, b)
			if ok {
				require.Equal(t, less, order < 0, "%s < %s", a, b)
			}
		}
	}
}

// TestValuesPrintLikeStarlark holds the printed form to repr() for what has no order of its own to differ in, and
// the JSON form to json.encode for everything.
func TestValuesPrintLikeStarlark(t *testing.T) {
	encode := starlarkjson.Module.Members["encode"].(*starlark.Builtin)
	for _, text := range samples {
		v := evaluate(t, text)
		if _, isStruct := v.(*starlarkstruct.Struct); !isStruct { // struct(a = 1) is struct(a=1) in a plan
			require.Equal(t, v.String(), converted(t, v).String(), text)
		}
		want, err := starlark.Call(&starlark.Thread{}, encode, starlark.Tuple{v}, nil)
		got, gotErr := plan.EncodeJSON(converted(t, v))
		if b, isBytes := v.(starlark.Bytes); isBytes {
			require.Error(t, gotErr, b)
			continue
		}
		require.Equal(t, err == nil, gotErr == nil, text)
		if err == nil {
			require.Equal(t, string(want.(starlark.String)), string(got), text)
		}
	}
}

// TestValuesAreStoredWhole stores and reads every sample, and turns it back into a Starlark value.
func TestValuesAreStoredWhole(t *testing.T) {
	for _, text := range samples {
		v := converted(t, evaluate(t, text))
		stored, err := plan.MarshalValue(v)
		require.NoError(t, err)
		back, err := plan.UnmarshalValue(stored)
		require.NoError(t, err, "%s as %s", text, stored)
		if f, ok := v.(plan.Float); ok && math.IsNaN(float64(f)) {
			require.True(t, plan.Equal(v, back))
			continue
		}
		require.Equal(t, v, back, "%s as %s", text, stored)
	}
}
