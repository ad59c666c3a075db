package kubernetes

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kurtosis-go/kurtosis/backends"
)

// wrap turns an API server's error into one of ours, told as "doing what: why". Context errors stay what they are.
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
	e := &backends.Error{Message: doing + ": " + oneLine(err.Error()), Err: err}
	var netErr net.Error
	var urlErr *url.Error
	switch {
	case apierrors.IsForbidden(err) && strings.Contains(err.Error(), "exceeded quota"):
		e.Kind, e.Hint = backends.Unschedulable, "raise the namespace's quota, or ask for less"
	case apierrors.IsForbidden(err) && strings.Contains(err.Error(), "is being terminated"):
		e.Kind, e.Hint = backends.Conflict, "wait until the namespace is gone: `kubectl get namespace` shows what holds it"
	case apierrors.IsForbidden(err):
		e.Kind, e.Hint = backends.PermissionDenied, "ask the cluster's administrator for this right; docs/kubernetes.md lists what is needed"
	case apierrors.IsUnauthorized(err):
		e.Kind, e.Hint = backends.AuthNeeded, "log in to the cluster again: `kubectl auth whoami` tells whether it knows you"
	case apierrors.IsNotFound(err):
		e.Kind = backends.NotFound
	case apierrors.IsAlreadyExists(err), apierrors.IsConflict(err):
		e.Kind = backends.Conflict
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err):
		e.Kind = backends.Invalid
	case errors.As(err, &netErr), errors.As(err, &urlErr):
		e.Kind, e.Tried = backends.EngineUnreachable, []string{b.config.Host}
		e.Message = doing + ": the cluster does not answer: " + rootCause(err)
		e.Hint = "see whether `kubectl version` reaches it, and whether the kubeconfig's context is the right one"
	}
	return e
}

// unlessForbidden lets an answer be incomplete where a right is missing.
func (b *Backend) unlessForbidden(ctx context.Context, err error, doing string) error {
	if apierrors.IsForbidden(err) {
		return nil
	}
	return b.wrap(ctx, err, doing)
}

func rootCause(err error) string {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return oneLine(err.Error())
		}
		err = next
	}
}

// oneLine is an engine's text in our style.
func oneLine(s string) string {
	return strings.TrimSuffix(strings.Join(strings.Fields(s), " "), ".")
}

func versionOf(raw []byte) string {
	var v struct{ GitVersion string }
	if json.Unmarshal(raw, &v) != nil {
		return ""
	}
	return strings.TrimPrefix(v.GitVersion, "v")
}

func noEnclave(identifier string) error {
	return backends.Errorf(backends.NotFound, "there is no enclave %q", identifier).WithHint("`kurtosis enclave ls` lists them")
}

// trouble is why a Pod does not get to run.
type trouble struct {
	kind    backends.Kind
	message string
	hint    string
	// passing trouble may end by itself, e.g. when the cluster gets another node.
	passing bool
}

var noCommand = regexp.MustCompile(`exec: \\?"?([^"\\]+)\\?"?: ?(executable file not found|stat [^:]*: no such file or directory|no such file or directory|permission denied)`)

// waiting explains a container's state of waiting, or of never having run.
func waiting(image, reason, message string) *trouble {
	text := oneLine(message)
	switch reason {
	case "ErrImageNeverPull":
		return &trouble{kind: backends.ImageNotFound, message: "the engine has no image \"" + image + "\"", hint: "pull or build it first"}
	case "InvalidImageName":
		return &trouble{kind: backends.Invalid, message: "image \"" + image + "\" is no name of an image", hint: "it looks like registry/name:tag"}
	case "ErrImagePull", "ImagePullBackOff", "RegistryUnavailable":
		return pull(image, text)
	case "CreateContainerConfigError", "CreateContainerError", "RunContainerError", "StartError", "ContainerCannotRun":
		if m := noCommand.FindStringSubmatch(text); m != nil {
			why := "is not in the image"
			if strings.Contains(m[2], "permission") {
				why = "may not be executed"
			}
			return &trouble{kind: backends.Invalid, message: "command \"" + m[1] + "\" " + why, hint: "check entrypoint and cmd against the image"}
		}
		return &trouble{kind: backends.Invalid, message: text, hint: "the container runtime of the node refuses the container as it is asked for"}
	}
	return nil
}

// pulling is what runtimes say around the reason why an image cannot be pulled.
var pulling = regexp.MustCompile(`^(Back-off pulling image "[^"]*": )?(ErrImagePull: )?(rpc error: code = \w+ desc = )?(failed to pull and unpack image "[^"]*": )?(failed to resolve reference "[^"]*": )?(failed to do request: )?`)

// pull explains why a node cannot pull an image.
func pull(image, text string) *trouble {
	text = pulling.ReplaceAllString(text, "")
	t := &trouble{kind: backends.ImageNotFound, message: "the node cannot pull image \"" + image + "\": " + text, hint: "check its name and tag; a private registry needs an ImageSpec with username and password"}
	is := func(words ...string) bool {
		return slices.ContainsFunc(words, func(word string) bool { return strings.Contains(strings.ToLower(text), word) })
	}
	switch {
	case is("toomanyrequests"):
		t.kind, t.hint = backends.RateLimited, "give an account in an ImageSpec, wait, or configure a registry mirror on the nodes"
	case is("no such host", "i/o timeout", "connection refused", "server misbehaving"):
		t.kind, t.hint = backends.RegistryUnreachable, "the nodes, not this program, need the way to the registry: check their proxy and DNS settings"
	case is("x509: "):
		t.kind, t.hint = backends.RegistryUnreachable, "the nodes' container runtime does not trust the registry's certificate"
	case is("server gave http response to https client"):
		t.kind, t.hint = backends.RegistryUnreachable, "the registry does not speak TLS, and the nodes' container runtime is not told so"
	case is("unauthorized", "authorization failed", "failed to authorize", "denied", "forbidden", "no basic auth credentials"):
		t.kind, t.hint = backends.AuthNeeded, "the registry wants a login: give username and password in an ImageSpec, or log in with `docker login` before the run"
	}
	return t
}

// withLogin is the same where the service has a login.
func (t *trouble) withLogin() *trouble {
	if t == nil || t.kind != backends.AuthNeeded {
		return t
	}
	c := *t
	c.hint = "the registry does not accept the login: correct username and password in the ImageSpec, or log in again with `docker login`"
	return &c
}
