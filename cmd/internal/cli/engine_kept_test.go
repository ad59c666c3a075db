package cli

import (
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/backends/fake"
	"github.com/kurtosis-go/kurtosis/engine"
)

func TestRestartKeepsSettings(t *testing.T) {
	b := fake.New(t.Context(), fake.Options{AnyImage: true})
	defer b.Close()
	was, err := b.StartSystem(t.Context(), backends.SystemSpec{
		Kind: backends.ContainerTypeEngine, Name: "engine", UUID: backends.NewUUID(), Image: "kurtosis", PublishAddress: "192.0.2.1", PublishPort: 9999,
		Command: []string{"engine", "serve", "--name", "x", "--publish", "192.0.2.1", "--log-retention-period", "3h0m0s", "--origin", "https://a.example", "--origin", "https://b.example"},
		Env:     map[string]string{engine.TokenVariable: "secret", "KURTOSIS_GITHUB_TOKEN": "ghp"},
	})
	require.NoError(t, err)
	keep := func(args ...string) engineFlags {
		t.Helper()
		f := engineFlags{}
		cmd := &cobra.Command{}
		f.declare(cmd)
		require.NoError(t, cmd.ParseFlags(args))
		require.NoError(t, f.keep(t.Context(), b, was, cmd.Flags()))
		return f
	}
	require.Equal(t, engineFlags{
		port: 9999, listen: "192.0.2.1", token: "secret", github: "ghp", retention: 3 * time.Hour, origins: []string{"https://a.example", "https://b.example"},
	}, keep())
	require.Equal(t, engineFlags{port: 1, listen: "127.0.0.1", token: "new", github: "other", retention: time.Hour, origins: []string{"https://c.example"}},
		keep("--port", "1", "--listen", "127.0.0.1", "--token", "new", "--github-auth-token", "other", "--log-retention-period", "1h", "--origin", "https://c.example"))
}
