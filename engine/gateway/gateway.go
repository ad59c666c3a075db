// Package gateway brings an engine that runs elsewhere, as on a Kubernetes cluster, to ports of this machine: the engine itself,
// the API containers of its enclaves, and the ports of their services. What the engine says of addresses is rewritten, so that
// programs made for an engine on their own machine find everything.
package gateway

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/kurtosis-go/kurtosis/api/rpc"
	"github.com/kurtosis-go/kurtosis/backends"
)

// Backend is where the engine runs.
type Backend interface {
	backends.Backend
	backends.Systems
}

// Options say what is brought where. Backend and Engine are required.
type Options struct {
	Backend Backend
	// Engine is the engine's name. It may be replaced while the gateway runs.
	Engine string
	// Address is where ports are opened; "" is loopback.
	Address string
	// Opened, unless nil, is told of each port that is opened, from several goroutines.
	Opened func(Forward)
	// Left, unless nil, is told once of each port of a service that is left where it is, because a cluster forwards TCP alone.
	Left func(Forward)
}

// Forward is a port of this machine that leads elsewhere.
type Forward struct {
	Enclave string        // its name, "" for the engine
	Service string        // "" for the engine or an API container
	Port    backends.Port // there
	Local   string        // address here, "" for none
}

const loopback = "127.0.0.1"

// Gateway is a running one.
type Gateway struct {
	Options
	ctx context.Context // until Serve returns
	all sync.WaitGroup

	mu    sync.Mutex
	ports map[key]*net.TCPAddr
	left  map[key]bool // that Left was told of
}

// key is what a port leads to.
type key struct {
	enclave, service string // UUID; "" for the API container
	port             uint16
	transport        backends.Transport // "" for TCP
}

// Serve brings the engine to a listener, and the rest to free ports, until ctx ends. Connections to what has gone fail, those to
// what has come back succeed again.
func Serve(ctx context.Context, o Options, listener net.Listener) error {
	if o.Address == "" {
		o.Address = loopback
	}
	ctx, stop := context.WithCancel(ctx)
	g := &Gateway{Options: o, ctx: ctx, ports: map[key]*net.TCPAddr{}, left: map[key]bool{}}
	g.opened(Forward{Port: backends.Port{Number: uint16(listener.Addr().(*net.TCPAddr).Port)}, Local: listener.Addr().String()})
	g.all.Go(g.follow)
	err := rpc.Serve(ctx, listener, g.engineHandler())
	stop()
	g.all.Wait()
	return err
}

func (g *Gateway) opened(f Forward) {
	if g.Opened != nil {
		g.Opened(f)
	}
}

// patience is how long a connection waits for what is being started anew.
const (
	patience = 30 * time.Second
	lookTime = 250 * time.Millisecond
)

// dial connects to a container of ours that find names, and waits for one that is being replaced.
func (g *Gateway) dial(ctx context.Context, kind string, is func(backends.System) bool, what string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	again := time.NewTicker(lookTime)
	defer again.Stop()
	for {
		conn, err := g.dialOnce(ctx, kind, is, what)
		if err == nil || ctx.Err() != nil {
			return conn, err
		}
		switch backends.KindOf(err) {
		case backends.Exited, backends.EngineUnreachable:
		default:
			return nil, err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return nil, err
		}
	}
}

func (g *Gateway) dialOnce(ctx context.Context, kind string, is func(backends.System) bool, what string) (net.Conn, error) {
	systems, err := g.Backend.ListSystems(ctx, kind)
	if err != nil {
		return nil, err
	}
	for _, s := range systems {
		if is(s) {
			return g.Backend.DialSystem(ctx, s)
		}
	}
	return nil, backends.Errorf(backends.NotFound, "there is no %s", what)
}

func (g *Gateway) dialEngine(ctx context.Context, _, _ string) (net.Conn, error) {
	return g.dial(ctx, backends.ContainerTypeEngine, func(s backends.System) bool { return s.Labels[backends.LabelEngine] == g.Engine }, fmt.Sprintf("engine '%s'", g.Engine))
}

func (g *Gateway) dialAPI(enclave string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		return g.dial(ctx, backends.ContainerTypeAPI, func(s backends.System) bool { return s.Enclave == enclave }, "API container of the enclave")
	}
}

// transport speaks HTTP/2 by prior knowledge over what dial connects to.
func transport(dial func(context.Context, string, string) (net.Conn, error)) *http.Transport {
	return &http.Transport{DialContext: dial, Protocols: rpc.PlainHTTP2(), HTTP2: &http.HTTP2Config{SendPingTimeout: pingTime, PingTimeout: pingTime}}
}

// pingTime is how long a connection may be silent before it is asked whether it still leads anywhere.
const pingTime = 5 * time.Second

// proxy hands calls on as they are.
func proxy(to *http.Transport) http.Handler {
	target := &url.URL{Scheme: "http", Host: "there"}
	return &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport:     to,
		FlushInterval: -1,                         // streams
		ErrorLog:      log.New(io.Discard, "", 0), // callers are told
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			unavailable(w, r, err)
		},
	}
}

