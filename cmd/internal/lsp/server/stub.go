package server

import (
	"os"
	"path/filepath"
	"strings"
	"sync"

	"go.lsp.dev/uri"

	"github.com/kurtosis-go/kurtosis/cmd/internal/lsp/ide"
)

// stubDir is where stubs are written for editors that cannot ask for the text of a document: "" where there is no
// such place.
var stubDir = sync.OnceValue(func() string {
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(cache, "kurtosis", "builtins")
})

// stubURI is the URI under which a stub can be opened: its own, where the client can ask for its text, or a read-only
// file with that text.
func (s *session) stubURI(path string) uri.URI {
	if s.client.virtualDocuments || stubDir() == "" {
		return uri.URI(path)
	}
	text, err := ide.StubText(path)
	if err != nil {
		return uri.URI(path)
	}
	file := filepath.Join(stubDir(), filepath.Base(path))
	if have, err := os.ReadFile(file); err == nil && string(have) == text {
		return uri.File(file)
	}
	if err := writeStub(file, text); err != nil {
		return uri.URI(path)
	}
	return uri.File(file)
}

// writeStub puts a file in place at once, so that another server never reads half of it.
func writeStub(file, text string) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(file), ".stub")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	if _, err := temp.WriteString(text); err != nil {
		temp.Close()
		return err
	}
	if err := temp.Close(); err != nil {
		return err
	}
	if err := os.Chmod(temp.Name(), 0o444); err != nil {
		return err
	}
	return os.Rename(temp.Name(), file)
}

// stubPath is the stub that a file is the text of.
func stubPath(path string) (string, bool) {
	if dir := stubDir(); dir != "" && filepath.Dir(path) == dir && strings.HasSuffix(path, ".star") {
		return ide.StubScheme + ":/" + filepath.Base(path), true
	}
	return "", false
}
