package server

import (
	"context"
	"fmt"
	"strings"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/kurtosis-go/kurtosis/cmd/internal/lsp/ide"
	"github.com/kurtosis-go/kurtosis/lang/source"
)

// update replaces the view, in the order of messages, and has diagnostics made of what changed.
func (s *session) update(_ context.Context, changed []string, next func(*ide.View) *ide.View) {
	s.mu.Lock()
	s.view = next(s.view)
	s.mu.Unlock()
	s.changed(changed)
}

func didOpen(ctx context.Context, s *session, p *protocol.DidOpenTextDocumentParams) error {
	d := &document{
		uri: uri.URI(strings.Clone(string(p.TextDocument.URI))), path: pathOf(p.TextDocument.URI),
		version: p.TextDocument.Version, language: strings.Clone(string(p.TextDocument.LanguageID)), text: []byte(p.TextDocument.Text),
	}
	s.setText(ctx, d)
	return nil
}

func didChange(ctx context.Context, s *session, p *protocol.DidChangeTextDocumentParams) error {
	path := pathOf(p.TextDocument.URI)
	s.mu.Lock()
	old := s.docs[path]
	s.mu.Unlock()
	if old == nil {
		return fmt.Errorf("the document %s is not open", p.TextDocument.URI)
	}
	text, f := old.text, old.file
	for _, change := range p.ContentChanges {
		switch c := change.(type) {
		case *protocol.TextDocumentContentChangeWholeDocument:
			text, f = []byte(c.Text), nil
		case *protocol.TextDocumentContentChangePartial:
			if f == nil {
				f = source.NewFile(path, text)
			}
			text, f = s.splice(f, c), nil
		}
	}
	s.setText(ctx, &document{uri: old.uri, path: path, version: p.TextDocument.Version, language: old.language, text: text})
	return nil
}

// splice applies one change to a text.
func (s *session) splice(f *source.File, c *protocol.TextDocumentContentChangePartial) []byte {
	text := f.Text()
	start, end := f.Offset(s.pos(f, c.Range.Start)), f.Offset(s.pos(f, c.Range.End))
	if end < start {
		start, end = end, start
	}
	out := make([]byte, 0, len(text)+len(c.Text)-(end-start))
	out = append(out, text[:start]...)
	out = append(out, c.Text...)
	return append(out, text[end:]...)
}

// setText makes a text the present one of a document.
func (s *session) setText(ctx context.Context, d *document) {
	s.update(ctx, []string{d.path}, func(v *ide.View) *ide.View {
		v = v.WithText(ctx, d.path, d.text)
		d.file, _ = v.File(ctx, d.path)
		s.docs[d.path] = d
		return v
	})
}

func didClose(ctx context.Context, s *session, p *protocol.DidCloseTextDocumentParams) error {
	path := pathOf(p.TextDocument.URI)
	s.mu.Lock()
	d := s.docs[path]
	delete(s.docs, path)
	delete(s.tokens, path)
	s.mu.Unlock()
	if d == nil {
		return nil
	}
	s.update(ctx, []string{path}, func(v *ide.View) *ide.View { return v.Without(ctx, path) })
	s.closed(ctx, d)
	return nil
}

func didSave(context.Context, *session, *protocol.DidSaveTextDocumentParams) error { return nil }

func didChangeWatchedFiles(ctx context.Context, s *session, p *protocol.DidChangeWatchedFilesParams) error {
	var paths []string
	for _, c := range p.Changes {
		path := pathOf(c.URI)
		if strings.Contains(path, "/.git/") {
			continue
		}
		paths = append(paths, path)
	}
	if len(paths) == 0 {
		return nil
	}
	s.update(ctx, paths, func(v *ide.View) *ide.View { return v.Reload(paths...) })
	return nil
}

func didFiles(ctx context.Context, s *session, paths []string) error {
	if len(paths) > 0 {
		s.update(ctx, paths, func(v *ide.View) *ide.View { return v.Reload(paths...) })
	}
	return nil
}

func didRenameFiles(ctx context.Context, s *session, p *protocol.RenameFilesParams) error {
	var paths []string
	for _, f := range p.Files {
		paths = append(paths, pathOf(uri.URI(f.OldURI)), pathOf(uri.URI(f.NewURI)))
	}
	return didFiles(ctx, s, paths)
}

func didChangeWorkspaceFolders(ctx context.Context, s *session, p *protocol.DidChangeWorkspaceFoldersParams) error {
	s.mu.Lock()
	var folders []string
	for _, f := range s.folders {
		gone := false
		for _, r := range p.Event.Removed {
			gone = gone || pathOf(r.URI) == f
		}
		if !gone {
			folders = append(folders, f)
		}
	}
	for _, a := range p.Event.Added {
		folders = append(folders, pathOf(a.URI))
	}
	s.folders = folders
	s.mu.Unlock()
	s.reconfigure(ctx)
	return nil
}

func didCreateFiles(ctx context.Context, s *session, p *protocol.CreateFilesParams) error {
	var paths []string
	for _, f := range p.Files {
		paths = append(paths, pathOf(uri.URI(f.URI)))
	}
	return didFiles(ctx, s, paths)
}

func didDeleteFiles(ctx context.Context, s *session, p *protocol.DeleteFilesParams) error {
	var paths []string
	for _, f := range p.Files {
		paths = append(paths, pathOf(uri.URI(f.URI)))
	}
	return didFiles(ctx, s, paths)
}
