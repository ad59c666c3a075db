//go:build docker

package docker_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/backends/backendtest/images"
	"github.com/kurtosis-go/kurtosis/backends/backendtest/registry"
	"github.com/kurtosis-go/kurtosis/backends/docker"
)

// nobody is the engine for somebody who never logged in.
func nobody(t *testing.T, host string) *docker.Backend {
	t.Helper()
	config := t.TempDir()
	return open(t, docker.Options{Getenv: func(name string) string {
		return map[string]string{"DOCKER_CONFIG": config, "DOCKER_HOST": host}[name]
	}})
}

// layer is one of random bytes, never seen before.
func layer(t *testing.T, size int) []byte {
	t.Helper()
	content := make([]byte, size)
	_, err := rand.Read(content)
	require.NoError(t, err)
	data, err := images.Layer(images.File{Path: "file", Content: content})
	require.NoError(t, err)
	return data
}

// TestRefusals: what a registry answers is told with what to do about it.
func TestRefusals(t *testing.T) {
	b := nobody(t, os.Getenv("DOCKER_HOST"))
	answer := func(status int, code, message string) func(*testing.T) *registry.Registry {
		return func(t *testing.T) *registry.Registry {
			return registry.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/v2/" {
					registry.Refuse(w, status, code, message)
				}
			}))
		}
	}
	const (
		login   = "log in with `docker login`, or give username and password in an ImageSpec"
		way     = "the engine, not this program, needs the way to the registry: check its proxy and DNS settings"
		private = "check name and tag; if it is private, log in with `docker login` or give username and password in an ImageSpec"
	)
	tests := []struct {
		name    string
		start   func(*testing.T) *registry.Registry
		auth    *backends.RegistryAuth
		kind    backends.Kind
		message string
		hint    string
	}{
		{"too often", answer(http.StatusTooManyRequests, "TOOMANYREQUESTS", "You have reached your pull rate limit"), nil, backends.RateLimited,
			"toomanyrequests: You have reached your pull rate limit", "log in with `docker login`, wait, or configure a registry mirror"},
		{"not logged in", answer(http.StatusUnauthorized, "UNAUTHORIZED", "authentication required"), nil, backends.AuthNeeded,
			"unauthorized", login},
		{"not allowed", answer(http.StatusForbidden, "DENIED", "requested access to the resource is denied"), nil, backends.AuthNeeded,
			"denied", login},
		{"not allowed with a login", answer(http.StatusForbidden, "DENIED", "requested access to the resource is denied"), &backends.RegistryAuth{Username: "mary", Password: "secret"}, backends.AuthNeeded,
			"denied", "the credentials that were sent are not accepted: log in again with `docker login`, or correct the ImageSpec"},
		{"not there", answer(http.StatusNotFound, "MANIFEST_UNKNOWN", "manifest unknown"), nil, backends.ImageNotFound,
			"manifest unknown", private},
		{"out of order", answer(http.StatusServiceUnavailable, "UNAVAILABLE", "service unavailable"), nil, backends.RegistryUnreachable,
			"received unexpected HTTP status: 503 Service Unavailable", "the registry is out of order: try again later, or use a mirror"},
		{"certificate", registry.ServeStranger, nil, backends.RegistryUnreachable,
			`Get "https://HOST/v2/": x509: certificate signed by unknown authority`, "the engine does not trust the registry's certificate: put its authority's into /etc/docker/certs.d/HOST/ca.crt"},
		{"no TLS", registry.ServePlain, nil, backends.RegistryUnreachable,
			`Get "https://HOST/v2/": http: server gave HTTP response to HTTPS client`, `the registry does not speak TLS: if that is meant, add "HOST" to insecure-registries in the engine's daemon.json`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := test.start(t)
			ref := r.Host + "/team/app:1"
			place := strings.NewReplacer("HOST", r.Host)
			_, err := b.PullImage(t.Context(), backends.PullSpec{Ref: ref, Auth: test.auth}, nil)
			var e *backends.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, `pulling image "`+ref+`": `+place.Replace(test.message), e.Message)
			require.Equal(t, place.Replace(test.hint), e.Hint)
			require.Equal(t, test.kind, e.Kind)
		})
	}
	t.Run("other platform", func(t *testing.T) {
		other := map[string]string{"amd64": "arm64"}[runtime.GOARCH]
		if other == "" {
			other = "amd64"
		}
		content := registry.Content{}
		content.Add(t, "team/app", "one", other, layer(t, 10))
		content.AddIndex(t, "team/app", "1", "one", other)
		ref := registry.Serve(t, content).Host + "/team/app:1"
		_, err := b.PullImage(t.Context(), backends.PullSpec{Ref: ref}, nil)
		var e *backends.Error
		require.ErrorAs(t, err, &e)
		require.Regexp(t, `^pulling image "`+regexp.QuoteMeta(ref)+`": no matching manifest for linux/`+runtime.GOARCH+` in the manifest list entries$`, e.Message)
		require.Equal(t, "the image is not made for this engine's platform: another tag may be, or build it", e.Hint)
		require.Equal(t, backends.Unsupported, e.Kind)
	})
}

