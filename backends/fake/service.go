package fake

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/kurtosis-go/kurtosis/backends"
)

// service is a service and its process, if it runs. Its fields are guarded by Backend.mu.
type service struct {
	backends.Service
	enclave   *enclave
	spec      backends.ServiceSpec
	image     *Image
	files     *files
	published map[string]backends.Endpoint // while stopped, too
	log       *log
	run       *run // nil while stopped
	onPurpose bool // stopped by a call
}

// run is one life of a service's process.
type run struct {
	cancel    context.CancelFunc // asks it to end
	done      chan struct{}      // closed after the state is settled
	killed    chan struct{}      // closed to end it without asking
	listeners map[backends.Port]*listener
	oom       bool
}

// AddService makes and starts a service.
func (b *Backend) AddService(ctx context.Context, enclave string, spec backends.ServiceSpec) (backends.Service, error) {
	if err := b.enter(ctx, "AddService", enclave, spec.Name); err != nil {
		return backends.Service{}, err
	}
	if err := spec.Validate(); err != nil {
		return backends.Service{}, err
	}
	b.mu.Lock()
	e, err := b.find(enclave)
	if err == nil && e.services[spec.Name] != nil {
		err = backends.Errorf(backends.AlreadyExists, "enclave %q has a service %q already", e.Name, spec.Name)
	}
	b.mu.Unlock()
	if err != nil {
		return backends.Service{}, err
	}
	spec.UUID = cmp.Or(spec.UUID, backends.NewUUID())
	s, err := b.make(ctx, e, spec, nil, fmt.Sprintf("starting service %q", spec.Name))
	if err != nil {
		return backends.Service{}, err
	}
	b.mu.Lock()
	if e.services[spec.Name] != nil {
		err = backends.Errorf(backends.AlreadyExists, "enclave %q has a service %q already", e.Name, spec.Name)
	} else {
		e.services[spec.Name] = s
	}
	b.mu.Unlock()
	if err == nil {
		err = b.start(s)
	}
	if err != nil {
		return backends.Service{}, err
	}
	return b.snapshot(s), nil
}

