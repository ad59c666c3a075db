// Package client calls an engine and the API containers of its enclaves, as the command line does. Its methods take
// and give the types of the packages that do the work on the other side, errors included: a *backends.Error has its
// kind and hint here as it had there.
package client

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"

	"connectrpc.com/connect"

	"github.com/kurtosis-go/kurtosis/api/rpc"
)

// Options say how a server is reached. Address is required.
type Options struct {
	// Address is host:port. It is what DialContext is asked for, and, with TLS, whose certificate is expected.
	Address string
	// DialContext makes connections; nil dials Address over TCP. Whoever forwards ports gives one of their own.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
	// Token, unless empty, comes with every call.
	Token string
	// TLS, unless nil, is used on the connection.
	TLS *tls.Config
}

// dialTime bounds one attempt to reach a server that should be there.
const dialTime = 10 * time.Second

// transport speaks HTTP/2, without TLS by prior knowledge.
func (o Options) transport() *http.Transport {
	dial := o.DialContext
	if dial == nil {
		dial = (&net.Dialer{Timeout: dialTime}).DialContext
	}
	protocols := new(http.Protocols)
	if o.TLS == nil {
		protocols.SetUnencryptedHTTP2(true)
	} else {
		protocols.SetHTTP2(true)
	}
	return &http.Transport{DialContext: dial, TLSClientConfig: o.TLS, Protocols: protocols, HTTP2: &http.HTTP2Config{SendPingTimeout: pingTime}}
}

// pingTime is how long a connection may be silent before the client asks whether the server is still there.
const pingTime = 30 * time.Second

func (o Options) url() string {
	if o.TLS != nil {
		return "https://" + o.Address
	}
	return "http://" + o.Address
}

// connectOptions of every client: what is on this machine, or behind a tunnel, is not worth compressing.
func (o Options) connectOptions() []connect.ClientOption {
	return []connect.ClientOption{
		connect.WithAcceptCompression("gzip", nil, nil),
		connect.WithInterceptors(bearer(o.Token), failures{}),
	}
}

// bearer puts the token into every call.
type bearer string

func (b bearer) set(h http.Header) {
	if b != "" {
		h.Set("Authorization", "Bearer "+string(b))
	}
}

func (b bearer) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
		b.set(req.Header())
		return next(ctx, req)
	}
}

func (b bearer) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return func(ctx context.Context, spec connect.Spec) connect.StreamingClientConn {
		conn := next(ctx, spec)
		b.set(conn.RequestHeader())
		return conn
	}
}

func (b bearer) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return next
}

// failures gives back the errors that servers send. Streams do so where they end, see fail.
type failures struct{}

func (failures) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
		resp, err := next(ctx, req)
		return resp, fail(ctx, err)
	}
}

func (failures) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

func (failures) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return next
}

// fail is an error as the caller gets it.
func fail(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return rpc.Received(err)
}
