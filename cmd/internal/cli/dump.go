package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/kurtosis-go/kurtosis/api/client"
	"github.com/kurtosis-go/kurtosis/backends"
)

func (a *app) enclaveDumpCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "dump ENCLAVE [DIRECTORY]", Short: "Write all that is known of an enclave into files",
		Long: `Write all that is known of an enclave into files: enclave.json, and for each container a directory with its
specification and its log. Values of environment variables are left out. DIRECTORY is made; without one it is
<name>--<uuid>, here.`,
		Example: "  kurtosis enclave dump demo\n  kurtosis enclave dump demo ./report",
		Args:    operands(1, "the enclave", "the directory"), ValidArgsFunction: a.completeEnclaves,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			return a.find(ctx, args[0], func(s *session, found client.EnclaveInfo) error {
				dir := found.Name + "--" + found.UUID
				if len(args) > 1 {
					dir = args[1]
				}
				if err := newDirectory(dir); err != nil {
					return err
				}
				if err := s.dump(ctx, found, dir); err != nil {
					return err
				}
				return a.dumped(dir)
			})
		},
	}
	a.outputFlag(cmd, formatJSON)
	return cmd
}

func (a *app) dumpCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "dump [DIRECTORY]", Short: "Write all that is known of the engine and its enclaves into files",
		Long: `Write all that is known of the engine and its enclaves into files: the engine's log, and for each enclave what
'kurtosis enclave dump' writes. DIRECTORY is made; without one it is kurtosis-dump, here.`,
		Example: "  kurtosis dump ./report",
		Args:    operands(0, "the directory"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			dir := "kurtosis-dump"
			if len(args) > 0 {
				dir = args[0]
			}
			if err := newDirectory(dir); err != nil {
				return err
			}
			err := a.withEngine(ctx, needEnclaves, func(s *session) error { return s.dumpAll(ctx, dir) })
			if err != nil && !errors.Is(err, errNoEngine) {
				return err
			}
			return a.dumped(dir)
		},
	}
	a.outputFlag(cmd, formatJSON)
	return cmd
}

// newDirectory makes a directory that does not hold anything yet.
func newDirectory(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case err == nil && len(entries) > 0:
		return &usageError{fmt.Sprintf("the directory '%s' isn't empty", dir), "name one that is, or that doesn't exist"}
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return &usageError{fmt.Sprintf("can't write to '%s': %s", dir, reason(err)), ""}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return &usageError{fmt.Sprintf("can't write to '%s': %s", dir, reason(err)), ""}
	}
	return nil
}

func (a *app) dumped(dir string) error {
	if a.output == formatJSON {
		a.printJSON(map[string]string{"path": dir})
		return nil
	}
	_, err := fmt.Fprintln(a.Out, dir)
	return err
}

// Files of a dump, as the reference calls them.
const (
	specFile = "spec.json"
	logFile  = "output.log"
)

func (s *session) dumpAll(ctx context.Context, dir string) error {
	info, err := s.Info(ctx)
	if err != nil {
		return err
	}
	found, ok, err := findEngine(ctx, s.backend, s.name)
	if err != nil {
		return err
	}
	if ok {
		if err := s.dumpContainer(ctx, filepath.Join(dir, found.Name), info, found.ID); err != nil {
			return err
		}
	}
	list, err := s.List(ctx)
	if err != nil {
		return err
	}
	for _, enclave := range list {
		if err := s.dump(ctx, enclave, filepath.Join(dir, enclave.Name+"--"+enclave.UUID)); err != nil {
			return err
		}
	}
	return nil
}

// dump writes what is known of an enclave.
func (s *session) dump(ctx context.Context, found client.EnclaveInfo, dir string) error {
	doc := inspectDocument{enclaveDocument: enclaveOf(found.Enclave)}
	if found.Running() {
		e, err := s.dial(found)
		if err != nil {
			return err
		}
		defer e.Close()
		if doc, err = inspection(ctx, found, e); err != nil {
			return err
		}
		held, err := e.Inspect(ctx)
		if err != nil {
			return err
		}
		for _, service := range held.Services {
			if err := s.dumpService(ctx, found.UUID, service, dir); err != nil {
				return err
			}
		}
	}
	if found.API != nil {
		if err := s.dumpContainer(ctx, filepath.Join(dir, backends.APIContainerName(found.UUID)), found.API, found.API.ID); err != nil {
			return err
		}
	}
	return writeJSONFile(filepath.Join(dir, "enclave.json"), doc)
}

func (s *session) dumpService(ctx context.Context, enclave string, service client.Service, dir string) error {
	dir = filepath.Join(dir, backends.ContainerName(service.Name, service.UUID))
	detail := detailOf(service)
	for name := range detail.Env {
		detail.Env[name] = "***" // people send dumps to others
	}
	if err := writeJSONFile(filepath.Join(dir, specFile), detail); err != nil {
		return err
	}
	return writeLog(filepath.Join(dir, logFile), func(yield func(backends.LogLine, error) bool) {
		for line, err := range s.Logs(ctx, enclave, client.LogOptions{Services: []string{service.UUID}}) {
			if !yield(line.LogLine, err) {
				return
			}
		}
	})
}

// dumpContainer writes what is known of a container of ours.
func (s *session) dumpContainer(ctx context.Context, dir string, spec any, id string) error {
	if err := writeJSONFile(filepath.Join(dir, specFile), spec); err != nil {
		return err
	}
	return writeLog(filepath.Join(dir, logFile), s.backend.SystemLogs(ctx, id, backends.LogOptions{}))
}

func writeJSONFile(file string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o644)
}

func writeLog(file string, lines iter.Seq2[backends.LogLine, error]) (err error) {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	for line, err := range lines {
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(f, "%s %s\n", line.Time.UTC().Format("2006-01-02T15:04:05.000Z"), line.Text); err != nil {
			return err
		}
	}
	return nil
}
