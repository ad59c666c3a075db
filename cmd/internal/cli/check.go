package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/lang/workspace"
	"github.com/kurtosis-go/kurtosis/packages"
	"github.com/kurtosis-go/kurtosis/runtime"
	"github.com/kurtosis-go/kurtosis/typecheck"
)

// checker finds the places of a package where its code is definitely wrong; the rest is for `lint`, and so is what
// is wrong in other packages.
type checker struct{ pkg *packages.Package }

var _ runtime.Checker = checker{}

func (c checker) Check(ctx context.Context, files *workspace.Snapshot, target workspace.Target) ([]diag.Diagnostic, error) {
	if !strings.HasSuffix(target.Path, ".star") {
		return nil, nil // the module that a Compose file is converted to is ours
	}
	result, err := typecheck.CheckPackage(ctx, files, []workspace.Target{target}, typecheck.PackageOptions{
		Options: typecheck.Options{Replace: replaced(c.pkg)},
	})
	if err != nil {
		return nil, err
	}
	var found []diag.Diagnostic
	for _, m := range result.Modules {
		if m.Target.Package != c.pkg.Name {
			continue
		}
		for _, d := range m.Diagnostics {
			if d.Severity == diag.Error {
				found = append(found, d)
			}
		}
	}
	return diag.Sort(found), nil
}

// findingsShown is how many of the checker's findings a run lists.
const findingsShown = 10

// findings words what the checker found for a run that goes on: a line for each, and what to do about them.
func (a *app) findings(found []diag.Diagnostic) string {
	if len(found) == 0 {
		return ""
	}
	var b strings.Builder
	for i, d := range found {
		if i == findingsShown {
			fmt.Fprintf(&b, "and %d more\n", len(found)-i)
			break
		}
		d.Related = nil
		_ = diag.Text(&b, []diag.Diagnostic{d}, diag.Frames{Path: a.shownPath, Color: a.style.Color})
	}
	what := "an error"
	if len(found) > 1 {
		what = fmt.Sprintf("%d errors", len(found))
	}
	fmt.Fprintf(&b, "%s the checker found %s and the run goes on: 'kurtosis lint' shows more, --strict ends the run, --no-check leaves the check out\n",
		a.style.Yellow("warning:"), what)
	return b.String()
}

// strictly says that the checker's findings end the run.
func (a *app) strictly(err *runtime.CheckError) error {
	a.showFindings(err.Diagnostics)
	fmt.Fprintf(a.Err, "\n%s %s\n", a.style.Red("kurtosis:"), err)
	if a.output == formatJSON {
		a.printJSON(errorDocument{Error: err.Error(), Hint: err.Hint(), Diagnostics: err.Diagnostics})
	}
	return &shownError{statusFault}
}
