package cli

import (
	"github.com/spf13/cobra"

	"github.com/kurtosis-go/kurtosis/cmd/internal/lsp/server"
	"github.com/kurtosis-go/kurtosis/packages"
)

// lspCommand serves editors. It parses its own arguments, since editors start it with ones that are not flags here.
func (a *app) lspCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "lsp [start] [--stdio | --listen HOST:PORT]",
		Short: "Serve editors over the Language Server Protocol",
		Long: `Serves editors over the Language Server Protocol: on standard input and output, or over TCP.

The command kurtosis-lsp is the same, without the rest of kurtosis.`,
		Example: `  kurtosis lsp                           for an editor that starts its servers itself
  kurtosis lsp --listen localhost:7357   for one that connects`,
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			status := server.Main(cmd.Context(), args, server.Streams{In: a.In, Out: a.Out, Err: a.Err}, server.Options{
				Name: "kurtosis lsp", Version: Version,
				Fetcher: func(offline bool) packages.Fetcher { return a.cache(offline) },
			})
			if status != statusDone {
				return &shownError{status}
			}
			return nil
		},
	}
}
