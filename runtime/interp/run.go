package interp

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"

	"github.com/kurtosis-go/kurtosis/lang/builtins"
	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/lang/workspace"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

const (
	defaultFunction = "run"
	dockerCluster   = "docker"
	planName        = "plan"
	argsName        = "args"
	parserKey       = "_kurtosis_parser"
)

// run is one interpretation in progress.
type run struct {
	ctx         context.Context
	interpreter *Interpreter
	from        Source
	resolver    workspace.Resolver
	in          Input
	limits      *limiter
	predeclared starlark.StringDict

	modules  map[string]*module // by file name, which is the name in positions
	byPath   map[string]*module // by path on disk
	packages map[string]bool    // other repositories that were imported

	steps     []*plan.Step
	calls     []*call            // parallel to steps
	services  map[string]*object // Service objects by name, as far as they are known
	order     []string           // names of services in the order they appeared
	futures   int                // number of futures handed out
	artifacts int                // number of generated artifact names
	warnings  []plan.Warning
	warned    map[string]bool
}

// Plan is Plan with programs that are kept for the next time.
func (i *Interpreter) Plan(ctx context.Context, from Source, in Input) (*plan.Plan, error) {
	if in.Function == "" {
		in.Function = defaultFunction
	}
	if in.Cluster == "" {
		in.Cluster = dockerCluster
	}
	r := &run{
		ctx: ctx, interpreter: i, from: from, resolver: from.Resolver(), in: in,
		limits:  &limiter{limits: in.Limits.orDefaults()},
		modules: map[string]*module{}, byPath: map[string]*module{}, packages: map[string]bool{},
		services: map[string]*object{}, futures: max(in.FirstFuture-1, 0), warned: map[string]bool{},
	}
	r.predeclared = r.environment()
	r.seed()

	thread := &starlark.Thread{
		Name:  in.Target.Locator,
		Print: func(*starlark.Thread, string) {},
		Load: func(*starlark.Thread, string) (starlark.StringDict, error) {
			return nil, &fault{message: "load() is not available; use import_module instead", hint: `lib = import_module("./lib.star")`}
		},
	}
	stop := r.limits.watch(ctx, thread)
	defer stop()
	result, err := r.main(thread)
	if err != nil {
		return nil, r.explain(err)
	}
	if err := r.settle(); err != nil {
		return nil, r.explain(err)
	}
	returned, err := convert(result)
	if err != nil {
		return nil, r.explain(&fault{message: "the value that '" + in.Function + "' returned has no form in a plan", causes: []string{err.Error()}})
	}
	return plan.New(plan.Draft{
		Package:      in.Target.Package,
		Dependencies: r.dependencies(),
		Replace:      in.Replace,
		Cluster:      in.Cluster,
		Steps:        r.steps,
		Result:       returned,
		Warnings:     r.warnings,
	}), nil
}

// main loads the module that is run and calls its entry point.
func (r *run) main(thread *starlark.Thread) (starlark.Value, error) {
	m, err := r.load(thread, r.in.Target, r.in.Target.Locator)
	if err != nil {
		return nil, err
	}
	name := r.in.Function
	function, ok := m.globals[name].(*starlark.Function)
	if !ok {
		return nil, r.noEntryPoint(m)
	}
	args, kwargs, err := r.arguments(function)
	if err != nil {
		return nil, err
	}
	result, err := starlark.Call(thread, function, args, kwargs)
	if err != nil {
		if mismatch := r.mismatch(function, kwargs, err); mismatch != nil {
			return nil, mismatch
		}
	}
	return result, err
}

