package docker

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"

	"github.com/kurtosis-go/kurtosis/backends"
)

// hostPort is a port of the host.
type hostPort struct {
	transport backends.Transport
	number    uint16
}

// binding is a port of a container and the one of the host that leads to it.
type binding struct {
	id   string // the port's, in the spec
	port backends.Port
	host hostPort
}

// publish decides which ports are published where. We choose ports ourselves, since the engine would choose anew at
// each start: a service keeps its ports over a stop or a reboot, and what they are is known without asking.
func (b *Backend) publish(l *launch) ([]binding, error) {
	var list []binding
	l.published = map[string]backends.Endpoint{}
	if l.spec.Unpublished {
		return nil, nil
	}
	add := func(id string, p backends.Port, number uint16) error {
		bind := binding{id: id, port: p, host: hostPort{p.Protocol(), number}}
		if number == 0 {
			if kept := l.keep[p.String()]; len(kept) > 0 {
				bind.host.number, l.keep[p.String()] = kept[0], kept[1:]
			}
		}
		if bind.host.number == 0 {
			var err error
			if bind.host, err = b.pick(p.Protocol()); err != nil {
				return err
			}
		}
		list = append(list, bind)
		l.published[id] = backends.Endpoint{Address: b.options.PublishAddress, Port: backends.Port{Number: bind.host.number, Transport: p.Protocol(), Application: p.Application}}
		return nil
	}
	for _, id := range slices.Sorted(maps.Keys(l.spec.Ports)) {
		p := l.spec.Ports[id]
		if public, ok := l.spec.PublicPorts[id]; ok {
			if err := add(id, p, public.Number); err != nil {
				return nil, err
			}
		} else if p.Protocol() != backends.UDP || l.spec.PublishUDP {
			if err := add(id, p, 0); err != nil {
				return nil, err
			}
		}
	}
	for id, p := range l.spec.PublicPorts {
		if _, ok := l.spec.Ports[id]; !ok {
			if err := add(id, p, p.Number); err != nil {
				return nil, err
			}
		}
	}
	return list, nil
}

// Ports to choose from where the engine's host cannot be asked: the kernel's own range of ephemeral ports.
const ephemeralFirst, ephemeralLast = 32768, 60999

// pickAttempts bounds the search for a port that no other call of ours has picked.
const pickAttempts = 100

// pick chooses a host port. Where the engine is on this host the kernel is asked for one that is free; elsewhere, and for
// transports it has not, it is a guess that the launch repeats on conflict.
func (b *Backend) pick(transport backends.Transport) (hostPort, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for range pickAttempts {
		p := hostPort{transport, uint16(ephemeralFirst + rand.IntN(ephemeralLast-ephemeralFirst+1))}
		if b.local && transport != backends.SCTP {
			number, err := freePort(transport, b.options.PublishAddress)
			if err != nil {
				return hostPort{}, backends.Errorf(backends.PortTaken, "no free %s port on %s: %w", transport, b.options.PublishAddress, err)
			}
			p.number = number
		}
		if _, taken := b.picked[p]; !taken {
			b.picked[p] = struct{}{}
			return p, nil
		}
	}
	return hostPort{}, backends.Errorf(backends.PortTaken, "no free %s port on %s", transport, b.options.PublishAddress)
}

// unpick forgets choices once the engine knows them or has refused.
func (b *Backend) unpick(list []binding) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, bind := range list {
		delete(b.picked, bind.host)
	}
}

// freePort asks the kernel.
func freePort(transport backends.Transport, address string) (uint16, error) {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return 0, fmt.Errorf("the address to publish on: %w", err)
	}
	on := netip.AddrPortFrom(ip, 0)
	if transport == backends.UDP {
		c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(on))
		if err != nil {
			return 0, err
		}
		defer c.Close()
		return c.LocalAddr().(*net.UDPAddr).AddrPort().Port(), nil
	}
	l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(on))
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).AddrPort().Port(), nil
}
