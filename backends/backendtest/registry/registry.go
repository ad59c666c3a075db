// Package registry runs a real image registry for tests: Debian's docker-registry with TLS and a login.
package registry

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"github.com/kurtosis-go/kurtosis/backends/backendtest/images"
)

// The only login that the registry takes.
const (
	User     = "mary"
	Password = "had a little lamb"
)

// Registry is a running one, gone when the test ends.
type Registry struct {
	Host string // address:port, as in references
	t    *testing.T
	dir  string
}

// Start runs a registry that the engine of this machine trusts. It listens on an address other than
// loopback, where engines ask for no certificate.
func Start(t *testing.T) *Registry {
	t.Helper()
	return StartAt(t, ownAddress(t).String())
}

// StartAt runs a registry that listens on an address; on loopback without TLS, as engines expect it there.
func StartAt(t *testing.T, address string) *Registry {
	t.Helper()
	listener, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
	require.NoError(t, err)
	r := &Registry{Host: listener.Addr().String(), t: t, dir: t.TempDir()}
	require.NoError(t, listener.Close())

	scheme, security := "https", fmt.Sprintf(", tls: {certificate: %[1]s/cert.pem, key: %[1]s/key.pem}", r.dir)
	if net.ParseIP(address).IsLoopback() {
		scheme, security = "http", ""
	}
	certificate, key := certify(t, net.ParseIP(address))
	hash, err := bcrypt.GenerateFromPassword([]byte(Password), bcrypt.MinCost)
	require.NoError(t, err)
	for name, text := range map[string]string{
		"cert.pem": certificate, "key.pem": key, "htpasswd": User + ":" + string(hash) + "\n",
		"config.yml": fmt.Sprintf(`version: 0.1
log: {level: warn}
storage: {filesystem: {rootdirectory: %[1]s/data}}
auth: {htpasswd: {realm: test, path: %[1]s/htpasswd}}
http: {addr: "%[2]s"%[3]s}
`, r.dir, r.Host, security),
	} {
		require.NoError(t, os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o600))
	}
	if scheme == "https" {
		r.trust(certificate)
	}

	var log bytes.Buffer
	cmd := exec.Command("docker-registry", "serve", filepath.Join(r.dir, "config.yml"))
	cmd.Stdout, cmd.Stderr = &log, &log
	require.NoError(t, cmd.Start(), "scripts/test.sh installs docker-registry")
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM([]byte(certificate)))
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}}
	require.Eventually(t, func() bool {
		response, err := client.Get(scheme + "://" + r.Host + "/v2/")
		if err != nil {
			return false
		}
		defer response.Body.Close()
		return response.StatusCode == http.StatusUnauthorized
	}, 20*time.Second, 20*time.Millisecond, "the registry does not answer")
	return r
}

// ownAddress is an address of this machine that is not loopback.
func ownAddress(t *testing.T) net.IP {
	t.Helper()
	all, err := net.InterfaceAddrs()
	require.NoError(t, err)
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && n.IP.IsGlobalUnicast() {
			return n.IP
		}
	}
	require.FailNow(t, "this machine has no address but loopback")
	return nil
}

// trust puts the certificate where the engine looks for one when it first talks to a registry.
func (r *Registry) trust(certificate string) {
	r.t.Helper()
	file := filepath.Join(r.t.TempDir(), "ca.crt")
	require.NoError(r.t, os.WriteFile(file, []byte(certificate), 0o644))
	dir := filepath.Join("/etc/docker/certs.d", r.Host)
	r.root("mkdir", "-p", dir)
	r.t.Cleanup(func() { r.root("rm", "-r", dir) })
	r.root("cp", file, filepath.Join(dir, "ca.crt"))
}

func (r *Registry) root(command ...string) {
	r.t.Helper()
	if os.Geteuid() != 0 {
		command = append([]string{"sudo", "-n"}, command...)
	}
	out, err := exec.Command(command[0], command[1:]...).CombinedOutput()
	require.NoError(r.t, err, "%s: %s", strings.Join(command, " "), out)
}

func certify(t *testing.T, address net.IP) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "registry of a test"}, IPAddresses: []net.IP{address},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &private.PublicKey, private)
	require.NoError(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}))
}

// Login writes a configuration of `docker` with a login for the registry, and returns its directory.
func (r *Registry) Login(user, password string) string {
	r.t.Helper()
	return r.Configured(map[string]any{"auths": map[string]any{
		r.Host: map[string]string{"auth": base64.StdEncoding.EncodeToString([]byte(user + ":" + password))},
	}})
}

// Configured writes a configuration of `docker`, and returns its directory.
func (r *Registry) Configured(config map[string]any) string {
	r.t.Helper()
	dir := r.t.TempDir()
	text, err := json.Marshal(config)
	require.NoError(r.t, err)
	require.NoError(r.t, os.WriteFile(filepath.Join(dir, "config.json"), text, 0o600))
	return dir
}

var pushedDigest = regexp.MustCompile(`digest: (sha256:[0-9a-f]{64})`)

// Push makes an image that was never seen before and gives it to the registry alone. It returns the reference by tag and
// the one by digest.
func (r *Registry) Push(ctx context.Context, name string) (tagged, digested string) {
	r.t.Helper()
	image, err := images.Build("kurtosis-test/pushed", images.Config{Cmd: []string{"none"}}, images.File{Path: "file", Content: []byte(rand.Text())})
	require.NoError(r.t, err)
	archive, err := image.Open(ctx)
	require.NoError(r.t, err)
	r.docker(ctx, archive, "load")
	tagged, digested = r.PushLocal(ctx, image.Ref, name)
	r.docker(ctx, nil, "rmi", image.Ref)
	return tagged, digested
}

// PushLocal gives the registry an image of the engine, which the engine does not know by the registry's names afterwards.
func (r *Registry) PushLocal(ctx context.Context, ref, name string) (tagged, digested string) {
	r.t.Helper()
	tagged = r.Host + "/" + name
	r.docker(ctx, nil, "tag", ref, tagged)
	found := pushedDigest.FindStringSubmatch(r.docker(ctx, nil, "push", tagged))
	require.NotNil(r.t, found)
	r.docker(ctx, nil, "rmi", tagged)
	repository, _, _ := strings.Cut(name, ":")
	return tagged, r.Host + "/" + repository + "@" + found[1]
}

func (r *Registry) docker(ctx context.Context, stdin io.Reader, args ...string) string {
	r.t.Helper()
	cmd := exec.CommandContext(ctx, "docker", append([]string{"--config", r.Login(User, Password)}, args...)...)
	cmd.Stdin = stdin
	out, err := cmd.CombinedOutput()
	require.NoError(r.t, err, "docker %s: %s", strings.Join(args, " "), out)
	return string(out)
}
