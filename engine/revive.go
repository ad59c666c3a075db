package engine

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/kurtosis-go/kurtosis/backends"
)

// An enclave that was stopped on purpose is marked by a file of its name, so that its API container stays stopped
// when others are started again.

func (s *Server) markPath(enclave string) string { return filepath.Join(s.Dir, "stopped", enclave) }

func (s *Server) mark(enclave string) error {
	path := s.markPath(enclave)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, nil, 0o600)
}

func (s *Server) unmark(enclave string) error {
	if err := os.Remove(s.markPath(enclave)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// revive starts the API containers that do not run although nobody stopped them. Docker does so itself after a
// reboot, but not where only its daemon was killed and found them running: it ends those first and then takes them
// for stopped by hand. One that cannot be started is as it was; who needs it is told why.
func (s *Server) revive(ctx context.Context) {
	list, err := s.list(ctx)
	if err != nil {
		return
	}
	var all sync.WaitGroup
	defer all.Wait()
	slots := make(chan struct{}, revivedAtOnce)
	for _, m := range list {
		if m.api == nil || m.api.State == backends.Running {
			continue
		}
		if _, err := os.Stat(s.markPath(m.UUID)); !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			_ = s.Backend.ResumeSystem(ctx, m.api.ID)
		})
	}
}

// revivedAtOnce bounds how many API containers are started at once.
const revivedAtOnce = 8
