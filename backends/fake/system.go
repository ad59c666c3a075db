package fake

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/kurtosis-go/kurtosis/backends"
)

var _ backends.Systems = (*Backend)(nil)

// system is a container of ours. Nothing runs in it: it says that it is ready, and that is all.
type system struct {
	backends.System
	settings backends.SystemSettings
	log      []backends.LogLine
}

// StartSystem makes a container that is ready at once.
func (b *Backend) StartSystem(ctx context.Context, spec backends.SystemSpec) (backends.System, error) {
	if err := b.enter(ctx, "StartSystem", spec.Enclave, spec.Image); err != nil {
		return backends.System{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	address := "10.0.0.2"
	if spec.Enclave != "" {
		e, err := b.find(spec.Enclave)
		if err != nil {
			return backends.System{}, err
		}
		address = e.address()
	}
	number := spec.PublishPort
	for _, s := range b.systems {
		if s.Name == spec.Name {
			return backends.System{}, backends.Errorf(backends.AlreadyExists, "starting %s: there is a container of that name already", spec.Name)
		}
		if number != 0 && s.Published.Number == number {
			return backends.System{}, backends.Errorf(backends.PortTaken, "starting %s: port %d is taken on the host", spec.Name, number)
		}
	}
	if number == 0 {
		number = b.nextPort
		b.nextPort++
	}
	s := &system{System: backends.System{
		ID: backends.NewUUID(), Name: spec.Name, UUID: spec.UUID, Kind: spec.Kind, Enclave: spec.Enclave, Image: spec.Image, Labels: maps.Clone(spec.Labels),
		State: backends.Running, Created: time.Now(), Address: address, Port: spec.Port,
		Published: backends.Endpoint{Address: cmp.Or(spec.PublishAddress, "127.0.0.1"), Port: backends.Port{Number: number}},
	}}
	s.settings = backends.SystemSettings{Command: slices.Clone(spec.Command), Env: maps.Clone(spec.Env)}
	s.say()
	if b.systems == nil {
		b.systems = map[string]*system{}
	}
	b.systems[s.ID] = s
	return s.System, nil
}

func (s *system) say() {
	s.log = append(s.log, backends.LogLine{Time: time.Now(), Text: fmt.Sprintf("%s%s", backends.SystemReady, s.Name)})
}

// ListSystems lists containers of ours by name.
func (b *Backend) ListSystems(ctx context.Context, kind string) ([]backends.System, error) {
	if err := b.enter(ctx, "ListSystems", "", ""); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	var list []backends.System
	for _, s := range b.systems {
		if s.Kind == kind {
			x := s.System
			if x.State != backends.Running {
				x.Published = backends.Endpoint{}
			}
			list = append(list, x)
		}
	}
	slices.SortFunc(list, func(a, b backends.System) int { return cmp.Compare(a.Name, b.Name) })
	return list, nil
}

// SystemSettings gives what a container was started with.
func (b *Backend) SystemSettings(ctx context.Context, id string) (settings backends.SystemSettings, err error) {
	err = b.changeSystem(ctx, "SystemSettings", id, func(s *system) { settings = s.settings })
	return settings, err
}

// ResumeSystem starts a container again.
func (b *Backend) ResumeSystem(ctx context.Context, id string) error {
	return b.changeSystem(ctx, "ResumeSystem", id, func(s *system) {
		if s.State != backends.Running {
			s.State = backends.Running
			s.say()
		}
	})
}

// StopSystem stops a container.
func (b *Backend) StopSystem(ctx context.Context, id string) error {
	return b.changeSystem(ctx, "StopSystem", id, func(s *system) { s.State = backends.Stopped })
}

func (b *Backend) changeSystem(ctx context.Context, op, id string, change func(*system)) error {
	if err := b.enter(ctx, op, "", ""); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.systems[id]
	if s == nil {
		return backends.Errorf(backends.NotFound, "there is no container %q", id)
	}
	change(s)
	return nil
}

// RemoveSystem removes a container.
func (b *Backend) RemoveSystem(ctx context.Context, id string) error {
	if err := b.enter(ctx, "RemoveSystem", "", ""); err != nil {
		return err
	}
	b.mu.Lock()
	delete(b.systems, id)
	b.mu.Unlock()
	return nil
}

// RemoveSystemVolume has nothing to do: no container of ours keeps anything.
func (b *Backend) RemoveSystemVolume(ctx context.Context, name string) error {
	return b.enter(ctx, "RemoveSystemVolume", "", name)
}

// RemoveSystemImages removes those of a repository.
func (b *Backend) RemoveSystemImages(ctx context.Context, repository string) error {
	if err := b.enter(ctx, "RemoveSystemImages", "", repository); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	used := map[string]bool{}
	for _, s := range b.systems {
		used[s.Image] = true
	}
	maps.DeleteFunc(b.images, func(ref string, _ *Image) bool { return strings.HasPrefix(ref, repository+":") && !used[ref] })
	return nil
}

// SystemLogs yields what a container has said so far, followed or not: it says nothing more.
func (b *Backend) SystemLogs(ctx context.Context, id string, options backends.LogOptions) iter.Seq2[backends.LogLine, error] {
	return func(yield func(backends.LogLine, error) bool) {
		var lines []backends.LogLine
		if err := b.changeSystem(ctx, "SystemLogs", id, func(s *system) { lines = slices.Clone(s.log) }); err != nil {
			yield(backends.LogLine{}, err)
			return
		}
		if options.Tail > 0 && len(lines) > options.Tail {
			lines = lines[len(lines)-options.Tail:]
		}
		for _, l := range lines {
			if !l.Time.Before(options.Since) && !yield(l, nil) {
				return
			}
		}
	}
}

// DialSystem finds nobody: nothing runs in a container of ours.
func (b *Backend) DialSystem(ctx context.Context, s backends.System) (net.Conn, error) {
	if err := b.enter(ctx, "DialSystem", s.Enclave, ""); err != nil {
		return nil, err
	}
	return nil, backends.Errorf(backends.PortClosed, "nobody listens in %s", s.Name)
}
