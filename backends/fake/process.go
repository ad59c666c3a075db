package fake

import (
	"cmp"
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/kurtosis-go/kurtosis/backends"
)

// Program is what a service or an exec runs: it returns its exit code. It must end when ctx does, which is SIGTERM.
type Program func(ctx context.Context, p *Process) int

// Process is a running Program's surroundings.
type Process struct {
	Args           []string // with the command itself
	Env            map[string]string
	Dir            string
	UID, GID       int64
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	TTY            bool
	// Ports are those the service declares.
	Ports map[string]backends.Port
	// Init tells whether an init process runs as process 1.
	Init bool

	backend *Backend
	service *service
	run     *run
}

// errInUse is what a second listener of a port gets.
var errInUse = errors.New("address already in use")

// Listen accepts connections to a port. Each datagram "connection" of UDP is one too.
func (p *Process) Listen(port backends.Port) (net.Listener, error) {
	b := p.backend
	b.mu.Lock()
	defer b.mu.Unlock()
	key := backends.Port{Number: port.Number, Transport: port.Protocol()}
	if p.run.listeners[key] != nil {
		return nil, errInUse
	}
	l := &listener{port: key, conns: make(chan net.Conn), closed: make(chan struct{})}
	l.close = sync.OnceFunc(func() {
		close(l.closed)
		b.mu.Lock()
		delete(p.run.listeners, key)
		b.mu.Unlock()
	})
	p.run.listeners[key] = l
	return l, nil
}

// Resolve finds the address of a service of the same enclave.
func (p *Process) Resolve(name string) (string, bool) {
	p.backend.mu.Lock()
	defer p.backend.mu.Unlock()
	s := p.service.enclave.services[name]
	if s == nil || s.State != backends.Running {
		return "", false
	}
	return s.Address, true
}

// Dial connects to "name:port" or "address:port" in the same enclave.
func (p *Process) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, number, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	n, err := strconv.ParseUint(number, 10, 16)
	if err != nil {
		return nil, err
	}
	p.backend.mu.Lock()
	var target *service
	for _, s := range p.service.enclave.services {
		if s.Name == host || s.Address == host {
			target = s
		}
	}
	p.backend.mu.Unlock()
	if target == nil {
		return nil, errors.New("i/o timeout")
	}
	conn, err := p.backend.connect(ctx, target, backends.Port{Number: uint16(n), Transport: backends.Transport(strings.ToUpper(network))})
	if err == nil && conn == nil {
		err = errors.New("connection refused")
	}
	return conn, err
}

// Grow takes memory, in bytes; false if the process is killed for it.
func (p *Process) Grow(bytes int64) bool {
	p.backend.mu.Lock()
	defer p.backend.mu.Unlock()
	if limit := p.service.spec.MaxMemory; limit == 0 || bytes <= limit {
		return true
	}
	p.run.oom = true
	return false
}

// start begins a service's life, unless it runs.
func (b *Backend) start(s *service) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s.run != nil {
		return nil
	}
	s.onPurpose = false
	b.launch(s)
	return nil
}

// launch runs the program; b.mu is held.
func (b *Backend) launch(s *service) {
	ctx, cancel := context.WithCancel(b.life)
	r := &run{cancel: cancel, done: make(chan struct{}), killed: make(chan struct{}), listeners: map[backends.Port]*listener{}}
	s.run = r
	s.State, s.Started, s.Finished, s.ExitCode, s.OutOfMemory, s.Interrupted, s.Reason = backends.Running, time.Now(), time.Time{}, 0, false, false, ""
	s.enclave.notify(backends.Event{Type: backends.ServiceStarted, Service: s.Name, UUID: s.UUID, Time: s.Started})
	p := b.process(s, r, s.image.command(s.spec), nil)
	if s.spec.User != nil {
		p.UID = s.spec.User.UID
		if s.spec.User.GID != nil {
			p.GID = *s.spec.User.GID
		}
	}
	p.TTY = s.spec.TTY
	p.Stdout, p.Stderr = s.log.writer(false), s.log.writer(true)
	if p.TTY {
		p.Stderr = p.Stdout
	}
	code := make(chan int, 1)
	go func() { code <- s.image.program(p.Args)(ctx, p) }()
	go func() {
		defer cancel()
		exit := killed
		select {
		case exit = <-code:
		case <-r.killed:
		}
		b.ended(s, r, exit)
	}()
}

