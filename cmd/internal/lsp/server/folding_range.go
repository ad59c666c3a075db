package server

import (
	"context"

	"go.lsp.dev/protocol"

	"github.com/kurtosis-go/kurtosis/cmd/internal/lsp/ide"
)

func foldingRange(ctx context.Context, a *asked, p *protocol.FoldingRangeParams) ([]protocol.FoldingRange, error) {
	out := []protocol.FoldingRange{}
	folds, err := a.view.Folds(ctx, pathOf(p.TextDocument.URI))
	if err != nil {
		return nil, err
	}
	for _, f := range folds {
		r := protocol.FoldingRange{StartLine: uint32(f.Start - 1), EndLine: uint32(f.End - 1)}
		switch f.Kind {
		case ide.FoldComment:
			r.Kind = protocol.FoldingRangeKindComment
		case ide.FoldImports:
			r.Kind = protocol.FoldingRangeKindImports
		}
		out = append(out, r)
	}
	return out, nil
}
