package server

import (
	"context"

	"go.lsp.dev/protocol"

	"github.com/kurtosis-go/kurtosis/cmd/internal/lsp/ide"
)

func inlayHint(ctx context.Context, a *asked, p *protocol.InlayHintParams) ([]protocol.InlayHint, error) {
	out := []protocol.InlayHint{}
	path, f, ok := a.document(ctx, p.TextDocument.URI)
	if !ok {
		return out, nil
	}
	hints, err := a.view.Hints(ctx, path, a.sourceRange(f, p.Range))
	if err != nil {
		return nil, err
	}
	for _, h := range hints {
		hint := protocol.InlayHint{Position: a.position(f, h.At), Label: protocol.String(h.Label)}
		switch h.Kind {
		case ide.HintType:
			hint.Kind = protocol.InlayHintKindType
		case ide.HintParameter:
			hint.Kind = protocol.InlayHintKindParameter
			hint.PaddingRight = new(true)
		}
		if h.Tooltip != "" {
			hint.Tooltip = markup(true, h.Tooltip)
		}
		out = append(out, hint)
	}
	return out, nil
}
