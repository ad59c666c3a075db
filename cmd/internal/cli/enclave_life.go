package cli

import (
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/kurtosis-go/kurtosis/api/client"
	"github.com/kurtosis-go/kurtosis/cmd/internal/ui"
)

func (a *app) enclaveAddCommand() *cobra.Command {
	var name string
	var production bool
	cmd := &cobra.Command{
		Use: "add", Short: "Make an empty enclave", Args: operands(0),
		Example: "  kurtosis enclave add\n  kurtosis enclave add --name demo",
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			return a.withEngine(ctx, needEngine, func(s *session) error {
				made, err := s.Create(ctx, name, production)
				if err != nil {
					return err
				}
				if a.output == formatJSON {
					a.printJSON(enclaveOf(made.Enclave))
					return nil
				}
				a.createdBanner(made.Name)
				return nil
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&name, "name", "n", "", "its name (default one that is made up)")
	flags.BoolVarP(&production, "production", "p", false, "restart services that end")
	accept(cmd, "api-container-version", "a")
	accept(cmd, "api-container-log-level", "l")
	a.outputFlag(cmd, formatJSON)
	return cmd
}

// accept declares a flag of the reference that changes nothing here.
func accept(cmd *cobra.Command, name, short string) {
	cmd.Flags().StringP(name, short, "", "accepted so that scripts written for the reference work")
	_ = cmd.Flags().MarkHidden(name)
}

func (a *app) enclaveStopCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "stop ENCLAVE...", Short: "Stop enclaves; everything in them stays",
		Long: `Stop the services of enclaves; everything in them stays. A run that is under way is interrupted.

'kurtosis enclave start' starts them again, with the addresses, ports and files that they had.`,
		Example: "  kurtosis enclave stop demo",
		Args:    someEnclaves, ValidArgsFunction: a.completeEnclaveList,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			return a.findAll(ctx, args, func(s *session, list []client.EnclaveInfo) error {
				for _, enclave := range list {
					if err := s.Stop(ctx, enclave.UUID); err != nil {
						return err
					}
				}
				return a.now(ctx, s, list)
			})
		},
	}
	a.outputFlag(cmd, formatJSON)
	return cmd
}

func (a *app) enclaveStartCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "start ENCLAVE...", Short: "Start enclaves that were stopped",
		Long:    "Start what was stopped in enclaves, by 'kurtosis enclave stop', a crash or a reboot, with the addresses, ports and files that it had.",
		Example: "  kurtosis enclave start demo",
		Args:    someEnclaves, ValidArgsFunction: a.completeEnclaveList,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			return a.findAll(ctx, args, func(s *session, list []client.EnclaveInfo) error {
				for _, enclave := range list {
					if _, err := s.Start(ctx, enclave.UUID); err != nil {
						return err
					}
				}
				return a.now(ctx, s, list)
			})
		},
	}
	a.outputFlag(cmd, formatJSON)
	return cmd
}

// now prints the names of enclaves that something was done to; as JSON, as they are now.
func (a *app) now(ctx context.Context, s *session, list []client.EnclaveInfo) error {
	docs := []enclaveDocument{}
	for _, enclave := range list {
		if a.output != formatJSON {
			fmt.Fprintln(a.Out, enclave.Name)
			continue
		}
		found, err := s.Find(ctx, enclave.UUID)
		if err != nil {
			return err
		}
		docs = append(docs, enclaveOf(found.Enclave))
	}
	if a.output == formatJSON {
		a.printJSON(docs)
	}
	return nil
}

// reachDocument is a port as it can be reached, as JSON.
type reachDocument struct {
	Service string `json:"service"`
	portDocument
}

func (a *app) enclaveConnectCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "connect ENCLAVE", Short: "Print where an enclave's ports can be reached from this machine",
		Long: `Print where an enclave's ports can be reached from this machine.

Ports are published on this machine for as long as their service runs, and need no program to be connected.`,
		Example: "  kurtosis enclave connect demo",
		Args:    operands(1, "the enclave"), ValidArgsFunction: a.completeEnclaves,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			return a.withEnclave(ctx, args[0], func(_ *session, _ client.EnclaveInfo, e *client.Enclave) error {
				held, err := e.Inspect(ctx)
				if err != nil {
					return err
				}
				docs := []reachDocument{}
				for _, s := range held.Services {
					for _, id := range slices.Sorted(maps.Keys(s.Published)) {
						p := s.Published[id]
						docs = append(docs, reachDocument{s.Name, portDocument{id, p.Application, string(p.Protocol()), p.Address, int(p.Number)}})
					}
				}
				if a.output == formatJSON {
					a.printJSON(docs)
					return nil
				}
				table := ui.Table{Head: []string{"Service", "Port", "Address"}}
				for _, d := range docs {
					address := net.JoinHostPort(d.IP, strconv.Itoa(d.Number))
					if d.Protocol != "" {
						address = d.Protocol + "://" + address
					}
					table.Rows = append(table.Rows, []string{d.Service, d.ID, address})
				}
				return table.Write(a.Out, a.outStyle())
			})
		},
	}
	a.outputFlag(cmd, formatJSON)
	return cmd
}
