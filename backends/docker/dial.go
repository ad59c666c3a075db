package docker

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"

	"github.com/kurtosis-go/kurtosis/backends"
	relayprogram "github.com/kurtosis-go/kurtosis/backends/docker/relay"
)

// Dial connects to a service's own address: directly where this process is on the enclave's network or its host
// is, through a relay inside of the network otherwise.
func (b *Backend) Dial(ctx context.Context, enclave, service string, port backends.Port) (net.Conn, error) {
	network := ""
	switch port.Protocol() {
	case backends.TCP:
		network = "tcp"
	case backends.UDP:
		network = "udp"
	default:
		return nil, backends.Errorf(backends.Unsupported, "connecting to port %s of service %q: %s cannot be dialled", port, service, port.Protocol())
	}
	c, err := b.find(ctx, enclave, service)
	if err != nil {
		return nil, err
	}
	if !isRunning(c.State) {
		return nil, b.exited(ctx, c)
	}
	n, err := b.network(ctx, enclave)
	if err != nil {
		return nil, err
	}
	ip, err := netip.ParseAddr(c.Labels[backends.LabelPrivateIP])
	if err != nil {
		return nil, backends.Errorf(backends.Invalid, "the address of service %q cannot be read: %w", service, err)
	}
	address := netip.AddrPortFrom(ip, port.Number).String()
	if !b.options.ForceRelay && attached(n.subnet) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		return conn, dialError(ctx, err, service, port)
	}
	return b.dialRelay(ctx, n, network, address, service, port)
}

// attached tells whether one of this process's own addresses is in a subnet: as the bridge's gateway on the engine's host, or
// as a container of the network.
func attached(subnet netip.Prefix) bool {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	for _, a := range addresses {
		if p, err := netip.ParsePrefix(a.String()); err == nil && subnet.Contains(p.Addr()) {
			return true
		}
	}
	return false
}

func dialError(ctx context.Context, err error, service string, port backends.Port) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, syscall.ECONNREFUSED):
		return portClosed(service, port, "nobody listens on it", err)
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return portClosed(service, port, "its address cannot be reached", err)
	}
	return portClosed(service, port, err.Error(), err)
}

func portClosed(service string, port backends.Port, why string, err error) error {
	return &backends.Error{Kind: backends.PortClosed, Message: fmt.Sprintf("port %s of service %q is not open: %s", port, service, why), Err: err}
}

// relay is an enclave's container for connections from outside of its network.
type relay struct {
	mu        sync.Mutex // held while it is made
	container string
}

func (b *Backend) dialRelay(ctx context.Context, n *network, network, address, service string, port backends.Port) (net.Conn, error) {
	id, program, err := b.relayInto(ctx, n)
	if err != nil {
		return nil, err
	}
	doing := fmt.Sprintf("connecting to port %s of service %q", port, service)
	command := append(slices.Clone(program), network, address)
	created, err := b.client.ContainerExecCreate(ctx, id, container.ExecOptions{Cmd: command, AttachStdin: true, AttachStdout: true, AttachStderr: true})
	if err != nil {
		b.forgetRelay(n.uuid) // stopped or removed by somebody: the next call looks again
		return nil, b.wrap(ctx, err, doing)
	}
	stream, err := b.client.ContainerExecAttach(ctx, created.ID, container.ExecAttachOptions{})
	if err != nil {
		return nil, b.wrap(ctx, err, doing)
	}
	conn := &relayConn{stream: stream, local: stream.Conn.LocalAddr(), remote: processAddr(address)}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	status := make([]byte, 1)
	_, err = io.ReadFull(conn, status)
	if !stop() {
		return nil, ctx.Err()
	}
	if err == nil && status[0] == relayprogram.Connected {
		return conn, nil
	}
	defer conn.Close()
	if err != nil {
		return nil, b.wrap(ctx, fmt.Errorf("the relay says nothing: %w", err), doing)
	}
	why, _ := io.ReadAll(io.LimitReader(conn, 4096))
	if status[0] == relayprogram.Refused {
		return nil, portClosed(service, port, "nobody listens on it", nil)
	}
	return nil, portClosed(service, port, string(why), nil)
}

// relayInto finds who can connect from within an enclave's network, and by which command: the enclave's API container,
// else a relay.
func (b *Backend) relayInto(ctx context.Context, n *network) (id string, program []string, err error) {
	apis, err := b.client.ContainerList(ctx, container.ListOptions{Filters: enclaveFilter(n.uuid, backends.LabelContainerType+"="+backends.ContainerTypeAPI)})
	if err != nil {
		return "", nil, b.wrap(ctx, err, "looking for the enclave's API container")
	}
	if len(apis) > 0 {
		return apis[0].ID, []string{backends.SystemProgram, backends.SystemRelay}, nil
	}
	id, err = b.ensureRelay(ctx, n)
	return id, b.options.Relay.Command, err
}

