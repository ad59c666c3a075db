package backendtest

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/backends"
)

func testPortOpen(e *env) {
	enclave := e.enclave()
	spec := e.toolbox("web", "sleep", "300ms", "+", "tcp", "7000")
	spec.Ports = map[string]backends.Port{"echo": {Number: 7000}}
	e.add(enclave, spec)
	conn := e.open(enclave, "web", spec.Ports["echo"]) // not yet at first
	e.echo(conn, "hello")
	e.echo(conn, "again")
	// Ports need no declaration to be dialled.
	e.add(enclave, e.toolbox("bare", "tcp", "7000"))
	e.echo(e.open(enclave, "bare", backends.Port{Number: 7000}), "undeclared")
	// A reader that waits is freed by closing.
	freed := make(chan error, 1)
	go func() {
		_, err := conn.Read(make([]byte, 1))
		freed <- err
	}()
	require.NoError(e, conn.Close())
	select {
	case err := <-freed:
		require.Error(e, err)
	case <-e.ctx.Done():
		e.Fatal("a read goes on after Close")
	}
}

// The engine's proxy accepts connections to a published port although nobody listens behind it.
func testPortWithoutListener(e *env) {
	enclave := e.enclave()
	spec := e.toolbox("deaf", "sleep")
	spec.Ports = map[string]backends.Port{"http": {Number: 8080}}
	spec.PublicPorts = map[string]backends.Port{"http": {Number: freePort(e)}}
	s := e.add(enclave, spec)
	if e.HostPorts {
		require.Contains(e, s.Published, "http")
	}
	_, err := e.Backend.Dial(e.ctx, enclave, "deaf", spec.Ports["http"])
	e.fails(err, backends.PortClosed, `port 8080/tcp of service "deaf" is not open: nobody listens on it`)
}

func testPortPublished(e *env) {
	enclave := e.enclave()
	spec := e.toolbox("web", "tcp", "7000", "+", "tcp", "7001")
	spec.Ports = map[string]backends.Port{"a": {Number: 7000, Application: "http"}, "b": {Number: 7001}, "again": {Number: 7000}}
	s := e.add(enclave, spec)
	e.open(enclave, "web", spec.Ports["a"])
	e.open(enclave, "web", spec.Ports["b"])
	if !e.HostPorts {
		return
	}
	require.Len(e, s.Published, 3)
	for id, endpoint := range s.Published {
		require.Equal(e, "127.0.0.1", endpoint.Address)
		require.Equal(e, spec.Ports[id].Application, endpoint.Application)
		e.echo(e.host(endpoint), id)
	}
}

// host connects to a published port.
func (e *env) host(p backends.Endpoint) net.Conn {
	e.Helper()
	network := "tcp"
	if p.Transport == backends.UDP {
		network = "udp"
	}
	conn, err := (&net.Dialer{}).DialContext(e.ctx, network, net.JoinHostPort(p.Address, strconv.Itoa(int(p.Number))))
	require.NoError(e, err)
	e.Cleanup(func() { conn.Close() })
	return conn
}

// freePort is a port of this host that was free a moment ago.
func freePort(e *env) uint16 {
	e.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(e, err)
	defer l.Close()
	return uint16(l.Addr().(*net.TCPAddr).Port)
}

func testPortUnpublished(e *env) {
	enclave := e.enclave()
	spec := e.toolbox("web", "tcp", "7000")
	spec.Ports = map[string]backends.Port{"echo": {Number: 7000}}
	spec.PublicPorts = map[string]backends.Port{"echo": {Number: freePort(e)}}
	spec.Unpublished = true
	require.Empty(e, e.add(enclave, spec).Published)
	e.open(enclave, "web", spec.Ports["echo"])
	s, err := e.Backend.InspectService(e.ctx, enclave, "web")
	require.NoError(e, err)
	require.Empty(e, s.Published)
}

func testPortPublic(e *env) {
	enclave := e.enclave()
	spec := e.toolbox("web", "tcp", "7000", "+", "tcp", "7001")
	number, alone := freePort(e), freePort(e)
	spec.Ports = map[string]backends.Port{"echo": {Number: 7000}}
	spec.PublicPorts = map[string]backends.Port{"echo": {Number: number}, "extra": {Number: alone}}
	s := e.add(enclave, spec)
	want := map[string]backends.Endpoint{
		"echo":  {Address: "127.0.0.1", Port: backends.Port{Number: number, Transport: backends.TCP}},
		"extra": {Address: "127.0.0.1", Port: backends.Port{Number: alone, Transport: backends.TCP}},
	}
	if !e.HostPorts {
		require.Contains(e, s.Published, "echo")
		return
	}
	require.Equal(e, want, s.Published)
	got, err := e.Backend.InspectService(e.ctx, enclave, "web")
	require.NoError(e, err)
	require.Equal(e, want, got.Published)
	e.open(enclave, "web", spec.Ports["echo"])
	e.echo(e.host(s.Published["echo"]), "public")
}

