package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"

	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/httpstream"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"

	"github.com/kurtosis-go/kurtosis/backends"
)

// DialSystem connects by a port-forward of the cluster.
func (b *Backend) DialSystem(ctx context.Context, s backends.System) (net.Conn, error) {
	pod, err := b.systemPod(ctx, s.ID)
	if err != nil {
		return nil, err
	}
	if !isRunning(pod) {
		return nil, backends.Errorf(backends.Exited, "%s does not run", s.Name)
	}
	conn, err := b.forward(ctx, pod, s.Port)
	return conn, b.wrap(ctx, err, fmt.Sprintf("connecting to %s", s.Name))
}

// forward opens a connection to a port of a Pod. The cluster does not say whether anybody listens: where nobody does, the
// connection ends.
func (b *Backend) forward(ctx context.Context, pod *core.Pod, port uint16) (net.Conn, error) {
	url := b.client.core.Post().Resource("pods").Namespace(pod.Namespace).Name(pod.Name).SubResource("portforward").URL()
	transport, upgrader, err := spdy.RoundTripperFor(b.config)
	if err != nil {
		return nil, err
	}
	tunnel, err := portforward.NewSPDYOverWebsocketDialer(url, b.config)
	if err != nil {
		return nil, err
	}
	dialer := portforward.NewFallbackDialer(tunnel, spdy.NewDialer(upgrader, &http.Client{Transport: transport}, http.MethodPost, url), func(err error) bool {
		return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
	})
	type dialled struct {
		conn *forwarded
		err  error
	}
	done := make(chan dialled, 1)
	go func() {
		conn, err := openForward(dialer, port)
		done <- dialled{conn, err}
	}()
	select {
	case d := <-done:
		if d.err != nil {
			return nil, d.err
		}
		return d.conn, nil
	case <-ctx.Done():
		go func() { // the dialer knows no context
			if d := <-done; d.err == nil {
				d.conn.Close()
			}
		}()
		return nil, ctx.Err()
	}
}

func openForward(dialer httpstream.Dialer, port uint16) (*forwarded, error) {
	carrier, _, err := dialer.Dial(portforward.PortForwardProtocolV1Name)
	if err != nil {
		return nil, err
	}
	headers := http.Header{}
	headers.Set(core.StreamType, core.StreamTypeError)
	headers.Set(core.PortHeader, strconv.Itoa(int(port)))
	headers.Set(core.PortForwardRequestIDHeader, "0")
	failure, err := carrier.CreateStream(headers)
	if err != nil {
		return nil, errors.Join(err, carrier.Close())
	}
	if err := failure.Close(); err != nil { // nothing is sent on it
		return nil, errors.Join(err, carrier.Close())
	}
	headers.Set(core.StreamType, core.StreamTypeData)
	data, err := carrier.CreateStream(headers)
	if err != nil {
		return nil, errors.Join(err, carrier.Close())
	}
	near, far := net.Pipe()
	c := &forwarded{Conn: near, carrier: carrier}
	go func() {
		_, _ = io.Copy(data, far)
		_ = data.Close() // half: the other side may go on
	}()
	go func() {
		_, _ = io.Copy(far, data)
		_ = far.Close()
	}()
	go func() {
		message, err := io.ReadAll(failure)
		if err == nil && len(message) > 0 {
			_ = far.Close()
			c.end()
		}
	}()
	return c, nil
}

// forwarded is a connection over a stream of a carrier of its own. It has deadlines, which streams have not.
type forwarded struct {
	net.Conn
	carrier httpstream.Connection
	once    sync.Once
}

func (c *forwarded) end() { c.once.Do(func() { _ = c.carrier.Close() }) }

func (c *forwarded) Close() error {
	err := c.Conn.Close()
	c.end()
	return err
}
