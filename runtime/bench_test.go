package runtime_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/packages"
	"github.com/kurtosis-go/kurtosis/runtime"
	"github.com/kurtosis-go/kurtosis/runtime/event"
	"github.com/kurtosis-go/kurtosis/runtime/state"
)

// bench is one enclave that packages are run in one after the other.
type bench struct {
	t                *testing.T
	backend          backends.Backend
	enclaves         runtime.Enclaves
	name             string
	toolbox, busybox string
	images           []string                         // to be removed in the end
	translate        func(main string) string         // of scripts to what the engine has, or nil
	renew            func(t *testing.T, image string) // gives an image another content, where edits ask for it
}

// events collects what a run says.
type events struct {
	mu  sync.Mutex
	all []event.Event
}

func (e *events) Emit(ev event.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, ev)
}

func of[E event.Event](e *events) []E {
	e.mu.Lock()
	defer e.mu.Unlock()
	var out []E
	for _, ev := range e.all {
		if ev, ok := ev.(E); ok {
			out = append(out, ev)
		}
	}
	return out
}

// results are the texts of the steps that ran, by instruction and in order.
func (e *events) results() []string {
	var out []string
	for _, f := range of[event.StepFinished](e) {
		out = append(out, f.Step.Instruction+": "+f.Result)
	}
	return out
}

// run executes a script, or a package of files. @busybox and @toolbox stand for the test images.
func (b *bench) run(ctx context.Context, main string, files map[string]string, change ...func(*runtime.RunOptions)) (runtime.Result, *events, error) {
	b.t.Helper()
	o, seen := b.options(ctx, main, files, change...)
	result, err := runtime.Run(ctx, b.backend, o)
	last := seen.all[len(seen.all)-1]
	require.IsType(b.t, event.Result{}, last, "the last event is the result")
	return result, seen, err
}

// options are those of run.
func (b *bench) options(ctx context.Context, main string, files map[string]string, change ...func(*runtime.RunOptions)) (runtime.RunOptions, *events) {
	b.t.Helper()
	if b.translate != nil {
		main = b.translate(main)
	}
	main = strings.NewReplacer("@busybox", b.busybox, "@toolbox", b.toolbox).Replace(main)
	dir := b.t.TempDir()
	operand := filepath.Join(dir, "main.star")
	if files != nil {
		operand = dir
		if files["kurtosis.yml"] == "" {
			files["kurtosis.yml"] = "name: github.com/test/execution\n"
		}
	}
	for name, text := range files {
		text = strings.NewReplacer("@busybox", b.busybox, "@toolbox", b.toolbox).Replace(text)
		path := filepath.Join(dir, name)
		require.NoError(b.t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(b.t, os.WriteFile(path, []byte(text), 0o644))
	}
	require.NoError(b.t, os.WriteFile(filepath.Join(dir, "main.star"), []byte(main), 0o644))
	pkg, err := packages.Open(ctx, operand, packages.Options{})
	require.NoError(b.t, err)
	seen := &events{}
	o := runtime.RunOptions{
		Options: runtime.Options{Package: pkg, Identity: "the script"}, State: b.enclaves.State, Sink: seen, Enclave: b.name,
	}
	for _, c := range change {
		c(&o)
	}
	return o, seen
}

func (b *bench) store() *state.Enclave {
	b.t.Helper()
	enclave, err := b.backend.InspectEnclave(b.t.Context(), b.name)
	require.NoError(b.t, err)
	store, err := b.enclaves.Store(enclave.UUID)
	require.NoError(b.t, err)
	return store.Enclave()
}
