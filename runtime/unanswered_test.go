package runtime_test

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/backends/fake"
	"github.com/kurtosis-go/kurtosis/runtime"
)

// TestUnanswered: what waits for a service that is silent says what did not happen, not that a deadline has passed.
func TestUnanswered(t *testing.T) {
	const silent = "it is too busy, or cut off from the enclave's network"
	for name, c := range map[string]struct {
		step, message, hint string
		lost                bool // packets are
	}{
		"a wait for a service that is cut off": {
			`plan.wait(service_name="mute", recipe=GetHttpRequestRecipe(port_id="http", endpoint="/x"), field="code", assertion="==", target_value=200, timeout="3s")`,
			`code == 200 did not come true within 3s: GET http://mute:80/x: service "mute" did not answer`, silent + "; timeout= waits longer", true,
		},
		"a request to one": {
			`plan.request(service_name="mute", recipe=GetHttpRequestRecipe(port_id="http", endpoint="/x"))`,
			`GET http://mute:80/x: service "mute" did not answer`, silent, true,
		},
		"a port of one": {
			`plan.add_service(name="other", config=ServiceConfig(image="mute", ports={"http": PortSpec(number=80, wait="3s")}))`,
			`port "http" (80/tcp) of service "other" did not open within 3s`, "the service runs, but its packets are lost: something keeps it from the enclave's network; " + `wait="10m" in its PortSpec waits longer, wait=None not at all`, true,
		},
		"a wait for a service that says nothing": {
			`plan.wait(service_name="mute", recipe=GetHttpRequestRecipe(port_id="http", endpoint="/x"), field="code", assertion="==", target_value=200, timeout="3s")`,
			`code == 200 did not come true within 3s: GET http://mute:80/x: service "mute" did not answer`, silent + "; timeout= waits longer", false,
		},
		"a command that does not end": {
			`plan.wait(service_name="mute", recipe=ExecRecipe(command=["sleep", "forever"]), field="code", assertion="==", target_value=0, timeout="3s")`,
			`code == 0 did not come true within 3s: the command ["sleep" "forever"] did not end`, "timeout= waits longer", false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, engine := newFake(t)
				engine.AddImage("mute", fake.Image{Program: func(ctx context.Context, p *fake.Process) int {
					l, err := p.Listen(backends.Port{Number: 80})
					if err != nil {
						return 1
					}
					context.AfterFunc(ctx, func() { l.Close() })
					var open []net.Conn
					for {
						conn, err := l.Accept()
						if err != nil {
							for _, conn := range open {
								conn.Close()
							}
							return 0
						}
						open = append(open, conn)
					}
				}})
				engine.OnExec(func(ctx context.Context, _, _ string, _ backends.Exec) (int, bool) {
					<-ctx.Done()
					return 0, true
				})
				_, _, err := b.run(t.Context(), `
def run(plan):
    plan.add_service(name="mute", config=ServiceConfig(image="mute", ports={"http": PortSpec(number=80)}))
`, nil)
				require.NoError(t, err)
				if c.lost {
					engine.Delay("Dial", time.Hour)
				}
				_, _, err = b.run(t.Context(), "\ndef run(plan):\n    "+c.step+"\n", nil)
				require.ErrorContains(t, err, ": "+c.message)
				why := runtime.Explain(err)
				require.Equal(t, c.message, why.Message)
				require.Equal(t, c.hint, why.Hint)
			})
		})
	}
}
