package docker

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"sync"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/client"

	"github.com/kurtosis-go/kurtosis/backends"
)

// compiled defers the cost of a pattern to its first use: most runs of the command need none of them.
func compiled(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
}

// pattern recognises one of the engine's texts where its status code says too little. Docker's and Podman's are both listed.
type pattern struct {
	text func() *regexp.Regexp
	kind backends.Kind
	hint string
}

var (
	unknownCertificate = compiled(`x509: `)
	noTLS              = compiled(`server gave HTTP response to HTTPS client`)
)

var patterns = []pattern{
	{compiled(`(?i)port is already allocated|address already in use.*|ports are not available`), backends.PortTaken,
		"free the port (see `docker ps` and `ss -tulpn`), or ask for another"},
	{compiled(`(?i)no matching manifest for|does not match the specified platform`), backends.Unsupported,
		"the image is not made for this engine's platform: another tag may be, or build it"},
	{compiled(`(?i)no such image|image not known|manifest unknown|repository .* not found|pull access denied`), backends.ImageNotFound, ""},
	{compiled(`(?i)toomanyrequests|rate limit`), backends.RateLimited, "log in with `docker login`, wait, or configure a registry mirror"},
	{compiled(`(?i)unauthorized|authentication required|no basic auth credentials|(^|: )denied(:|$)`), backends.AuthNeeded,
		"log in with `docker login`, or give username and password in an ImageSpec"},
	{compiled(`(?i)no space left on device`), backends.NoDiskSpace, "`docker system prune` removes what is not used"},
	{compiled(`(?i)/v2/.*connection refused|no such host|i/o timeout|tls handshake timeout|connection reset|server misbehaving|network is unreachable|request canceled while waiting for connection`), backends.RegistryUnreachable,
		"the engine, not this program, needs the way to the registry: check its proxy and DNS settings"},
	{compiled(`received unexpected HTTP status: 5\d\d`), backends.RegistryUnreachable, "the registry is out of order: try again later, or use a mirror"},
	{unknownCertificate, backends.RegistryUnreachable, "the engine does not trust the registry's certificate"},
	{noTLS, backends.RegistryUnreachable, "the registry does not speak TLS"},
	{compiled(`(?i)is not running|container state improper`), backends.Exited, ""},
	{compiled(`(?i)could not select device driver|unknown runtime`), backends.Unsupported, "the engine lacks the driver: install it, e.g. the NVIDIA container toolkit"},
}

// wrap turns an engine's error into one of ours, told as "doing what: why". Context errors stay what they are, so that
// callers see who gave up.
func (b *Backend) wrap(ctx context.Context, err error, doing string) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var typed *backends.Error
	if errors.As(err, &typed) {
		return err
	}
	text := engineText(err)
	if client.IsErrConnectionFailed(err) {
		return &backends.Error{Kind: backends.EngineUnreachable, Message: doing + ": the engine does not answer any more", Hint: "see whether Docker still runs: docker version", Tried: []string{b.endpoint}, Err: err}
	}
	for _, p := range patterns {
		if p.text().MatchString(text) {
			return &backends.Error{Kind: p.kind, Message: doing + ": " + text, Hint: p.hint, Err: err}
		}
	}
	kind := backends.Unknown
	switch {
	case cerrdefs.IsNotFound(err):
		kind = backends.NotFound
	case cerrdefs.IsConflict(err), cerrdefs.IsAlreadyExists(err):
		kind = backends.Conflict
	case cerrdefs.IsInvalidArgument(err):
		kind = backends.Invalid
	case cerrdefs.IsUnauthorized(err), cerrdefs.IsPermissionDenied(err):
		kind = backends.AuthNeeded
	case cerrdefs.IsNotImplemented(err):
		kind = backends.Unsupported
	}
	return &backends.Error{Kind: kind, Message: doing + ": " + text, Err: err}
}

// engineText is the engine's message without the client's decoration, as one line in our style.
func engineText(err error) string {
	text := strings.TrimPrefix(err.Error(), "Error response from daemon: ")
	text = strings.Join(strings.Fields(text), " ")
	text = strings.TrimSuffix(text, ": unknown")
	return strings.TrimSuffix(text, ".")
}
