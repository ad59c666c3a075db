package engine

import (
	"context"
	"crypto/subtle"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kurtosis-go/kurtosis/api/rpc"
	"github.com/kurtosis-go/kurtosis/backends"
)

// localSuffix ends host names that lead to this machine in every browser: who asks for one means a service.
const localSuffix = ".localhost"

// idleTime is how long connections to services are kept for the next request.
const idleTime = 10 * time.Second

// proxy leads requests to services by the host name that they ask for, PORT-SERVICE-ENCLAVE, with anything after a
// dot: http://http-web-demo.localhost:9710/. PORT is a port's name or number, SERVICE and ENCLAVE are names or UUIDs,
// whole or short. Everything else is the API's.
type proxy struct {
	server *Server
	plain  *http.Transport
	grpc   *http.Transport // HTTP/2 without TLS
}

func newProxy(s *Server) *proxy {
	p := &proxy{server: s}
	transport := func() *http.Transport {
		return &http.Transport{
			DialContext: p.dial, IdleConnTimeout: idleTime,
			// A service's certificate is one that its own package made up.
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // see above
		}
	}
	p.plain, p.grpc = transport(), transport()
	p.grpc.Protocols = rpc.PlainHTTP2()
	return p
}

// destination is a port of a service.
type destination struct {
	enclave backends.Enclave
	service backends.Service
	port    backends.Port
}

// host names a destination within the proxy's own transports.
func (d destination) host() string {
	return net.JoinHostPort(d.service.UUID+"."+d.enclave.UUID, strconv.Itoa(int(d.port.Number)))
}

func (p *proxy) dial(ctx context.Context, _, address string) (net.Conn, error) {
	host, number, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	service, enclave, _ := strings.Cut(host, ".")
	port, err := strconv.ParseUint(number, 10, 16)
	if err != nil {
		return nil, err
	}
	services, err := p.server.Backend.ListServices(ctx, enclave)
	if err != nil {
		return nil, err
	}
	for _, s := range services {
		if s.UUID == service {
			return p.server.Backend.Dial(ctx, enclave, s.Name, backends.Port{Number: uint16(port), Transport: backends.TCP})
		}
	}
	return nil, backends.Errorf(backends.NotFound, "it was removed")
}

// noDestination says why a host name leads nowhere. Enclave is set where that much of it was found.
type noDestination struct {
	why     string
	enclave bool
}

func (e *noDestination) Error() string { return e.why }

// identifies tells whether the end of a label, after a dash, is a name or a UUID, and what is before it.
func identifies(label, name, uuid string) (before string, ok bool) {
	for _, id := range []string{name, backends.ShortUUID(uuid), uuid} {
		if before, ok := strings.CutSuffix(label, "-"+id); ok && before != "" {
			return before, true
		}
	}
	return "", false
}

// find looks up the destination that the first label of a host name stands for. Dashes are part of names as well, so
// what exists decides where the name is cut; the longest names come first.
func (p *proxy) find(ctx context.Context, label string) (destination, error) {
	none := &noDestination{why: "there is no enclave of that name"}
	explained := false // the longest name that fits is what was meant
	list, err := p.server.list(ctx)
	if err != nil {
		return destination{}, err
	}
	slices.SortStableFunc(list, func(a, b managed) int { return len(b.Name) - len(a.Name) })
	for _, m := range list {
		rest, ok := identifies(label, m.Name, m.UUID)
		if !ok {
			continue
		}
		if !none.enclave {
			none = &noDestination{fmt.Sprintf("enclave %q has no service of that name", m.Name), true}
		}
		services, err := p.server.Backend.ListServices(ctx, m.UUID)
		if err != nil {
			return destination{}, err
		}
		slices.SortStableFunc(services, func(a, b backends.Service) int { return len(b.Name) - len(a.Name) })
		for _, s := range services {
			which, ok := identifies(rest, s.Name, s.UUID)
			if !ok {
				continue
			}
			var has []string
			for id, port := range s.Ports {
				if port.Protocol() != backends.TCP {
					continue
				}
				if id == which || strconv.Itoa(int(port.Number)) == which {
					return destination{m.Enclave, s, port}, nil
				}
				has = append(has, fmt.Sprintf("%s (%d)", id, port.Number))
			}
			if explained {
				continue
			}
			explained = true
			slices.Sort(has)
			none = &noDestination{fmt.Sprintf("service %q of enclave %q has no TCP port %q, but: %s", s.Name, m.Name, which, strings.Join(has, ", ")), true}
			if len(has) == 0 {
				none.why = fmt.Sprintf("service %q of enclave %q has no TCP port", s.Name, m.Name)
			}
		}
	}
	return destination{}, none
}

// around answers requests for services, and gives all others to api.
func (p *proxy) around(api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		host = strings.ToLower(host)
		label, _, _ := strings.Cut(host, ".")
		if net.ParseIP(host) != nil || strings.Count(label, "-") < 2 {
			api.ServeHTTP(w, r)
			return
		}
		to, err := p.find(r.Context(), label)
		if none, ok := err.(*noDestination); ok && !none.enclave && !strings.HasSuffix(host, localSuffix) {
			api.ServeHTTP(w, r) // a machine may have such a name
			return
		} else if !p.allowed(r) {
			w.Header().Set("Proxy-Authenticate", "Bearer")
			http.Error(w, "the token is missing or wrong: services are behind it, too\nbring it as 'Proxy-Authorization: Bearer TOKEN'", http.StatusProxyAuthRequired)
			return
		} else if ok {
			http.Error(w, fmt.Sprintf("nothing is at %q: %s\nnames are PORT-SERVICE-ENCLAVE, as http-web-demo", label, none), http.StatusNotFound)
			return
		} else if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		p.pass(w, r, to)
	})
}

// allowed: what listens for others than this machine shows them no services without the token either.
func (p *proxy) allowed(r *http.Request) bool {
	token := p.server.RPC.Token
	if token == "" {
		return true
	}
	given, ok := strings.CutPrefix(r.Header.Get("Proxy-Authorization"), "Bearer ")
	return ok && subtle.ConstantTimeCompare([]byte(given), []byte(token)) == 1
}

// pass has the service answer, upgrades to other protocols such as WebSocket included.
func (p *proxy) pass(w http.ResponseWriter, r *http.Request, to destination) {
	target := &url.URL{Scheme: "http", Host: to.host()}
	if to.port.Application == "https" {
		target.Scheme = "https"
	}
	transport := p.plain
	if r.ProtoMajor == 2 && strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
		transport = p.grpc
	}
	one := &httputil.ReverseProxy{
		Transport: transport, FlushInterval: -1, // streams are passed on as they come
		Rewrite: func(pr *httputil.ProxyRequest) {
			pr.SetURL(target)
			pr.SetXForwarded()
			pr.Out.Host = pr.In.Host
			pr.Out.Header.Del("Proxy-Authorization")
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			if r.Context().Err() != nil {
				return // nobody is there to be told
			}
			http.Error(w, fmt.Sprintf("service %q of enclave %q does not answer: %s", to.service.Name, to.enclave.Name, err), http.StatusBadGateway)
		},
	}
	one.ServeHTTP(w, r)
}
