package runtime_test

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/runtime"
)

const oneService = `
def run(plan):
    plan.add_service(name="one", config=ServiceConfig(image="web"))
`

const otherService = `
def run(plan):
    plan.add_service(name="two", config=ServiceConfig(image="web"))
`

// TestScriptsKeepToThemselves: scripts of one enclave know their own services and steps from those of others.
func TestScriptsKeepToThemselves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := newFake(t)
		as := func(identity string) func(*runtime.RunOptions) {
			return func(o *runtime.RunOptions) { o.Identity, o.Prune = identity, true }
		}
		run := func(script, identity string) runtime.Result {
			result, _, err := b.run(t.Context(), script, nil, as(identity))
			require.NoError(t, err)
			return result
		}
		require.Empty(t, run(oneService, "/a/main.star").Delta.Removed)
		require.Empty(t, run(otherService, "/b/main.star").Delta.Removed)
		again := run(oneService, "/a/main.star")
		require.Equal(t, 1, again.Skipped, "what the other script did changes nothing about it")
		require.ElementsMatch(t, []string{"one", "two"}, keys(b.store().Services))
		require.Equal(t, []string{"one"}, run("def run(plan):\n    pass\n", "/a/main.star").Delta.Removed)
		require.Equal(t, []string{"two"}, keys(b.store().Services))
		require.Equal(t, "/a/main.star", b.store().LastRun().Package)
	})
}

// TestNamelessScripts: what nobody can tell apart makes nothing that it could have dropped.
func TestNamelessScripts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := newFake(t)
		nameless := func(o *runtime.RunOptions) { o.Nameless, o.Prune = true, true }
		run := func(script string) runtime.Result {
			result, _, err := b.run(t.Context(), script, nil, nameless)
			require.NoError(t, err)
			return result
		}
		run(oneService)
		require.Equal(t, 1, run(oneService).Skipped)
		require.Empty(t, run(otherService).Delta.Removed)
		require.ElementsMatch(t, []string{"one", "two"}, keys(b.store().Services))
	})
}

// TestNamelessScriptsTakeTurns: one leaves the services of another as they are. The other, when it comes again, is done
// again as a whole, since what ran between may have changed anything: its services are what it says, with the addresses
// they had, and its steps run on services that are as new.
func TestNamelessScriptsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, engine := newFake(t)
		const initialised = oneService + `    plan.exec(service_name="one", recipe=ExecRecipe(command=["init"]))
`
		nameless := func(o *runtime.RunOptions) { o.Nameless, o.Prune = true, true }
		run := func(script string) runtime.Result {
			result, _, err := b.run(t.Context(), script, nil, nameless)
			require.NoError(t, err)
			require.Empty(t, result.Delta.Removed)
			return result
		}
		service := func(enclave, name string) backends.Service {
			s, err := engine.InspectService(t.Context(), enclave, name)
			require.NoError(t, err)
			return s
		}
		first := run(initialised)
		one := service(first.Enclave.UUID, "one")
		require.Equal(t, 1, run(otherService).Executed)
		require.Equal(t, one, service(first.Enclave.UUID, "one"), "it was not touched")
		again := run(initialised)
		require.Equal(t, 2, again.Executed)
		now := service(first.Enclave.UUID, "one")
		require.Equal(t, one.UUID, now.UUID)
		require.Equal(t, one.Address, now.Address)
		require.Equal(t, 2, run(initialised).Skipped)
		require.ElementsMatch(t, []string{"one", "two"}, keys(b.store().Services))
	})
}
