package cli

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	stdruntime "runtime"

	"github.com/spf13/cobra"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/runtime"
	"github.com/kurtosis-go/kurtosis/runtime/state"
)

// Engines are the container engines that a program was built with. Main hands them in, so that who only plans,
// checks or edits links none.
type Engines struct {
	// Docker opens the Docker engine that the environment names.
	Docker func(ctx context.Context) (backends.Backend, error)
	// Kubernetes opens a cluster.
	Kubernetes func(ctx context.Context, c Cluster) (backends.Backend, error)
	// Contexts lists those of the kubeconfig.
	Contexts func() ([]Context, error)
	// InPod says that this process is a container of ours on a cluster, and works there.
	InPod bool
}

// withEnclaves runs a command on what the engine and this machine know of enclaves.
func (a *app) withEnclaves(ctx context.Context, do func(runtime.Enclaves) error) error {
	dir, err := stateDir()
	if err != nil {
		return err
	}
	backend, err := a.engines.open(ctx)
	if err != nil {
		return err
	}
	return errors.Join(do(runtime.Enclaves{Backend: backend, State: dir}), backend.Close())
}

// withEnclave does so on one enclave.
func (a *app) withEnclave(ctx context.Context, identifier string, do func(runtime.Enclaves, backends.Enclave) error) error {
	return a.withEnclaves(ctx, func(e runtime.Enclaves) error {
		enclave, err := e.Backend.InspectEnclave(ctx, identifier)
		if err != nil {
			return err
		}
		return do(e, enclave)
	})
}

// stateDir holds a directory for each enclave that was made on this machine.
func stateDir() (string, error) {
	dir := os.Getenv("XDG_DATA_HOME")
	if dir == "" && stdruntime.GOOS == "windows" {
		dir = os.Getenv("LocalAppData")
	}
	if dir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", &faultError{"there is no place for what enclaves have to remember: " + err.Error(), "set XDG_DATA_HOME"}
		}
		dir = filepath.Join(home, ".local", "share")
		if stdruntime.GOOS == "darwin" {
			dir = filepath.Join(home, "Library", "Application Support")
		}
	}
	return filepath.Join(dir, "kurtosis", "enclaves"), nil
}

// remembered reads an enclave's state; one that cannot be read is reported and counts as empty.
func (a *app) remembered(e runtime.Enclaves, enclave backends.Enclave) (*state.Store, error) {
	store, err := e.Store(enclave.UUID)
	var corrupt *state.CorruptError
	if errors.As(err, &corrupt) {
		a.warn(corrupt.Error(), corrupt.Hint())
		return store, nil
	}
	return store, err
}

// completeEnclaves offers the names of enclaves for the first operand.
func (a *app) completeEnclaves(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	err := a.withEnclaves(cmd.Context(), func(e runtime.Enclaves) error {
		list, err := e.Backend.ListEnclaves(cmd.Context())
		for _, enclave := range list {
			names = append(names, enclave.Name)
		}
		return err
	})
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeServices offers enclaves for the first operand, and that enclave's services for the next ones.
func (a *app) completeServices(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return a.completeEnclaves(cmd, args, toComplete)
	}
	var names []string
	err := a.withEnclave(cmd.Context(), args[0], func(e runtime.Enclaves, enclave backends.Enclave) error {
		list, err := e.Backend.ListServices(cmd.Context(), enclave.UUID)
		for _, s := range list {
			names = append(names, s.Name)
		}
		return err
	})
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeArtifacts offers enclaves, and then that enclave's files artifacts.
func (a *app) completeArtifacts(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return a.completeEnclaves(cmd, args, toComplete)
	}
	if len(args) > 1 {
		return nil, cobra.ShellCompDirectiveDefault
	}
	var names []string
	err := a.withEnclave(cmd.Context(), args[0], func(e runtime.Enclaves, enclave backends.Enclave) error {
		store, err := e.Store(enclave.UUID)
		if store != nil {
			for name := range store.Enclave().Artifacts {
				names = append(names, name)
			}
		}
		return err
	})
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
