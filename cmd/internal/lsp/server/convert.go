package server

import (
	"context"
	"path/filepath"
	"strings"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/kurtosis-go/kurtosis/cmd/internal/lsp/ide"
	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/lang/source"
)

// pathOf is how package ide names a document: the path of a file, else the whole URI.
func pathOf(u uri.URI) string {
	if u.IsFile() {
		path := filepath.Clean(strings.Clone(u.FsPath()))
		if stub, ok := stubPath(path); ok {
			return stub
		}
		return path
	}
	return filepath.Clean(strings.Clone(string(u)))
}

// uriOf is the URI of a path; of an open document, the one that the client uses.
func (s *session) uriOf(path string) uri.URI {
	s.mu.Lock()
	d := s.docs[path]
	s.mu.Unlock()
	switch {
	case d != nil:
		return d.uri
	case filepath.IsAbs(path):
		return uri.File(path)
	case ide.IsStub(path):
		return s.stubURI(path)
	}
	return uri.URI(path)
}

func (s *session) position(f *source.File, p source.Pos) protocol.Position {
	line, character := f.ToEncoded(s.encoding, p)
	return protocol.Position{Line: line, Character: character}
}

func (s *session) rangeOf(f *source.File, r source.Range) protocol.Range {
	return protocol.Range{Start: s.position(f, r.Start), End: s.position(f, r.End)}
}

func (s *session) pos(f *source.File, p protocol.Position) source.Pos {
	return f.FromEncoded(s.encoding, p.Line, p.Character)
}

func (s *session) sourceRange(f *source.File, r protocol.Range) source.Range {
	return source.Range{Start: s.pos(f, r.Start), End: s.pos(f, r.End)}
}

// place is a document and a position in it, converted.
type place struct {
	path string
	file *source.File
	at   source.Pos
}

// place finds the document and the position of a request. ok is false where there is no such file, or it is none
// that the server knows about.
func (a *asked) place(ctx context.Context, p protocol.TextDocumentPositionParams) (place, bool) {
	path, f, ok := a.document(ctx, p.TextDocument.URI)
	if !ok {
		return place{}, false
	}
	return place{path, f, a.pos(f, p.Position)}, true
}

func (a *asked) document(ctx context.Context, u uri.URI) (string, *source.File, bool) {
	path := pathOf(u)
	f, err := a.view.File(ctx, path)
	return path, f, err == nil
}

// location converts a place of any file.
func (a *asked) location(ctx context.Context, l ide.Location) (protocol.Location, bool) {
	f, err := a.view.File(ctx, l.Path)
	if err != nil {
		return protocol.Location{}, false
	}
	return protocol.Location{URI: a.uriOf(l.Path), Range: a.rangeOf(f, l.Range)}, true
}

func (a *asked) locations(ctx context.Context, list []ide.Location) []protocol.Location {
	out := make([]protocol.Location, 0, len(list))
	for _, l := range list {
		if c, ok := a.location(ctx, l); ok {
			out = append(out, c)
		}
	}
	return out
}

// textEdits converts edits of one file.
func (a *asked) textEdits(f *source.File, edits []diag.Edit) []protocol.TextEdit {
	out := make([]protocol.TextEdit, 0, len(edits))
	for _, e := range edits {
		out = append(out, protocol.TextEdit{Range: a.rangeOf(f, e.Range), NewText: e.NewText})
	}
	return out
}

// workspaceEdit converts edits of any files, in the form that the client takes.
func (a *asked) workspaceEdit(ctx context.Context, edits []diag.Edit) *protocol.WorkspaceEdit {
	byPath := map[string][]diag.Edit{}
	var order []string
	for _, e := range edits {
		if byPath[e.File] == nil {
			order = append(order, e.File)
		}
		byPath[e.File] = append(byPath[e.File], e)
	}
	out := &protocol.WorkspaceEdit{}
	for _, path := range order {
		f, err := a.view.File(ctx, path)
		if err != nil {
			continue
		}
		converted := a.textEdits(f, byPath[path])
		if !a.client.documentChanges {
			if out.Changes == nil {
				out.Changes = map[uri.URI][]protocol.TextEdit{}
			}
			out.Changes[a.uriOf(path)] = converted
			continue
		}
		change := &protocol.TextDocumentEdit{
			TextDocument: protocol.OptionalVersionedTextDocumentIdentifier{
				TextDocumentIdentifier: protocol.TextDocumentIdentifier{URI: a.uriOf(path)}, Version: a.version(path),
			},
		}
		for i := range converted {
			change.Edits = append(change.Edits, &converted[i])
		}
		out.DocumentChanges = append(out.DocumentChanges, change)
	}
	return out
}

// version is that of an open document, nil for others.
func (s *session) version(path string) *int32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := s.docs[path]; d != nil {
		return new(d.version)
	}
	return nil
}

// markup is documentation in the format that the client takes.
func markup(markdown bool, text string) *protocol.MarkupContent {
	if markdown {
		return &protocol.MarkupContent{Kind: protocol.MarkupKindMarkdown, Value: text}
	}
	return &protocol.MarkupContent{Kind: protocol.MarkupKindPlainText, Value: plainText(text)}
}

// plainText takes the marks out of Markdown that would disturb readers.
func plainText(text string) string {
	var out []string
	for _, line := range strings.Split(text, "\n") {
		if strings.HasPrefix(line, "```") {
			continue
		}
		line = strings.NewReplacer("**", "", "`", "").Replace(line)
		if i := strings.Index(line, "]("); i >= 0 && strings.HasPrefix(line, "[") && strings.HasSuffix(line, ")") {
			line = line[1:i] + ": " + line[i+2:len(line)-1]
		}
		out = append(out, line)
	}
	return strings.TrimSpace(strings.Join(out, "\n"))
}