func testPortTaken(e *env) {
	enclave := e.enclave()
	number := freePort(e)
	first := e.toolbox("first", "tcp", "7000")
	first.PublicPorts = map[string]backends.Port{"echo": {Number: number}}
	e.add(enclave, first)
	before := e.leftovers(enclave)
	second := e.toolbox("second", "tcp", "7000")
	second.Ports = map[string]backends.Port{"echo": {Number: 7000}}
	second.PublicPorts = first.PublicPorts
	_, err := e.Backend.AddService(e.ctx, enclave, second)
	failure := e.fails(err, backends.PortTaken, fmt.Sprintf(`starting service "second": port %d is taken on the host`, number))
	require.Equal(e, "free it (`docker ps` and `ss -tulpn` show who has it), or choose another in public_ports", failure.Hint)
	require.Equal(e, before, e.leftovers(enclave))

	if !e.HostPorts {
		return
	}
	// By another program.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(e, err)
	defer l.Close()
	number = uint16(l.Addr().(*net.TCPAddr).Port)
	second.PublicPorts = map[string]backends.Port{"echo": {Number: number}}
	_, err = e.Backend.AddService(e.ctx, enclave, second)
	e.fails(err, backends.PortTaken, fmt.Sprintf(`starting service "second": port %d is taken on the host`, number))
	require.Equal(e, before, e.leftovers(enclave))
}

func testPortUDP(e *env) {
	enclave := e.enclave()
	spec := e.toolbox("quiet", "tcp", "7000", "+", "udp", "7000")
	spec.Ports = map[string]backends.Port{"udp": {Number: 7000, Transport: backends.UDP}, "tcp": {Number: 7000}}
	s := e.add(enclave, spec)
	require.NotContains(e, s.Published, "udp")
	e.open(enclave, "quiet", spec.Ports["tcp"]) // TCP and UDP of the same number begin together
	udp, err := e.Backend.Dial(e.ctx, enclave, "quiet", spec.Ports["udp"])
	require.NoError(e, err)
	defer udp.Close()
	e.echo(udp, "datagram")

	spec.Name, spec.PublishUDP = "loud", true
	s = e.add(enclave, spec)
	e.open(enclave, "loud", spec.Ports["tcp"])
	if e.HostPorts {
		require.Equal(e, backends.UDP, s.Published["udp"].Transport)
		e.echo(e.host(s.Published["udp"]), "from outside")
	}
}

func testPortSCTP(e *env) {
	enclave := e.enclave()
	e.add(enclave, e.toolbox("web", "sleep"))
	_, err := e.Backend.Dial(e.ctx, enclave, "web", backends.Port{Number: 7, Transport: backends.SCTP})
	e.fails(err, backends.Unsupported, `connecting to port 7/sctp of service "web": SCTP cannot be dialled`)
}

// reaches waits until a service is answered by an echo. A cluster's names and addresses may count a moment after the service runs,
// and the toolbox gives up soon.
func (e *env) reaches(enclave, service, address string) {
	e.Helper()
	e.eventually(service+" to reach "+address, func() bool {
		said, code := e.exec(enclave, service, "dial", "tcp", address, "hi")
		if code == 0 {
			require.Equal(e, "hi", said)
		}
		return code == 0
	})
}

func testNames(e *env) {
	enclave := e.enclave()
	spec := e.toolbox("one", "tcp", "7000")
	spec.Ports = map[string]backends.Port{"echo": {Number: 7000}}
	one := e.add(enclave, spec)
	e.add(enclave, e.toolbox("two", "sleep"))
	e.open(enclave, "one", backends.Port{Number: 7000})
	require.Equal(e, one.Address, e.output(enclave, "two", "resolve", "one"))
	e.reaches(enclave, "two", "one:7000")
	e.reaches(enclave, "two", one.Address+":7000")
	_, code := e.exec(enclave, "two", "resolve", "three")
	require.NotZero(e, code)
	// A name goes with its service.
	require.NoError(e, e.Backend.RemoveService(e.ctx, enclave, "one"))
	_, code = e.exec(enclave, "two", "resolve", "one")
	require.NotZero(e, code)
}

func testIsolation(e *env) {
	mine, theirs := e.enclave(), e.enclave()
	spec := e.toolbox("secret", "tcp", "7000")
	spec.Ports = map[string]backends.Port{"echo": {Number: 7000}}
	secret := e.add(theirs, spec)
	e.add(theirs, e.toolbox("friend", "sleep"))
	e.add(mine, e.toolbox("spy", "sleep"))
	e.open(theirs, "secret", spec.Ports["echo"])
	e.reaches(theirs, "friend", "secret:7000") // the check itself works
	_, code := e.exec(mine, "spy", "resolve", "secret")
	require.NotZero(e, code, "by name")
	_, code = e.exec(mine, "spy", "dial", "tcp", secret.Address+":7000", "hi")
	require.NotZero(e, code, "by address")
	if endpoint, ok := secret.Published["echo"]; ok && e.HostPorts {
		own := e.add(mine, e.toolbox("scanner", "sleep"))
		gateway := net.ParseIP(own.Address).To4()
		gateway[3] = 1
		_, code = e.exec(mine, "scanner", "dial", "tcp", fmt.Sprintf("%s:%d", gateway, endpoint.Number), "hi")
		require.NotZero(e, code, "by the published port, over the host")
	}
	ctx, cancel := context.WithTimeout(e.ctx, 2*time.Second)
	defer cancel()
	_, err := e.Backend.Dial(ctx, mine, "secret", spec.Ports["echo"])
	require.Equal(e, backends.NotFound, backends.KindOf(err))
}
