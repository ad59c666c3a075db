// Package fake is a backend in memory with real semantics: services are Go functions that listen, log, read files and
// exit. It uses the clock of package time alone and waits on channels, so that testing/synctest makes its time virtual. Any
// call can be made to fail or to take its time.
package fake

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/kurtosis-go/kurtosis/backends"
)

// Options describe the machine. The zero value has two processors, 8 GiB, and no images.
type Options struct {
	// Cluster is what Info answers; "" is Docker.
	Cluster backends.ClusterType
	// TotalCPU in millicores and TotalMemory in bytes; 0 are 2000 and 8 GiB.
	TotalCPU, TotalMemory int64
	// AnyImage makes every image be there, running Listen, unless AddImage says something else.
	AnyImage bool
	// Enclaves is how many there is room for; 0 is 250.
	Enclaves int
}

// Call is a call that was made.
type Call struct {
	Op      string // the method's name
	Enclave string
	Service string // or image
}

// Backend is the fake. Its methods are safe for concurrent use.
type Backend struct {
	options Options
	life    context.Context // of the processes
	end     context.CancelFunc

	mu       sync.Mutex
	enclaves map[string]*enclave // by UUID
	images   map[string]*Image   // the engine's, by reference
	registry map[string]*Image   // to be pulled
	calls    []Call
	counts   map[string]int
	failures map[string][]failure
	delays   map[string]time.Duration
	systems  map[string]*system // by ID
	exec     ExecFunc
	nextPort uint16
	nextNet  int
}

type failure struct {
	nth int // 0 is every
	err error
}

// ExecFunc answers an exec instead of the service's program; not handled lets that do it.
type ExecFunc func(ctx context.Context, enclave, service string, exec backends.Exec) (code int, handled bool)

type enclave struct {
	backends.Enclave
	prefix   netip.Prefix
	services map[string]*service
	volumes  map[string]*volume // persistent directories by key
	nextHost uint32
	watchers map[*watcher]struct{}
}

var _ backends.Backend = (*Backend)(nil)

// New makes an empty engine. Its services' processes end with ctx, or with Close.
func New(ctx context.Context, options Options) *Backend {
	life, end := context.WithCancel(ctx)
	options.Cluster = cmp.Or(options.Cluster, backends.Docker)
	options.TotalCPU = cmp.Or(options.TotalCPU, 2000)
	options.TotalMemory = cmp.Or(options.TotalMemory, 8<<30)
	options.Enclaves = cmp.Or(options.Enclaves, 250)
	return &Backend{
		options: options, life: life, end: end, enclaves: map[string]*enclave{}, images: map[string]*Image{}, registry: map[string]*Image{},
		counts: map[string]int{}, failures: map[string][]failure{}, delays: map[string]time.Duration{}, nextPort: firstPort,
	}
}

// firstPort is the first host port that is given out.
const firstPort = 32768

// Fail makes the nth call of an operation from now on return err; n = 0 makes every call. The operation
// does nothing then. Names are those of the interface's methods.
func (b *Backend) Fail(op string, nth int, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if nth > 0 {
		nth += b.counts[op]
	}
	b.failures[op] = append(b.failures[op], failure{nth, err})
}

// Delay makes every call of an operation take that long before it does anything.
func (b *Backend) Delay(op string, d time.Duration) {
	b.mu.Lock()
	b.delays[op] = d
	b.mu.Unlock()
}

// OnExec answers exec calls.
func (b *Backend) OnExec(f ExecFunc) {
	b.mu.Lock()
	b.exec = f
	b.mu.Unlock()
}

// Calls lists what was called so far, in order.
func (b *Backend) Calls() []Call {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.calls)
}

