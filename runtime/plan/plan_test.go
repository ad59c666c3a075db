package plan

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFutures(t *testing.T) {
	one := Future{ID: FutureID(1), Field: "ip_address"}
	require.Equal(t, "{{kurtosis:00000000000000000000000000000001:ip_address.runtime_value}}", one.String())
	extract := Future{ID: FutureID(255), Field: "extract.a-b_c.d"}
	for _, f := range []Future{one, extract} {
		parsed, ok := ParseFuture(f.String())
		require.True(t, ok)
		require.Equal(t, f, parsed)
	}
	for _, text := range []string{"", "x", "x" + one.String(), one.String() + " ", "{{kurtosis:1:code.runtime_value}}", "{{kurtosis:00000000000000000000000000000001:co de.runtime_value}}"} {
		_, ok := ParseFuture(text)
		require.False(t, ok, text)
	}
	require.Equal(t, []Future{one, extract}, Futures("a"+one.String()+"b"+extract.String()+one.String()))
}

func TestReplace(t *testing.T) {
	code, text := Future{FutureID(1), "code"}, Future{FutureID(2), "output"}
	lookup := func(f Future) (Value, error) {
		switch f {
		case code:
			return NewInt(7), nil
		case text:
			return String("hi"), nil
		}
		return nil, errors.New("no value for " + f.Field)
	}
	in := &Dict{Items: []Item{
		{String(code.String()), &List{Items: []Value{String(code.String()), String("n=" + code.String()), String(text.String() + text.String())}}},
		{String("o"), &Object{"struct", []Field{{"a", String(text.String())}, {"b", None{}}}}},
	}}
	before := in.String()
	out, err := Replace(in, lookup)
	require.NoError(t, err)
	require.Equal(t, `{7: [7, "n=7", "hihi"], "o": struct(a="hi", b=None)}`, out.String())
	require.Equal(t, before, in.String())

	_, err = Replace(String("x"+Future{FutureID(3), "body"}.String()), lookup)
	require.EqualError(t, err, "no value for body")

	same := &List{Items: []Value{String("nothing to do")}}
	out, err = Replace(same, lookup)
	require.NoError(t, err)
	require.Same(t, same, out)
}

func TestResolve(t *testing.T) {
	code := Future{FutureID(1), "code"}.String()
	s := &Step{Name: "add_service", Args: []Field{
		{"name", String("s" + code)},
		{"config", &Object{"ServiceConfig", []Field{
			{"image", String("img:" + code)},
			{"cmd", &List{Items: []Value{String(code)}}},
			{"env_vars", &Dict{Items: []Item{{String("K"), String("v" + code)}}}},
			{"labels", &Dict{Items: []Item{{String("l"), String(code)}}}},
			{"ready_conditions", &Object{"ReadyCondition", []Field{
				{"recipe", &Object{"PostHttpRequestRecipe", []Field{{"port_id", String("p")}, {"endpoint", String(code)}, {"body", String(code)}}}},
				{"field", String("code")}, {"assertion", String("==")}, {"target_value", String(code)},
			}}},
		}}},
	}}
	in, err := s.Instruction()
	require.NoError(t, err)
	require.NoError(t, Resolve(in, func(Future) (Value, error) { return NewInt(3), nil }))
	add := in.(*AddService)
	require.Equal(t, "s3", add.Name)
	require.Equal(t, []string{"3"}, add.Config.Cmd)
	require.Equal(t, Map[string]{{"K", "v3"}}, add.Config.EnvVars)
	require.Equal(t, "img:"+code, add.Config.Image.Name, "not replaced in an image")
	require.Equal(t, Map[string]{{"l", code}}, add.Config.Labels, "nor in labels")
	recipe := add.Config.ReadyConditions.Recipe.HTTP
	require.Equal(t, "3", recipe.Body)
	require.Equal(t, code, recipe.Endpoint, "nor in an endpoint")
	require.Equal(t, NewInt(3), add.Config.ReadyConditions.TargetValue, "the value of a lone future keeps its type")
}

