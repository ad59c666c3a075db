package server

import (
	"context"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"
)

func documentLink(ctx context.Context, a *asked, p *protocol.DocumentLinkParams) ([]protocol.DocumentLink, error) {
	out := []protocol.DocumentLink{}
	path, f, ok := a.document(ctx, p.TextDocument.URI)
	if !ok {
		return out, nil
	}
	links, err := a.view.Links(ctx, path)
	if err != nil {
		return nil, err
	}
	for _, l := range links {
		link := protocol.DocumentLink{Range: a.rangeOf(f, l.Range), Target: new(uri.URI(l.URL))}
		if l.Path != "" {
			link.Target = new(a.uriOf(l.Path))
		}
		if l.Tooltip != "" {
			link.Tooltip = &l.Tooltip
		}
		out = append(out, link)
	}
	return out, nil
}
