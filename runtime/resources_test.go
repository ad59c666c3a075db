package runtime_test

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/runtime"
)

// TestResources: what services need at least is compared with what the engine has, before anything is made.
func TestResources(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, engine := newFake(t) // which has 2 CPUs and 8 GiB
		check := func(o *runtime.RunOptions) { o.ResourceCheck = true }
		script := `
def run(plan):
    plan.add_service("a", ServiceConfig("web", min_cpu=1500, min_memory=1000))
    plan.add_services({"b": ServiceConfig("web", min_cpu=501), "c": ServiceConfig("web", min_memory=7590)})
`
		result, _, err := b.run(t.Context(), script, nil, check)
		var problems *runtime.ProblemsError
		require.ErrorAs(t, err, &problems)
		require.Len(t, problems.Problems, 2)
		require.Equal(t, "service 'b' needs 501 thousandths of a CPU, with the services before it 2001, and the engine has 2000", problems.Problems[0].Message)
		require.Equal(t, "service 'c' needs 7590 MB of memory, with the services before it 8590 MB, and the engine has 8589 MB", problems.Problems[1].Message)
		require.False(t, result.Created)
		enclaves, err := engine.ListEnclaves(t.Context())
		require.NoError(t, err)
		require.Empty(t, enclaves)

		_, _, err = b.run(t.Context(), script, nil)
		require.NoError(t, err, "who does not ask is not refused")
	})
}
