package runtime

import (
	"context"
	"errors"
	"slices"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/runtime/execute"
	"github.com/kurtosis-go/kurtosis/runtime/state"
)

// EditFiles lets do add files artifacts to an enclave. A run in the enclave is waited for, as long as ctx lasts.
func (e Enclaves) EditFiles(ctx context.Context, enclave backends.Enclave, purpose string, do func(execute.Files) error) (err error) {
	store := e.unread(enclave.UUID)
	var corrupt *state.CorruptError
	unlock, err := store.Lock(ctx, purpose, func(state.Holder) error { return nil })
	if err != nil && !errors.As(err, &corrupt) {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	return do(execute.Files{Backend: e.Backend, Enclave: enclave, Store: store, Now: e.now})
}

// FreeArtifactName makes up a name that none of an enclave's files artifacts has.
func FreeArtifactName(taken map[string]state.Artifact) string {
	for range 1000 {
		name := pick(moods) + "-" + pick(places)
		if _, ok := taken[name]; !ok {
			return name
		}
	}
	return "artifact-" + backends.ShortUUID(backends.NewUUID())
}

// Make makes an empty enclave of which more is said than its name; what is missing in spec is made up.
func (e Enclaves) Make(ctx context.Context, spec backends.EnclaveSpec) (backends.Enclave, error) {
	if spec.Name == "" {
		var err error
		if spec.Name, err = e.freeName(ctx); err != nil {
			return backends.Enclave{}, err
		}
	} else if err := checkName(spec.Name); err != nil {
		return backends.Enclave{}, err
	}
	if spec.UUID == "" {
		spec.UUID = backends.NewUUID()
	}
	if spec.Created.IsZero() {
		spec.Created = e.now().UTC()
	}
	return e.Backend.CreateEnclave(ctx, spec)
}

// FindService finds a service by its name, its UUID, or an unambiguous beginning of that of at least the short form.
func FindService(services []backends.Service, identifier string) (backends.Service, bool) {
	by := func(match func(backends.Service) bool) (backends.Service, bool) {
		if i := slices.IndexFunc(services, match); i >= 0 {
			return services[i], true
		}
		return backends.Service{}, false
	}
	if s, ok := by(func(s backends.Service) bool { return s.Name == identifier }); ok {
		return s, true
	}
	return by(func(s backends.Service) bool {
		return len(identifier) >= backends.ShortUUIDLength && len(s.UUID) >= len(identifier) && s.UUID[:len(identifier)] == identifier
	})
}
