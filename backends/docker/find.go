package docker

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/docker/docker/client"

	"github.com/kurtosis-go/kurtosis/backends"
)

// endpoint is a place where an engine may answer.
type endpoint struct {
	host string
	// from says why it is tried, e.g. "DOCKER_HOST"; "" for well-known places.
	from string
	// ca, cert and key are files; all "" without TLS.
	ca, cert, key string
	skipVerify    bool
}

// failure is an endpoint that did not answer.
type failure struct {
	endpoint
	err error
}

// candidates lists the places to try, in order. A place that was asked for is the only one, as with `docker`.
func candidates(host string, getenv func(string) string, home string) ([]endpoint, error) {
	if host != "" {
		return []endpoint{{host: host, from: "the host asked for"}}, nil
	}
	if host := getenv("DOCKER_HOST"); host != "" {
		e := endpoint{host: host, from: "DOCKER_HOST"}
		if dir := getenv("DOCKER_CERT_PATH"); dir != "" {
			e.ca, e.cert, e.key = filepath.Join(dir, "ca.pem"), filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
			e.skipVerify = getenv("DOCKER_TLS_VERIFY") == ""
		}
		return []endpoint{e}, nil
	}
	dir := configDir(getenv, home)
	name, from := getenv("DOCKER_CONTEXT"), "DOCKER_CONTEXT"
	if name == "" {
		config, err := readConfig(dir)
		if err != nil {
			return nil, err
		}
		name, from = config.CurrentContext, "the current Docker context"
	}
	if name != "" && name != "default" {
		e, err := contextEndpoint(dir, name)
		if err != nil {
			return nil, err
		}
		e.from = fmt.Sprintf("%s %q", from, name)
		return []endpoint{e}, nil
	}
	list := []endpoint{{host: client.DefaultDockerHost}}
	if run := getenv("XDG_RUNTIME_DIR"); run != "" {
		list = append(list, endpoint{host: "unix://" + filepath.Join(run, "docker.sock")}) // rootless
	}
	if home != "" {
		list = append(list, endpoint{host: "unix://" + filepath.Join(home, ".docker/run/docker.sock")}) // Docker Desktop
	}
	if run := getenv("XDG_RUNTIME_DIR"); run != "" {
		list = append(list, endpoint{host: "unix://" + filepath.Join(run, "podman/podman.sock")})
	}
	return append(list, endpoint{host: "unix:///run/podman/podman.sock"}), nil
}

// configDir is where `docker` keeps its configuration.
func configDir(getenv func(string) string, home string) string {
	if dir := getenv("DOCKER_CONFIG"); dir != "" {
		return dir
	}
	return filepath.Join(home, ".docker")
}

// contextEndpoint reads a context that `docker context create` stored.
func contextEndpoint(dir, name string) (endpoint, error) {
	sum := sha256.Sum256([]byte(name))
	id := hex.EncodeToString(sum[:])
	path := filepath.Join(dir, "contexts", "meta", id, "meta.json")
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return endpoint{}, backends.Errorf(backends.NotFound, "there is no Docker context %q", name).
			WithHint("see `docker context ls`, and choose one with `docker context use` or DOCKER_CONTEXT")
	} else if err != nil {
		return endpoint{}, backends.Errorf(backends.Invalid, "the Docker context %q cannot be read: %w", name, err)
	}
	var meta struct {
		Endpoints map[string]struct {
			Host          string
			SkipTLSVerify bool
		}
	}
	if err := json.Unmarshal(b, &meta); err != nil {
		return endpoint{}, backends.Errorf(backends.Invalid, "the Docker context %q cannot be read: %s: %w", name, path, err)
	}
	docker, ok := meta.Endpoints["docker"]
	if !ok || docker.Host == "" {
		return endpoint{}, backends.Errorf(backends.Invalid, "the Docker context %q names no Docker host", name)
	}
	e := endpoint{host: docker.Host, skipVerify: docker.SkipTLSVerify}
	tls := filepath.Join(dir, "contexts", "tls", id, "docker")
	if _, err := os.Stat(tls); err == nil {
		e.ca, e.cert, e.key = filepath.Join(tls, "ca.pem"), filepath.Join(tls, "cert.pem"), filepath.Join(tls, "key.pem")
	}
	return e, nil
}

