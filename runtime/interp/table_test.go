package interp_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/lang/builtins"
	"github.com/kurtosis-go/kurtosis/runtime/interp"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

// TestExamplesPlan plans every runnable example of the table, which also shows that every row that a module can
// name has something behind it.
func TestExamplesPlan(t *testing.T) {
	for _, row := range builtins.All() {
		if row.Example == "" || row.TestOnly || row.Refused != "" {
			continue
		}
		t.Run(row.QualifiedName(), func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, "kurtosis.yml", "name: github.com/test/example\n")
			write(t, dir, "main.star", row.Example)
			for _, f := range row.Files {
				write(t, dir, f.Path, f.Text)
			}
			p, err := interpret(t, dir, interp.Input{})
			require.NoError(t, err)
			require.Empty(t, p.Validate(plan.Environment{}))
			_, err = p.YAML()
			require.NoError(t, err)
		})
	}
}

func write(t *testing.T, dir, name, text string) {
	path := filepath.Join(dir, filepath.FromSlash(name))
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
}

// TestEveryNameIsThere asks the interpreter for every row of the table that is reached by name, and for nothing
// that the table does not have.
func TestEveryNameIsThere(t *testing.T) {
	var body strings.Builder
	body.WriteString("def run(plan):\n    missing = []\n")
	modules := map[string][]string{}
	for _, row := range builtins.All() {
		switch {
		case row.TestOnly:
		case row.Kind == builtins.Instruction, row.Receiver == "json", row.Receiver == "time":
			modules[row.Receiver] = append(modules[row.Receiver], row.Name)
			body.WriteString("    if not hasattr(" + row.Receiver + ", \"" + row.Name + "\"): missing.append(\"" + row.QualifiedName() + "\")\n")
		case row.Receiver == "":
			body.WriteString("    " + row.Name + "\n")
		}
	}
	for _, module := range []string{"plan", "json", "time"} {
		body.WriteString("    missing.extend([name for name in dir(" + module + ") if name not in " + plan.String(strings.Join(modules[module], " ")).String() + ".split(\" \")])\n")
	}
	body.WriteString("    return missing\n")
	dir := t.TempDir()
	write(t, dir, "main.star", body.String())
	p, err := interpret(t, dir, interp.Input{})
	require.NoError(t, err)
	require.Equal(t, "[]", p.ResultText())
}

// shapes are the typed forms of the table's rows.
var shapes = map[string]any{
	"ServiceConfig": plan.ServiceConfig{}, "PortSpec": plan.PortSpec{}, "Directory": plan.Directory{}, "StoreSpec": plan.StoreSpec{},
	"ExecRecipe": plan.ExecRecipe{}, "PostHttpRequestRecipe": plan.HTTPRecipe{}, "ReadyCondition": plan.ReadyCondition{},
	"ImageSpec": plan.ImageSpec{}, "ImageBuildSpec": plan.ImageBuildSpec{}, "NixBuildSpec": plan.NixBuildSpec{}, "User": plan.User{},
	"Toleration": plan.Toleration{}, "GpuConfig": plan.GpuConfig{},
	"plan.add_service": plan.AddService{}, "plan.add_services": plan.AddServices{}, "plan.get_service": plan.GetService{},
	"plan.get_services": plan.GetServices{}, "plan.set_service": plan.SetService{}, "plan.remove_service": plan.RemoveService{},
	"plan.start_service": plan.StartService{}, "plan.stop_service": plan.StopService{}, "plan.exec": plan.Exec{},
	"plan.request": plan.Request{}, "plan.wait": plan.Wait{}, "plan.verify": plan.Verify{}, "plan.print": plan.Print{},
	"plan.render_templates": plan.RenderTemplates{}, "plan.upload_files": plan.UploadFiles{},
	"plan.store_service_files": plan.StoreServiceFiles{}, "plan.get_files_artifact": plan.GetFilesArtifact{},
	"plan.get_cluster_type": plan.GetClusterType{}, "plan.run_sh": plan.RunSh{}, "plan.run_python": plan.RunPython{},
}

// TestTagsAreParameters holds the typed forms to the table, names in both directions.
func TestTagsAreParameters(t *testing.T) {
	for _, row := range append(builtins.Constructors(), builtins.Instructions()...) {
		name := row.QualifiedName()
		if name == "Service" || name == "GetHttpRequestRecipe" { // never decoded; and part of PostHttpRequestRecipe
			continue
		}
		shape, ok := shapes[name]
		require.True(t, ok, "%s has no typed form", name)
		var tags, params []string
		for i := range reflect.TypeOf(shape).NumField() {
			tag, _, _ := strings.Cut(reflect.TypeOf(shape).Field(i).Tag.Get("star"), ",")
			if tag != "" && tag != "-" {
				tags = append(tags, tag)
			}
		}
		for _, p := range row.Params {
			params = append(params, p.Name)
		}
		require.ElementsMatch(t, params, tags, name)
	}
}

// TestDefaultsAreTheTables compares what a typed form has for an argument that was not given with the table's
// default, decoded as if the script had written it.
func TestDefaultsAreTheTables(t *testing.T) {
	for _, row := range builtins.Instructions() {
		compareDefaults(t, "plan."+row.Name, row, "plan."+row.Name+"(")
	}
	for _, row := range builtins.Constructors() {
		if row.Name == "Service" {
			continue
		}
		compareDefaults(t, row.Name, row, row.Name+"(")
	}
}

