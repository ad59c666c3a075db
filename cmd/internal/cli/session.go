package cli

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/kurtosis-go/kurtosis/api/client"
	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/engine"
)

// session is an engine that answers. What a command does to enclaves it asks for there; the container engine itself
// serves to find our containers, and to reach them.
type session struct {
	*client.Engine
	backend engine.Backend
	name    string
	tls     *tls.Config // nil is without
}

// need says whether a command starts an engine that doesn't run.
type need uint8

const (
	// needEngine starts it.
	needEngine need = iota
	// needEnclaves starts it where there are enclaves that it could tell about; without, there is nothing to ask for.
	needEnclaves
	// needNothing starts nothing, as nobody may wait: completion.
	needNothing
)

// errNoEngine says that no engine was started, as there is no enclave.
var errNoEngine = errors.New("no engine runs")

// withEngine runs a command with the engine, which is started as need says; else the error is errNoEngine.
func (a *app) withEngine(ctx context.Context, n need, do func(*session) error) error {
	name, err := engineName()
	if err != nil {
		return err
	}
	return a.withSystems(ctx, func(b engine.Backend) error {
		if n != needEngine {
			found, ok, err := findEngine(ctx, b, name)
			if err != nil {
				return err
			}
			if !ok || found.State != backends.Running {
				if n == needNothing {
					return errNoEngine
				}
				list, err := b.ListEnclaves(ctx)
				if err != nil {
					return err
				}
				if len(list) == 0 {
					return errNoEngine
				}
			}
		}
		system, err := a.ensureEngine(ctx, b, name)
		if err != nil {
			return err
		}
		s, err := newSession(b, name, system)
		if err != nil {
			return err
		}
		defer s.Close()
		if _, err := s.version(ctx); err != nil && ctx.Err() == nil {
			if backends.KindOf(err) == backends.AuthNeeded {
				return tokenError(name)
			}
			// It runs and doesn't answer: it may have been started a moment ago.
			if err := engine.AwaitReady(ctx, b, system, time.Time{}); err != nil {
				return err
			}
		}
		return do(s)
	})
}

// tokenError says that an engine wants a token, or another one.
func tokenError(name string) error {
	message := fmt.Sprintf("the engine '%s' wants a token", name)
	if os.Getenv(engine.TokenVariable) != "" {
		message = fmt.Sprintf("the engine '%s' has another token than that of %s", name, engine.TokenVariable)
	}
	return &faultError{message, "set " + engine.TokenVariable + " to what it was started with"}
}

// newSession is a client of an engine that runs. The caller closes it.
func newSession(b engine.Backend, name string, system backends.System) (*session, error) {
	secure, err := clientTLS(name, system)
	if err != nil {
		return nil, err
	}
	return &session{Engine: client.NewEngine(options(b, system, secure)), backend: b, name: name, tls: secure}, nil
}

// answerTime bounds what is asked of an engine that should be there.
const answerTime = 10 * time.Second

// version asks for the version of the engine's wire protocol.
func (s *session) version(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	return s.WireVersion(ctx)
}

// anyHost stands for a host where the backend makes the connections. It has no dash, so that it can't be taken for the name
// of a service, which engines lead to.
const anyHost = "engine"

// options say how a container of ours is reached.
func options(b engine.Backend, s backends.System, secure *tls.Config) client.Options {
	return client.Options{
		Address:     net.JoinHostPort(cmp.Or(s.Published.Address, anyHost), strconv.Itoa(int(cmp.Or(s.Published.Number, s.Port)))),
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return b.DialSystem(ctx, s) },
		Token:       os.Getenv(engine.TokenVariable),
		TLS:         secure,
	}
}

// find finds an enclave by its identifier.
func (a *app) find(ctx context.Context, identifier string, do func(*session, client.EnclaveInfo) error) error {
	err := a.withEngine(ctx, needEnclaves, func(s *session) error {
		found, err := s.Find(ctx, identifier)
		if err != nil {
			return err
		}
		return do(s, found)
	})
	if errors.Is(err, errNoEngine) {
		_, err = backends.MatchEnclave(nil, identifier) // words it
	}
	return err
}