// clientOptions turn an endpoint into a connection.
func (e endpoint) clientOptions() ([]client.Opt, error) {
	u, err := url.Parse(e.host)
	if err != nil || u.Scheme == "" {
		return nil, backends.Errorf(backends.Invalid, "%q is not the address of an engine", e.host).
			WithHint("it looks like unix:///var/run/docker.sock, tcp://host:2376 or ssh://user@host")
	}
	if u.Scheme == "ssh" {
		// `docker` does the same: the other side's `docker` command talks to the engine there.
		return []client.Opt{
			client.WithHost("http://docker.example.com"),
			client.WithDialContext(func(ctx context.Context, _, _ string) (net.Conn, error) { return dialSSH(ctx, u) }),
		}, nil
	}
	opts := []client.Opt{client.WithHost(e.host)}
	if e.ca != "" {
		tls, err := tlsClient(e)
		if err != nil {
			return nil, err
		}
		opts = append([]client.Opt{client.WithHTTPClient(tls)}, opts...)
	}
	return opts, nil
}

// probe connects once by itself: the client replaces the cause of a failed connection by a sentence that is always the same.
func (e endpoint) probe(ctx context.Context) error {
	u, err := url.Parse(e.host)
	if err != nil {
		return err
	}
	network, address := "tcp", u.Host
	switch u.Scheme {
	case "unix":
		network, address = "unix", u.Path
	case "tcp", "http", "https":
		if u.Port() == "" {
			return nil
		}
	default:
		return nil
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return err
	}
	return conn.Close()
}

// unreachable says, for a person, why no endpoint answered.
func unreachable(failures []failure) error {
	var tried []string
	var denied *failure
	for i, f := range failures {
		var typed *backends.Error
		if errors.As(f.err, &typed) && typed.Kind != backends.Unknown {
			return typed // the engine answered, or the address is no address
		}
		why := reason(f.err)
		if errors.Is(f.err, syscall.EACCES) || errors.Is(f.err, fs.ErrPermission) || strings.Contains(f.err.Error(), "permission denied") {
			why = "permission denied"
			if denied == nil {
				denied = &failures[i]
			}
		}
		what := f.host
		if f.from != "" {
			what = f.from + ": " + what
		}
		tried = append(tried, what+": "+why)
	}
	if denied != nil {
		return &backends.Error{
			Kind:    backends.PermissionDenied,
			Message: fmt.Sprintf("no permission to use the Docker socket %s", strings.TrimPrefix(denied.host, "unix://")),
			Hint:    "join the group that owns it (sudo usermod -aG docker $USER), then log in again; or set DOCKER_HOST to an engine of your own",
			Err:     denied.err,
		}
	}
	hint := "start Docker (sudo systemctl start docker, or Docker Desktop), or set DOCKER_HOST to where an engine listens"
	if len(failures) == 1 && failures[0].from != "" {
		hint = fmt.Sprintf("%s says where the engine is: start it there, or choose another", failures[0].from)
	}
	return &backends.Error{
		Kind:    backends.EngineUnreachable,
		Message: "no Docker engine answers",
		Hint:    hint,
		Tried:   tried,
		Err:     failures[len(failures)-1].err,
	}
}

// reason is the part of a connection error that a person wants.
func reason(err error) string {
	text := err.Error()
	switch {
	case errors.Is(err, syscall.ENOENT) || strings.Contains(text, "no such file"):
		return "no such socket"
	case errors.Is(err, syscall.ECONNREFUSED) || strings.Contains(text, "connection refused"):
		return "nobody listens"
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer"
	}
	return strings.TrimSuffix(text, ".")
}
