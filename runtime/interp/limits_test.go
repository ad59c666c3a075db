package interp_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/packages"
	"github.com/kurtosis-go/kurtosis/runtime/interp"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

// TestLimits runs scripts that would not end, or would take all memory: each ends soon, and says why.
func TestLimits(t *testing.T) {
	small := interp.Limits{Steps: 2_000_000, Time: 30 * time.Second, Memory: 64 << 20}
	steps := "Evaluation error: the script did not end within 2000000 steps"
	memory := "Evaluation error: the script used more than 64 MB of memory"
	for _, test := range []struct {
		name, body, code, want string
		limits                 interp.Limits
	}{
		{"long loop", "for i in range(1000000000000):\n        pass", "step-limit", steps, small},
		{"time", "for i in range(1000000000000):\n        pass", "time-limit", "Evaluation error: the script did not end within 50ms", interp.Limits{Time: 50 * time.Millisecond}},
		{"growing list", "l = []\n    for i in range(1000000000000):\n        l.append([i, i, i])", "memory-limit", memory, interp.Limits{Memory: 64 << 20}},
		{"doubling", "s = \"ab\"\n    for i in range(60):\n        s = s + s\n        len(s)", "memory-limit", memory, interp.Limits{Memory: 64 << 20}},
		{"repeat", "\"a\" * 10000000000", "evaluation", "Evaluation error: repeat count 10000000000 too large", small},
		{"list of range", "list(range(1000000000))", "memory-limit", "Evaluation error: list: 1000000000 elements are too many (at most 50000000)", small},
		{"sorted range", "sorted(range(1000000000))", "memory-limit", "Evaluation error: sorted: 1000000000 elements are too many (at most 50000000)", small},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, "main.star", "def run(plan):\n    "+test.body+"\n")
			_, err := interpret(t, dir, interp.Input{Limits: test.limits})
			var e *interp.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, test.want, e.Message)
			require.Equal(t, test.code, e.Code)
			frame, ok := e.Where()
			require.True(t, ok)
			require.Equal(t, "run", frame.Function)
		})
	}
}

func TestCancel(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "main.star", "def run(plan):\n    for i in range(1000000000000):\n        pass\n")
	pkg, err := packages.Open(t.Context(), dir+"/main.star", packages.Options{})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := interp.Plan(ctx, snapshot(pkg), interp.Input{Target: pkg.Main})
		done <- err
	}()
	cancel()
	var e *interp.Error
	require.ErrorAs(t, <-done, &e)
	require.Equal(t, "cancelled", e.Code)
}

// TestDeterminism makes the same plan twenty times, with programs that are kept and without.
func TestDeterminism(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "kurtosis.yml", "name: github.com/test/pkg\n")
	write(t, dir, "lib.star", "def add(plan, n):\n    return plan.add_service(n, ServiceConfig(image = \"i\", ports = {p: PortSpec(number = 1 + i, transport_protocol = \"UDP\") for i, p in enumerate([\"c\", \"a\", \"b\"])}, env_vars = {\"B\": n, \"A\": n}, labels = {\"z\": \"1\", \"y\": \"2\"}))\n")
	write(t, dir, "main.star", `lib = import_module("./lib.star")

def run(plan, **args):
    services = [lib.add(plan, "s" + str(i)) for i in range(20)]
    plan.add_services({"b-" + s.name: ServiceConfig(image = "i", cmd = [s.ip_address]) for s in services})
    plan.render_templates(config = {n: struct(template = n, data = args) for n in ["z", "y", "x"]})
    plan.get_service("nope")
    plan.exec("s1", ExecRecipe(command = ["x"], extract = {"b": ".", "a": "."}))
    return {"services": services, "args": args}
`)
	pkg, err := packages.Open(t.Context(), dir, packages.Options{})
	require.NoError(t, err)
	args, err := plan.DecodeJSON([]byte(`{"b": {"d": 1, "c": 2}, "a": [1]}`))
	require.NoError(t, err)
	files, kept := snapshot(pkg), interp.New()
	first := ""
	for i := range 20 {
		interpreter := kept
		if i%2 == 1 {
			interpreter, files = interp.New(), snapshot(pkg)
		}
		p, err := interpreter.Plan(t.Context(), files, interp.Input{Target: pkg.Main, Args: args})
		require.NoError(t, err)
		all := everything(t, p)
		if first == "" {
			first = all
		}
		require.Equal(t, first, all)
	}
}

// everything is a plan in all the forms that it is shown in.
func everything(t *testing.T, p *plan.Plan) string {
	yaml, err := p.YAML()
	require.NoError(t, err)
	stored, err := p.MarshalJSON()
	require.NoError(t, err)
	all := describe(p) + p.ResultText() + problems(p.Validate(plan.Environment{})) + string(yaml) + string(stored) + p.Mermaid(true) + p.Dot(false)
	for _, v := range []plan.Verbosity{plan.Describe, plan.Brief, plan.Detailed, plan.Executable} {
		text, err := p.Text(v)
		require.NoError(t, err)
		all += text
	}
	return all
}