// enter is how every operation begins: it is recorded, delayed and perhaps made to fail.
func (b *Backend) enter(ctx context.Context, op, enclave, service string) error {
	b.mu.Lock()
	b.calls = append(b.calls, Call{op, enclave, service})
	b.counts[op]++
	delay := b.delays[op]
	var err error
	for _, f := range b.failures[op] {
		if f.nth == 0 || f.nth == b.counts[op] {
			err = f.err
		}
	}
	b.mu.Unlock()
	if delay > 0 {
		timer := time.NewTimer(delay)
		defer timer.Stop()
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// Info describes the machine.
func (b *Backend) Info(ctx context.Context) (backends.Info, error) {
	if err := b.enter(ctx, "Info", "", ""); err != nil {
		return backends.Info{}, err
	}
	return backends.Info{
		ClusterType: b.options.Cluster, Name: "Fake Engine", Version: "1.0.0", Endpoint: "memory", Platform: platform,
		TotalCPU: b.options.TotalCPU, FreeCPU: b.options.TotalCPU, TotalMemory: b.options.TotalMemory, FreeMemory: b.options.TotalMemory,
	}, nil
}

// Close ends all processes.
func (b *Backend) Close() error {
	b.end()
	return nil
}

// CreateEnclave makes an enclave.
func (b *Backend) CreateEnclave(ctx context.Context, spec backends.EnclaveSpec) (backends.Enclave, error) {
	if err := b.enter(ctx, "CreateEnclave", spec.UUID, ""); err != nil {
		return backends.Enclave{}, err
	}
	if spec.UUID == "" || spec.Name == "" {
		return backends.Enclave{}, backends.Errorf(backends.Invalid, "an enclave needs a name and a uuid")
	}
	if spec.Created.IsZero() {
		spec.Created = time.Now()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.enclaves {
		if e.Name == spec.Name || e.UUID == spec.UUID {
			return backends.Enclave{}, backends.Errorf(backends.AlreadyExists, "there is an enclave %q already", spec.Name).
				WithHint("choose another name, or remove it with `kurtosis enclave rm %s`", spec.Name)
		}
	}
	if len(b.enclaves) >= b.options.Enclaves {
		return backends.Enclave{}, backends.Errorf(backends.NoNetworkSpace, "creating enclave %q: no free network is left: %d networks are in the way", spec.Name, len(b.enclaves)).
			WithHint("remove enclaves that are not needed (kurtosis clean), or configure another pool of subnets")
	}
	prefix := netip.PrefixFrom(netip.AddrFrom4([4]byte{172, 16, byte(b.nextNet << 2), 0}), 22)
	b.nextNet++
	e := &enclave{
		Enclave: backends.Enclave{
			UUID: spec.UUID, Name: spec.Name, Created: spec.Created, Production: spec.Production, Labels: spec.Labels,
			Status: backends.EnclaveEmpty, Subnet: prefix.String(),
		},
		prefix: prefix, services: map[string]*service{}, volumes: map[string]*volume{}, nextHost: 2, watchers: map[*watcher]struct{}{},
	}
	b.enclaves[spec.UUID] = e
	return e.Enclave, nil
}

// find returns an enclave; b.mu is held.
func (b *Backend) find(uuid string) (*enclave, error) {
	e := b.enclaves[uuid]
	if e == nil {
		return nil, backends.Errorf(backends.NotFound, "there is no enclave %q", uuid).WithHint("`kurtosis enclave ls` lists them")
	}
	return e, nil
}

// ListEnclaves lists enclaves, oldest first.
func (b *Backend) ListEnclaves(ctx context.Context) ([]backends.Enclave, error) {
	if err := b.enter(ctx, "ListEnclaves", "", ""); err != nil {
		return nil, err
	}
	return b.list(), nil
}

func (b *Backend) list() []backends.Enclave {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := make([]backends.Enclave, 0, len(b.enclaves))
	for _, e := range b.enclaves {
		x := e.Enclave
		for _, s := range e.services {
			if s.State == backends.Running {
				x.Status = backends.EnclaveRunning
			} else if x.Status == backends.EnclaveEmpty {
				x.Status = backends.EnclaveStopped
			}
		}
		list = append(list, x)
	}
	slices.SortFunc(list, func(a, b backends.Enclave) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.UUID, b.UUID))
	})
	return list
}

// InspectEnclave finds an enclave by identifier.
func (b *Backend) InspectEnclave(ctx context.Context, identifier string) (backends.Enclave, error) {
	if err := b.enter(ctx, "InspectEnclave", identifier, ""); err != nil {
		return backends.Enclave{}, err
	}
	return backends.MatchEnclave(b.list(), identifier)
}

// each calls do for every service of an enclave.
func (b *Backend) each(uuid string, do func(*service) error) error {
	b.mu.Lock()
	e, err := b.find(uuid)
	if err != nil {
		b.mu.Unlock()
		return err
	}
	var list []*service
	for _, name := range slices.Sorted(keys(e.services)) {
		list = append(list, e.services[name])
	}
	b.mu.Unlock()
	for _, s := range list {
		if err := do(s); err != nil {
			return err
		}
	}
	return nil
}

// StopEnclave stops every service.
func (b *Backend) StopEnclave(ctx context.Context, enclave string) error {
	if err := b.enter(ctx, "StopEnclave", enclave, ""); err != nil {
		return err
	}
	return b.each(enclave, func(s *service) error { return b.stop(ctx, s) })
}

// StartEnclave starts every service.
func (b *Backend) StartEnclave(ctx context.Context, enclave string) error {
	if err := b.enter(ctx, "StartEnclave", enclave, ""); err != nil {
		return err
	}
	return b.each(enclave, func(s *service) error { return b.start(s) })
}

// RemoveEnclave removes an enclave and all it has.
func (b *Backend) RemoveEnclave(ctx context.Context, enclave string) error {
	if err := b.enter(ctx, "RemoveEnclave", enclave, ""); err != nil {
		return err
	}
	if err := b.each(enclave, func(s *service) error { b.kill(s); return nil }); err != nil {
		return nil // it is not there
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	maps.DeleteFunc(b.systems, func(_ string, s *system) bool { return s.Enclave == enclave })
	if e := b.enclaves[enclave]; e != nil {
		delete(b.enclaves, enclave)
		for _, s := range e.services {
			e.notify(backends.Event{Type: backends.ServiceRemoved, Service: s.Name, UUID: s.UUID, Time: time.Now()})
		}
	}
	return nil
}

// Leftovers lists what exists for an enclave.
func (b *Backend) Leftovers(enclave string) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.enclaves[enclave]
	if e == nil {
		return nil
	}
	list := []string{"enclave " + e.Name}
	for name := range e.services {
		list = append(list, "service "+name)
	}
	for key := range e.volumes {
		list = append(list, "volume "+key)
	}
	return list
}

func keys[V any](m map[string]V) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func invalidf(format string, args ...any) error {
	return backends.Errorf(backends.Invalid, "%s", fmt.Sprintf(format, args...))
}