// killed is the exit code of SIGKILL.
const killed = 137

// ended settles a service whose process has ended.
func (b *Backend) ended(s *service, r *run, code int) {
	b.mu.Lock()
	var open []*listener
	for _, l := range r.listeners {
		open = append(open, l)
	}
	if r.oom {
		code = killed
	}
	s.run, s.State, s.ExitCode, s.Finished = nil, backends.Stopped, code, time.Now()
	if s.OutOfMemory = r.oom; r.oom {
		s.Reason = "OOMKilled"
		s.enclave.notify(backends.Event{Type: backends.ServiceOutOfMemory, Service: s.Name, UUID: s.UUID, Time: s.Finished})
	}
	s.log.end()
	s.enclave.notify(backends.Event{Type: backends.ServiceEnded, Service: s.Name, UUID: s.UUID, ExitCode: code, Time: s.Finished})
	again := !s.onPurpose && s.enclave.services[s.Name] == s &&
		(s.enclave.Production || s.spec.Restart == backends.RestartAlways || s.spec.Restart == backends.RestartOnFailure && code != 0)
	if again {
		s.log.begin()
		b.launch(s)
	}
	b.mu.Unlock()
	for _, l := range open {
		l.Close()
	}
	close(r.done)
}

// stop asks a process to end, and kills it after its grace.
func (b *Backend) stop(ctx context.Context, s *service) error {
	b.mu.Lock()
	r := s.run
	s.onPurpose = true
	b.mu.Unlock()
	if r == nil {
		return nil
	}
	r.cancel()
	grace := time.NewTimer(cmp.Or(s.spec.StopGrace, backends.DefaultStopGrace))
	defer grace.Stop()
	select {
	case <-r.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-grace.C:
		b.kill(s)
		return nil
	}
}

// Interrupt ends a service's process as one ends whose node is drained: nothing starts it again.
func (b *Backend) Interrupt(ctx context.Context, enclave, service string) error {
	s, err := b.service(enclave, service)
	if err != nil {
		return err
	}
	b.mu.Lock()
	s.Interrupted = true
	b.mu.Unlock()
	return b.stop(ctx, s)
}

// kill ends a process at once and for good.
func (b *Backend) kill(s *service) {
	b.mu.Lock()
	r := s.run
	s.onPurpose = true
	if r != nil {
		select {
		case <-r.killed:
		default:
			close(r.killed)
		}
	}
	b.mu.Unlock()
	if r != nil {
		r.cancel()
		<-r.done
	}
}

// process describes a program's surroundings.
func (b *Backend) process(s *service, r *run, command []string, env map[string]string) *Process {
	all := maps.Clone(s.image.Env)
	if all == nil {
		all = map[string]string{}
	}
	for k, v := range s.spec.Env {
		all[k] = placed(s, v)
	}
	maps.Copy(all, env)
	args := make([]string, len(command))
	for i, a := range command {
		args[i] = placed(s, a)
	}
	return &Process{
		Args: args, Env: all, Dir: "/", Stdin: strings.NewReader(""), Ports: s.spec.Ports, Init: s.spec.Init,
		Stdout: io.Discard, Stderr: io.Discard, backend: b, service: s, run: r,
	}
}

func placed(s *service, text string) string {
	if s.spec.AddressPlaceholder == "" {
		return text
	}
	return strings.ReplaceAll(text, s.spec.AddressPlaceholder, s.Address)
}

// listener is a port of a process.
type listener struct {
	port   backends.Port
	conns  chan net.Conn
	closed chan struct{}
	close  func()
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error { l.close(); return nil }

func (l *listener) Addr() net.Addr { return address(l.port.String()) }

// dial returns nil if the listener closes meanwhile.
func (l *listener) dial(ctx context.Context) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case l.conns <- there:
		return here, nil
	case <-l.closed:
		return nil, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

type address string

func (address) Network() string  { return "memory" }
func (a address) String() string { return string(a) }

// blackHole takes datagrams that nobody receives.
func blackHole() net.Conn {
	here, there := net.Pipe()
	go io.Copy(io.Discard, there)
	return here
}