// withEnclave runs a command on an enclave whose API container runs.
func (a *app) withEnclave(ctx context.Context, identifier string, do func(*session, client.EnclaveInfo, *client.Enclave) error) error {
	return a.find(ctx, identifier, func(s *session, found client.EnclaveInfo) error {
		e, err := s.dial(found)
		if err != nil {
			return err
		}
		defer e.Close()
		return do(s, found, e)
	})
}

// dial gives the client of an enclave. The caller closes it.
func (s *session) dial(e client.EnclaveInfo) (*client.Enclave, error) {
	if !e.Running() {
		return nil, &faultError{fmt.Sprintf("enclave '%s' is stopped", e.Name), fmt.Sprintf("'kurtosis enclave start %s' starts it", e.Name)}
	}
	return client.NewEnclave(options(s.backend, *e.API, s.tls)), nil
}

// completeEnclaves offers the names of enclaves for the first operand.
func (a *app) completeEnclaves(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.enclaveNames(cmd.Context())
}

// completeEnclaveList offers the names of enclaves for every operand.
func (a *app) completeEnclaveList(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	return a.enclaveNames(cmd.Context())
}

func (a *app) enclaveNames(ctx context.Context) ([]string, cobra.ShellCompDirective) {
	return a.complete(ctx, func(s *session) ([]string, error) {
		list, err := s.List(ctx)
		names := make([]string, len(list))
		for i, e := range list {
			names[i] = e.Name
		}
		return names, err
	})
}

// complete gives what an engine that runs offers; one that doesn't offers nothing.
func (a *app) complete(ctx context.Context, list func(*session) ([]string, error)) ([]string, cobra.ShellCompDirective) {
	var names []string
	err := a.withEngine(ctx, needNothing, func(s *session) (err error) {
		names, err = list(s)
		return err
	})
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// inspected gives names from what an enclave holds, for completion.
func (a *app) inspected(ctx context.Context, enclave string, names func(client.Inspection) []string) ([]string, cobra.ShellCompDirective) {
	return a.complete(ctx, func(s *session) ([]string, error) {
		found, err := s.Find(ctx, enclave)
		if err != nil {
			return nil, err
		}
		e, err := s.dial(found)
		if err != nil {
			return nil, err
		}
		defer e.Close()
		held, err := e.Inspect(ctx)
		if err != nil {
			return nil, err
		}
		return names(held), nil
	})
}

func serviceNames(held client.Inspection) []string {
	names := make([]string, len(held.Services))
	for i, s := range held.Services {
		names[i] = s.Name
	}
	return names
}

// completeServices offers enclaves for the first operand, and that enclave's services for the next ones.
func (a *app) completeServices(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return a.completeEnclaves(cmd, args, toComplete)
	}
	return a.inspected(cmd.Context(), args[0], serviceNames)
}

// completeService offers an enclave and one of its services.
func (a *app) completeService(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 1 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.completeServices(cmd, args, toComplete)
}

// completePorts offers an enclave, a service of it, and a port of that.
func (a *app) completePorts(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
	if len(args) != 2 {
		return a.completeService(cmd, args, toComplete)
	}
	return a.inspected(cmd.Context(), args[0], func(held client.Inspection) []string {
		var ids []string
		for _, s := range held.Services {
			if s.Name == args[1] {
				for id := range s.Ports {
					ids = append(ids, id)
				}
			}
		}
		return ids
	})
}

// completeArtifacts offers enclaves, and then that enclave's files artifacts.
func (a *app) completeArtifacts(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
	switch len(args) {
	case 0:
		return a.completeEnclaves(cmd, args, toComplete)
	case 1:
		return a.inspected(cmd.Context(), args[0], func(held client.Inspection) []string {
			names := make([]string, len(held.Artifacts))
			for i, artifact := range held.Artifacts {
				names[i] = artifact.Name
			}
			return names
		})
	}
	return nil, cobra.ShellCompDirectiveDefault
}
