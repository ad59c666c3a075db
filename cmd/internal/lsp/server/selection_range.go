package server

import (
	"context"

	"go.lsp.dev/protocol"

	"github.com/kurtosis-go/kurtosis/lang/source"
)

func selectionRange(ctx context.Context, a *asked, p *protocol.SelectionRangeParams) ([]protocol.SelectionRange, error) {
	path, f, ok := a.document(ctx, p.TextDocument.URI)
	if !ok || !a.isStarlark(path) {
		return []protocol.SelectionRange{}, nil
	}
	places := make([]source.Pos, len(p.Positions))
	for i, at := range p.Positions {
		places[i] = a.pos(f, at)
	}
	all, err := a.view.Selections(ctx, path, places)
	if err != nil {
		return nil, err
	}
	out := make([]protocol.SelectionRange, len(all))
	for i, ranges := range all {
		var outer *protocol.SelectionRange
		for j := len(ranges) - 1; j >= 0; j-- {
			outer = &protocol.SelectionRange{Range: a.rangeOf(f, ranges[j]), Parent: outer}
		}
		if outer == nil {
			outer = &protocol.SelectionRange{Range: a.rangeOf(f, source.Range{Start: places[i], End: places[i]})}
		}
		out[i] = *outer
	}
	return out, nil
}
