//go:build k8s

package kubernetes_test

import (
	"io"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/stretchr/testify/require"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/backends/backendtest/images"
	"github.com/kurtosis-go/kurtosis/backends/backendtest/registry"
	"github.com/kurtosis-go/kurtosis/backends/kubernetes"
)

// TestPrivateRegistry: nodes pull from a registry that wants a login, with that of the service.
func TestPrivateRegistry(t *testing.T) {
	r := registry.StartAt(t, "127.0.0.1") // where nodes ask for no TLS
	f := newFaulty(t, kubernetes.Options{PullPolicy: core.PullIfNotPresent})
	private := images.Toolbox(t)
	image, err := tarball.Image(func() (io.ReadCloser, error) { return private.Open(f.ctx) }, nil)
	require.NoError(t, err)
	// Of one content that it has pulled with a login, a node lets nobody have the image without: this one is of its own.
	content, err := image.ConfigFile()
	require.NoError(t, err)
	config := *content.Config.DeepCopy()
	config.Labels = map[string]string{"test": t.Name()}
	image, err = mutate.Config(image, config)
	require.NoError(t, err)
	f.toolbox = r.Host + "/private/toolbox:1"
	tag, err := name.NewTag(f.toolbox)
	require.NoError(t, err)
	require.NoError(t, remote.Write(tag, image, remote.WithContext(f.ctx), remote.WithAuth(&authn.Basic{Username: registry.User, Password: registry.Password})))

	spec := f.spec("web", "sleep")
	f.refused(spec, backends.AuthNeeded, `^starting service "web": the node cannot pull image "`+f.toolbox+`": [^"]*(401 Unauthorized|authorization failed: no basic auth credentials)$`,
		"the registry wants a login: give username and password in an ImageSpec, or log in with `docker login` before the run")
	spec.ImageAuth = &backends.RegistryAuth{Registry: r.Host, Username: registry.User, Password: "wrong password"}
	f.refused(spec, backends.AuthNeeded, `^starting service "web": the node cannot pull image "`+f.toolbox+`": [^"]*(401 Unauthorized|authorization failed)$`,
		"the registry does not accept the login: correct username and password in the ImageSpec, or log in again with `docker login`")
	spec.ImageAuth.Password = registry.Password
	spec.Image = r.Host + "/private/absent:1"
	f.refused(spec, backends.ImageNotFound, `^starting service "web": the node cannot pull image "`+spec.Image+`": [^"]*not found$`,
		"check its name and tag; a private registry needs an ImageSpec with username and password")
	secrets, err := f.Client().CoreV1().Secrets(f.namespace()).List(f.ctx, meta.ListOptions{})
	require.NoError(t, err)
	require.Empty(t, secrets.Items, "what was made for services that don't run is removed")

	spec.Image = f.toolbox
	s, err := f.AddService(f.ctx, f.enclave.UUID, spec)
	require.NoError(t, err)
	require.Equal(t, backends.Running, s.State)
	secrets, err = f.Client().CoreV1().Secrets(f.namespace()).List(f.ctx, meta.ListOptions{})
	require.NoError(t, err)
	require.Len(t, secrets.Items, 1)
	require.Equal(t, core.SecretTypeDockerConfigJson, secrets.Items[0].Type)
}
