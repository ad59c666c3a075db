package apicontainer

import (
	"context"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/kurtosis-go/kurtosis/backends"
)

// alive remembers which services run. Those that went down together with the API container, as when the machine
// loses its power or the container engine is restarted, are started again when it is; those that ended before, by
// themselves or because they were told to, are left alone.
type alive struct {
	path string
	mu   sync.Mutex
	set  map[string]bool // by the services' UUIDs
}

// settleTime is how long a service has to be gone while this process lives for that to be its own end: a machine
// that goes down ends services a moment before it ends us.
const settleTime = 2 * time.Second

// revivedAtOnce bounds how many services are started at once.
const revivedAtOnce = 8

func openAlive(path string) (*alive, error) {
	var uuids []string
	if err := readJSON(path, &uuids); err != nil {
		return nil, err
	}
	a := &alive{path: path, set: map[string]bool{}}
	for _, uuid := range uuids {
		a.set[uuid] = true
	}
	return a, nil
}

// change edits the set and saves it if that made a difference. A set that can't be saved, on a full disk, is one
// that is too old: the services' own state is not touched by it.
func (a *alive) change(edit func(set map[string]bool)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	before := maps.Clone(a.set)
	edit(a.set)
	if !maps.Equal(before, a.set) {
		_ = writeJSON(a.path, slices.Sorted(maps.Keys(a.set)))
	}
}

// Revive starts the services that ran when the API container did for the last time and do not run now. A service
// that cannot be started stays stopped, as the next run finds and mends.
func (s *Server) Revive(ctx context.Context) error {
	services, err := s.Backend.ListServices(ctx, s.enclave.UUID)
	if err != nil {
		return err
	}
	store, err := s.remembered()
	if err != nil {
		return err
	}
	known := store.Enclave().Services
	var all sync.WaitGroup
	slots := make(chan struct{}, revivedAtOnce)
	for _, service := range services {
		if _, made := known[service.Name]; !made || service.State != backends.Stopped || !s.alive.set[service.UUID] {
			continue // what no run has finished making is the next run's to mend
		}
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			_, _ = s.Backend.StartService(ctx, s.enclave.UUID, service.Name)
		})
	}
	all.Wait()
	return ctx.Err()
}

// watchPause is what passes before events are asked for again after their stream broke.
const watchPause = time.Second

// Run follows which services run, until ctx ends.
func (s *Server) Run(ctx context.Context) {
	var all sync.WaitGroup
	defer all.Wait()
	pause := time.NewTicker(watchPause)
	defer pause.Stop()
	for ctx.Err() == nil {
		watching, stop := context.WithCancel(ctx)
		if events, err := s.Backend.Watch(watching, s.enclave.UUID); err == nil {
			if s.look(ctx) == nil {
				for e := range events {
					s.happened(ctx, &all, e)
				}
			}
		}
		stop()
		select {
		case <-ctx.Done():
		case <-pause.C:
		}
	}
}

// look takes what runs now for all that runs.
func (s *Server) look(ctx context.Context) error {
	services, err := s.Backend.ListServices(ctx, s.enclave.UUID)
	if err != nil {
		return err
	}
	s.alive.change(func(set map[string]bool) {
		clear(set)
		for _, service := range services {
			if service.State != backends.Stopped {
				set[service.UUID] = true
			}
		}
	})
	return nil
}

func (s *Server) happened(ctx context.Context, all *sync.WaitGroup, e backends.Event) {
	switch e.Type {
	case backends.ServiceStarted:
		s.alive.change(func(set map[string]bool) { set[e.UUID] = true })
	case backends.ServiceEnded:
		all.Go(func() { s.settle(ctx, e) })
	}
}

// settleLooks bounds how often a service is looked at whose container engine has not made up its mind.
const settleLooks = 5

// settle finds out what became of a service that ended.
func (s *Server) settle(ctx context.Context, e backends.Event) {
	again := time.NewTicker(settleTime)
	defer again.Stop()
	for range settleLooks {
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		}
		now, err := s.Backend.InspectService(ctx, s.enclave.UUID, e.Service)
		switch {
		case backends.KindOf(err) == backends.NotFound, err == nil && now.UUID != e.UUID:
		case err != nil, now.State == backends.Running:
			return
		case now.State == backends.Starting:
			continue
		case now.Interrupted:
			// It stays among those that run: should this fail, or we end, our next start tries again.
			_, _ = s.Backend.StartService(ctx, s.enclave.UUID, e.Service)
			return
		}
		s.alive.change(func(set map[string]bool) { delete(set, e.UUID) })
		return
	}
}

func alivePath(dir string) string { return filepath.Join(dir, "alive.json") }
