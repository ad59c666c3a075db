package cli_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/backends/docker"
	"github.com/kurtosis-go/kurtosis/cmd/internal/cli"
)

func TestMain(m *testing.M) {
	streams := func() cli.Streams { return cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr} }
	engines := cli.Engines{Docker: func(ctx context.Context) (backends.Backend, error) { return docker.Open(ctx, docker.Options{}) }}
	broken := cli.Engines{Docker: func(context.Context) (backends.Backend, error) { panic("the wheel came off") }}
	interrupted, interrupt := context.WithCancel(context.Background())
	interrupt()
	testscript.Main(m, map[string]func(){
		"kurtosis-broken":      func() { os.Exit(cli.Main(context.Background(), os.Args[1:], streams(), broken)) },
		"kurtosis-interrupted": func() { os.Exit(cli.Main(interrupted, os.Args[1:], streams(), engines)) },
		"kurtosis":             func() { os.Exit(cli.Main(context.Background(), os.Args[1:], streams(), engines)) },
	})
}

// TestCommandLine runs the scripts of testdata/cli. UPDATE=1 rewrites what they compare with.
func TestCommandLine(t *testing.T) { runScripts(t, "cli", nil) }

// runScripts runs the scripts of a directory of testdata. prepare, where not nil, adds to their environment.
func runScripts(t *testing.T, dir string, prepare func(*testscript.Env) error) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("..", "..", "..", "testdata", dir),
		UpdateScripts:       os.Getenv("UPDATE") != "",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			for name, dir := range map[string]string{"XDG_CACHE_HOME": "cache", "XDG_CONFIG_HOME": "config", "XDG_DATA_HOME": "data"} {
				env.Setenv(name, filepath.Join(env.WorkDir, ".xdg", dir))
			}
			if prepare != nil {
				return prepare(env)
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
	})
}

// exits runs a command that must end with a status: exits 2 kurtosis run.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS COMMAND ARGS...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var status *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &status) {
		got = status.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d\nstdout:\n%s\nstderr:\n%s", got, want, ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
}
