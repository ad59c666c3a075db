//go:build docker

package live_test

import (
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// testProxy asks services for pages by their host names, on the engine's own port.
func testProxy(t *testing.T, engine *engineOf) {
	e := engine.enclave(t, "proxy")
	e.succeed(t, fmt.Sprintf(`
def run(plan):
    plan.add_service(name="my-web", config=ServiceConfig(image=%q, cmd=["http", "8080", "a page"], ports={"http": PortSpec(number=8080), "shut": PortSpec(number=81, wait=None)}))
`, toolbox(t)), "{}")
	get := func(label string) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+engine.address+"/", nil)
		require.NoError(t, err)
		req.Host = label + ".localhost:9710"
		resp, err := engine.http.Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp.StatusCode, string(text)
	}
	web := e.services(t)["my-web"]
	for _, label := range []string{"http-my-web-" + e.name, "8080-" + web.ShortenedUuid + "-" + e.info.ShortenedUuid} {
		code, text := get(label)
		require.Equal(t, http.StatusOK, code, text)
		require.Equal(t, "a page", text)
	}
	code, text := get("shut-my-web-" + e.name)
	require.Equal(t, http.StatusBadGateway, code)
	require.Equal(t, fmt.Sprintf("service \"my-web\" of enclave %q does not answer: port 81/tcp of service \"my-web\" is not open: nobody listens on it\n", e.name), text)
	code, text = get("http-absent-" + e.name)
	require.Equal(t, http.StatusNotFound, code)
	require.Equal(t, fmt.Sprintf("nothing is at \"http-absent-%[1]s\": enclave \"%[1]s\" has no service of that name\nnames are PORT-SERVICE-ENCLAVE, as http-web-demo\n", e.name), text)
}
