package builtins_test

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	starlarkjson "go.starlark.net/lib/json"
	starlarktime "go.starlark.net/lib/time"
	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/builtins"
	"github.com/kurtosis-go/kurtosis/lang/rule"
	"github.com/kurtosis-go/kurtosis/lang/types"
)

func names(rows []*builtins.Builtin) []string {
	var out []string
	for _, b := range rows {
		out = append(out, b.Name)
	}
	return out
}

func TestNoRowTwice(t *testing.T) {
	seen := map[string]bool{}
	for _, b := range builtins.All() {
		assert.False(t, seen[b.QualifiedName()], "%s is there twice", b.QualifiedName())
		seen[b.QualifiedName()] = true
		assert.Same(t, b, builtins.Lookup(b.Receiver, b.Name))
	}
}

func TestCounts(t *testing.T) {
	assert.Equal(t, []string{
		"Service", "ServiceConfig", "PortSpec", "Directory", "StoreSpec", "ExecRecipe", "GetHttpRequestRecipe", "PostHttpRequestRecipe",
		"ReadyCondition", "ImageSpec", "ImageBuildSpec", "NixBuildSpec", "User", "Toleration", "GpuConfig",
	}, names(builtins.Constructors()))
	assert.Equal(t, []string{
		"add_service", "add_services", "get_service", "get_services", "set_service", "remove_service", "start_service", "stop_service",
		"exec", "request", "wait", "verify", "print", "get_cluster_type", "run_sh", "run_python",
		"render_templates", "upload_files", "store_service_files", "get_files_artifact",
	}, names(builtins.Instructions()))
}

// The positional order is that of the reference, which is also the order of its canonical call texts.
func TestParameterOrder(t *testing.T) {
	for name, want := range map[string]string{
		"ServiceConfig": "image ports public_ports files entrypoint cmd env_vars private_ip_address_placeholder cpu_allocation memory_allocation " +
			"max_cpu min_cpu max_memory min_memory ready_conditions labels user tolerations node_selectors files_to_be_moved tini_enabled tty_enabled " +
			"devices publish_udp capabilities gpu privileged host_pid_namespace bind_mounts",
		"PortSpec":                 "number transport_protocol application_protocol wait url",
		"Service":                  "name hostname ip_address ports",
		"Directory":                "artifact_names persistent_key size",
		"StoreSpec":                "src name",
		"ExecRecipe":               "command extract",
		"GetHttpRequestRecipe":     "port_id endpoint extract headers",
		"PostHttpRequestRecipe":    "port_id endpoint body content_type extract headers",
		"ReadyCondition":           "recipe field assertion target_value interval timeout",
		"ImageSpec":                "image registry username password",
		"ImageBuildSpec":           "image_name build_context_dir build_file target_stage build_args",
		"User":                     "uid gid",
		"Toleration":               "key operator value effect toleration_seconds",
		"GpuConfig":                "count device_ids shm_size ulimits driver",
		"plan.add_service":         "name config force_update",
		"plan.add_services":        "configs force_update",
		"plan.exec":                "service_name recipe acceptable_codes skip_code_check",
		"plan.request":             "service_name recipe acceptable_codes skip_code_check",
		"plan.wait":                "service_name recipe field assertion target_value interval timeout",
		"plan.verify":              "value assertion target_value",
		"plan.render_templates":    "config name",
		"plan.upload_files":        "src name",
		"plan.store_service_files": "service_name src name depends_on",
		"plan.run_sh":              "name run image files store env_vars wait acceptable_codes skip_code_check node_selectors tolerations privileged host_pid_namespace bind_mounts",
		"plan.run_python":          "name run args packages image files store wait acceptable_codes skip_code_check node_selectors tolerations",
	} {
		b := builtins.Find(name)
		require.NotNil(t, b, name)
		var got []string
		for _, p := range b.Params {
			got = append(got, p.Name)
		}
		assert.Equal(t, want, strings.Join(got, " "), name)
	}
}

// late are the rules that the reference checks when the plan is validated, so that a package that breaks them
// still has a plan to show.
var late = []string{"service-name", "port-id", "artifact-name", "persistent-key", "image-reference", "env-name", "abs-path"}

func TestFind(t *testing.T) {
	assert.Equal(t, "wait", builtins.Find("plan.wait").Name)
	assert.Equal(t, "time.time", builtins.Find("time.time.format").Receiver)
	assert.Equal(t, builtins.Universe, builtins.Find("len").Kind)
	assert.Nil(t, builtins.Find("plan.nothing"))
	assert.Nil(t, builtins.Find(""))
}

