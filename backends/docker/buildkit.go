package docker

import (
	"context"
	"encoding/json"
	"net"
	"slices"
	"strings"

	control "github.com/moby/buildkit/api/services/control"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/auth"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kurtosis-go/kurtosis/backends"
)

// openSession offers BuildKit what it may ask for while it builds: the credentials of registries. It fails on engines
// without BuildKit. The caller closes it.
func (b *Backend) openSession(ctx context.Context, logins []backends.RegistryAuth) (*session.Session, error) {
	s, err := session.NewSession(ctx, "")
	if err != nil {
		return nil, err
	}
	s.Allow(&credentials{backend: b, logins: logins})
	opened := make(chan error, 1)
	go func() {
		err := s.Run(ctx, func(ctx context.Context, proto string, meta map[string][]string) (net.Conn, error) {
			conn, err := b.client.DialHijack(ctx, "/session", proto, meta)
			if err == nil {
				opened <- nil
			}
			return conn, err
		})
		opened <- err
	}()
	if err := <-opened; err != nil {
		return nil, err
	}
	return s, nil
}

// credentials answers BuildKit's questions for logins with those of the build, else with what `docker login` stored.
type credentials struct {
	auth.UnimplementedAuthServer
	backend *Backend
	logins  []backends.RegistryAuth
}

// Register makes it a service of the session.
func (c *credentials) Register(server *grpc.Server) { auth.RegisterAuthServer(server, c) }

// Credentials answers for a registry; empty for one that nothing is stored of.
func (c *credentials) Credentials(ctx context.Context, r *auth.CredentialsRequest) (*auth.CredentialsResponse, error) {
	host := r.Host
	if host == "registry-1.docker.io" {
		host = "docker.io"
	}
	var stored *backends.RegistryAuth
	if i := slices.IndexFunc(c.logins, func(a backends.RegistryAuth) bool { return a.Domain() == host }); i >= 0 {
		stored = &c.logins[i]
	} else {
		var err error
		if stored, err = c.backend.storedAuth(ctx, host); err != nil {
			return nil, status.Error(codes.FailedPrecondition, err.Error())
		}
	}
	switch {
	case stored == nil:
		return &auth.CredentialsResponse{}, nil
	case stored.Username == backends.TokenUser:
		return &auth.CredentialsResponse{Secret: stored.Password}, nil
	}
	return &auth.CredentialsResponse{Username: stored.Username, Secret: stored.Password}, nil
}

// buildKit reads the trace of a build: vertexes are its steps, which run side by side.
type buildKit struct {
	progress func(backends.BuildProgress)
	steps    map[string]*vertex // by digest
	broken   *vertex
}

type vertex struct {
	name           string
	shown, partial bool
	tail           []string
}

func newBuildKit(progress func(backends.BuildProgress)) *buildKit {
	return &buildKit{progress: progress, steps: map[string]*vertex{}}
}

func (k *buildKit) message(m message) {
	if m.ID != "moby.buildkit.trace" {
		return
	}
	var trace []byte
	var state control.StatusResponse
	if json.Unmarshal(m.Aux, &trace) != nil || state.UnmarshalVT(trace) != nil {
		return // a trace of a later version: the build goes on without a log
	}
	for _, v := range state.Vertexes {
		s := k.step(v.Digest)
		s.name = v.Name
		if v.Started != nil && !s.shown {
			s.shown = true
			line := v.Name
			if v.Cached {
				line = "CACHED " + line
			}
			k.progress(backends.BuildProgress{Step: v.Name, Line: line})
		}
		if v.Error != "" && !strings.Contains(v.Error, "context canceled") {
			k.broken = s
		}
	}
	for _, l := range state.Logs {
		k.log(k.step(l.Vertex), string(l.Msg))
	}
}

func (k *buildKit) step(digest string) *vertex {
	s := k.steps[digest]
	if s == nil {
		s = &vertex{}
		k.steps[digest] = s
	}
	return s
}

// log takes a piece of a step's output, which may end within a line.
func (k *buildKit) log(s *vertex, text string) {
	for line := range strings.Lines(text) {
		whole := strings.HasSuffix(line, "\n")
		line = strings.TrimRight(line, "\r\n")
		if s.partial {
			s.tail[len(s.tail)-1] += line
		} else {
			s.tail = lastOf(append(s.tail, line))
		}
		if s.partial = !whole; whole {
			k.progress(backends.BuildProgress{Step: s.name, Line: s.tail[len(s.tail)-1]})
		}
	}
}

func (k *buildKit) failed() (string, []string) {
	if k.broken == nil {
		return "", nil
	}
	return k.broken.name, k.broken.tail
}
