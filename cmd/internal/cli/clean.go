package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/runtime"
)

func (a *app) cleanCommand() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "clean",
		Short: "Remove the enclaves that don't run",
		Long: `Remove the enclaves in which nothing runs, with all that is in them.

With --all the running ones are removed too.`,
		Example: "  kurtosis clean\n  kurtosis clean -a",
		Args:    operands(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			return a.withEnclaves(ctx, func(e runtime.Enclaves) error {
				list, err := e.Backend.ListEnclaves(ctx)
				if err != nil {
					return err
				}
				removed := []enclaveDocument{}
				var failed error
				for _, enclave := range list {
					if enclave.Status == backends.EnclaveRunning && !all {
						continue
					}
					err := e.Remove(ctx, enclave, all)
					var busy *runtime.BusyError
					switch {
					case errors.As(err, &busy):
						a.warn(busy.Error(), "it was left alone")
					case err != nil:
						failed = errors.Join(failed, fmt.Errorf("removing enclave '%s': %w", enclave.Name, err))
					default:
						removed = append(removed, enclaveOf(enclave))
					}
				}
				if a.output == formatJSON {
					a.printJSON(removed)
					return failed
				}
				for _, enclave := range removed {
					fmt.Fprintf(a.Out, "%s   %s\n", backends.ShortUUID(enclave.UUID), enclave.Name)
				}
				return failed
			})
		},
	}
	cmd.Flags().BoolVarP(&all, "all", "a", false, "running enclaves too")
	a.outputFlag(cmd, formatJSON)
	return cmd
}
