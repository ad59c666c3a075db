//go:build faults && linux

package live_test

import (
	"fmt"
	"net"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPortScan tries every TCP port of this machine from another host and from a container on another network, and every
// port of the engine and of an API container from there, too: nothing answers but what the test itself put there.
func TestPortScan(t *testing.T) {
	withMachine(t, func(m *machine) {
		image, engine := toolbox(t), startEngine(t)
		e := engine.enclave(t, "scan")
		e.succeed(t, fmt.Sprintf(`
def run(plan):
    plan.add_service(name="web", config=ServiceConfig(image=%q, cmd=["http", "8080", "x", "+", "tcp", "9999"], ports={"http": PortSpec(number=8080)}))
`, image), "{}")
		require.NotEmpty(t, e.services(t)["web"].MaybePublicPorts, "there is something to find")
		run := func(network string) string {
			t.Helper()
			id := dockerOut(t, "run", "-d", "--network", network, image, "sleep")
			t.Cleanup(func() { _ = exec.Command("docker", "rm", "-f", id).Run() })
			return id
		}
		// scan gives what is open. One that misses what is known to be there, on a machine that is too busy, is repeated.
		scan := func(from, known string, addresses ...string) []string {
			t.Helper()
			var open []string
			for range 3 {
				open = append(open, strings.Fields(dockerOut(t, append([]string{"exec", from, "/toolbox", "scan"}, addresses...)...))...)
				if slices.Contains(open, known) {
					break
				}
			}
			slices.Sort(open)
			return slices.Compact(open)
		}
		// listen puts something on an address, so that it is known that the scan finds what there is.
		listen := func(address string) string {
			t.Helper()
			l, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
			require.NoError(t, err)
			t.Cleanup(func() { l.Close() })
			return l.Addr().String()
		}

		// Another host is a container whose only network is a cable to this machine.
		const here, there = "10.213.71.1", "10.213.71.2"
		host := run("none")
		pid := dockerOut(t, "inspect", "-f", "{{.State.Pid}}", host)
		for _, line := range []string{
			"ip link add kthere type veth peer name kthost", "ip link set kthost netns " + pid,
			"ip addr add " + here + "/24 dev kthere", "ip link set kthere up",
			"nsenter -t " + pid + " -n ip addr add " + there + "/24 dev kthost", "nsenter -t " + pid + " -n ip link set kthost up",
		} {
			words := strings.Fields(line)
			out, err := exec.Command(words[0], words[1:]...).CombinedOutput()
			require.NoError(t, err, "%s: %s", line, out)
		}
		known := listen(here)
		require.Equal(t, []string{known}, scan(host, known, here), "open for another host")

		dockerOut(t, "network", "create", "elsewhere")
		t.Cleanup(func() { _ = exec.Command("docker", "network", "rm", "elsewhere").Run() })
		neighbour := run("elsewhere")
		gateway := dockerOut(t, "network", "inspect", "elsewhere", "-f", "{{(index .IPAM.Config 0).Gateway}}")
		engineAddress := dockerOut(t, "inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", engine.container)
		known = listen(gateway)
		require.Equal(t, []string{known}, scan(neighbour, known, gateway, engineAddress, e.info.ApiContainerInfo.IpInsideEnclave), "open for a container of another network")
	})
}
