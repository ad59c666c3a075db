package execute

import (
	"archive/tar"
	"bytes"
	"io"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

func ints(n ...int64) *plan.List {
	l := &plan.List{}
	for _, i := range n {
		l.Items = append(l.Items, plan.NewInt(i))
	}
	return l
}

func TestAssert(t *testing.T) {
	one, two := plan.NewInt(1), plan.NewInt(2)
	tests := []struct {
		value     plan.Value
		assertion string
		target    plan.Value
		want      string
	}{
		{one, "==", one, ""},
		{one, "==", two, "1 == 2 does not hold"},
		{one, "!=", two, ""},
		{one, "!=", one, "1 != 1 does not hold"},
		{two, ">", one, ""},
		{one, ">", one, "1 > 1 does not hold"},
		{one, ">=", one, ""},
		{one, ">=", two, "1 >= 2 does not hold"},
		{one, "<", two, ""},
		{one, "<", one, "1 < 1 does not hold"},
		{one, "<=", one, ""},
		{two, "<=", one, "2 <= 1 does not hold"},
		{plan.String("b"), ">", plan.String("a"), ""},
		{one, "IN", ints(1, 2), ""},
		{one, "IN", ints(3), "1 IN [3] does not hold"},
		{one, "NOT_IN", ints(3), ""},
		{one, "NOT_IN", ints(1), "1 NOT_IN [1] does not hold"},
		{plan.String("k"), "IN", &plan.Dict{Items: []plan.Item{{Key: plan.String("k"), Value: one}}}, ""},
		{one, "IN", plan.String("1"), "IN wants a list, a tuple, a set or a dict to look in, not string"},
		{one, "==", plan.String("1"), `the value is 1 of type int, but the target is "1" of type string: == compares values of one type`},
		{plan.None{}, "<", plan.None{}, "values of type NoneType have no order: < cannot compare them"},
		{one, "~", one, `unknown assertion "~"`},
	}
	for _, test := range tests {
		err := assert(test.value, test.assertion, test.target)
		if test.want == "" {
			require.NoError(t, err, "%s %s %s", test.value, test.assertion, test.target)
		} else {
			require.EqualError(t, err, test.want)
		}
	}
}

func TestExtract(t *testing.T) {
	body := `{"a": {"b": [1, 2.5, "x", null, true]}, "big": 12345678901234567890123, "f": 1e3}`
	tests := []struct {
		expression, want string
	}{
		{".a.b[0]", "1"},
		{".a.b[1]", "2.5"},
		{".a.b", `[1, 2.5, "x", None, True]`},
		{".a.b[]", `[1, 2.5, "x", None, True]`},
		{".a", `{"b": [1, 2.5, "x", None, True]}`},
		{".missing", "None"},
		{".big", "12345678901234567890123"},
		{".f", "1000"},
		{".a.b | length", "5"},
	}
	for _, test := range tests {
		input, err := decodeJSON(body)
		require.NoError(t, err)
		values := map[string]plan.Value{}
		require.NoError(t, extract(t.Context(), plan.Map[string]{{Key: "x", Value: test.expression}}, input, "response body", values), test.expression)
		require.Equal(t, test.want, values["extract.x"].String(), test.expression)
	}
	for expression, want := range map[string]string{
		".a.b[] | select(. == 9)": `extract "x": the jq expression ".a.b[] | select(. == 9)" matches nothing in the response body`,
		".a[":                     `extract "x": the jq expression ".a[" is not valid: unexpected EOF`,
		"nothing(.)":              `extract "x": the jq expression "nothing(.)" is not valid: function not defined: nothing/1`,
		".a.b.c":                  `extract "x": the jq expression ".a.b.c" failed on the response body: expected an object but got: array ([1,2.5,"x",null,true])`,
	} {
		input, err := decodeJSON(body)
		require.NoError(t, err)
		require.EqualError(t, extract(t.Context(), plan.Map[string]{{Key: "x", Value: expression}}, input, "response body", map[string]plan.Value{}), want)
	}
	_, err := decodeJSON(`{} {}`)
	require.EqualError(t, err, "there is more than one document")
}

func TestTemplates(t *testing.T) {
	huge, _ := new(big.Int).SetString("123456789012345678901234567890", 10)
	data := &plan.Dict{Items: []plan.Item{
		{Key: plan.String("int"), Value: plan.NewInt(1000000)},
		{Key: plan.String("big"), Value: plan.NewBigInt(huge)},
		{Key: plan.String("float"), Value: plan.Float(1000000)}, {Key: plan.String("half"), Value: plan.Float(2)},
		{Key: plan.String("none"), Value: plan.None{}},
		{Key: plan.String("list"), Value: ints(1, 2)},
		{Key: plan.String("s"), Value: &plan.Object{Constructor: "struct", Fields: []plan.Field{{Name: "f", Value: plan.Bool(true)}}}},
	}}
	for text, want := range map[string]string{
		"{{ .int }} {{ .big }} {{ .float }}":                 "1000000 123456789012345678901234567890 1e+06",
		"{{ if gt .int 999999 }}more{{ end }}":               "more",
		"{{ .half }}":                                        "2.0",
		"{{ range .list }}<{{ . }}>{{ end }}{{ len .list }}": "<1><2>2",
		"{{ .s.f }} {{ .none }} {{ .missing }}":              "true <no value> <no value>",
		`{{ printf "%05d" .int }}`:                           "1000000",
	} {
		out, err := render("file", plan.Template{Template: text, Data: data})
		require.NoError(t, err)
		require.Equal(t, want, string(out), text)
	}
}

func TestMatching(t *testing.T) {
	var in bytes.Buffer
	w := tar.NewWriter(&in)
	for _, name := range []string{"data/", "data/a.txt", "data/b.log", "data/sub/", "data/sub/c.txt"} {
		h := &tar.Header{Name: name, Mode: 0o755, Typeflag: tar.TypeReg}
		if name[len(name)-1] == '/' {
			h.Typeflag = tar.TypeDir
		}
		require.NoError(t, w.WriteHeader(h))
	}
	require.NoError(t, w.Close())
	for pattern, want := range map[string][]string{
		"*":     {"a.txt", "b.log", "sub/", "sub/c.txt"},
		"*.txt": {"a.txt"},
		"s*":    {"sub/", "sub/c.txt"},
	} {
		var out bytes.Buffer
		require.NoError(t, matching(bytes.NewReader(in.Bytes()), pattern, &out))
		var names []string
		for r := tar.NewReader(&out); ; {
			h, err := r.Next()
			if err == io.EOF {
				break
			}
			require.NoError(t, err)
			names = append(names, h.Name)
		}
		require.Equal(t, want, names, pattern)
	}
}

func TestMoveFirst(t *testing.T) {
	spec := backends.ServiceSpec{Cmd: []string{"serve"}}
	moveFirst(&spec, plan.Map[string]{{Key: "/tmp/x/nginx.conf", Value: "/etc/nginx/nginx.conf"}}, backends.Image{Entrypoint: []string{"/run"}, Cmd: []string{"dropped"}})
	require.Equal(t, []string{
		"/bin/sh", "-c", `mkdir -p "$1" && mv -f "$2" "$3" && shift 3 && exec "$@"`, "sh", "/etc/nginx", "/tmp/x/nginx.conf", "/etc/nginx/nginx.conf",
	}, spec.Entrypoint)
	require.Equal(t, []string{"/run", "serve"}, spec.Cmd)
}

func TestFileName(t *testing.T) {
	require.Equal(t, "a.json", fileName("https://example.org/x/a.json?v=1"))
	require.Equal(t, "download", fileName("https://example.org/"))
}