// open gives what a key names a port here, once.
func (g *Gateway) open(k key, f Forward, serve func(net.Listener)) (*net.TCPAddr, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if a := g.ports[k]; a != nil {
		return a, nil
	}
	listener, err := (&net.ListenConfig{}).Listen(g.ctx, "tcp", net.JoinHostPort(g.Address, "0"))
	if err != nil {
		return nil, err
	}
	address := listener.Addr().(*net.TCPAddr)
	g.ports[k] = address
	g.all.Go(func() {
		serve(listener)
		_ = listener.Close() // it may have ended by itself
		g.mu.Lock()
		delete(g.ports, k)
		g.mu.Unlock()
	})
	f.Local = address.String()
	g.opened(f)
	return address, nil
}

// openAPI opens the API container of an enclave.
func (g *Gateway) openAPI(uuid, name string, port uint16) (*net.TCPAddr, error) {
	return g.open(key{enclave: uuid}, Forward{Enclave: name, Port: backends.Port{Number: port}}, func(l net.Listener) {
		to := transport(g.dialAPI(uuid))
		defer to.CloseIdleConnections()
		_ = rpc.Serve(g.ctx, l, g.enclaveHandler(uuid, name, to)) // ends with the gateway
	})
}

// openService opens a port of a service.
func (g *Gateway) openService(enclave, enclaveName, service string, port backends.Port) (*net.TCPAddr, error) {
	return g.open(key{enclave: enclave, service: service, port: port.Number}, Forward{enclaveName, service, port, ""}, func(l net.Listener) {
		stop := context.AfterFunc(g.ctx, func() { l.Close() })
		defer stop()
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			g.all.Go(func() { g.relay(enclave, service, port, conn) })
		}
	})
}

// relay connects both ends until either has gone. What cannot be reached hangs up.
func (g *Gateway) relay(enclave, service string, port backends.Port, near net.Conn) {
	defer near.Close()
	ctx, cancel := context.WithTimeout(g.ctx, patience)
	far, err := g.Backend.Dial(ctx, enclave, service, port)
	cancel()
	if err != nil {
		return
	}
	defer far.Close()
	stop := context.AfterFunc(g.ctx, func() { near.Close(); far.Close() })
	defer stop()
	join(near, far)
}

// follow opens what there is, and what comes.
func (g *Gateway) follow() {
	look := time.NewTicker(enclavesTime)
	defer look.Stop()
	following := map[string]bool{}
	var mu sync.Mutex
	for {
		list, err := g.enclaves()
		if err == nil { // else the cluster is away: the next look finds out
			for _, e := range list {
				mu.Lock()
				if !following[e.UUID] {
					following[e.UUID] = true
					g.all.Go(func() {
						g.followEnclave(e)
						mu.Lock()
						delete(following, e.UUID)
						mu.Unlock()
					})
				}
				mu.Unlock()
			}
		}
		select {
		case <-look.C:
		case <-g.ctx.Done():
			return
		}
	}
}

// enclaves lists those of the engine: it has made their API containers.
func (g *Gateway) enclaves() ([]backends.Enclave, error) {
	apis, err := g.Backend.ListSystems(g.ctx, backends.ContainerTypeAPI)
	if err != nil || len(apis) == 0 {
		return nil, err
	}
	list, err := g.Backend.ListEnclaves(g.ctx)
	return slices.DeleteFunc(list, func(e backends.Enclave) bool {
		return !slices.ContainsFunc(apis, func(s backends.System) bool { return s.Enclave == e.UUID && s.Labels[backends.LabelEngine] == g.Engine })
	}), err
}

// enclavesTime is how soon an enclave that others made is seen; those that are made through the gateway are known at once.
const enclavesTime = 5 * time.Second

func (g *Gateway) followEnclave(e backends.Enclave) {
	ctx, cancel := context.WithCancel(g.ctx)
	defer cancel()
	events, err := g.Backend.Watch(ctx, e.UUID)
	if err != nil {
		return
	}
	services, err := g.Backend.ListServices(ctx, e.UUID)
	if err != nil {
		return
	}
	for _, s := range services {
		g.openServices(e, s)
	}
	for event := range events {
		if event.Type != backends.ServiceStarted {
			continue
		}
		if s, err := g.Backend.InspectService(ctx, e.UUID, event.Service); err == nil { // else it has gone again
			g.openServices(e, s)
		}
	}
}

func (g *Gateway) openServices(e backends.Enclave, s backends.Service) {
	if s.State != backends.Running {
		return
	}
	for _, p := range s.Ports {
		if p.Protocol() == backends.TCP {
			_, _ = g.openService(e.UUID, e.Name, s.Name, p) // no port is free: it is not told of
			continue
		}
		k := key{e.UUID, s.Name, p.Number, p.Protocol()}
		g.mu.Lock()
		told := g.left[k]
		g.left[k] = true
		g.mu.Unlock()
		if !told && g.Left != nil {
			g.Left(Forward{Enclave: e.Name, Service: s.Name, Port: p})
		}
	}
}
