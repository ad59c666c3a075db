package typecheck

import (
	"fmt"
	"path"
	"strings"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/builtins"
	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/lang/dockerfile"
	"github.com/kurtosis-go/kurtosis/lang/types"
)

// imageRules are about images that are built of what is in the package.
var imageRules = []Rule{
	{Code: "missing-build-file", Severity: diag.Error, Summary: "an image is built from a directory that has no Dockerfile, or no flake.nix",
		Doc: "`build_file` names the Dockerfile within `build_context_dir`, `flake_location_dir` the directory of `flake.nix` within it.",
		Bad: imageExample("ImageBuildSpec(image_name = \"app:dev\", build_context_dir = \"./bare\")"), Good: imageExample("ImageBuildSpec(image_name = \"app:dev\", build_context_dir = \"./app\")")},
	{Code: "unknown-build-stage", Severity: diag.Error, Summary: "`target_stage` is no stage of the Dockerfile",
		Bad: imageExample("ImageBuildSpec(image_name = \"app:dev\", build_context_dir = \"./app\", target_stage = \"release\")"), Good: imageExample("ImageBuildSpec(image_name = \"app:dev\", build_context_dir = \"./app\", target_stage = \"final\")")},
	{Code: "undeclared-build-arg", Severity: diag.Warning, Summary: "`build_args` has an argument that the Dockerfile does not declare",
		Doc: "The builder ignores it. `ARG NAME` declares one, in each stage that uses it.",
		Bad: imageExample("ImageBuildSpec(image_name = \"app:dev\", build_context_dir = \"./app\", build_args = {\"VERSON\": \"2\"})"), Good: imageExample("ImageBuildSpec(image_name = \"app:dev\", build_context_dir = \"./app\", build_args = {\"VERSION\": \"2\"})")},
}

func imageExample(spec string) string {
	return "def run(plan):\n    plan.add_service(name = \"app\", config = ServiceConfig(image = " + spec + "))"
}

// dockerBuild checks an ImageBuildSpec against its Dockerfile, as far as that is known before a run.
func (a *fn) dockerBuild(row *builtins.Builtin, args []argument) {
	a.readFile(named(row, args, "build_context_dir"), "build_context_dir")
	dir, ok := a.directory(row, args)
	if !ok {
		return
	}
	name := dockerfile.DefaultName
	at := argumentNamed(row, args, "build_context_dir")
	if given := argumentNamed(row, args, "build_file"); given != nil {
		if name = constant(given); name == "" {
			return
		}
		at = given
	}
	text, found := a.below(dir, name)
	if !found {
		hint := "build_file names it where it is called otherwise"
		if name != dockerfile.DefaultName {
			hint = "build_file is a path within build_context_dir"
		}
		a.c.report("missing-build-file", rangeOf(at.expr), fmt.Sprintf("there is no %s in %s", name, dir), hint)
		return
	}
	file, err := dockerfile.Parse(text)
	if err != nil {
		return // what is wrong with it is shown where it is edited, and when it is built
	}
	if stage := argumentNamed(row, args, "target_stage"); stage != nil && constant(stage) != "" {
		if _, ok := file.Stage(constant(stage)); !ok {
			a.c.report("unknown-build-stage", rangeOf(stage.expr), fmt.Sprintf("%s has no stage %s", name, quote(constant(stage))), choices("its stages are ", file.StageNames()))
		}
	}
	given := argumentNamed(row, args, "build_args")
	if given == nil {
		return
	}
	dict, ok := unparen(given.expr).(*syntax.DictExpr)
	if !ok {
		return
	}
	for _, entry := range dict.List {
		entry, ok := entry.(*syntax.DictEntry)
		if !ok {
			continue
		}
		if key, ok := a.typeOf(entry.Key).(types.StringLit); ok && !file.Declares(string(key)) {
			a.c.report("undeclared-build-arg", rangeOf(entry.Key), fmt.Sprintf("%s does not declare the argument %s", name, key), choices("it declares ", file.ArgNames()))
		}
	}
}

// nixBuild checks a NixBuildSpec against its flake's place.
func (a *fn) nixBuild(e *syntax.CallExpr, row *builtins.Builtin, args []argument) {
	if a.c.in.Target.Package == "" {
		a.c.report("bad-value", rangeOf(e.Fn), "NixBuildSpec in a script that belongs to no package", "`kurtosis package init` makes one")
		return
	}
	a.readFile(named(row, args, "build_context_dir"), "build_context_dir")
	dir, ok := a.directory(row, args)
	at := argumentNamed(row, args, "flake_location_dir")
	if !ok || at == nil || constant(at) == "" {
		return
	}
	if _, found := a.below(dir, path.Join(constant(at), "flake.nix")); !found {
		a.c.report("missing-build-file", rangeOf(at.expr), fmt.Sprintf("there is no flake.nix in %s of %s", constant(at), dir), "flake_location_dir is a path within build_context_dir")
	}
}

// directory is the build context where it is written as a constant and is there.
func (a *fn) directory(row *builtins.Builtin, args []argument) (string, bool) {
	arg := argumentNamed(row, args, "build_context_dir")
	if arg == nil || constant(arg) == "" || a.c.in.File == nil || a.c.in.Find == nil || a.c.muted > 0 {
		return "", false
	}
	return constant(arg), a.c.in.Find(a.c.ctx, constant(arg)) == nil
}

// below reads a file of a directory. One that cannot be read counts as found: that is not this rule's matter.
func (a *fn) below(dir, name string) (text []byte, found bool) {
	locator := strings.TrimSuffix(dir, "/") + "/" + strings.TrimPrefix(path.Clean("/"+name), "/")
	if a.c.in.Find(a.c.ctx, locator) != nil {
		return nil, false
	}
	text, err := a.c.in.File(a.c.ctx, locator)
	if err != nil {
		return nil, true
	}
	return text, true
}

func choices(beginning string, names []string) string {
	if len(names) == 0 {
		return ""
	}
	return beginning + strings.Join(names, ", ")
}
