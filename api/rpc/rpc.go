// Package rpc is what the servers of this project share: services over gRPC, gRPC-Web and Connect on one port
// without TLS, reflection, access by browsers and by token, and errors as status codes.
package rpc

import (
	"context"
	"crypto/subtle"
	"errors"
	"math"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	"connectrpc.com/connect"

	"github.com/kurtosis-go/kurtosis/backends"
)

// Version is the version of the wire protocol, the reference's: its clients refuse a server of another major or
// minor version. It says nothing about the build.
const Version = "1.20.0"

// Options say who may call.
type Options struct {
	// Token, unless empty, must come with every call, as "authorization: Bearer TOKEN".
	Token string
	// Origins are web pages that may call, e.g. "https://ui.example.com", or "*"; pages of this machine always may.
	Origins []string
}

// Uncompressed is for handlers of services: what they send stays as it is. It goes to programs of the same machine
// mostly, in messages of a line each, and what is large is compressed already. Requests may be compressed.
func Uncompressed() connect.HandlerOption { return connect.WithCompressMinBytes(math.MaxInt32) }

// Handler serves services, by the paths that the generated code gives, with reflection for their names.
func Handler(o Options, services map[string]http.Handler) http.Handler {
	mux := http.NewServeMux()
	var names []string
	for path, handler := range services {
		mux.Handle(path, handler)
		names = append(names, strings.Trim(path, "/"))
	}
	slices.Sort(names)
	reflector{names}.mount(mux)
	return cors(o.Origins, authorise(o.Token, coalesce(mux)))
}

func authorise(token string, next http.Handler) http.Handler {
	if token == "" {
		return next
	}
	refuse := connect.NewErrorWriter()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if ok && subtle.ConstantTimeCompare([]byte(given), []byte(token)) == 1 {
			next.ServeHTTP(w, r)
			return
		}
		_ = refuse.Write(w, r, connect.NewError(connect.CodeUnauthenticated, errors.New("the token is missing or wrong"))) // a caller that has gone is nobody to tell
	})
}

// cors lets web pages call that may.
func cors(origins []string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin := r.Header.Get("Origin")
		if origin == "" {
			next.ServeHTTP(w, r)
			return
		}
		h := w.Header()
		h.Add("Vary", "Origin")
		if !mayCall(origin, origins) {
			http.Error(w, "pages of "+origin+" may not call this server", http.StatusForbidden)
			return
		}
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Expose-Headers", "Grpc-Status, Grpc-Message, Grpc-Status-Details-Bin, Content-Encoding, Connect-Content-Encoding")
		if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
			h.Set("Access-Control-Allow-Methods", "GET, POST")
			h.Set("Access-Control-Allow-Headers", r.Header.Get("Access-Control-Request-Headers"))
			h.Set("Access-Control-Max-Age", "7200")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// mayCall: a page from anywhere could otherwise drive the containers of whoever looks at it.
func mayCall(origin string, allowed []string) bool {
	if slices.Contains(allowed, "*") || slices.Contains(allowed, origin) {
		return true
	}
	u, err := url.Parse(origin)
	if err != nil {
		return false
	}
	host := u.Hostname()
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}

// PlainHTTP2 is what clients speak that know of a server without TLS that it has HTTP/2, as gRPC needs.
func PlainHTTP2() *http.Protocols {
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	return protocols
}

// shutdownTime is what calls have to end in once the server is to.
const shutdownTime = 5 * time.Second

// silentTime is how long a connection says nothing before its other end is asked whether it is there.
const silentTime = 30 * time.Second

// Serve answers on a listener until ctx ends; then calls that are under way get a moment. Contexts of calls are
// those of the connection, not ctx.
func Serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true) // of a listener that speaks TLS
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{
		Handler: handler, Protocols: protocols, ReadHeaderTimeout: 10 * time.Second,
		HTTP2: &http.HTTP2Config{SendPingTimeout: silentTime}, // who is gone without a word keeps no stream open
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer cancel()
	if err := server.Shutdown(last); err != nil {
		_ = server.Close() // streams that follow something end by this alone
	}
	<-ended
	return nil
}

func code(err error) connect.Code {
	switch {
	case errors.Is(err, context.Canceled):
		return connect.CodeCanceled
	case errors.Is(err, context.DeadlineExceeded):
		return connect.CodeDeadlineExceeded
	case errors.Is(err, syscall.ENOSPC):
		return connect.CodeResourceExhausted
	}
	switch backends.KindOf(err) {
	case backends.NotFound, backends.ImageNotFound:
		return connect.CodeNotFound
	case backends.AlreadyExists:
		return connect.CodeAlreadyExists
	case backends.Invalid, backends.Ambiguous:
		return connect.CodeInvalidArgument
	case backends.Unsupported:
		return connect.CodeUnimplemented
	case backends.Conflict, backends.Exited, backends.PortClosed:
		return connect.CodeFailedPrecondition
	case backends.NoNetworkSpace, backends.NoDiskSpace, backends.OutOfMemory, backends.PortTaken:
		return connect.CodeResourceExhausted
	case backends.EngineUnreachable:
		return connect.CodeUnavailable
	case backends.PermissionDenied, backends.AuthNeeded:
		return connect.CodePermissionDenied
	}
	return connect.CodeUnknown
}
