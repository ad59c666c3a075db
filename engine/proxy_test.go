package engine_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/backends/fake"
	"github.com/kurtosis-go/kurtosis/engine"
)

// webProgram answers with the host and path that it was asked for, and echoes what comes after an upgrade.
func webProgram(ctx context.Context, p *fake.Process) int {
	l, err := p.Listen(backends.Port{Number: 8080})
	if err != nil {
		return 1
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "" {
			conn, rw, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			defer conn.Close()
			fmt.Fprint(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
			_, _ = io.Copy(conn, rw)
			return
		}
		fmt.Fprintf(w, "%s %s %q", r.Host, r.URL, r.Header.Get("Proxy-Authorization"))
	})}
	context.AfterFunc(ctx, func() { server.Close() })
	_ = server.Serve(l)
	return 0
}

func proxyBench(t *testing.T, change func(*engine.Options)) *bench {
	t.Helper()
	backend := fake.New(t.Context(), fake.Options{AnyImage: true})
	t.Cleanup(func() { backend.Close() })
	image := fake.Toolbox()
	image.Program = webProgram
	backend.AddImage("toolbox", image)
	b := serve(t, backend, change)
	uuid := backends.NewUUID()
	_, err := backend.CreateEnclave(t.Context(), backends.EnclaveSpec{UUID: uuid, Name: "my-demo"})
	require.NoError(t, err)
	for _, name := range []string{"web", "my-web"} {
		_, err := backend.AddService(t.Context(), uuid, backends.ServiceSpec{Name: name, Image: "toolbox", Ports: map[string]backends.Port{
			"http": {Number: 8080, Transport: backends.TCP}, "closed": {Number: 81, Transport: backends.TCP}, "dns": {Number: 53, Transport: backends.UDP},
		}})
		require.NoError(t, err)
	}
	return b
}

func (b *bench) get(t *testing.T, host string, header ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.url+"/path?q=1", nil)
	require.NoError(t, err)
	req.Host = host
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, strings.TrimSpace(string(text))
}

func (b *bench) uuid(t *testing.T) string {
	t.Helper()
	enclaves, err := b.backend.ListEnclaves(t.Context())
	require.NoError(t, err)
	require.Len(t, enclaves, 1)
	return enclaves[0].UUID
}

func TestProxy(t *testing.T) {
	b := proxyBench(t, nil)
	services, err := b.backend.ListServices(t.Context(), b.uuid(t))
	require.NoError(t, err)
	short := backends.ShortUUID(services[1].UUID) + "-" + backends.ShortUUID(b.uuid(t))
	for _, host := range []string{"http-web-my-demo.localhost:9710", "8080-web-my-demo", "HTTP-my-web-my-demo.example.com", "8080-" + short} {
		status, text := b.get(t, host)
		require.Equal(t, http.StatusOK, status, text)
		require.Equal(t, host+` /path?q=1 ""`, text)
	}
	for host, want := range map[string]string{
		"http-web-other.localhost":     "nothing is at \"http-web-other\": there is no enclave of that name\nnames are PORT-SERVICE-ENCLAVE, as http-web-demo",
		"http-db-my-demo.localhost":    "nothing is at \"http-db-my-demo\": enclave \"my-demo\" has no service of that name\nnames are PORT-SERVICE-ENCLAVE, as http-web-demo",
		"9999-web-my-demo.localhost":   "nothing is at \"9999-web-my-demo\": service \"web\" of enclave \"my-demo\" has no TCP port \"9999\", but: closed (81), http (8080)\nnames are PORT-SERVICE-ENCLAVE, as http-web-demo",
		"dns-my-web-my-demo.localhost": "nothing is at \"dns-my-web-my-demo\": service \"my-web\" of enclave \"my-demo\" has no TCP port \"dns\", but: closed (81), http (8080)\nnames are PORT-SERVICE-ENCLAVE, as http-web-demo",
	} {
		status, text := b.get(t, host)
		require.Equal(t, http.StatusNotFound, status)
		require.Equal(t, want, text)
	}
	status, text := b.get(t, "closed-web-my-demo.localhost")
	require.Equal(t, http.StatusBadGateway, status)
	require.Regexp(t, `^service "web" of enclave "my-demo" does not answer: .*81`, text)
	// Others than services' names are the API's, of machines with dashes in their names as well.
	status, _ = b.get(t, "my-own-machine.example.com")
	require.Equal(t, http.StatusNotFound, status)
	require.Equal(t, []string{"my-demo"}, b.names(t))
}

// An upgraded connection, as of WebSocket, goes both ways.
func TestProxyUpgrade(t *testing.T) {
	b := proxyBench(t, nil)
	conn, err := net.Dial("tcp", strings.TrimPrefix(b.url, "http://"))
	require.NoError(t, err)
	defer conn.Close()
	fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: http-web-my-demo.localhost\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	r := bufio.NewReader(conn)
	resp, err := http.ReadResponse(r, nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusSwitchingProtocols, resp.StatusCode)
	for _, word := range []string{"one\n", "two\n"} {
		fmt.Fprint(conn, word)
		got, err := r.ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, word, got)
	}
}

// With a token, services are behind it, too; the service does not see it.
func TestProxyToken(t *testing.T) {
	b := proxyBench(t, func(o *engine.Options) { o.RPC.Token = "secret" })
	const host = "http-web-my-demo.localhost"
	for _, header := range []string{"", "Bearer wrong"} {
		status, text := b.get(t, host, "Proxy-Authorization", header)
		require.Equal(t, http.StatusProxyAuthRequired, status)
		require.Equal(t, "the token is missing or wrong: services are behind it, too\nbring it as 'Proxy-Authorization: Bearer TOKEN'", text)
	}
	status, text := b.get(t, host, "Proxy-Authorization", "Bearer secret")
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, host+` /path?q=1 ""`, text)
}
