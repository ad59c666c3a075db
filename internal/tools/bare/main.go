// Command bare runs a package with nothing but go.starlark.net: the yardstick for previews. Its builtins return
// ready-made values; files are read, parsed and executed as in a preview, and arguments come from the same file.
//
//	bare PACKAGE_DIR [VENDOR_DIR [ARGS_FILE]]
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	starjson "go.starlark.net/lib/json"
	startime "go.starlark.net/lib/time"
	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
	"go.starlark.net/syntax"
	"gopkg.in/yaml.v3"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bare:", err)
		os.Exit(1)
	}
}

type loader struct {
	root, vendor, name string // directory, vendor tree, package name
	predeclared        starlark.StringDict
	modules            map[string]*starlarkstruct.Module
}

func run(operands []string) error {
	if len(operands) == 0 {
		return fmt.Errorf("usage: bare PACKAGE_DIR [VENDOR_DIR [ARGS_FILE]]")
	}
	l := &loader{root: operands[0], modules: map[string]*starlarkstruct.Module{}}
	if len(operands) > 1 {
		l.vendor = operands[1]
	}
	text, err := os.ReadFile(filepath.Join(l.root, "kurtosis.yml"))
	if err != nil {
		return err
	}
	var manifest struct{ Name string }
	if err := yaml.Unmarshal(text, &manifest); err != nil {
		return err
	}
	l.name = manifest.Name
	args := map[string]any{}
	if len(operands) > 2 {
		text, err := os.ReadFile(operands[2])
		if err != nil {
			return err
		}
		if err := yaml.Unmarshal(text, &args); err != nil {
			return err
		}
	}
	l.predeclared = l.names()
	thread := &starlark.Thread{Name: "bare"}
	main, err := l.load(thread, filepath.Join(l.root, "main.star"))
	if err != nil {
		return err
	}
	kwargs := []starlark.Tuple{}
	for name, value := range args {
		encoded, err := json.Marshal(value)
		if err != nil {
			return err
		}
		decoded, err := starlark.Call(thread, starjson.Module.Members["decode"], starlark.Tuple{starlark.String(encoded)}, nil)
		if err != nil {
			return err
		}
		kwargs = append(kwargs, starlark.Tuple{starlark.String(name), decoded})
	}
	_, err = starlark.Call(thread, main.Members["run"], starlark.Tuple{plan{}}, kwargs)
	return err
}

func (l *loader) load(thread *starlark.Thread, file string) (*starlarkstruct.Module, error) {
	if m, ok := l.modules[file]; ok {
		return m, nil
	}
	globals, err := starlark.ExecFileOptions(&syntax.FileOptions{}, thread, file, nil, l.predeclared)
	if err != nil {
		return nil, err
	}
	m := &starlarkstruct.Module{Name: file, Members: globals}
	l.modules[file] = m
	return m, nil
}

func (l *loader) path(thread *starlark.Thread, locator string) string {
	switch {
	case strings.HasPrefix(locator, "/"):
		return filepath.Join(l.root, locator)
	case strings.HasPrefix(locator, "."):
		return filepath.Join(filepath.Dir(thread.CallFrame(1).Pos.Filename()), locator)
	}
	before, after, versioned := strings.Cut(locator, "@")
	if versioned {
		_, file, _ := strings.Cut(after, "/")
		locator = path.Join(before, file)
	}
	return filepath.Join(l.vendor, locator)
}

func (l *loader) names() starlark.StringDict {
	names := starlark.StringDict{
		"json":   starjson.Module,
		"time":   startime.Module,
		"struct": starlark.NewBuiltin("struct", starlarkstruct.Make),
		"import_module": starlark.NewBuiltin("import_module", func(t *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			return l.load(t, l.path(t, first(args, kwargs)))
		}),
		"read_file": starlark.NewBuiltin("read_file", func(t *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			text, err := os.ReadFile(l.path(t, first(args, kwargs)))
			return starlark.String(text), err
		}),
	}
	for _, name := range strings.Fields("ServiceConfig PortSpec Directory ExecRecipe GetHttpRequestRecipe PostHttpRequestRecipe " +
		"StoreSpec ReadyCondition ImageBuildSpec NixBuildSpec ImageSpec User Toleration GpuConfig") {
		names[name] = starlark.NewBuiltin(name, func(_ *starlark.Thread, b *starlark.Builtin, _ starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
			return starlarkstruct.FromKeywords(starlark.String(b.Name()), kwargs), nil
		})
	}
	return names
}

func first(args starlark.Tuple, kwargs []starlark.Tuple) string {
	if len(args) > 0 {
		return string(args[0].(starlark.String))
	}
	return string(kwargs[0][1].(starlark.String))
}

// plan answers every instruction with one ready-made value that has all the attributes and keys results have.
type plan struct{}

func (plan) String() string        { return "plan" }
func (plan) Type() string          { return "plan" }
func (plan) Freeze()               {}
func (plan) Truth() starlark.Bool  { return true }
func (plan) Hash() (uint32, error) { return 0, fmt.Errorf("unhashable: plan") }
func (plan) AttrNames() []string   { return nil }

var port = starlarkstruct.FromStringDict(starlark.String("PortSpec"), starlark.StringDict{
	"number": starlark.MakeInt(80), "url": starlark.String("http://host:80"), "transport_protocol": starlark.String("TCP"),
	"application_protocol": starlark.String("http"), "wait": starlark.String("2m"),
})

var service = starlarkstruct.FromStringDict(starlark.String("Service"), starlark.StringDict{
	"name": starlark.String("service"), "hostname": starlark.String("host"), "ip_address": starlark.String("10.0.0.1"),
	"ports": result{port}, "code": starlark.MakeInt(0), "output": starlark.String(""),
	"files_artifacts": starlark.NewList([]starlark.Value{starlark.String("artifact"), starlark.String("artifact")}),
})

func (plan) Attr(name string) (starlark.Value, error) {
	return starlark.NewBuiltin(name, func(_ *starlark.Thread, b *starlark.Builtin, _ starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		switch b.Name() {
		case "add_service", "get_service", "run_sh", "run_python":
			return service, nil
		case "add_services":
			out := starlark.NewDict(8)
			for _, kw := range kwargs {
				if configs, ok := kw[1].(*starlark.Dict); ok {
					for _, key := range configs.Keys() {
						if err := out.SetKey(key, service); err != nil {
							return nil, err
						}
					}
				}
			}
			return out, nil
		case "exec", "request", "wait":
			return result{starlark.String("value")}, nil
		case "print", "verify", "remove_service", "start_service", "stop_service", "set_service":
			return starlark.None, nil
		}
		return starlark.String("artifact"), nil
	}), nil
}

// result answers every key with the same value.
type result struct{ value starlark.Value }

func (result) String() string        { return "result" }
func (result) Type() string          { return "dict" }
func (result) Freeze()               {}
func (result) Truth() starlark.Bool  { return true }
func (result) Hash() (uint32, error) { return 0, fmt.Errorf("unhashable: result") }
func (r result) Get(starlark.Value) (starlark.Value, bool, error) {
	return r.value, true, nil
}
