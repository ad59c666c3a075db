package runtime

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"path/filepath"
	"time"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/lang/rule"
	"github.com/kurtosis-go/kurtosis/runtime/state"
)

// Enclaves makes, finds and removes enclaves: what the backend has of them together with what is remembered.
type Enclaves struct {
	Backend backends.Backend
	State   string           // directory that holds a directory per enclave
	Now     func() time.Time // nil is time.Now
}

func (e Enclaves) now() time.Time {
	if e.Now == nil {
		return time.Now()
	}
	return e.Now()
}

// Store opens what is remembered about an enclave. The error may be a *state.CorruptError beside a usable store.
func (e Enclaves) Store(uuid string) (*state.Store, error) {
	return state.Open(filepath.Join(e.State, uuid), e.now)
}

// unread is the store for who takes its lock, which is when it is read.
func (e Enclaves) unread(uuid string) *state.Store {
	return state.Unread(filepath.Join(e.State, uuid), e.now)
}

// Create makes an empty enclave. An empty name is made up.
func (e Enclaves) Create(ctx context.Context, name string, production bool) (backends.Enclave, error) {
	return e.Make(ctx, backends.EnclaveSpec{Name: name, Production: production})
}

func checkName(name string) error {
	if message, ok := rule.Check("enclave-name", name); !ok {
		return backends.Errorf(backends.Invalid, "enclave name %q: %s", name, message)
	}
	return nil
}

// freeName makes up a name that no enclave has.
func (e Enclaves) freeName(ctx context.Context) (string, error) {
	list, err := e.Backend.ListEnclaves(ctx)
	if err != nil {
		return "", err
	}
	taken := map[string]bool{}
	for _, enclave := range list {
		taken[enclave.Name] = true
	}
	for range 1000 {
		if name := pick(moods) + "-" + pick(places); !taken[name] {
			return name, nil
		}
	}
	return "enclave-" + backends.ShortUUID(backends.NewUUID()), nil
}

func pick(words []string) string {
	n, err := rand.Int(rand.Reader, big.NewInt(int64(len(words))))
	if err != nil { // never, by the package's documentation
		return words[0]
	}
	return words[n.Int64()]
}

var (
	moods = []string{
		"amber", "ancient", "autumn", "bold", "brave", "bright", "calm", "clear", "crimson", "crisp", "curious", "damp",
		"dawn", "deep", "distant", "dusty", "early", "fading", "falling", "frosty", "gentle", "golden", "green", "hidden",
		"hollow", "icy", "late", "lively", "lone", "misty", "mossy", "old", "patient", "proud", "quiet", "restless", "rough",
		"rustic", "silent", "silver", "snowy", "solitary", "sparkling", "still", "summer", "wandering", "warm", "wild", "winter", "young",
	}
	places = []string{
		"bay", "beach", "birch", "bloom", "breeze", "brook", "canyon", "cliff", "cloud", "coast", "creek", "delta", "dew",
		"dune", "field", "fjord", "flower", "fog", "forest", "glacier", "glade", "grove", "harbour", "haze", "heath", "hill", "island",
		"lagoon", "lake", "leaf", "marsh", "meadow", "moor", "mountain", "oasis", "pebble", "pine", "pond", "prairie", "rain", "reef",
		"ridge", "river", "shore", "sky", "spring", "storm", "tundra", "valley", "wave", "willow", "wind",
	}
)

// Remove removes an enclave and what is remembered about it. It waits for nobody: an enclave in which somebody
// runs something is refused unless force is set.
func (e Enclaves) Remove(ctx context.Context, enclave backends.Enclave, force bool) error {
	store, err := e.Store(enclave.UUID)
	var newer *state.NewerError
	if errors.As(err, &newer) || store == nil {
		return err
	}
	if holder, held := store.Held(); held && !force {
		return &BusyError{Enclave: enclave.Name, Holder: holder}
	}
	if err := e.Backend.RemoveEnclave(ctx, enclave.UUID); err != nil {
		return err
	}
	return store.Remove()
}

// BusyError says that somebody else works in the enclave.
type BusyError struct {
	Enclave string
	Holder  state.Holder
}

func (e *BusyError) Error() string {
	return fmt.Sprintf("enclave %q is in use by %s", e.Enclave, e.Holder)
}

// Hint says what to do about it.
func (e *BusyError) Hint() string { return "wait for it to end, or stop it" }
