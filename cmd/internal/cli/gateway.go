package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"strconv"
	"sync"

	"github.com/spf13/cobra"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/engine"
	"github.com/kurtosis-go/kurtosis/engine/gateway"
)

// forwardDocument is a port as JSON.
type forwardDocument struct {
	Type    string `json:"type"` // forward, or left where it is
	Local   string `json:"local,omitempty"`
	Enclave string `json:"enclave,omitempty"`
	Service string `json:"service,omitempty"`
	Port    string `json:"port"`
}

func (a *app) gatewayCommand() *cobra.Command {
	var (
		name string
		port uint16
	)
	cmd := &cobra.Command{
		Use:   "gateway",
		Short: "Keep the engine of a cluster, and the services of its enclaves, on ports of this machine",
		Long: `Keep the engine of a cluster, and the services of its enclaves, on ports of this machine.

It runs until it is interrupted, and prints each port that it opens. SDKs and other programs find the engine at 127.0.0.1:9710,
as on Docker. Commands of kurtosis do without a gateway. A Pod that is replaced is found again by the next connection. Clusters
forward TCP alone: UDP ports are told of and left where they are.`,
		Example: "  kurtosis gateway\n  kurtosis gateway --port 9720 -o json",
		Args:    operands(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			if name == "" {
				var err error
				if name, err = engineName(); err != nil {
					return err
				}
			}
			return a.withSystems(ctx, func(b engine.Backend) error {
				info, err := b.Info(ctx)
				if err != nil {
					return err
				}
				if info.ClusterType != backends.Kubernetes {
					return &faultError{"a gateway is for clusters: engines on Docker are on this machine already", "'kurtosis cluster ls' lists clusters, 'kurtosis engine status' says where the engine is"}
				}
				return a.gateway(ctx, b, name, port)
			})
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "which engine (default $"+engineVariable+", else "+engine.DefaultName+")")
	cmd.Flags().Uint16Var(&port, "port", engine.Port, "the engine's port on this machine; 0 is any free one")
	a.outputFlag(cmd, formatJSON)
	return cmd
}

func (a *app) gateway(ctx context.Context, b engine.Backend, name string, port uint16) error {
	if _, ok, err := findEngine(ctx, b, name); err != nil {
		return err
	} else if !ok {
		return &faultError{fmt.Sprintf("there is no engine '%s'", name), "'kurtosis engine start' starts one"}
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort(defaultListen, strconv.Itoa(int(port))))
	if err != nil {
		return &faultError{fmt.Sprintf("can't listen on port %d: %s", port, err), "--port chooses another; `ss -tulpn` shows who has it"}
	}
	var mu sync.Mutex
	opened := func(f gateway.Forward) {
		mu.Lock()
		defer mu.Unlock()
		if a.output == formatJSON {
			_ = json.NewEncoder(a.Out).Encode(forwardDocument{"forward", f.Local, f.Enclave, f.Service, f.Port.String()})
			return
		}
		switch {
		case f.Enclave == "":
			fmt.Fprintf(a.Out, "engine '%s' is on %s\n", name, f.Local)
		case f.Service == "":
			fmt.Fprintf(a.Out, "API of enclave '%s' is on %s\n", f.Enclave, f.Local)
		default:
			fmt.Fprintf(a.Out, "port %s of service '%s' in enclave '%s' is on %s\n", f.Port, f.Service, f.Enclave, f.Local)
		}
	}
	left := func(f gateway.Forward) {
		mu.Lock()
		defer mu.Unlock()
		if a.output == formatJSON {
			_ = json.NewEncoder(a.Out).Encode(forwardDocument{"left", "", f.Enclave, f.Service, f.Port.String()})
			return
		}
		fmt.Fprintf(a.Out, "port %s of service '%s' in enclave '%s' stays there: clusters forward TCP alone; public_ports opens it on the nodes\n", f.Port, f.Service, f.Enclave)
	}
	return gateway.Serve(ctx, gateway.Options{Backend: b, Engine: name, Opened: opened, Left: left}, listener)
}