// required has a value for each required parameter, by row and name.
var required = map[string]string{
	"name": `"a"`, "service_name": `"a"`, "config": `ServiceConfig(image = "i")`, "configs": `{"a": ServiceConfig(image = "i")}`,
	"recipe": `ExecRecipe(command = ["true"])`, "field": `"code"`, "assertion": `"=="`, "target_value": "0", "value": `"x"`, "msg": "1",
	"src": `"https://example.com"`, "run": `"true"`, "image": `"i"`, "image_name": `"i"`, "build_context_dir": `"/"`,
	"flake_location_dir": `"."`, "command": `["true"]`, "number": "1", "uid": "1", "port_id": `"p"`, "endpoint": `"/"`,
}

func compareDefaults(t *testing.T, name string, row *builtins.Builtin, open string) {
	args := func(p builtins.Param) string {
		switch {
		case row.Name == "request" && p.Name == "recipe":
			return `GetHttpRequestRecipe(port_id = "p", endpoint = "/")`
		case row.Name == "render_templates" && p.Name == "config":
			return `{"a": struct(template = "", data = {})}`
		}
		return required[p.Name]
	}
	var given []string
	for _, p := range row.Params {
		if p.Required {
			given = append(given, p.Name+" = "+args(p))
		}
	}
	if row.Name == "Directory" {
		given = append(given, `persistent_key = "k"`)
	}
	if row.Name == "Toleration" {
		given = append(given, `key = "k"`)
	}
	base := decoded(t, row, open+strings.Join(given, ", ")+")")
	for _, p := range row.Params {
		if p.Required || p.Default == "" || p.Rule == "memory" { // no limit on memory is 0, which cannot be written
			continue
		}
		with := decoded(t, row, open+strings.Join(append(given[:len(given):len(given)], p.Name+" = "+p.Default), ", ")+")")
		require.Equal(t, normal(base), normal(with), "default of %s of %s is not %s", p.Name, name, p.Default)
	}
}

// decoded plans one call, or a use of one typed object, and gives the typed form of the step.
func decoded(t *testing.T, row *builtins.Builtin, call string) plan.Instruction {
	statement := call
	switch row.Name {
	case "ServiceConfig":
		statement = "plan.add_service(\"a\", " + call + ")"
	case "PortSpec":
		statement = "plan.add_service(\"a\", ServiceConfig(image = \"i\", ports = {\"p\": " + call + "}))"
	case "Directory":
		statement = "plan.add_service(\"a\", ServiceConfig(image = \"i\", files = {\"/p\": " + call + "}))"
	case "StoreSpec":
		statement = "plan.run_sh(run = \"true\", store = [" + call + "])"
	case "ExecRecipe", "GetHttpRequestRecipe", "PostHttpRequestRecipe":
		statement = "plan.wait(\"a\", " + call + ", \"code\", \"==\", 0)"
	case "ReadyCondition":
		statement = "plan.add_service(\"a\", ServiceConfig(image = \"i\", ready_conditions = " + call + "))"
	case "ImageSpec", "ImageBuildSpec", "NixBuildSpec":
		statement = "plan.add_service(\"a\", ServiceConfig(image = " + call + "))"
	case "User":
		statement = "plan.add_service(\"a\", ServiceConfig(image = \"i\", user = " + call + "))"
	case "Toleration":
		statement = "plan.add_service(\"a\", ServiceConfig(image = \"i\", tolerations = [" + call + "]))"
	case "GpuConfig":
		statement = "plan.add_service(\"a\", ServiceConfig(image = \"i\", gpu = " + call + "))"
	}
	dir := t.TempDir()
	write(t, dir, "kurtosis.yml", "name: github.com/test/pkg\n")
	write(t, dir, "main.star", "def run(plan):\n    "+statement+"\n")
	p, err := interpret(t, dir, interp.Input{})
	require.NoError(t, err, statement)
	in, err := p.Steps[0].Instruction()
	require.NoError(t, err)
	return in
}

// normal makes absent and empty lists the same, and forgets where the test's files were.
func normal(in plan.Instruction) any {
	v := reflect.New(reflect.TypeOf(in).Elem()).Elem()
	v.Set(reflect.ValueOf(in).Elem())
	scrub(v)
	return v.Interface()
}

func scrub(v reflect.Value) {
	switch v.Kind() {
	case reflect.Slice:
		if v.Len() == 0 {
			v.SetZero()
		}
		for i := range v.Len() {
			scrub(v.Index(i))
		}
	case reflect.Pointer:
		if !v.IsNil() {
			scrub(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			switch v.Type().Field(i).Name {
			case "ContextPath":
				v.Field(i).SetString("")
			case "Operator", "Name", "BuildFile": // "" means the default; names that are made up count up
				if v.Field(i).Kind() == reflect.String && (v.Field(i).String() == "Equal" || v.Field(i).String() == "Dockerfile") {
					v.Field(i).SetString("")
				}
			default:
				if v.Type().Field(i).IsExported() {
					scrub(v.Field(i))
				}
			}
		}
	}
}

// TestFutureTags holds the fields in which futures are replaced to the table.
func TestFutureTags(t *testing.T) {
	for _, row := range append(builtins.Constructors(), builtins.Instructions()...) {
		shape, ok := shapes[row.QualifiedName()]
		if !ok {
			continue
		}
		for _, p := range row.Params {
			replaced := false
			for i := range reflect.TypeOf(shape).NumField() {
				tag, option, _ := strings.Cut(reflect.TypeOf(shape).Field(i).Tag.Get("star"), ",")
				if tag == p.Name {
					replaced = option == "future"
				}
			}
			if p.Futures {
				require.True(t, replaced, "%s of %s has to be tagged with future", p.Name, row.QualifiedName())
			}
		}
	}
}
