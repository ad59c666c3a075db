package interp

import (
	"fmt"
	"slices"
	"sort"

	starlarkjson "go.starlark.net/lib/json"
	starlarktime "go.starlark.net/lib/time"
	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"

	"github.com/kurtosis-go/kurtosis/lang/builtins"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

// largest bounds what one call of a builtin may make: no step is counted while it runs.
const largest = 50_000_000

// isPredeclared says which names every module has beside the universe.
func isPredeclared(name string) bool {
	switch name {
	case "json", "time", "kurtosis", "struct", "print", "import_module", "read_file",
		"list", "tuple", "sorted", "reversed", "enumerate", "zip":
		return true
	}
	row := builtins.Lookup("", name)
	return row != nil && row.Kind == builtins.Constructor
}

// environment is what isPredeclared promises, for one run.
func (r *run) environment() starlark.StringDict {
	env := starlark.StringDict{
		"json":          jsonModule(),
		"time":          timeModule(),
		"kurtosis":      r.kurtosisModule(),
		"struct":        starlark.NewBuiltin("struct", starlarkstruct.Make),
		"print":         refuse("print", "'print' is not available; use 'plan.print' instead", "plan.print(…)"),
		"import_module": r.builtin(builtins.Lookup("", "import_module"), r.importModule),
		"read_file":     r.builtin(builtins.Lookup("", "read_file"), r.readFile),
	}
	for _, row := range builtins.Constructors() {
		env[row.Name] = r.builtin(row, r.construct)
	}
	for _, name := range []string{"list", "tuple", "sorted", "reversed", "enumerate", "zip"} {
		env[name] = bounded(starlark.Universe[name].(*starlark.Builtin))
	}
	return env
}

// handler does what a builtin is called for, with arguments that fit its row.
type handler func(*starlark.Thread, *call) (starlark.Value, error)

// builtin makes the Starlark function of a row.
func (r *run) builtin(row *builtins.Builtin, do handler) *starlark.Builtin {
	return starlark.NewBuiltin(row.Name, func(thread *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		c, err := bind(row, args, kwargs)
		if err != nil {
			return nil, err
		}
		for i := range row.Params {
			p := &row.Params[i]
			switch v := c.args[i]; {
			case v == nil || v == starlark.None:
			case p.Deprecated != "":
				r.deprecated(thread, row, p)
			case r.in.Cluster != dockerCluster && p.Backends != nil && !slices.Contains(p.Backends, r.in.Cluster) && bool(v.Truth()):
				r.warn(thread, p, plan.Warning{Code: "no-effect", Message: fmt.Sprintf("%s of %s has no effect on Kubernetes", p.Name, row.Name)})
			}
		}
		return do(thread, c)
	})
}

// refuse makes a builtin that exists in order to say what to use instead.
func refuse(name, message, hint string) *starlark.Builtin {
	return starlark.NewBuiltin(name, func(*starlark.Thread, *starlark.Builtin, starlark.Tuple, []starlark.Tuple) (starlark.Value, error) {
		return nil, &fault{code: "refused", message: message, hint: hint}
	})
}

// bounded guards a builtin that makes a sequence of its argument's length at once.
func bounded(b *starlark.Builtin) *starlark.Builtin {
	return starlark.NewBuiltin(b.Name(), func(thread *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		for _, arg := range args {
			if n := starlark.Len(arg); n > largest {
				return nil, &fault{
					code:    "memory-limit",
					message: fmt.Sprintf("%s: %d elements are too many (at most %d)", b.Name(), n, largest),
				}
			}
		}
		return b.CallInternal(thread, args, kwargs)
	})
}

// jsonModule is json as of the reference: no encode_indent, and decode without a default.
func jsonModule() *starlarkstruct.Module {
	return &starlarkstruct.Module{Name: "json", Members: starlark.StringDict{
		"encode": starlarkjson.Module.Members["encode"],
		"indent": starlarkjson.Module.Members["indent"],
		"decode": starlark.NewBuiltin("json.decode", func(thread *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			var text string
			if err := starlark.UnpackPositionalArgs(b.Name(), args, kwargs, 1, &text); err != nil {
				return nil, err
			}
			return starlarkjson.Module.Members["decode"].(*starlark.Builtin).CallInternal(thread, args, nil)
		}),
	}}
}

// timeModule is Starlark's time without the present: a plan must be the same each time it is made.
func timeModule() *starlarkstruct.Module {
	members := make(starlark.StringDict, len(starlarktime.Module.Members))
	for name, v := range starlarktime.Module.Members {
		members[name] = v
	}
	members["now"] = refuse("now", "'time.now' is not available: a plan has to be the same each time it is made",
		"read the clock when the plan runs: plan.run_sh(run = \"date +%s\")")
	return &starlarkstruct.Module{Name: "time", Members: members}
}

// kurtosisModule has the variables of the enclave as members.
func (r *run) kurtosisModule() *starlarkstruct.Module {
	members := make(starlark.StringDict, len(r.in.Variables))
	for name, v := range r.in.Variables {
		members[name] = starlark.String(v)
	}
	return &starlarkstruct.Module{Name: "kurtosis", Members: members}
}

// predeclaredPlan is the plan that the entry point gets.
func (r *run) predeclaredPlan() *starlarkstruct.Module {
	members := make(starlark.StringDict, len(instructions))
	for _, row := range builtins.Instructions() {
		if i := sort.Search(len(instructions), func(i int) bool { return instructions[i].name >= row.Name }); i < len(instructions) && instructions[i].name == row.Name {
			members[row.Name] = r.builtin(row, r.instruct(instructions[i].plan))
		}
	}
	return &starlarkstruct.Module{Name: planName, Members: members}
}
