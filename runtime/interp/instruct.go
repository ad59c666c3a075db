package interp

import (
	"slices"
	"strconv"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"

	"github.com/kurtosis-go/kurtosis/lang/builtins"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

// instructions says how each instruction is planned, by name: what it returns, what it is called when the caller
// does not say, and which futures it will resolve.
var instructions = []struct {
	name string
	plan planner
}{
	{"add_service", (*run).addService},
	{"add_services", (*run).addServices},
	{"exec", (*run).exec},
	{"get_cluster_type", (*run).getClusterType},
	{"get_files_artifact", (*run).getFilesArtifact},
	{"get_service", (*run).getService},
	{"get_services", (*run).getServices},
	{"print", (*run).print},
	{"remove_service", (*run).removeService},
	{"render_templates", (*run).renderTemplates},
	{"request", (*run).request},
	{"run_python", (*run).runPython},
	{"run_sh", (*run).runSh},
	{"set_service", (*run).setService},
	{"start_service", (*run).startService},
	{"stop_service", (*run).stopService},
	{"store_service_files", (*run).storeServiceFiles},
	{"upload_files", (*run).uploadFiles},
	{"verify", (*run).verify},
	{"wait", (*run).wait},
}

// planner plans one call. It fills in what the step is beside its arguments and gives the value to return.
type planner func(*run, *starlark.Thread, *call, *plan.Step) (starlark.Value, error)

// instruct makes the handler of an instruction: check what is inside the arguments, record the step, plan it.
func (r *run) instruct(do planner) handler {
	return func(thread *starlark.Thread, c *call) (starlark.Value, error) {
		if c.row.Name != "render_templates" { // which checks its own, in its own words
			if err := inspectArgs(c.row.Params, c.args); err != nil {
				return nil, err
			}
		}
		step := &plan.Step{
			ID:       strconv.Itoa(len(r.steps) + 1),
			Name:     c.row.Name,
			Position: r.here(thread),
		}
		returned, err := do(r, thread, c, step)
		if err != nil {
			return nil, err
		}
		if step.Args, err = convertArgs(c.row.Params, c.args, 0); err != nil {
			return nil, &fault{message: "an argument of '" + c.row.Name + "' has no form in a plan", causes: []string{err.Error()}}
		}
		if c.description != nil {
			step.Description, step.Described = textOf(c.description), true
		}
		if step.Returns, err = convert(returned); err != nil {
			return nil, err
		}
		r.steps, r.calls = append(r.steps, step), append(r.calls, c)
		return returned, nil
	}
}

// convertArgs turns given arguments into the fields of a step or an object, in the table's order.
func convertArgs(params []builtins.Param, args []starlark.Value, depth int) ([]plan.Field, error) {
	n := 0
	for _, v := range args {
		if v != nil {
			n++
		}
	}
	fields := make([]plan.Field, 0, n+1)
	for i, v := range args {
		if v == nil {
			continue
		}
		x, err := convertAt(v, depth+1)
		if err != nil {
			return nil, err
		}
		fields = append(fields, plan.Field{Name: params[i].Name, Value: x})
	}
	return fields, nil
}

// settle looks at the arguments of all calls again, now that the script has ended. Lists and dicts are shared
// with the script, which may have changed them: the reference prints instructions as they are in the end, and
// that is what a print shows when it runs. Everything else runs with what it was called with.
func (r *run) settle() error {
	for i, step := range r.steps {
		c := r.calls[i]
		if !changeable(c.args) {
			continue
		}
		now, err := convertArgs(c.row.Params, c.args, 0)
		if err != nil {
			return err
		}
		if slices.EqualFunc(step.Args, now, func(a, b plan.Field) bool { return a.Name == b.Name && plan.Equal(a.Value, b.Value) }) {
			continue
		}
		if step.Name == "print" {
			step.Args = now
		} else {
			step.Shown = now
		}
	}
	r.calls = nil
	return nil
}

// changeable reports whether a list or dict is anywhere in the arguments.
func changeable(args []starlark.Value) bool {
	for _, v := range args {
		switch v := v.(type) {
		case *starlark.List, *starlark.Dict, starlark.Tuple, *starlarkstruct.Struct:
			return true
		case *object:
			if changeable(v.args) {
				return true
			}
		}
	}
	return false
}

// source gives the step a future of its own.
func (r *run) source(step *plan.Step) string {
	id := r.newFuture()
	step.Futures = append(step.Futures, plan.Source{ID: id})
	return id
}

func future(id, field string) starlark.String {
	return starlark.String(plan.Future{ID: id, Field: field}.String())
}

// structValue is a struct as the script sees it.
func structValue(fields starlark.StringDict) starlark.Value {
	return starlarkstruct.FromStringDict(starlarkstruct.Default, fields)
}
