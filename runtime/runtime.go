// Package runtime is the public Go API: it opens nothing by itself and knows no engine, but puts the pieces
// together. Plan says what a package would do, on any machine; Run does it on a backend that the caller hands in.
//
// It shares its name with the standard library's package; who needs both writes stdruntime "runtime".
package runtime

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/lang/source"
	"github.com/kurtosis-go/kurtosis/lang/workspace"
	"github.com/kurtosis-go/kurtosis/packages"
	"github.com/kurtosis-go/kurtosis/packages/compose"
	"github.com/kurtosis-go/kurtosis/runtime/interp"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

// Options say what is planned. Only Package is required.
type Options struct {
	Package    *packages.Package
	Identity   string              // of a standalone script, which tells it from others in an enclave; "" is that of Package
	Nameless   bool                // a standalone script that nothing tells from others: no service is taken for one it made
	Function   string              // the entry point; "" is run
	Args       plan.Value          // a *plan.Dict; nil is no arguments
	Secrets    []string            // paths of arguments that no output shows, see plan.MarkSecrets
	Cluster    string              // what get_cluster_type answers; "" is docker. Run asks the backend instead
	Privileged bool                // services may ask for privileges on the machine
	Variables  map[string]string   // members of the kurtosis module
	Limits     interp.Limits       // of the interpretation
	Checker    Checker             // works beside the interpretation; nil checks nothing
	Strict     bool                // errors that Checker finds are those of the package: nothing is interpreted then
	Cache      *workspace.Cache    // of parsed modules, for callers that plan often; nil makes one
	Interp     *interp.Interpreter // keeps compiled programs, likewise
}

// Preview is what a package would do.
type Preview struct {
	Target      workspace.Target // the module that was run
	Plan        *plan.Plan
	Problems    []plan.Problem    // why the plan cannot be executed, all of them
	Diagnostics []diag.Diagnostic // what the checker found, without what Problems or Causes say
	Causes      []diag.Diagnostic // what it found where the interpretation failed
}

// parsedBytes is how much text a cache of parsed modules holds on to.
const parsedBytes = 64 << 20

// Plan interprets a package and validates what comes out. It reaches no engine, changes nothing, and gives the same
// plan for the same input. An error says why there is no plan: *interp.Error, *CheckError, or of package packages;
// the Preview then holds what the checker found. A plan with problems is no error here. A path in Secrets that can't be
// one is a *plan.SecretError.
func Plan(ctx context.Context, o Options) (*Preview, error) {
	secrets, err := plan.MarkSecrets(o.Args, o.Secrets)
	if err != nil {
		return &Preview{Target: o.Package.Main}, err
	}
	preview, err := planFor(ctx, o, plan.Environment{})
	preview.hide(secrets)
	return preview, hidden(err, secrets)
}

// planFor plans for an enclave that holds env.
func planFor(ctx context.Context, o Options, env plan.Environment) (*Preview, error) {
	cache := o.Cache
	if cache == nil {
		cache = workspace.NewCache(parsedBytes)
	}
	files := workspace.New(workspace.Options{
		Disk:     workspace.Disk(),
		Resolver: func(files workspace.FS) workspace.Resolver { return o.Package.Over(files) },
		Cache:    cache,
	})
	preview := &Preview{Target: o.Package.Main}
	checked := startCheck(ctx, o, files)
	if o.Strict {
		if preview.Diagnostics = checked(); hasErrors(preview.Diagnostics) {
			return preview, &CheckError{preview.Diagnostics}
		}
	}
	interpreter := o.Interp
	if interpreter == nil {
		interpreter = interp.New()
	}
	var (
		err     error
		leftOut []plan.Warning
	)
	preview.Plan, err = interpreter.Plan(ctx, files, interp.Input{
		Target: o.Package.Main, Function: o.Function, Args: o.Args, Cluster: o.Cluster, Privileged: o.Privileged,
		Replace: replacements(o.Package), Environment: env, Variables: o.Variables, Limits: o.Limits,
		Convert: func(ctx context.Context, target workspace.Target) ([]byte, bool, error) {
			module, ok, err := convertCompose(ctx, files, target)
			for _, text := range module.Warnings {
				at := plan.Position{Module: target.Locator, Pos: source.Pos{Line: 1, Col: 1}}
				leftOut = append(leftOut, plan.Warning{Code: "conversion", Message: text, Position: at})
			}
			return []byte(module.Source), ok, err
		},
	})
	if p := preview.Plan; p != nil && p.Package == "" && !o.Nameless {
		p.Identity = cmp.Or(o.Identity, o.Package.Identity())
	}
	preview.Diagnostics = checked()
	if err != nil {
		preview.explained(ctx, files, err)
		return preview, err
	}
	preview.Plan.Warnings = append(leftOut, preview.Plan.Warnings...)
	preview.Problems = preview.Plan.Validate(env)
	preview.unrepeated(ctx, files, o.Package)
	return preview, nil
}

// convertCompose makes a module of a Compose file that a package imports.
func convertCompose(ctx context.Context, files *workspace.Snapshot, target workspace.Target) (module compose.Module, ok bool, err error) {
	if !compose.Is(filepath.ToSlash(target.Path)) {
		return compose.Module{}, false, nil
	}
	text, err := files.Read(ctx, target.Path)
	if err != nil {
		return compose.Module{}, false, err
	}
	dir := filepath.Dir(target.Path)
	env, err := files.Read(ctx, filepath.Join(dir, ".env"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return compose.Module{}, false, err
	}
	module, err = compose.Convert(ctx, dir, target.Locator, text, env)
	return module, err == nil, err
}

func replacements(p *packages.Package) map[string]string {
	if p.Manifest == nil {
		return nil
	}
	out := map[string]string{}
	for _, r := range p.Manifest.Replace {
		out[r.Package] = r.With
	}
	return out
}

// ProblemsError says why a plan cannot be executed.
type ProblemsError struct{ Problems []plan.Problem }

func (e *ProblemsError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = fmt.Sprintf("%s: %s", p.Position, p.Message)
	}
	return strings.Join(lines, "\n")
}

// Hint is that of the first problem.
func (e *ProblemsError) Hint() string { return e.Problems[0].Hint }