// relayName is the relay's container in an enclave.
func relayName(enclave string) string { return "kurtosis-relay--" + enclave }

func (b *Backend) forgetRelay(enclave string) {
	b.mu.Lock()
	delete(b.relays, enclave)
	b.mu.Unlock()
}

// ensureRelay returns the running relay of an enclave, making it first if there is none.
func (b *Backend) ensureRelay(ctx context.Context, n *network) (string, error) {
	if b.options.Relay.Image == nil {
		return "", &backends.Error{
			Kind:    backends.Unsupported,
			Message: fmt.Sprintf("the network of enclave %q cannot be reached from here: the engine at %s is remote, rootless or in a virtual machine", n.name, b.endpoint),
			Hint:    "run where the engine runs, or through the engine's API container",
		}
	}
	b.mu.Lock()
	r := b.relays[n.uuid]
	if r == nil {
		r = &relay{}
		b.relays[n.uuid] = r
	}
	b.mu.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.container != "" {
		return r.container, nil
	}
	const doing = "starting the relay into the enclave"
	found, err := b.client.ContainerList(ctx, container.ListOptions{All: true, Filters: enclaveFilter(n.uuid, backends.LabelContainerType+"="+backends.ContainerTypeRelay)})
	if err != nil {
		return "", b.wrap(ctx, err, doing)
	}
	var id string
	running := false
	if len(found) > 0 {
		id, running = found[0].ID, isRunning(found[0].State)
	} else {
		image, err := b.options.Relay.Image(ctx, b)
		if err != nil {
			return "", err
		}
		created, err := b.client.ContainerCreate(ctx, &container.Config{
			Image: image, Entrypoint: b.options.Relay.Command, Cmd: []string{relayprogram.Idle},
			Labels: map[string]string{
				backends.LabelAppID: backends.AppID, backends.LabelContainerType: backends.ContainerTypeRelay,
				backends.LabelEnclaveUUID: n.uuid, backends.LabelEnclaveName: n.name,
			},
		}, &container.HostConfig{NetworkMode: container.NetworkMode(backends.NetworkName(n.name))}, nil, nil, relayName(n.uuid))
		if err != nil {
			return "", b.wrap(ctx, err, doing)
		}
		id = created.ID
	}
	if !running {
		if err := b.start(ctx, id); err != nil {
			return "", b.wrap(ctx, err, doing)
		}
	}
	r.container = id
	return id, nil
}

// relayConn is a connection over the standard streams of an executed command. The engine multiplexes output in
// frames: a byte for the stream, three of nothing, four of length.
type relayConn struct {
	stream        types.HijackedResponse
	local, remote net.Addr

	header [8]byte
	have   int    // of the header, kept over a read that timed out
	left   uint32 // of the present frame
}

const stdoutFrame = 1

func (c *relayConn) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	for {
		for c.left == 0 {
			n, err := c.stream.Reader.Read(c.header[c.have:])
			c.have += n
			if c.have == len(c.header) {
				c.have, c.left = 0, binary.BigEndian.Uint32(c.header[4:])
				continue
			}
			if err != nil {
				return 0, err
			}
		}
		n, err := c.stream.Reader.Read(b[:min(uint64(len(b)), uint64(c.left))])
		c.left -= uint32(n)
		if c.header[0] == stdoutFrame {
			return n, err
		}
		// What the relay itself complains about is not the peer's.
		if err != nil {
			return 0, err
		}
	}
}

func (c *relayConn) Write(b []byte) (int, error) { return c.stream.Conn.Write(b) }
func (c *relayConn) CloseWrite() error           { return c.stream.CloseWrite() }
func (c *relayConn) LocalAddr() net.Addr         { return c.local }
func (c *relayConn) RemoteAddr() net.Addr        { return c.remote }

func (c *relayConn) Close() error { return c.stream.Conn.Close() }

func (c *relayConn) SetDeadline(t time.Time) error      { return c.stream.Conn.SetDeadline(t) }
func (c *relayConn) SetReadDeadline(t time.Time) error  { return c.stream.Conn.SetReadDeadline(t) }
func (c *relayConn) SetWriteDeadline(t time.Time) error { return c.stream.Conn.SetWriteDeadline(t) }
