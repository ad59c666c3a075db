package client_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/api/client"
	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/backends/fake"
	"github.com/kurtosis-go/kurtosis/runtime"
	"github.com/kurtosis-go/kurtosis/runtime/event"
	"github.com/kurtosis-go/kurtosis/runtime/execute"
	"github.com/kurtosis-go/kurtosis/runtime/imagebuild"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

// TestBuiltImages: a cluster builds no images; services are made of those that were built for the run.
func TestBuiltImages(t *testing.T) {
	b := newBenchOn(t, fake.Options{Cluster: backends.Kubernetes})
	const ref = "registry.example/team/app:content@sha256:0000000000000000000000000000000000000000000000000000000000000000"
	b.backend.AddImage(ref, fake.Toolbox())
	pkg, bundle := open(t, layOut(t, `
-- kurtosis.yml --
name: github.com/test/built
-- app/Dockerfile --
FROM scratch
-- main.star --
def run(plan):
    plan.add_service(name="web", config=ServiceConfig(image=ImageBuildSpec(image_name="app:dev", build_context_dir="./app")))
    plan.add_services(configs={"more": ServiceConfig(image=ImageBuildSpec(image_name="app:dev", build_context_dir="./app"))})
`))
	preview, err := runtime.Plan(t.Context(), runtime.Options{Package: pkg, Cluster: "kubernetes"})
	require.NoError(t, err)
	images, err := imagebuild.BuiltOf(preview.Plan)
	require.NoError(t, err)
	require.Len(t, images, 1)

	_, err = b.client.Run(t.Context(), client.RunOptions{Bundle: bundle})
	var step *execute.StepError
	require.ErrorAs(t, err, &step)
	require.Equal(t, `image "app:dev" cannot be built on Kubernetes, and nobody has built it before the run`, step.Failure.Message)
	require.Equal(t, "`kurtosis run PACKAGE` builds it where it is called, and pushes it to the cluster's image registry; for other clients, push it to a registry and name its reference in the package", step.Failure.Hint)

	built := imagebuild.Built{Reference: ref, Image: backends.Image{ID: "sha256:1", Platform: "linux/arm64", Entrypoint: []string{"/app"}, Cmd: []string{"serve"}}}
	o := client.RunOptions{Bundle: bundle, Built: map[string]imagebuild.Built{imagebuild.Key(images[0]): built}}
	var warnings []string
	o.Sink = event.Func(func(e event.Event) {
		if w, ok := e.(event.Warning); ok {
			warnings = append(warnings, w.Message)
		}
	})
	result, err := b.client.Run(t.Context(), o)
	require.NoError(t, err)
	require.Equal(t, 2, result.Executed)
	require.Equal(t, []string{"image app:dev is made for linux/arm64, but the engine runs linux/amd64"}, warnings)
	service, err := b.backend.InspectService(t.Context(), b.enclave.UUID, "web")
	require.NoError(t, err)
	require.Equal(t, ref, service.Image)

	result, err = b.client.Run(t.Context(), o)
	require.NoError(t, err)
	require.Equal(t, 2, result.Skipped)
	built.Image.ID = "sha256:2"
	o.Built = map[string]imagebuild.Built{imagebuild.Key(images[0]): built}
	o.Planned = func(*plan.Plan) {}
	compared, err := b.client.Compare(t.Context(), o)
	require.NoError(t, err)
	require.Equal(t, "image app:dev changed", compared.Delta.Of(compared.Plan.Steps[0]).Cause)
	require.NotContains(t, fmt.Sprint(b.backend.Calls()), "BuildImage")
}
