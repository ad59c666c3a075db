package server

import (
	"go.lsp.dev/uri"
)

// stubURI is the URI under which a stub can be opened: its own, where the client can ask for its text, or a read-only
// file with that text.
func (s *session) stubURI(path string) uri.URI {
	if s.client.virtualDocuments {
		return uri.URI(path)
	}
	return uri.URI(path)
}
