package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/kurtosis-go/kurtosis/backends"
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
			removed := []enclaveDocument{}
			var failed error
			err := a.withEngine(ctx, needEnclaves, func(s *session) error {
				list, err := s.List(ctx)
				if err != nil {
					return err
				}
				for _, enclave := range list {
					// One in which nothing was started yet is somebody's who is about to.
					idle := enclave.Status == backends.EnclaveStopped || !enclave.Running()
					if !idle && !all {
						continue
					}
					if _, err := s.Remove(ctx, enclave.UUID); err != nil {
						failed = errors.Join(failed, fmt.Errorf("removing enclave '%s': %w", enclave.Name, err))
						continue
					}
					removed = append(removed, enclaveOf(enclave.Enclave))
				}
				return nil
			})
			if err != nil && !errors.Is(err, errNoEngine) {
				return err
			}
			if a.output == formatJSON {
				a.printJSON(removed)
				return failed
			}
			for _, enclave := range removed {
				fmt.Fprintf(a.Out, "%s   %s\n", backends.ShortUUID(enclave.UUID), enclave.Name)
			}
			return failed
		},
	}
	cmd.Flags().BoolVarP(&all, "all", "a", false, "running enclaves too")
	a.outputFlag(cmd, formatJSON)
	return cmd
}
