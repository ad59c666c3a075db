package cli

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/backends/docker/relay"
)

// relayCommand is what backends execute in an API container, to reach services where they can't themselves.
func (a *app) relayCommand() *cobra.Command {
	return &cobra.Command{
		Use: backends.SystemRelay + " NETWORK ADDRESS", Short: "Join standard input and output to a connection", Hidden: true, Args: operands(2, "NETWORK", "ADDRESS"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return relay.Main(cmd.Context(), args, os.Stdin, os.Stdout)
		},
	}
}
