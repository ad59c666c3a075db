package runtime_test

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/runtime"
	"github.com/kurtosis-go/kurtosis/runtime/event"
)

// TestBuiltImageEdits: a built image is made once, and its content decides what runs again.
func TestBuiltImageEdits(t *testing.T) {
	const main = `
def run(plan):
    plan.add_service(name="app", config=ServiceConfig(image=ImageBuildSpec(image_name="app:dev", build_context_dir="./app", build_args={"A": "1"})))
    plan.print("done")
`
	files := func(content string) map[string]string {
		return map[string]string{"app/Dockerfile": "FROM scratch\nARG A\nCOPY file /file\n", "app/file": content}
	}
	synctest.Test(t, func(t *testing.T) {
		b, _ := newFake(t)
		run := func(content string) (runtime.Result, []event.ImageSource, string) {
			t.Helper()
			result, seen, err := b.run(t.Context(), main, files(content))
			require.NoError(t, err)
			var sources []event.ImageSource
			for _, e := range seen.all {
				if ready, ok := e.(event.ImageReady); ok {
					sources = append(sources, ready.Source)
				}
			}
			image, err := b.backend.InspectImage(t.Context(), "app:dev")
			require.NoError(t, err)
			return result, sources, image.ID
		}
		result, sources, first := run("one")
		require.Equal(t, []event.ImageSource{event.ImageBuilt}, sources)
		require.Equal(t, 2, result.Executed)
		result, sources, id := run("one")
		require.Empty(t, sources)
		require.Equal(t, first, id)
		require.Equal(t, 2, result.Skipped)
		result, sources, id = run("two")
		require.Equal(t, []event.ImageSource{event.ImageBuilt}, sources)
		require.NotEqual(t, first, id)
		require.GreaterOrEqual(t, result.Executed, 1)

		// Another enclave uses the image that is there.
		b.name = "other"
		result, sources, again := run("two")
		require.Equal(t, []event.ImageSource{event.ImageCached}, sources)
		require.Equal(t, id, again)
		require.Equal(t, 2, result.Executed)
	})
}