func TestRowsAreWhole(t *testing.T) {
	for _, b := range builtins.All() {
		name := b.QualifiedName()
		checkDoc(t, name, b.Doc)
		assert.NotEmpty(t, b.Example, "%s has no example", name)
		assert.NotNil(t, b.Result, "%s has no result", name)
		assert.Contains(t, b.Example, b.Name[:1], name)
		if b.Receiver != "" && !b.TestOnly && b.Refused == "" && b.Kind == builtins.Instruction {
			assert.Contains(t, b.Example, "plan."+b.Name+"(", "the example of %s does not call it", name)
		}
		optional := ""
		seen := map[string]bool{}
		for i := range b.Params {
			p := &b.Params[i]
			place := name + "(" + p.Name + ")"
			checkDoc(t, place, p.Doc)
			assert.NotNil(t, p.Type, place)
			assert.False(t, seen[p.Name], "%s is there twice", place)
			seen[p.Name] = true
			assert.Same(t, p, b.Param(p.Name))
			for _, r := range []string{p.Rule, p.KeyRule, p.ElemRule} {
				if r != "" {
					assert.NotNil(t, rule.Lookup(r), "%s names no rule: %s", place, r)
				}
			}
			if p.Rule != "" {
				numeric := rule.Lookup(p.Rule).Number != nil
				assert.Equal(t, types.Possible(types.Int, p.Type) && !types.Possible(types.String, p.Type), numeric, "%s has a rule of the wrong kind", place)
			}
			assert.False(t, p.Required && p.Default != "", "%s is required and has a default", place)
			assert.False(t, p.Required && p.Variadic != "", "%s is required and variadic", place)
			if p.Replaced != "" {
				assert.NotNil(t, b.Param(p.Replaced), "%s is replaced by nothing", place)
				assert.NotEmpty(t, p.Deprecated, place)
			}
			for _, r := range []string{p.Rule, p.KeyRule, p.ElemRule} {
				if r != "" {
					assert.Equal(t, slices.Contains(late, r), p.Late, "%s: rule %s", place, r)
				}
			}
			for _, e := range p.Enum {
				if p.Rule != "" {
					message, ok := rule.Check(p.Rule, e)
					assert.True(t, ok, "%s: %s", place, message)
				}
			}
			if p.Variadic == "" && !p.Required {
				optional = p.Name
			}
			if p.Required && optional != "" && b.Kind != builtins.Instruction && b.Kind != builtins.Constructor {
				t.Errorf("%s is required after the optional %s", place, optional)
			}
			checkDefault(t, place, p)
		}
	}
}

func checkDoc(t *testing.T, place, doc string) {
	t.Helper()
	first, _, _ := strings.Cut(doc, "\n")
	if assert.NotEmpty(t, doc, "%s has no doc", place) {
		assert.Regexp(t, `^[A-Z\x60].*[.]`, first, "the first sentence of %s", place)
		assert.True(t, strings.HasSuffix(doc, "."), "the doc of %s does not end in a full stop", place)
		assert.NotRegexp(t, `\bTODO\b|  `, doc, place)
	}
}

// A default is a literal, of the parameter's type, that the parameter's own rule accepts.
func checkDefault(t *testing.T, place string, p *builtins.Param) {
	t.Helper()
	if p.Default == "" {
		return
	}
	v, err := starlark.EvalOptions(&syntax.FileOptions{}, &starlark.Thread{}, "default", p.Default, nil)
	if !assert.NoError(t, err, place) {
		return
	}
	if s, ok := starlark.AsString(v); ok {
		assert.True(t, types.Possible(types.String, p.Type), "%s: default %s", place, p.Default)
		if p.Rule != "" && s != "" {
			message, ok := rule.Check(p.Rule, s)
			assert.True(t, ok, "%s: %s", place, message)
		}
		if len(p.Enum) > 0 {
			assert.Contains(t, p.Enum, s, place)
		}
		return
	}
	var typ types.Type
	switch v := v.(type) {
	case starlark.NoneType:
		typ = types.None
	case starlark.Bool:
		typ = types.Bool
	case starlark.Int:
		typ = types.Int
	case starlark.Float:
		typ = types.Float
	case *starlark.List:
		typ = types.ListOf(types.Unknown)
	case starlark.Tuple:
		typ = types.TupleOf()
	case *starlark.Dict:
		typ = &types.Dict{Key: types.Never, Value: types.Never, Exact: true}
	default:
		t.Fatalf("%s: default %s is a %s", place, p.Default, v.Type())
	}
	assert.True(t, types.Possible(typ, p.Type), "%s: default %s is no %s", place, p.Default, p.Type)
}