// make prepares a service without starting it. old, if any, is the one it replaces.
func (b *Backend) make(ctx context.Context, e *enclave, spec backends.ServiceSpec, old *service, doing string) (*service, error) {
	b.mu.Lock()
	image := b.image(spec.Image)
	b.mu.Unlock()
	if image == nil {
		return nil, backends.Errorf(backends.ImageNotFound, "%s: the engine has no image %q", doing, spec.Image).WithHint("pull or build it first")
	}
	command := image.command(spec)
	if len(command) == 0 || image.Commands != nil && !slices.Contains(image.Commands, command[0]) {
		return nil, invalidError(doing, command)
	}
	f := newFiles(image.Files)
	for _, m := range spec.Files {
		v := newVolume()
		for _, archive := range m.Archives {
			if err := v.unpack(ctx, archive); err != nil {
				return nil, fmt.Errorf("%s: files for %s: %w", doing, m.Path, err)
			}
		}
		f.mount(m.Path, v)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, d := range spec.Directories {
		v := e.volumes[d.Key]
		if v == nil {
			v = f.copyOf(d.Path)
			e.volumes[d.Key] = v
		}
		f.mount(d.Path, v)
	}
	s := &service{enclave: e, spec: spec, image: image, files: f, log: newLog()}
	s.Service = backends.Service{
		Name: spec.Name, UUID: spec.UUID, Image: spec.Image, ImageID: image.ID, Hostname: spec.Name,
		Ports: maps.Clone(spec.Ports), Labels: maps.Clone(spec.Labels), State: backends.Stopped,
	}
	if old != nil {
		s.Address, s.log = old.Address, old.log
	} else {
		s.Address = e.address()
	}
	var err error
	if s.published, err = b.publish(s, old, doing); err != nil {
		return nil, err
	}
	return s, nil
}

func invalidError(doing string, command []string) error {
	name := ""
	if len(command) > 0 {
		name = command[0]
	}
	return backends.Errorf(backends.Invalid, "%s: command %q is not in the image", doing, name).WithHint("check entrypoint and cmd against the image")
}

// address gives the enclave's next address.
func (e *enclave) address() string {
	var a [4]byte
	binary.BigEndian.PutUint32(a[:], binary.BigEndian.Uint32(e.prefix.Addr().AsSlice())+e.nextHost)
	e.nextHost++
	return netip.AddrFrom4(a).String()
}

// publish gives out host ports; b.mu is held.
func (b *Backend) publish(s, old *service, doing string) (map[string]backends.Endpoint, error) {
	taken := map[backends.Port]bool{}
	for _, e := range b.enclaves {
		for _, other := range e.services {
			if other != old {
				for _, p := range other.published {
					taken[backends.Port{Number: p.Number, Transport: p.Transport}] = true
				}
			}
		}
	}
	list := map[string]backends.Endpoint{}
	if s.spec.Unpublished {
		return list, nil
	}
	all := maps.Clone(s.spec.PublicPorts)
	if all == nil {
		all = map[string]backends.Port{}
	}
	maps.Copy(all, s.spec.Ports)
	for _, id := range slices.Sorted(maps.Keys(all)) {
		p := all[id]
		public, fixed := s.spec.PublicPorts[id]
		if !fixed && p.Protocol() == backends.UDP && !s.spec.PublishUDP {
			continue
		}
		on := backends.Port{Number: public.Number, Transport: p.Protocol()}
		if !fixed && old != nil {
			on.Number = old.published[id].Number
		}
		for on.Number == 0 || !fixed && taken[on] {
			on.Number = b.nextPort
			if b.nextPort++; b.nextPort == 0 {
				b.nextPort = firstPort
			}
		}
		if taken[on] {
			return nil, backends.Errorf(backends.PortTaken, "%s: port %d is taken on the host", doing, on.Number).
				WithHint("free it (`docker ps` and `ss -tulpn` show who has it), or choose another in public_ports")
		}
		taken[on] = true
		on.Application = p.Application
		list[id] = backends.Endpoint{Address: "127.0.0.1", Port: on}
	}
	return list, nil
}

// snapshot is a service as callers see it.
func (b *Backend) snapshot(s *service) backends.Service {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := s.Service
	c.Ports, c.Labels = maps.Clone(s.Ports), maps.Clone(s.Labels)
	if c.Ports == nil {
		c.Ports = map[string]backends.Port{}
	}
	c.Published = nil
	if c.State == backends.Running {
		c.Published = maps.Clone(s.published)
	}
	return c
}

// service finds one.
func (b *Backend) service(enclave, name string) (*service, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e, err := b.find(enclave)
	if err != nil {
		return nil, err
	}
	if s := e.services[name]; s != nil {
		return s, nil
	}
	return nil, backends.Errorf(backends.NotFound, "enclave %q has no service %q", e.Name, name)
}

// UpdateService replaces a service.
func (b *Backend) UpdateService(ctx context.Context, enclave string, spec backends.ServiceSpec) (backends.Service, error) {
	if err := b.enter(ctx, "UpdateService", enclave, spec.Name); err != nil {
		return backends.Service{}, err
	}
	if err := spec.Validate(); err != nil {
		return backends.Service{}, err
	}
	old, err := b.service(enclave, spec.Name)
	if err != nil {
		return backends.Service{}, err
	}
	spec.UUID = cmp.Or(spec.UUID, old.UUID)
	s, err := b.make(ctx, old.enclave, spec, old, fmt.Sprintf("updating service %q", spec.Name))
	if err != nil {
		return backends.Service{}, err
	}
	if err := b.stop(ctx, old); err != nil {
		return backends.Service{}, err
	}
	b.mu.Lock()
	s.log = newLog()
	s.enclave.services[spec.Name] = s
	b.mu.Unlock()
	if err := b.start(s); err != nil {
		return backends.Service{}, err
	}
	return b.snapshot(s), nil
}

// InspectService returns a service.
func (b *Backend) InspectService(ctx context.Context, enclave, service string) (backends.Service, error) {
	if err := b.enter(ctx, "InspectService", enclave, service); err != nil {
		return backends.Service{}, err
	}
	s, err := b.service(enclave, service)
	if err != nil {
		return backends.Service{}, err
	}
	return b.snapshot(s), nil
}

// ListServices lists services by name.
func (b *Backend) ListServices(ctx context.Context, enclave string) ([]backends.Service, error) {
	if err := b.enter(ctx, "ListServices", enclave, ""); err != nil {
		return nil, err
	}
	var list []backends.Service
	err := b.each(enclave, func(s *service) error {
		list = append(list, b.snapshot(s))
		return nil
	})
	return list, err
}

// StartService starts a stopped service.
func (b *Backend) StartService(ctx context.Context, enclave, service string) (backends.Service, error) {
	if err := b.enter(ctx, "StartService", enclave, service); err != nil {
		return backends.Service{}, err
	}
	s, err := b.service(enclave, service)
	if err != nil {
		return backends.Service{}, err
	}
	if err := b.start(s); err != nil {
		return backends.Service{}, err
	}
	return b.snapshot(s), nil
}

// StopService stops a service.
func (b *Backend) StopService(ctx context.Context, enclave, service string) error {
	if err := b.enter(ctx, "StopService", enclave, service); err != nil {
		return err
	}
	s, err := b.service(enclave, service)
	if err != nil {
		return err
	}
	return b.stop(ctx, s)
}

// RemoveService removes a service.
func (b *Backend) RemoveService(ctx context.Context, enclave, service string) error {
	if err := b.enter(ctx, "RemoveService", enclave, service); err != nil {
		return err
	}
	s, err := b.service(enclave, service)
	if err != nil {
		return err
	}
	b.kill(s)
	b.mu.Lock()
	defer b.mu.Unlock()
	if s.enclave.services[service] == s {
		delete(s.enclave.services, service)
		s.enclave.notify(backends.Event{Type: backends.ServiceRemoved, Service: s.Name, UUID: s.UUID, Time: time.Now()})
	}
	return nil
}

// Dial connects to a listener of a service's process.
func (b *Backend) Dial(ctx context.Context, enclave, service string, port backends.Port) (net.Conn, error) {
	if err := b.enter(ctx, "Dial", enclave, service); err != nil {
		return nil, err
	}
	if port.Protocol() == backends.SCTP {
		return nil, backends.Errorf(backends.Unsupported, "connecting to port %s of service %q: SCTP cannot be dialled", port, service)
	}
	s, err := b.service(enclave, service)
	if err != nil {
		return nil, err
	}
	if err := b.exited(s); err != nil {
		return nil, err
	}
	conn, err := b.connect(ctx, s, port)
	if err != nil {
		return nil, err
	}
	if conn == nil {
		return nil, backends.Errorf(backends.PortClosed, "port %s of service %q is not open: nobody listens on it", port, service)
	}
	return conn, nil
}

// connect returns nil if nobody listens.
func (b *Backend) connect(ctx context.Context, s *service, port backends.Port) (net.Conn, error) {
	b.mu.Lock()
	var l *listener
	if s.run != nil {
		l = s.run.listeners[backends.Port{Number: port.Number, Transport: port.Protocol()}]
	}
	b.mu.Unlock()
	if l == nil {
		if port.Protocol() == backends.UDP {
			return blackHole(), nil
		}
		return nil, nil
	}
	return l.dial(ctx)
}

// exited explains that a service does not run; nil if it does.
func (b *Backend) exited(s *service) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s.State == backends.Running {
		return nil
	}
	e := &backends.Error{Kind: backends.Exited, ExitCode: s.ExitCode, Message: fmt.Sprintf("service %q does not run: it exited with code %d", s.Name, s.ExitCode)}
	if s.ExitCode == 0 {
		e.Hint = "its command came to its end; a service runs until it is stopped"
	}
	if s.OutOfMemory {
		e.Kind, e.Hint = backends.OutOfMemory, "raise max_memory, or remove it"
		e.Message = fmt.Sprintf("service %q was killed for its memory: more than %d MB", s.Name, s.spec.MaxMemory>>20)
	}
	for _, line := range s.log.last(20) {
		e.Log = append(e.Log, line.Text)
	}
	return e
}

// absolute checks a path of a copy.
func absolute(doing, p string) error {
	if !strings.HasPrefix(p, "/") {
		return invalidf("%s: path %q is not absolute", doing, path.Clean(p))
	}
	return nil
}
