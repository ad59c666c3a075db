package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/kurtosis-go/kurtosis/packages/compose"
)

func (a *app) importCommand() *cobra.Command {
	var convert bool
	var enclave, env string
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Run a Docker Compose file, or make Starlark of it",
		Long: `Run a Docker Compose file, or make Starlark of it.

FILE is compose.yml, docker-compose.yml or one of the other names that Compose has. Variables come from the .env file
beside it; with -c another file can be named. 'kurtosis run FILE' runs it, too, and with --dry-run shows what it
would do.`,
		Example: `  kurtosis import compose.yml --enclave demo
  kurtosis import -c compose.yml > main.star`,
		Args: operands(1, "the Compose file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !compose.Is(filepath.ToSlash(args[0])) {
				return &usageError{fmt.Sprintf("'%s' isn't called as a Compose file is", args[0]), "it is called compose.yml or docker-compose.yml"}
			}
			if convert {
				return a.convert(cmd.Context(), args[0], env)
			}
			if cmd.Flags().Changed("env") {
				return &usageError{"--env goes with --convert", "a run takes variables from the .env file beside the Compose file"}
			}
			run := a.runCommand()
			run.SetContext(cmd.Context())
			if err := run.ParseFlags([]string{"--enclave", enclave}); err != nil {
				return err
			}
			return run.RunE(run, args)
		},
	}
	cmd.Flags().BoolVarP(&convert, "convert", "c", false, "print the Starlark and run nothing")
	cmd.Flags().StringVarP(&enclave, "enclave", "n", "", "the enclave to run in, made if missing; without it a new one with a name of its own")
	cmd.Flags().StringVarP(&env, "env", "e", "", "with --convert: the file with variables (default .env beside the Compose file)")
	return cmd
}

// convert prints the module that a Compose file becomes.
func (a *app) convert(ctx context.Context, file, envFile string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return &usageError{fmt.Sprintf("can't read '%s': %s", file, reason(err)), ""}
	}
	dir, err := filepath.Abs(filepath.Dir(file))
	if err != nil {
		return err
	}
	named := envFile != ""
	if !named {
		envFile = filepath.Join(filepath.Dir(file), ".env")
	}
	env, err := os.ReadFile(envFile)
	if err != nil && (named || !errors.Is(err, fs.ErrNotExist)) {
		return &usageError{fmt.Sprintf("can't read '%s': %s", envFile, reason(err)), ""}
	}
	module, err := compose.Convert(ctx, dir, file, text, env)
	if err != nil {
		return &faultError{err.Error(), ""}
	}
	for _, w := range module.Warnings {
		a.warn(w, "")
	}
	_, err = io.WriteString(a.Out, module.Source)
	return err
}
