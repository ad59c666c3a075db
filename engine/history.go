package engine

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/kurtosis-go/kurtosis/backends"
)

// keptIdentities bounds the history: clients look through all of it for each name.
const keptIdentities = 10_000

// history keeps the names of enclaves, one JSON object a line.
type history struct {
	path string
	mu   sync.Mutex
	list []identity
}

type identity struct {
	UUID string `json:"uuid"`
	Name string `json:"name"`
}

func openHistory(path string) (*history, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	h := &history{path: path}
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for s := bufio.NewScanner(bytes.NewReader(data)); s.Scan(); {
		var i identity
		if json.Unmarshal(s.Bytes(), &i) == nil { // a line cut off by a crash names nobody
			h.list = append(h.list, i)
		}
	}
	if drop := len(h.list) - keptIdentities; drop > 0 {
		h.list = h.list[drop:]
	}
	return h, nil
}

// add remembers an enclave, once.
func (h *history) add(e backends.Enclave) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	i := identity{e.UUID, e.Name}
	if slices.Contains(h.list, i) {
		return nil
	}
	line, err := json.Marshal(i)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(h.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(line, '\n'))
	if err = errors.Join(err, f.Close()); err == nil {
		h.list = append(h.list, i)
	}
	return err
}

func (h *history) all() []identity {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.list)
}