func TestUniverse(t *testing.T) {
	want := slices.Sorted(maps.Keys(starlark.Universe))
	want = slices.DeleteFunc(want, func(name string) bool { return name == "set" }) // not in this dialect
	var got []string
	for _, b := range builtins.All() {
		if b.Kind == builtins.Universe || b.Receiver == "" && (b.Kind == builtins.Constant || b.Name == "print") {
			got = append(got, b.Name)
		}
	}
	slices.Sort(got)
	assert.Equal(t, want, got)
	assert.Nil(t, builtins.Lookup("", "set"))
}

func TestMethodsAreStarlarks(t *testing.T) {
	d := &starlark.Dict{}
	for receiver, v := range map[string]starlark.HasAttrs{
		"string": starlark.String(""), "bytes": starlark.Bytes(""), "list": starlark.NewList(nil), "dict": d,
		"json": starlarkjson.Module, "time": starlarktime.Module,
	} {
		want := slices.Sorted(slices.Values(v.AttrNames()))
		if receiver == "json" { // younger than the reference's dialect
			want = slices.DeleteFunc(want, func(name string) bool { return name == "encode_indent" })
		}
		got := names(builtins.Members(receiver))
		slices.Sort(got)
		assert.Equal(t, want, got, receiver)
	}
	for name, v := range map[string]starlark.HasAttrs{"time.time": starlarktime.Time{}, "time.duration": starlarktime.Duration(0)} {
		got := names(builtins.Members(name))
		for _, f := range builtins.NamedType(name).(*types.Named).Fields {
			got = append(got, f.Name)
		}
		assert.ElementsMatch(t, v.AttrNames(), got, name)
	}
}

// Starlark's own functions take what the rows say: each is called with too many positional arguments, and with
// each parameter by name where the row allows it.
func TestUniverseTakesWhatTheRowsSay(t *testing.T) {
	for _, b := range builtins.All() {
		if b.Kind != builtins.Universe || b.Name == "fail" {
			continue
		}
		fn := starlark.Universe[b.Name].(*starlark.Builtin)
		for _, p := range b.Params {
			if p.Variadic != "" || p.Positional {
				continue
			}
			_, err := starlark.Call(&starlark.Thread{}, fn, nil, []starlark.Tuple{{starlark.String(p.Name), starlark.None}})
			if err != nil {
				assert.NotContains(t, err.Error(), "unexpected keyword", "%s(%s)", b.Name, p.Name)
				assert.NotContains(t, err.Error(), "does not accept keyword", "%s(%s)", b.Name, p.Name)
			}
		}
	}
}

func TestSignature(t *testing.T) {
	for name, want := range map[string]string{
		"plan.add_service": `plan.add_service(name: str, config: ServiceConfig, force_update: bool = False, *, description: str = "") -> Service`,
		"plan.exec":        `plan.exec(service_name: str, recipe: ExecRecipe, acceptable_codes: list[int] = [0], skip_code_check: bool = False, *, description: str = "") -> dict[str, Future[any]]`,
		"plan.print":       `plan.print(msg: any, *, description: str = "")`,
		"PortSpec":         `PortSpec(number: int, transport_protocol: str = "TCP", application_protocol: str = ..., wait: str | None = "2m", url: str = ..., *, description: str = "") -> PortSpec`,
		"len":              `len(x: iterable[unknown] | str | bytes, /) -> int`,
		"sorted":           `sorted(iterable: iterable[T], key: function | None = None, reverse: bool = False) -> list[T]`,
		"fail":             `fail(*args: any, sep: str = " ") -> never`,
		"dict.get":         `dict.get(key: K, default: D = None, /) -> V | D`,
		"string.join":      `string.join(iterable: iterable[str], /) -> str`,
		"string.format":    `string.format(*args: any, **kwargs: any) -> str`,
		"time.hour":        `time.hour: time.duration`,
		"json":             `module json`,
		"True":             `True: bool`,
		"import_module":    `import_module(module_file: str, *, description: str = "") -> module`,
	} {
		b := builtins.Find(name)
		require.NotNil(t, b, name)
		assert.Equal(t, want, b.Signature())
	}
}