func TestDecodeRefuses(t *testing.T) {
	for _, test := range []struct {
		step *Step
		want string
	}{
		{&Step{Name: "nope"}, `unknown instruction "nope"`},
		{&Step{Name: "get_service", Args: []Field{{"name", NewInt(1)}}}, "get_service at [0:0]: name: expected a string, got int"},
		{&Step{Name: "get_service", Args: []Field{{"nam", String("")}}}, `get_service at [0:0]: get_service has no "nam"`},
		{&Step{Name: "exec", Args: []Field{{"acceptable_codes", &List{Items: []Value{String("0")}}}}}, "exec at [0:0]: acceptable_codes: [0]: expected an int, got string"},
		{&Step{Name: "wait", Args: []Field{{"timeout", String("soon")}}}, `wait at [0:0]: timeout: time: invalid duration "soon"`},
		{&Step{Name: "add_service", Args: []Field{{"config", &Object{"ServiceConfig", []Field{{"image", NewInt(1)}}}}}}, "add_service at [0:0]: config: image: expected an image, got int"},
		{&Step{Name: "request", Args: []Field{{"recipe", &Object{Constructor: "ExecRecipe"}}}}, "request at [0:0]: recipe: expected an HTTP recipe, got ExecRecipe"},
	} {
		_, err := test.step.Instruction()
		require.EqualError(t, err, test.want)
	}
}

func TestDecodeJSON(t *testing.T) {
	for text, want := range map[string]string{
		`{"b": 1, "a": [1.0, 1e2, -3, 12345678901234567890, null, true, "é"], "b": 2}`: `{"a": [1.0, 100.0, -3, 12345678901234567890, None, True, "é"], "b": 2}`,
		`[]`: "[]", `{}`: "{}", `"x"`: `"x"`,
	} {
		v, err := DecodeJSON([]byte(text))
		require.NoError(t, err, text)
		require.Equal(t, want, v.String())
	}
	v, err := DecodeJSON([]byte(`{"b": 1, "a": 2, "b": 3}`))
	require.NoError(t, err)
	require.Equal(t, &Dict{Items: []Item{{String("b"), NewInt(3)}, {String("a"), NewInt(2)}}}, v, "the order of the text; the last of equal keys counts")
	for text, want := range map[string]string{
		``: "unexpected EOF", `{"a": `: "unexpected EOF", `{} x`: "unexpected text after the JSON value", `[1 2]`: "invalid character '2' after array element",
	} {
		_, err := DecodeJSON([]byte(text))
		require.EqualError(t, err, want, text)
	}
}

// sample is a plan with a little of everything that outputs show.
func sample() *Plan {
	ip := Future{FutureID(1), "ip_address"}.String()
	step := func(id, name, description string, returns Value, futures []Source, args ...Field) *Step {
		s := &Step{ID: id, Name: name, Description: description, Args: args, Returns: returns, Futures: futures}
		s.Position.Module = "github.com/test/pkg/main.star"
		s.Position.Line, s.Position.Col = 2, 4
		return s
	}
	config := &Object{"ServiceConfig", []Field{{"image", String("img")}, {"cmd", &List{Items: []Value{String("a")}}}}}
	described := step("3", "exec", "Asking \"politely\"", &Dict{Items: []Item{}}, []Source{{ID: FutureID(2)}},
		Field{"service_name", String("web")}, Field{"recipe", &Object{"ExecRecipe", []Field{{"command", &List{Items: []Value{String("ping"), String("-c1 " + ip)}}}}}})
	described.Described = true
	return New(Draft{Package: "github.com/test/pkg", Cluster: "docker", Result: String(ip), Steps: []*Step{
		step("1", "add_service", "Adding service with name 'web' and image 'img'", None{}, []Source{{ID: FutureID(1), Service: "web"}}, Field{"name", String("web")}, Field{"config", config}),
		step("2", "print", "Printing a message", None{}, nil, Field{"msg", String("at " + ip + ":80")}),
		described,
		step("4", "verify", "Verifying", None{}, nil, Field{"value", String(Future{FutureID(2), "code"}.String())}, Field{"assertion", String("==")}, Field{"target_value", NewInt(0)}),
	}})
}

