package cli

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"
)

// Compatible is the version of the reference whose behaviour this one has.
const Compatible = "1.20.0"

func (a *app) versionCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Say which version this is",
		Example: "  kurtosis version\n  kurtosis version -o json",
		Args:    operands(0),
		RunE: func(*cobra.Command, []string) error {
			if a.output == formatJSON {
				a.printJSON(map[string]string{"version": Version, "compatible": Compatible, "os": runtime.GOOS, "arch": runtime.GOARCH})
				return nil
			}
			_, err := fmt.Fprintf(a.Out, "kurtosis %s (compatible with Kurtosis %s, %s/%s)\n", Version, Compatible, runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
	a.outputFlag(cmd, formatJSON)
	return cmd
}

func (a *app) completionCommand() *cobra.Command {
	shells := []string{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use:   "completion SHELL",
		Short: "Print a script that completes kurtosis commands in a shell",
		Long:  "Print a script that completes kurtosis commands in a shell: bash, zsh, fish or powershell.",
		Example: `  source <(kurtosis completion bash)
  kurtosis completion zsh > "${fpath[1]}/_kurtosis"
  kurtosis completion fish > ~/.config/fish/completions/kurtosis.fish`,
		ValidArgs: shells,
		Args:      operands(1, "the shell (bash, zsh, fish or powershell)"),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch args[0] {
			case "bash":
				return cmd.Root().GenBashCompletionV2(a.Out, true)
			case "zsh":
				return cmd.Root().GenZshCompletion(a.Out)
			case "fish":
				return cmd.Root().GenFishCompletion(a.Out, true)
			case "powershell":
				return cmd.Root().GenPowerShellCompletionWithDesc(a.Out)
			}
			return &usageError{fmt.Sprintf("there is no completion for the shell '%s'", args[0]), "there is for bash, zsh, fish and powershell"}
		},
	}
}