// TestSharedLayers: a layer of two images that are pulled at once is downloaded once, and its bytes are reported once.
func TestSharedLayers(t *testing.T) {
	b := nobody(t, os.Getenv("DOCKER_HOST"))
	const size = 4 << 20
	shared := layer(t, size)
	content := registry.Content{}
	digests := content.Add(t, "team/one", "1", runtime.GOARCH, shared, layer(t, 100))
	content.Add(t, "team/two", "1", runtime.GOARCH, shared, layer(t, 100))
	both, shown := make(chan struct{}), make(chan struct{})
	var mu sync.Mutex
	asked := 0
	r := registry.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, digests[0]) {
			content.ServeHTTP(w, r)
			return
		}
		mu.Lock()
		asked++
		mu.Unlock()
		data := content.Data(r.URL.Path)
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
		for _, part := range []struct {
			after chan struct{}
			data  []byte
		}{{both, data[:len(data)/2]}, {shown, data[len(data)/2:]}} {
			select {
			case <-part.after:
			case <-r.Context().Done():
				return
			}
			_, _ = w.Write(part.data)
			w.(http.Flusher).Flush()
		}
	}))
	var waiting, pulls sync.WaitGroup
	waiting.Add(2)
	var totals [2]int64
	var once sync.Once
	for i, name := range []string{"one", "two"} {
		ref := r.Host + "/team/" + name + ":1"
		t.Cleanup(func() { require.NoError(t, b.RemoveImage(context.WithoutCancel(t.Context()), ref)) })
		pulls.Go(func() {
			known := false
			_, err := b.PullImage(t.Context(), backends.PullSpec{Ref: ref}, func(p backends.PullProgress) {
				if p.Layers == 2 && !known {
					known = true
					waiting.Done()
				}
				totals[i] = p.Total
				if p.Total > size {
					once.Do(func() { close(shown) })
				}
			})
			if err != nil && !known {
				waiting.Done()
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	waiting.Wait() // both know of the layer that they share
	close(both)
	pulls.Wait()
	require.Equal(t, 1, asked)
	sum := totals[0] + totals[1]
	require.GreaterOrEqual(t, sum, int64(size))
	require.Less(t, sum, int64(2*size), "%v", totals)
}

// TestMirror: what docker.io has comes from the mirror that the engine is configured with.
func TestMirror(t *testing.T) {
	content := registry.Content{}
	content.Add(t, "kurtosis-test/mirrored", "1", runtime.GOARCH, layer(t, 100))
	mirror := registry.Serve(t, content)
	b := nobody(t, engineWith(t, "--registry-mirror", "https://"+mirror.Host))
	image, err := b.PullImage(t.Context(), backends.PullSpec{Ref: "kurtosis-test/mirrored:1"}, nil)
	require.NoError(t, err)
	require.Equal(t, []string{"kurtosis-test/mirrored:1"}, image.Tags)
	require.Equal(t, "linux/"+runtime.GOARCH, image.Platform)
}

// engineWith starts an engine of the test's own, which can only pull, and returns where it is.
func engineWith(t *testing.T, flags ...string) string {
	t.Helper()
	dir := t.TempDir()
	host := "unix://" + filepath.Join(dir, "docker.sock")
	path := "PATH=" + os.Getenv("PATH") + ":/usr/sbin:/sbin"
	// A bridge of its own: with none, an engine removes docker0, which is another's.
	bridge := "kt-" + backends.NewUUID()[:8]
	ip := func(args ...string) error {
		cmd := exec.Command("env", append([]string{path, "ip"}, args...)...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	}
	require.NoError(t, ip("link", "add", bridge, "type", "bridge"))
	t.Cleanup(func() { require.NoError(t, ip("link", "del", bridge)) })
	require.NoError(t, ip("addr", "add", "198.18.255.1/29", "dev", bridge))
	log, err := os.Create(filepath.Join(dir, "log"))
	require.NoError(t, err)
	cmd := exec.Command("dockerd", append([]string{
		"--bridge", bridge, "--iptables=false", "--ip6tables=false", "--host", host, "--data-root", filepath.Join(dir, "data"), "--exec-root", filepath.Join(dir, "exec"),
		"--pidfile", filepath.Join(dir, "pid"), "--storage-driver", "vfs", "--log-level", "warn",
	}, flags...)...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = append(os.Environ(), path)
	require.NoError(t, cmd.Start())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		<-ended
		require.NoError(t, log.Close())
	})
	require.Eventually(t, func() bool {
		b, err := docker.Open(t.Context(), docker.Options{Getenv: func(name string) string { return map[string]string{"DOCKER_HOST": host}[name] }})
		if err != nil {
			return false
		}
		return b.Close() == nil
	}, time.Minute, 50*time.Millisecond, "the engine does not answer: %s", log.Name())
	return host
}