// mismatch is the error of package arguments that the entry point does not take, or of those that it lacks: the
// reference's words, a hint, and the place of the definition. It is nil for any other error.
func (r *run) mismatch(function *starlark.Function, kwargs []starlark.Tuple, err error) *Error {
	e := r.explain(err)
	about := evaluationPrefix + "function " + function.Name() + " "
	if len(e.Stack) != 1 || !strings.HasPrefix(e.Message, about) {
		return nil
	}
	var names []string
	for i := range function.NumParams() {
		if name, _ := function.Param(i); name != planName {
			names = append(names, name)
		}
	}
	switch what := strings.TrimPrefix(e.Message, about); {
	case strings.HasPrefix(what, "got an unexpected keyword argument"):
		e.Hint = "the package takes no arguments"
		if len(names) > 0 {
			e.Hint = "the package takes " + strings.Join(names, ", ")
		}
		for _, kv := range kwargs {
			name, _ := starlark.AsString(kv[0])
			if near, ok := diag.Closest(name, names); ok && !slices.Contains(names, name) {
				e.Hint = fmt.Sprintf("did you mean '%s'?", near)
				break
			}
		}
	case strings.HasPrefix(what, "missing"):
		e.Hint = "give it as an argument of the package: '{\"name\": …}', or with --args-file"
		if _, list, ok := strings.Cut(what, "("); ok {
			first, _, _ := strings.Cut(strings.TrimSuffix(list, ")"), ", ")
			e.Hint = fmt.Sprintf("give it as an argument of the package: '{\"%s\": …}', or with --args-file", first)
		}
	default:
		return nil
	}
	e.Code = "arguments"
	e.At = r.staticFrame(function.Position(), function.Name())
	return e
}

func (r *run) noEntryPoint(m *module) error {
	name := r.in.Function
	hint := fmt.Sprintf("define it: def %s(plan, args):", name)
	if v, ok := m.globals[name]; ok {
		hint = fmt.Sprintf("'%s' is a %s there", name, v.Type())
	}
	return &fault{
		code: "entry-point",
		message: fmt.Sprintf("No '%s' function found in file '%s'; a '%s' entrypoint function with the signature `%s(plan, args)` or `%s()` is required in the main.star file of any Kurtosis package",
			name, r.in.Target.Locator, name, name, name),
		hint: hint,
	}
}

// arguments gives the entry point its arguments: the plan where it asks for it, and the run's, either as one
// dict in the old form (plan, args) or spread over its parameters.
func (r *run) arguments(function *starlark.Function) (starlark.Tuple, []starlark.Tuple, error) {
	var args starlark.Tuple
	first := ""
	if function.NumParams() > 0 {
		first, _ = function.Param(0)
	}
	if r.in.Function == defaultFunction && first != "" && first != planName {
		pos := function.Position()
		position, path := r.position(pos)
		return nil, nil, &Error{
			Code:    "entry-point",
			Message: fmt.Sprintf("Expected argument at index '0' of run function to be called '%s' got '%s' instead", planName, first),
			Stack:   []Frame{{Position: position, Path: path, Function: r.in.Function}},
			Hint:    "the first parameter of run is the plan: def run(plan, …)",
		}
	}
	if first == planName {
		args = append(args, r.predeclaredPlan())
	}
	if r.in.Args == nil {
		r.in.Args = &plan.Dict{}
	}
	given, ok := r.in.Args.(*plan.Dict)
	if !ok {
		return nil, nil, &fault{code: "arguments", message: fmt.Sprintf("the arguments are a %s, and must be a JSON or YAML object", r.in.Args.Type()), hint: `for example {"name": "value"}`}
	}
	dict, asStruct, err := parserOf(given)
	if err != nil {
		return nil, nil, err
	}
	value, err := starlarkValue(dict)
	if err != nil {
		return nil, nil, err
	}
	if function.NumParams() == 2 && first == planName {
		if second, _ := function.Param(1); second == argsName && !function.HasKwargs() && !function.HasVarargs() {
			if asStruct {
				value = structOf(value)
			}
			return append(args, value), nil, nil
		}
	}
	if asStruct {
		return nil, nil, &fault{code: "arguments", message: fmt.Sprintf("arguments can only be a struct when the function is '%s(plan, args)'", r.in.Function), hint: fmt.Sprintf("leave %q out, or set it to \"dict\"", parserKey)}
	}
	var kwargs []starlark.Tuple
	for key, v := range value.(*starlark.Dict).Entries() {
		kwargs = append(kwargs, starlark.Tuple{key, v})
	}
	return args, kwargs, nil
}

