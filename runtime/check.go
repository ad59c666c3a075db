package runtime

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/lang/parse"
	"github.com/kurtosis-go/kurtosis/lang/source"
	"github.com/kurtosis-go/kurtosis/lang/workspace"
	"github.com/kurtosis-go/kurtosis/packages"
	"github.com/kurtosis-go/kurtosis/runtime/interp"
)

// Checker examines a package before it is run. The type checker is one.
type Checker interface {
	// Check returns what is to be said about target and about the modules that it imports. It may run while the
	// same files are interpreted.
	Check(ctx context.Context, files *workspace.Snapshot, target workspace.Target) ([]diag.Diagnostic, error)
}

// startCheck starts the checker. What it returns waits for its findings and gives the same ones each time.
func startCheck(ctx context.Context, o Options, files *workspace.Snapshot) func() []diag.Diagnostic {
	if o.Checker == nil {
		return func() []diag.Diagnostic { return nil }
	}
	found := make(chan []diag.Diagnostic, 1)
	go func() { found <- check(ctx, o, files) }()
	return sync.OnceValue(func() []diag.Diagnostic { return <-found })
}

// check says what the checker found. That it could not finish is a finding of its own: no reason not to run a package.
func check(ctx context.Context, o Options, files *workspace.Snapshot) (found []diag.Diagnostic) {
	failed := func(why any) []diag.Diagnostic {
		if ctx.Err() != nil {
			return nil // the interpretation says so
		}
		return []diag.Diagnostic{{
			Code: "checker-failed", Severity: diag.Warning, File: o.Package.Main.Path,
			Message: fmt.Sprintf("the checker could not finish: %v", why),
		}}
	}
	defer func() {
		if r := recover(); r != nil {
			found = failed(r)
		}
	}()
	found, err := o.Checker.Check(ctx, files, o.Package.Main)
	if err != nil {
		return failed(err)
	}
	return found
}

// about splits what the checker found into what is about a place of a module, and the rest. Interpretation and plan
// name the bracket that opens a call; what the checker says is about something in it.
func about(ctx context.Context, files *workspace.Snapshot, found []diag.Diagnostic, path string, at source.Pos) (there, elsewhere []diag.Diagnostic) {
	var extent source.Range
	for _, d := range found {
		if d.File != path || d.Severity != diag.Error {
			elsewhere = append(elsewhere, d)
			continue
		}
		if !extent.Start.IsValid() {
			extent = extentAt(ctx, files, path, at)
		}
		if d.Range.Start.Before(extent.Start) || extent.End.Before(d.Range.Start) {
			elsewhere = append(elsewhere, d)
		} else {
			there = append(there, d)
		}
	}
	return there, elsewhere
}

// extentAt is that of the call, or the operation, whose bracket or operator is at a place; of the place alone where
// there is none.
func extentAt(ctx context.Context, files *workspace.Snapshot, path string, at source.Pos) source.Range {
	extent := source.Range{Start: at, End: at}
	tree, err := files.Module(ctx, workspace.Target{Path: path})
	if err != nil {
		return extent
	}
	syntax.Walk(tree.Syntax, func(n syntax.Node) bool {
		var mark syntax.Position
		switch n := n.(type) {
		case *syntax.CallExpr:
			mark = n.Lparen
		case *syntax.DotExpr:
			mark = n.Dot
		case *syntax.IndexExpr:
			mark = n.Lbrack
		case *syntax.BinaryExpr:
			mark = n.OpPos
		}
		if parse.Pos(mark) == at {
			extent = parse.Range(n)
		}
		return true
	})
	return extent
}

// explained takes out of the checker's findings those that are about the place where the interpretation failed.
func (p *Preview) explained(ctx context.Context, files *workspace.Snapshot, err error) {
	var e *interp.Error
	if !errors.As(err, &e) {
		return
	}
	places := []interp.Frame{}
	if where, ok := e.Where(); ok {
		places = append(places, where)
	}
	if e.Code == "syntax" {
		places = append(places, e.Stack...) // each of them is an error
	}
	if e.Code == "entry-point" { // which has no place to compare
		p.Diagnostics = slices.DeleteFunc(p.Diagnostics, func(d diag.Diagnostic) bool {
			same := d.Code == "missing-run" || d.Code == "plan-not-first"
			if same {
				p.Causes = append(p.Causes, d)
			}
			return same
		})
	}
	for _, place := range places {
		var there []diag.Diagnostic
		there, p.Diagnostics = about(ctx, files, p.Diagnostics, place.Path, place.Position.Pos)
		p.Causes = append(p.Causes, there...)
	}
}

// unrepeated leaves out of the checker's findings those that the plan's problems say, too.
func (p *Preview) unrepeated(ctx context.Context, files *workspace.Snapshot, pkg *packages.Package) {
	for _, problem := range p.Problems {
		if len(p.Diagnostics) == 0 {
			return
		}
		path, at := pkg.Main.Path, problem.Position
		if at.Module != "" {
			path, _ = pkg.Path(at.Module)
		}
		_, p.Diagnostics = about(ctx, files, p.Diagnostics, path, at.Pos)
	}
}

func hasErrors(found []diag.Diagnostic) bool { return errorsIn(found) > 0 }

func errorsIn(found []diag.Diagnostic) (n int) {
	for _, d := range found {
		if d.Severity == diag.Error {
			n++
		}
	}
	return n
}

// CheckError says that the checker found errors and that the run was to be strict.
type CheckError struct{ Diagnostics []diag.Diagnostic }

func (e *CheckError) Error() string {
	if n := errorsIn(e.Diagnostics); n != 1 {
		return fmt.Sprintf("the checker found %d errors in the package", n)
	}
	return "the checker found an error in the package"
}

// Hint says what else can be done.
func (e *CheckError) Hint() string { return "run without --strict" }
