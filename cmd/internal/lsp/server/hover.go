package server

import (
	"context"

	"go.lsp.dev/protocol"
)

func hover(ctx context.Context, a *asked, p *protocol.HoverParams) (*protocol.Hover, error) {
	at, ok := a.place(ctx, p.TextDocumentPositionParams)
	if !ok {
		return nil, nil
	}
	h, err := a.view.Hover(ctx, at.path, at.at)
	if err != nil || h == nil {
		return nil, err
	}
	r := a.rangeOf(at.file, h.Range)
	return &protocol.Hover{Contents: markup(a.client.hoverMarkdown, h.Text), Range: &r}, nil
}
