package registry

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Serve runs a registry of a test's own making, over TLS that the engine of this machine trusts: for answers that a real
// registry does not give when it is asked to.
func Serve(t *testing.T, handler http.Handler) *Registry {
	t.Helper()
	address := ownAddress(t)
	certificate, key := certify(t, address)
	r := serve(t, handler, listenTLS(t, address, certificate, key))
	r.trust(certificate)
	return r
}

// ServeStranger runs a registry with a certificate that the engine does not know.
func ServeStranger(t *testing.T) *Registry {
	t.Helper()
	address := ownAddress(t)
	certificate, key := certify(t, address)
	return serve(t, http.NotFoundHandler(), listenTLS(t, address, certificate, key))
}

// ServePlain runs a registry without TLS where engines expect it.
func ServePlain(t *testing.T) *Registry {
	t.Helper()
	listener, err := net.Listen("tcp", net.JoinHostPort(ownAddress(t).String(), "0"))
	require.NoError(t, err)
	return serve(t, http.NotFoundHandler(), listener)
}

func listenTLS(t *testing.T, address net.IP, certificate, key string) net.Listener {
	t.Helper()
	pair, err := tls.X509KeyPair([]byte(certificate), []byte(key))
	require.NoError(t, err)
	listener, err := tls.Listen("tcp", net.JoinHostPort(address.String(), "0"), &tls.Config{Certificates: []tls.Certificate{pair}})
	require.NoError(t, err)
	return listener
}

func serve(t *testing.T, handler http.Handler, listener net.Listener) *Registry {
	t.Helper()
	r := &Registry{Host: listener.Addr().String(), t: t, dir: t.TempDir()}
	server := &http.Server{Handler: handler, ErrorLog: log.New(io.Discard, "", 0)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(listener)
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-ended
	})
	return r
}

// Content is what a registry has, by the paths of its answers. It answers whoever asks.
type Content map[string]document

type document struct {
	kind string // media type
	data []byte
}

// Add puts an image of layers, tar archives, into a repository under a tag. It returns the digests of the packed layers.
func (c Content) Add(t *testing.T, repository, tag, architecture string, layers ...[]byte) []string {
	t.Helper()
	type descriptor struct {
		MediaType string `json:"mediaType"`
		Size      int    `json:"size"`
		Digest    string `json:"digest"`
	}
	blob := func(kind string, data []byte) descriptor {
		d := descriptor{kind, len(data), digest(data)}
		c["/v2/"+repository+"/blobs/"+d.Digest] = document{"application/octet-stream", data}
		return d
	}
	var ids, digests []string
	var described []descriptor
	for _, layer := range layers {
		ids = append(ids, digest(layer))
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		_, err := z.Write(layer)
		require.NoError(t, err)
		require.NoError(t, z.Close())
		d := blob("application/vnd.docker.image.rootfs.diff.tar.gzip", packed.Bytes())
		described, digests = append(described, d), append(digests, d.Digest)
	}
	config, err := json.Marshal(map[string]any{
		"architecture": architecture, "os": "linux", "config": map[string]any{"Cmd": []string{"none"}},
		"rootfs": map[string]any{"type": "layers", "diff_ids": ids},
	})
	require.NoError(t, err)
	const kind = "application/vnd.docker.distribution.manifest.v2+json"
	manifest, err := json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": kind, "config": blob("application/vnd.docker.container.image.v1+json", config), "layers": described,
	})
	require.NoError(t, err)
	c["/v2/"+repository+"/manifests/"+tag] = document{kind, manifest}
	c["/v2/"+repository+"/manifests/"+digest(manifest)] = document{kind, manifest}
	return digests
}

// AddIndex puts a list of one image, which is there under another tag, into a repository: the image of one platform.
func (c Content) AddIndex(t *testing.T, repository, tag, of, architecture string) {
	t.Helper()
	image := c["/v2/"+repository+"/manifests/"+of]
	const kind = "application/vnd.docker.distribution.manifest.list.v2+json"
	list, err := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": kind, "manifests": []map[string]any{{
		"mediaType": image.kind, "size": len(image.data), "digest": digest(image.data), "platform": map[string]string{"os": "linux", "architecture": architecture},
	}}})
	require.NoError(t, err)
	c["/v2/"+repository+"/manifests/"+tag] = document{kind, list}
	c["/v2/"+repository+"/manifests/"+digest(list)] = document{kind, list}
}

// Data is the answer to a path.
func (c Content) Data(path string) []byte { return c[path].data }

func (c Content) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/v2/" {
		return
	}
	d, ok := c[r.URL.Path]
	if !ok {
		Refuse(w, http.StatusNotFound, "MANIFEST_UNKNOWN", "manifest unknown")
		return
	}
	w.Header().Set("Content-Type", d.kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(d.data)))
	if strings.Contains(r.URL.Path, "/manifests/") {
		w.Header().Set("Docker-Content-Digest", digest(d.data))
	}
	if r.Method != http.MethodHead {
		_, _ = w.Write(d.data)
	}
}

// Refuse answers as registries do.
func Refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"errors": [{"code": %q, "message": %q}]}`, code, message)
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}
