package execute

import (
	"cmp"
	"context"
	"io"
	"net/http"
	"time"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/runtime/event"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
	"github.com/kurtosis-go/kurtosis/runtime/state"
)

// Files makes files artifacts outside of a run. The caller holds the store's lock. An artifact that has the name
// already is replaced and keeps its UUID.
type Files struct {
	Backend backends.Backend
	Enclave backends.Enclave
	Store   *state.Store
	HTTP    *http.Client     // nil is a client with no more than Go's defaults
	Now     func() time.Time // nil is time.Now
}

func (f Files) runner() *runner {
	now := f.Now
	if now == nil {
		now = time.Now
	}
	return &runner{Options: Options{
		Backend: f.Backend, Enclave: f.Enclave, Store: f.Store, Sink: event.Discard, HTTP: cmp.Or(f.HTTP, &http.Client{}), Now: now,
	}}
}

func (f Files) save(a state.Artifact, err error) (state.Artifact, error) {
	if err != nil {
		return state.Artifact{}, err
	}
	identity := state.Identity{UUID: f.Enclave.UUID, Name: f.Enclave.Name, Created: f.Enclave.Created}
	return a, f.Store.Apply(state.Change{Enclave: &identity, Artifacts: []state.Artifact{a}})
}

// Upload keeps a tar stream, plain or gzip.
func (f Files) Upload(ctx context.Context, name string, archive io.Reader) (state.Artifact, error) {
	return f.save(f.runner().keep(ctx, name, archive, state.Strict))
}

// Download keeps what is at an http URL: an archive unpacked, anything else as one file.
func (f Files) Download(ctx context.Context, name, url string) (state.Artifact, error) {
	out, err := f.runner().uploadURL(ctx, event.Step{}, &plan.UploadFiles{Src: url, Name: name})
	if err != nil {
		return state.Artifact{}, err
	}
	return f.save(out.artifacts[0], nil)
}

// FromService keeps a path of a service: a file, a directory with its name, or what a pattern at its end matches.
func (f Files) FromService(ctx context.Context, name, service, path string) (state.Artifact, error) {
	return f.save(f.runner().storeFrom(ctx, service, path, name))
}
