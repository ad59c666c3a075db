package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/kurtosis-go/kurtosis/packages"
	"github.com/kurtosis-go/kurtosis/runtime"
)

func (a *app) packagePreviewCommand() *cobra.Command {
	f := &packageFlags{}
	cmd := &cobra.Command{
		Use:   "preview [PATH…]",
		Short: "See whether packages still give a plan",
		Long: `See whether packages still give a plan, without running them.

PATH is any file or directory of a package: each package is planned once, with the argument files that the key
'preview' of its .kurtosis-lint.yml lists, or without arguments. Nothing is printed for a package that has a valid
plan; the exit status is 1 when one has not. This is what the pre-commit hook kurtosis-plan runs.`,
		Example: `  kurtosis package preview
  kurtosis package preview src/main.star src/lib.star`,
		RunE: func(cmd *cobra.Command, paths []string) error { return a.previewPackages(cmd.Context(), f, paths) },
	}
	f.declare(cmd)
	return cmd
}

func (a *app) previewPackages(ctx context.Context, f *packageFlags, paths []string) error {
	if len(paths) == 0 {
		paths = []string{"."}
	}
	files, err := lintFiles(paths)
	if err != nil {
		return err
	}
	failed := 0
	done := map[string]bool{}
	for _, file := range files {
		root, ok := packages.FindRoot(file)
		if !ok || done[root] {
			continue // a script that is no package is checked by lint
		}
		done[root] = true
		config, err := a.readLintConfig(root)
		if err != nil {
			return err
		}
		argsFiles := config.Preview
		if len(argsFiles) == 0 {
			argsFiles = []string{""}
		}
		for _, argsFile := range argsFiles {
			if argsFile != "" {
				argsFile = filepath.Join(root, filepath.FromSlash(argsFile))
			}
			ok, err := a.previewPackage(ctx, f, root, argsFile)
			if err != nil {
				return err
			}
			if !ok {
				failed++
			}
		}
	}
	if failed > 0 {
		return &shownError{statusFault}
	}
	return nil
}

// previewPackage plans one package, and says what is wrong with it if anything is.
func (a *app) previewPackage(ctx context.Context, f *packageFlags, root, argsFile string) (ok bool, err error) {
	// What is wrong was shown already where err is a *shownError.
	refused := func(err error) (bool, error) {
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		var shown *shownError
		if err != nil && !errors.As(err, &shown) {
			a.report(err)
		}
		with := ""
		if argsFile != "" {
			with = " with " + a.shownPath(argsFile)
		}
		fmt.Fprintf(a.Err, "%s %s%s gives no valid plan\n", a.style.Red("kurtosis:"), a.shownPath(root), with)
		return false, nil
	}
	args, err := a.packageArguments(ctx, nil, argsFile, a.cache(f.offline))
	if err != nil {
		return refused(err)
	}
	pkg, err := f.open(ctx, a, root)
	if err != nil {
		return refused(err)
	}
	flags := &runFlags{function: "run", cluster: new(string), noCheck: true} // what the checker has to say is lint's to show
	*flags.cluster = "docker"
	j := &job{runFlags: flags, pkg: pkg, args: args}
	made, err := runtime.Plan(ctx, j.options())
	if err != nil {
		return refused(a.refusal(ctx, made, err))
	}
	if problems := made.Problems; len(problems) > 0 {
		a.showProblems(j, problems)
		return refused(nil)
	}
	return true, nil
}
