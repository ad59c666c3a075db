package server

import (
	"context"

	"go.lsp.dev/protocol"

	"github.com/kurtosis-go/kurtosis/cmd/internal/lsp/ide"
)

func references(ctx context.Context, a *asked, p *protocol.ReferenceParams) ([]protocol.Location, error) {
	at, ok := a.place(ctx, p.TextDocumentPositionParams)
	if !ok || !a.isStarlark(at.path) || ide.IsStub(at.path) {
		return []protocol.Location{}, nil
	}
	refs, err := a.view.References(ctx, at.path, at.at)
	if err != nil {
		return nil, err
	}
	list := make([]ide.Location, 0, len(refs))
	for _, r := range refs {
		if !r.Definition || p.Context.IncludeDeclaration {
			list = append(list, r.Location)
		}
	}
	return a.locations(ctx, list), nil
}

func documentHighlight(ctx context.Context, a *asked, p *protocol.DocumentHighlightParams) ([]protocol.DocumentHighlight, error) {
	out := []protocol.DocumentHighlight{}
	at, ok := a.place(ctx, p.TextDocumentPositionParams)
	if !ok || !a.isStarlark(at.path) || ide.IsStub(at.path) {
		return out, nil
	}
	refs, err := a.view.Highlights(ctx, at.path, at.at)
	if err != nil {
		return nil, err
	}
	for _, r := range refs {
		kind := protocol.DocumentHighlightKindRead
		if r.Write {
			kind = protocol.DocumentHighlightKindWrite
		}
		out = append(out, protocol.DocumentHighlight{Range: a.rangeOf(at.file, r.Range), Kind: kind})
	}
	return out, nil
}
