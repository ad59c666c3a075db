package cli_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/cmd/internal/cli"
)

// TestExamples: every example passes the checker without a word, and gives a plan.
func TestExamples(t *testing.T) {
	const root = "../../../examples"
	arguments := map[string]string{"images-registry": `{"username": "mary", "password": "had-a-little-lamb"}`}
	plans := map[string]string{
		"images-dockerfile": "Adding service with name 'site' and image 'kurtosis-example/site:dev'",
		"images-nix":        "Adding service with name 'hello' and image 'kurtosis-example/hello-nix:dev'",
		"images-registry":   "Adding service with name 'app' and image 'registry.example.com/team/app:1.0'",
	}
	entries, err := os.ReadDir(root)
	require.NoError(t, err)
	seen := 0
	for _, e := range entries {
		dir := filepath.Join(root, e.Name())
		if _, err := os.Stat(filepath.Join(dir, "kurtosis.yml")); err != nil {
			continue
		}
		if plans[e.Name()] != "" {
			seen++
		}
		t.Run(e.Name(), func(t *testing.T) {
			for _, v := range []string{"XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"} {
				t.Setenv(v, t.TempDir())
			}
			run := func(args ...string) string {
				t.Helper()
				var out, complaints bytes.Buffer
				status := cli.Main(t.Context(), args, cli.Streams{In: strings.NewReader(""), Out: &out, Err: io.MultiWriter(&complaints)}, cli.Engines{})
				require.Zero(t, status, "%s%s", out.String(), complaints.String())
				require.Empty(t, complaints.String())
				return out.String()
			}
			run("lint", dir)
			args := []string{"run", dir, "--dry-run", "--strict"}
			if given := arguments[e.Name()]; given != "" {
				args = append(args, given)
			}
			text := run(args...)
			require.Contains(t, text, plans[e.Name()])
			require.NotContains(t, run(append(args, "-o", "json")...), "lamb")
		})
	}
	require.Equal(t, len(plans), seen)
}