// parserOf takes _kurtosis_parser out of the arguments.
func parserOf(given *plan.Dict) (rest *plan.Dict, asStruct bool, err error) {
	v, ok := given.Get(parserKey)
	if !ok {
		return given, false, nil
	}
	switch plan.StringOf(v) {
	case "dict":
	case "struct":
		asStruct = true
	default:
		return nil, false, &fault{code: "arguments", message: fmt.Sprintf("Expected '%s' to be one of 'dict' or 'struct', got %s", parserKey, v), hint: `"dict" is the default`}
	}
	rest = &plan.Dict{Items: slices.DeleteFunc(slices.Clone(given.Items), func(i plan.Item) bool { return plan.StringOf(i.Key) == parserKey })}
	return rest, asStruct, nil
}

// structOf makes structs of dicts, those inside dicts included.
func structOf(v starlark.Value) starlark.Value {
	d, ok := v.(*starlark.Dict)
	if !ok {
		return v
	}
	fields := make(starlark.StringDict, d.Len())
	for key, value := range d.Entries() {
		if name, ok := key.(starlark.String); ok {
			fields[string(name)] = structOf(value)
		}
	}
	return starlarkstruct.FromStringDict(starlarkstruct.Default, fields)
}

// seed makes the services that the enclave already has known.
func (r *run) seed() {
	for _, s := range r.in.Environment.Services {
		r.order = append(r.order, s.Name)
	}
}

// newFuture hands out the next future id.
func (r *run) newFuture() string {
	r.futures++
	return plan.FutureID(r.futures)
}

// newArtifact makes up the next name of a files artifact: a preview numbers them.
func (r *run) newArtifact() string {
	r.artifacts++
	return "file-artifact-" + strconv.Itoa(r.artifacts)
}

// dependencies lists the repositories other than the package's own that modules were imported from.
func (r *run) dependencies() []string {
	names := make([]string, 0, len(r.packages))
	for name := range r.packages {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// caller is the module that called the builtin which is running.
func (r *run) caller(thread *starlark.Thread) *module {
	return r.modules[thread.CallFrame(1).Pos.Filename()]
}

// here is the place of that call.
func (r *run) here(thread *starlark.Thread) plan.Position {
	p, _ := r.position(thread.CallFrame(1).Pos)
	return p
}

// resolve finds what a locator that an instruction was given means.
func (r *run) resolve(thread *starlark.Thread, locator string) (workspace.Target, error) {
	target, err := r.resolver.Resolve(r.ctx, r.caller(thread).target, locator)
	if err == nil {
		return target, nil
	}
	f := locatorFault(err)
	if isRefused(err) {
		f = &fault{code: f.code, message: fmt.Sprintf("Tried to convert locator '%s' into absolute locator but failed", locator), causes: []string{f.message}, hint: f.hint}
	}
	return workspace.Target{}, f
}

// deprecated warns of a use of something deprecated.
func (r *run) deprecated(thread *starlark.Thread, row *builtins.Builtin, p *builtins.Param) {
	w := plan.Warning{Code: "deprecated", Message: fmt.Sprintf("%s of %s is deprecated: %s", p.Name, row.Name, strings.TrimPrefix(p.Deprecated, "deprecated "))}
	if p.Replaced != "" {
		w.Hint = "use " + p.Replaced
	}
	r.warn(thread, p, w)
}

// warn records a warning about an argument, once per place.
func (r *run) warn(thread *starlark.Thread, p *builtins.Param, w plan.Warning) {
	w.Position = r.here(thread)
	key := w.Position.String() + p.Name
	if r.warned[key] {
		return
	}
	r.warned[key] = true
	r.warnings = append(r.warnings, w)
}