func TestText(t *testing.T) {
	for v, want := range map[Verbosity]string{
		Describe: "Adding service with name 'web' and image 'img'\nPrinting a message\nAsking \"politely\"\nVerifying\n",
		Brief: `> add_service name="web" config=ServiceConfig(image="img", ...)
> print msg="at {{kurtosis:00000000000000000000000000000001:ip_address.runtime_value}}:80"
> exec service_name="web" recipe=ExecRecipe(command=["ping", "-c1 {{kurtosis:00000000000000000000000000000001:ip_address.runtime_value}}"])
> verify value="{{kurtosis:00000000000000000000000000000002:code.runtime_value}}" assertion="==" target_value=0
`,
		Detailed: `> add_service
>	name="web"
>	config=ServiceConfig(image="img", cmd=["a"])
> print
>	msg="at {{kurtosis:00000000000000000000000000000001:ip_address.runtime_value}}:80"
> exec
>	service_name="web"
>	recipe=ExecRecipe(command=["ping", "-c1 {{kurtosis:00000000000000000000000000000001:ip_address.runtime_value}}"])
>	description="Asking \"politely\""
> verify
>	value="{{kurtosis:00000000000000000000000000000002:code.runtime_value}}"
>	assertion="=="
>	target_value=0
`,
		Executable: `def run(plan):
    # from github.com/test/pkg/main.star[2:4]
    step_1 = plan.add_service(name = "web", config = ServiceConfig(image = "img", cmd = ["a"]))

    # from github.com/test/pkg/main.star[2:4]
    plan.print(msg = "at " + step_1.ip_address + ":80")

    # from github.com/test/pkg/main.star[2:4]
    step_3 = plan.exec(service_name = "web", recipe = ExecRecipe(command = ["ping", "-c1 " + step_1.ip_address]), description = "Asking \"politely\"")

    # from github.com/test/pkg/main.star[2:4]
    plan.verify(value = step_3["code"], assertion = "==", target_value = 0)
`,
		OutputOnly: "",
	} {
		got, err := sample().Text(v)
		require.NoError(t, err)
		require.Equal(t, want, got, v)
	}
	require.Equal(t, "\"{{kurtosis:00000000000000000000000000000001:ip_address.runtime_value}}\"", sample().ResultText())
}

func TestGraphs(t *testing.T) {
	require.Equal(t, `flowchart TD
    s1["1. Adding service with name 'web' and image 'img'"]
    s3["3. Asking #quot;politely#quot;"]
    s4["4. Verifying"]
    s1 -->|"service web"| s3
    s3 -->|"future code"| s4
`, sample().Mermaid(false))
	require.Equal(t, `digraph plan {
    node [shape=box, fontname="sans-serif"];
    edge [fontname="sans-serif", fontsize=10];
    s1 [label="1. Adding service with name 'web' and image 'img'", tooltip="github.com/test/pkg/main.star[2:4]"];
    s2 [label="2. Printing a message", tooltip="github.com/test/pkg/main.star[2:4]"];
    s3 [label="3. Asking \"politely\"", tooltip="github.com/test/pkg/main.star[2:4]"];
    s4 [label="4. Verifying", tooltip="github.com/test/pkg/main.star[2:4]"];
    s1 -> s2 [label="future ip_address"];
    s1 -> s3 [label="service web"];
    s3 -> s4 [label="future code"];
}
`, sample().Dot(true))
}

func TestPlanIsStoredWhole(t *testing.T) {
	p := sample()
	p.Steps[0].Shown = p.Steps[1].Args
	p.Steps[0].Locators = []Resolved{{Locator: "./x", Path: "/x", Hash: "h"}}
	p.Warnings = []Warning{{Code: "deprecated", Message: "m", Position: p.Steps[0].Position}}
	stored, err := p.MarshalJSON()
	require.NoError(t, err)
	back := &Plan{}
	require.NoError(t, back.UnmarshalJSON(stored))
	require.Equal(t, p, back)
}

func TestYAMLKeepsWhiteSpace(t *testing.T) {
	p := New(Draft{Result: None{}, Steps: []*Step{{
		ID: "1", Name: "run_python", Description: "d", Returns: None{}, Futures: []Source{{ID: FutureID(1)}},
		Args: []Field{{"run", String("\n  import x\n")}},
	}}})
	yaml, err := p.YAML()
	require.NoError(t, err)
	require.Equal(t, `tasks:
  - uuid: "1"
    name: d
    taskType: python
    command:
      - "\n  import x\n"
    image: python:3.11-alpine
    pythonPackages:
      - bash
images:
  - python:3.11-alpine
`, string(yaml))
}
