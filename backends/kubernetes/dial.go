package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"syscall"
	"time"

	core "k8s.io/api/core/v1"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/backends/docker/relay"
	"github.com/kurtosis-go/kurtosis/backends/kubernetes/pod"
)

// Dial connects to the Pod's address from within the enclave, and from elsewhere by way of the Pod's own program, executed over the API server. A port-forward of the cluster would do without a
// process, but cannot tell whether anybody listens, and knows no UDP.
func (b *Backend) Dial(ctx context.Context, enclave, service string, port backends.Port) (net.Conn, error) {
	doing := fmt.Sprintf("connecting to port %s of service %q", port, service)
	if port.Protocol() == backends.SCTP {
		return nil, backends.Errorf(backends.Unsupported, "%s: SCTP cannot be dialled", doing)
	}
	_, p, err := b.running(ctx, enclave, service)
	if err != nil {
		return nil, err
	}
	if b.options.Namespace != "" {
		return dialPod(ctx, p, service, port)
	}
	if err := b.equip(ctx, enclave, p); err != nil {
		return nil, err
	}
	near, far := newPipe()
	life, cancel := context.WithCancel(b.lifetime)
	out := &statusWriter{to: far, status: make(chan byte, 1)}
	ended := make(chan error, 1)
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(int(port.Number)))
	if p.Status.PodIP != "" {
		address = net.JoinHostPort(p.Status.PodIP, strconv.Itoa(int(port.Number)))
	}
	go func() {
		_, err := b.stream(life, p, carried(pod.Relay, strings.ToLower(string(port.Protocol())), address), backends.Exec{Stdin: far, Stdout: out, Stderr: io.Discard})
		far.Close()
		ended <- err
		cancel()
	}()
	conn := &relayed{near, cancel}
	select {
	case status := <-out.status:
		switch status {
		case relay.Connected:
			return conn, nil
		case relay.Refused:
			conn.Close()
			return nil, backends.Errorf(backends.PortClosed, "port %s of service %q is not open: nobody listens on it", port, service)
		}
		conn.Close()
		<-ended
		return nil, backends.Errorf(backends.PortClosed, "port %s of service %q is not open: %s", port, service, oneLine(string(out.reason)))
	case err := <-ended:
		conn.Close()
		if err == nil {
			err = io.ErrUnexpectedEOF
		}
		return nil, b.wrap(ctx, err, doing)
	case <-ctx.Done():
		conn.Close()
		return nil, ctx.Err()
	}
}

// dialPod is for a process on the enclave's own network.
func dialPod(ctx context.Context, p *core.Pod, service string, port backends.Port) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, strings.ToLower(string(port.Protocol())), net.JoinHostPort(p.Status.PodIP, strconv.Itoa(int(port.Number))))
	switch {
	case err == nil:
		return conn, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, syscall.ECONNREFUSED):
		return nil, backends.Errorf(backends.PortClosed, "port %s of service %q is not open: nobody listens on it", port, service)
	}
	return nil, backends.Errorf(backends.PortClosed, "port %s of service %q is not open: %s", port, service, rootCause(err))
}

// relayed ends the process with the connection.
type relayed struct {
	*pipe
	cancel context.CancelFunc
}

func (c *relayed) Close() error {
	err := c.pipe.Close()
	c.cancel()
	return err
}

// pipe is one of two ends. Unlike one of net.Pipe it can cease to write and go on reading, as a TCP connection can.
type pipe struct {
	net.Conn // reads
	out      net.Conn
}

func newPipe() (near, far *pipe) {
	nearIn, farOut := net.Pipe()
	farIn, nearOut := net.Pipe()
	return &pipe{nearIn, nearOut}, &pipe{farIn, farOut}
}

func (p *pipe) Write(b []byte) (int, error)        { return p.out.Write(b) }
func (p *pipe) CloseWrite() error                  { return p.out.Close() }
func (p *pipe) Close() error                       { return errors.Join(p.out.Close(), p.Conn.Close()) }
func (p *pipe) SetWriteDeadline(t time.Time) error { return p.out.SetWriteDeadline(t) }
func (p *pipe) SetDeadline(t time.Time) error {
	return errors.Join(p.out.SetWriteDeadline(t), p.SetReadDeadline(t))
}

// statusWriter takes the status off the front of a stream; of a failure the rest is the reason.
type statusWriter struct {
	to     io.Writer
	status chan byte
	first  byte
	reason []byte
}

func (w *statusWriter) Write(b []byte) (int, error) {
	n := len(b)
	if w.first == 0 && n > 0 {
		w.first, b = b[0], b[1:]
		w.status <- w.first
	}
	if w.first != relay.Connected {
		w.reason = append(w.reason, b...)
		return n, nil
	}
	if len(b) > 0 {
		if _, err := w.to.Write(b); err != nil {
			return 0, err
		}
	}
	return n, nil
}
