package cli

import (
	"context"
	"fmt"

	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/lang/workspace"
	"github.com/kurtosis-go/kurtosis/typecheck"
)

// modulesKept is how much text of modules stays parsed between the check and the run, in bytes.
const modulesKept = 64 << 20

// check runs the checker over the modules that a job reaches in its own package and shows the errors, which are
// places where the code is definitely wrong; the rest is for `lint`. With --strict they end the run. A preview is
// checked only then: what is wrong on its way shows itself.
func (a *app) check(ctx context.Context, j *job) error {
	if j.noCheck || (j.dryRun || j.dependencies) && !j.strict {
		return nil
	}
	j.modules = workspace.NewCache(modulesKept)
	files := workspace.New(workspace.Options{
		Disk:     workspace.Disk(),
		Resolver: func(files workspace.FS) workspace.Resolver { return j.pkg.Over(files) },
		Cache:    j.modules,
	})
	result, err := typecheck.CheckPackage(ctx, files, []workspace.Target{j.pkg.Main}, typecheck.PackageOptions{})
	if err != nil {
		return err
	}
	var found []diag.Diagnostic
	for _, m := range result.Modules {
		if m.Target.Package != j.pkg.Name {
			continue
		}
		for _, d := range m.Diagnostics {
			if d.Severity == diag.Error {
				found = append(found, d)
			}
		}
	}
	if len(found) == 0 {
		return nil
	}
	found = diag.Sort(found)
	if !j.strict {
		if !j.quiet && a.output != formatJSON {
			a.showFindings(found)
		}
		return nil
	}
	a.showFindings(found)
	message := "the checker found an error in the package"
	if len(found) > 1 {
		message = fmt.Sprintf("the checker found %d errors in the package", len(found))
	}
	fmt.Fprintf(a.Err, "\n%s %s\n", a.style.Red("kurtosis:"), message)
	if a.output == formatJSON {
		a.printJSON(errorDocument{Error: message, Hint: "run without --strict", Diagnostics: found})
	}
	return &shownError{statusFault}
}
