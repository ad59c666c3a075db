package cli

import (
	"context"
	"crypto/tls"
	"fmt"

	"net"
	"net/http"
	"os"
	"path/filepath"

	"strconv"
	"sync"
	"time"
	_ "time/tzdata" // the image has no time zones but these

	"github.com/spf13/cobra"

	"github.com/kurtosis-go/kurtosis/api/rpc"
	"github.com/kurtosis-go/kurtosis/apicontainer"
	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/engine"
	"github.com/kurtosis-go/kurtosis/packages"
	"github.com/kurtosis-go/kurtosis/packages/fetch"
	"github.com/kurtosis-go/kurtosis/runtime"
)

// The hidden commands engine serve and api serve are what containers of the engine's image run.

// passedOn are variables that an engine hands on to the API containers that it makes.
var passedOn = []string{"KURTOSIS_GITHUB_TOKEN", "KURTOSIS_SUBNET_POOLS", tlsVariable,
	"KURTOSIS_BUILDER", "KURTOSIS_NIX", "KURTOSIS_NIX_IMAGE", "NIX_CONFIG",
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"}

func environment() map[string]string {
	env := map[string]string{}
	for _, name := range passedOn {
		if value := os.Getenv(name); value != "" {
			env[name] = value
		}
	}
	return env
}

func (a *app) engineServeCommand() *cobra.Command {
	var (
		o         engine.Options
		port      int
		retention time.Duration
	)
	cmd := &cobra.Command{
		Use: "serve", Short: "Be an engine, in this process", Hidden: true, Args: operands(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			trustKnownRoots()
			return a.withSystems(cmd.Context(), func(b engine.Backend) error {
				o.Backend, o.Version, o.Env, o.RPC.Token, o.Logs.Retention = b, Version, environment(), os.Getenv(engine.TokenVariable), retention
				server, err := engine.New(o)
				if err != nil {
					return err
				}
				ctx, stop := context.WithCancel(cmd.Context())
				var logs sync.WaitGroup
				logs.Go(func() { server.Run(ctx) })
				err = a.listen(ctx, "engine", port, server.Handler())
				stop()
				logs.Wait()
				return err
			})
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&port, "port", engine.Port, "the port to listen on")
	flags.StringVar(&o.Name, "name", engine.DefaultName, "the engine's name")
	flags.StringVar(&o.Image, "image", "", "the image of API containers")
	flags.StringVar(&o.Dir, "data", engine.DataDir, "where it keeps its data")
	flags.StringVar(&o.PublishAddress, "publish", "", "the address on which API containers are published")
	flags.StringSliceVar(&o.RPC.Origins, "origin", nil, "web pages that may call")
	flags.DurationVar(&retention, "log-retention-period", engine.DefaultRetention, "how long logs are kept")
	return cmd
}

func (a *app) apiCommand() *cobra.Command {
	cmd := a.group(&cobra.Command{Use: "api", Short: "Serve the API of an enclave", Hidden: true})
	var (
		o    apicontainer.Options
		port int
	)
	serve := &cobra.Command{
		Use: "serve", Short: "Be the API container of an enclave, in this process", Args: operands(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			trustKnownRoots()
			backend, err := a.engines.open(cmd.Context())
			if err != nil {
				return err
			}
			defer backend.Close()
			o.Backend, o.RPC.Token = backend, os.Getenv(engine.TokenVariable)
			o.Fetcher = func(token string) packages.Fetcher {
				if token == "" {
					token = os.Getenv("KURTOSIS_GITHUB_TOKEN")
				}
				return fetch.New(fetch.Options{Dir: filepath.Join(o.Dir, "repositories"), Token: token})
			}
			o.Checker = func(pkg *packages.Package) runtime.Checker { return checker{pkg} }
			server, err := apicontainer.New(cmd.Context(), o)
			if err != nil {
				return err
			}
			if err := server.Revive(cmd.Context()); err != nil {
				return err
			}
			ctx, stop := context.WithCancel(cmd.Context())
			var watch sync.WaitGroup
			watch.Go(func() { server.Run(ctx) })
			err = a.listen(cmd.Context(), "API container", port, server.Handler())
			stop()
			watch.Wait()
			server.Wait()
			return err
		},
	}
	flags := serve.Flags()
	flags.IntVar(&port, "port", apicontainer.Port, "the port to listen on")
	flags.StringVar(&o.Enclave, "enclave", "", "the enclave's UUID")
	flags.StringVar(&o.Dir, "data", engine.DataDir, "where the enclave's data is")
	cmd.AddCommand(serve)
	return cmd
}

// listen serves until the command is asked to end.
func (a *app) listen(ctx context.Context, what string, port int, handler http.Handler) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort("", strconv.Itoa(port)))
	if err != nil {
		return &faultError{fmt.Sprintf("can't listen on port %d: %s", port, err), ""}
	}
	secure, err := serverTLS()
	if err != nil {
		return err
	}
	if secure != nil {
		listener = tls.NewListener(listener, secure)
	}
	if _, err := fmt.Fprintf(a.Out, "%s%s %s (API %s) listens on port %d\n", backends.SystemReady, what, Version, rpc.Version, port); err != nil {
		return err
	}
	return rpc.Serve(ctx, listener, handler)
}

// withSystems opens the container engine for containers of ours.
func (a *app) withSystems(ctx context.Context, do func(engine.Backend) error) error {
	backend, err := a.engines.open(ctx)
	if err != nil {
		return err
	}
	defer backend.Close()
	systems, ok := backend.(engine.Backend)
	if !ok {
		return &faultError{"engines can't run there", "they run on Docker"}
	}
	return do(systems)
}