func TestHiddenParametersAreNotShown(t *testing.T) {
	b := builtins.Lookup("", "ServiceConfig")
	assert.NotContains(t, b.Signature(), "files_to_be_moved")
	assert.NotNil(t, b.Param("files_to_be_moved"))
}

func TestResults(t *testing.T) {
	service := builtins.Lookup("plan", "add_service").Result
	for field, want := range map[string]string{"name": "str", "hostname": "Future[str]", "ip_address": "Future[str]", "ports": "dict[str, PortSpec]"} {
		f, ok := types.Attr(service, field)
		require.True(t, ok, field)
		assert.Equal(t, want, f.Type.String(), field)
		assert.NotEmpty(t, f.Doc, field)
	}
	exec := builtins.Lookup("plan", "exec").Result
	code, ok := types.Attr(exec, "code")
	require.True(t, ok)
	assert.Equal(t, "Future[int]", code.Type.String())
	_, ok = types.Attr(builtins.Lookup("plan", "request").Result, "body")
	assert.True(t, ok)
	output, ok := types.Attr(builtins.Lookup("plan", "wait").Result, "output")
	assert.True(t, ok && output.Optional)
	assert.Equal(t, "struct(code: Future[int], output: Future[str], files_artifacts: list[str])", builtins.Lookup("plan", "run_sh").Result.String())
	ports, _ := types.Attr(builtins.NamedType("ServiceConfig"), "public_ports")
	assert.True(t, ports.Optional, "an argument that was not given is an absent attribute")
	hour, ok := types.Attr(builtins.Lookup("", "time").Result, "hour")
	assert.True(t, ok)
	assert.Equal(t, "time.duration", hour.Type.String())
	_, ok = types.Attr(builtins.Lookup("", "json").Result, "load")
	assert.False(t, ok)
}

func TestDescription(t *testing.T) {
	for _, b := range builtins.All() {
		want := b.Kind == builtins.Instruction || b.Kind == builtins.Constructor || b.Name == "import_module" || b.Name == "read_file"
		assert.Equal(t, want, b.Param("description") != nil, b.QualifiedName())
	}
}

func TestParseType(t *testing.T) {
	for text, want := range map[string]string{
		"list[Service]": "list[Service]", "dict[string, PortSpec] | None": "dict[str, PortSpec] | None", "plan": "plan", "Plan": "plan", "time.duration": "time.duration",
	} {
		got, err := builtins.ParseType(text)
		require.NoError(t, err)
		assert.Equal(t, want, got.String())
	}
	_, err := builtins.ParseType("list[Servce]")
	assert.EqualError(t, err, `unknown type "Servce"`)
}

func TestRemoved(t *testing.T) {
	assert.Equal(t, "plan.verify", builtins.FindRemoved("plan", "assert").Replacement)
	assert.Equal(t, "instructions are methods of the plan: write plan.add_service", builtins.FindRemoved("", "add_service").Hint)
	assert.Nil(t, builtins.FindRemoved("", "print"), "print is there, and refuses")
	assert.Nil(t, builtins.FindRemoved("", "nothing"))
	assert.Nil(t, builtins.FindRemoved("plan", "add_service"))
	assert.Equal(t, "name", builtins.Lookup("plan", "add_service").Former("service_name").Name)
	assert.Nil(t, builtins.Lookup("plan", "add_service").Former("name"))
	for _, r := range []string{"verify", "store_service_files"} {
		assert.NotNil(t, builtins.Lookup("plan", r))
	}
}

func TestCallersGetCopies(t *testing.T) {
	all := builtins.All()
	all[0] = nil
	assert.NotNil(t, builtins.All()[0])
	plan := builtins.Members("plan")
	plan[0] = nil
	assert.NotNil(t, builtins.Members("plan")[0])
}

var starExampleHead = regexp.MustCompile(`(?m)^def (run|test_it)\(plan`)

func TestExamplesParse(t *testing.T) {
	for _, b := range builtins.All() {
		assert.Regexp(t, starExampleHead, b.Example, b.QualifiedName())
		src := b.Example
		_, _, err := starlark.SourceProgramOptions(&syntax.FileOptions{}, b.QualifiedName(), src, func(name string) bool {
			row := builtins.Lookup("", name)
			return row != nil && (!row.TestOnly || b.TestOnly) && !starlark.Universe.Has(name)
		})
		assert.NoError(t, err, b.QualifiedName())
	}
}
