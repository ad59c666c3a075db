//go:build docker && edits

package runtime_test

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/backends"
)

// server is where a service's configuration names an image and its port.
var server = regexp.MustCompile(`(image="@web2?")((?:, env_vars=\{[^}]*\})?, ports=\{"\w+": PortSpec\(number=(\d+)\))`)

// TestEditsOnDocker is TestEdits on a real engine, with programs that do what the fake's stand for.
func TestEditsOnDocker(t *testing.T) {
	for _, test := range edits(t) {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t)
			tag := backends.NewUUID()[:8]
			images := map[string]string{"web": b.ownImage("kurtosis-test/web:" + tag), "web2": b.ownImage("kurtosis-test/web2:" + tag)}
			b.renew = func(t *testing.T, name string) {
				build := exec.Command("docker", "build", "-q", "-t", images[name], "-")
				build.Stdin = strings.NewReader("FROM " + b.toolbox + "\nLABEL content=" + backends.NewUUID() + "\n")
				out, err := build.CombinedOutput()
				require.NoError(t, err, "%s", out)
			}
			for name := range images {
				b.renew(t, name)
			}
			b.translate = func(main string) string {
				main = strings.NewReplacer(`image="web"`, `image="@web"`, `image="web2"`, `image="@web2"`, `image="sleeps"`, `image="@busybox"`,
					`command=["echo", `, `command=["/toolbox", "print", `, `run="x"`, `run="true"`,
					`run="task"`, `run="mkdir -p /out; echo 42 > /out/result"`, `run="other"`, `run="mkdir /out; echo 42 > /out/result"`).Replace(main)
				main = server.ReplaceAllString(main, `$1, cmd=["http", "$3"]$2`)
				return strings.NewReplacer("@web2", images["web2"], "@web", images["web"]).Replace(main)
			}
			for i := range test.want {
				test.want[i] = strings.Replace(test.want[i], "image web2 ", "image "+images["web2"]+" ", 1)
			}
			b.edited(t, test)
		})
	}
}
