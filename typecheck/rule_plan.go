package typecheck

import (
	"fmt"
	"regexp"
	"strings"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/builtins"
	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/lang/types"
)

// instructionRules apply to a call of a plan instruction.
func (a *fn) instructionRules(e *syntax.CallExpr, row *builtins.Builtin, args []argument) {
	switch row.Name {
	case "add_service":
		a.uniqueName(e, "service", argumentNamed(row, args, "name"))
	case "render_templates", "upload_files", "store_service_files":
		a.uniqueName(e, "files artifact", argumentNamed(row, args, "name"))
		if row.Name == "upload_files" {
			a.readFile(args, "src")
		}
	case "remove_service":
		if arg := argumentNamed(row, args, "name"); arg != nil {
			a.env.names = nil // it may be added again; and what else the name stands for is not known
		}
	}
	if image := argumentNamed(row, args, "image"); image != nil {
		a.image(image)
	}
	if env := argumentNamed(row, args, "env_vars"); env != nil {
		a.secrets(env)
	}
}

// constructorRules apply to a call of a Kurtosis type; given says which attributes have a value.
func (a *fn) constructorRules(e *syntax.CallExpr, row *builtins.Builtin, args []argument, given map[string]bool) {
	switch row.Name {
	case "ServiceConfig", "ImageSpec":
		if image := argumentNamed(row, args, "image"); image != nil {
			a.image(image)
		}
		if env := argumentNamed(row, args, "env_vars"); env != nil {
			a.secrets(env)
		}
	case "ImageBuildSpec":
		a.dockerBuild(row, args)
	case "NixBuildSpec":
		a.nixBuild(e, row, args)
	case "Directory":
		if given["artifact_names"] && given["persistent_key"] {
			a.c.report("bad-value", rangeOf(e), "Directory takes artifact_names or persistent_key, not both", "")
		} else if !given["artifact_names"] && !given["persistent_key"] {
			a.c.report("bad-value", rangeOf(e), "Directory wants artifact_names or persistent_key", "")
		}
	}
}

// argumentNamed is the argument that is bound to the parameter of that name, or nil.
func argumentNamed(row *builtins.Builtin, args []argument, name string) *argument {
	for i := range args {
		if p := args[i].param; p >= 0 && p < len(row.Params) && row.Params[p].Name == name && args[i].star == 0 {
			return &args[i]
		}
	}
	return nil
}

func named(row *builtins.Builtin, args []argument, name string) []argument {
	if arg := argumentNamed(row, args, name); arg != nil {
		one := *arg
		one.name = &syntax.Ident{Name: name}
		return []argument{one}
	}
	return nil
}

func constant(arg *argument) string {
	s, _ := arg.typ.(types.StringLit)
	return string(s)
}

// uniqueName reports a constant name that is given twice on the way through one function.
func (a *fn) uniqueName(e *syntax.CallExpr, kind string, arg *argument) {
	if arg == nil || constant(arg) == "" || a.c.muted > 0 || a.env == nil {
		return
	}
	key := kind + " " + constant(arg)
	for _, p := range a.env.names {
		if p.key != key {
			continue
		}
		if p.call != e {
			a.c.reportAll("duplicate-name", 0, rangeOf(arg.expr), fmt.Sprintf("a %s named %s is made twice", kind, quote(constant(arg))), "names are unique in a run",
				[]diag.Related{{File: a.c.file.Name(), Range: rangeOf(p.call), Message: "first made here"}}, nil)
		}
		return
	}
	a.env.names = append(a.env.names[:len(a.env.names):len(a.env.names)], given{key, e})
}

// image reports image references that mean something else tomorrow.
func (a *fn) image(arg *argument) {
	s, ok := arg.typ.(types.StringLit)
	if !ok || s == "" || strings.Contains(string(s), "@") {
		return
	}
	name := string(s)
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		name = name[i+1:]
	}
	_, tag, tagged := strings.Cut(name, ":")
	switch {
	case !tagged:
		a.c.report("unpinned-image", rangeOf(arg.expr), fmt.Sprintf("image %s has no tag: latest is used, which changes any day", quote(string(s))), "add a version, such as :1.27")
	case tag == "latest":
		a.c.report("unpinned-image", rangeOf(arg.expr), fmt.Sprintf("image %s changes any day", quote(string(s))), "use a version instead of latest")
	}
}

var secretName = regexp.MustCompile(`(?i)(password|passwd|secret|token|api_?key|private_?key|access_?key)`)
var secretPath = regexp.MustCompile(`(?i)(_file|_path|_dir|_url|_name|_id|_address|_length|_ttl|_expir\w*|_enabled)$`)

// secrets reports constants in environment variables that look like secrets.
func (a *fn) secrets(arg *argument) {
	dict, ok := unparen(arg.expr).(*syntax.DictExpr)
	if !ok {
		return
	}
	for _, entry := range dict.List {
		entry, ok := entry.(*syntax.DictEntry)
		if !ok {
			continue
		}
		name, ok := unparen(entry.Key).(*syntax.Literal)
		if !ok {
			continue
		}
		value, ok := unparen(entry.Value).(*syntax.Literal)
		if !ok {
			continue
		}
		n, _ := name.Value.(string)
		v, _ := value.Value.(string)
		if len(v) < 4 || !secretName.MatchString(n) || secretPath.MatchString(n) || strings.HasPrefix(v, "/") || strings.Contains(v, "KURTOSIS") || v == "true" || v == "false" {
			continue
		}
		a.c.report("secret-literal", rangeOf(value), fmt.Sprintf("the value of %s is written in the package", n), "pass it as an argument of run")
	}
}

// runtimeLoop reports instructions in a loop over what is known only when the plan runs.
func (a *fn) runtimeLoop(s *syntax.ForStmt) {
	call, ok := unparen(s.X).(*syntax.CallExpr)
	if !ok || a.c.muted > 0 {
		return
	}
	dot, ok := unparen(call.Fn).(*syntax.DotExpr)
	if !ok || !isFuture(a.typeOf(dot.X)) {
		return
	}
	found := false
	for _, stmt := range s.Body {
		syntax.Walk(stmt, func(n syntax.Node) bool {
			if call, ok := n.(*syntax.CallExpr); ok {
				if d, ok := call.Fn.(*syntax.DotExpr); ok {
					if t, ok := a.typeOf(d.X).(*types.Named); ok && t.Name == "plan" {
						found = true
					}
				}
			}
			return !found
		})
	}
	if found {
		a.c.report("runtime-loop", rangeOf(s.X), "the steps of this loop do not depend on the run: the value it goes over is a placeholder while the plan is made", futureHint)
	}
}
