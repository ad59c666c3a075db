package server

import (
	"context"
	"strings"

	"go.lsp.dev/protocol"
)

func formatting(ctx context.Context, a *asked, p *protocol.DocumentFormattingParams) ([]protocol.TextEdit, error) {
	path, f, ok := a.document(ctx, p.TextDocument.URI)
	if !ok || !on(a.currentSettings().Format.Enable) {
		return []protocol.TextEdit{}, nil
	}
	edits, err := a.view.Format(ctx, path)
	if err != nil {
		return nil, err
	}
	return a.textEdits(f, edits), nil
}

func rangeFormatting(ctx context.Context, a *asked, p *protocol.DocumentRangeFormattingParams) ([]protocol.TextEdit, error) {
	path, f, ok := a.document(ctx, p.TextDocument.URI)
	if !ok || !on(a.currentSettings().Format.Enable) || !a.isStarlark(path) {
		return []protocol.TextEdit{}, nil
	}
	edits, err := a.view.FormatRange(ctx, path, a.sourceRange(f, p.Range))
	if err != nil {
		return nil, err
	}
	return a.textEdits(f, edits), nil
}

func onTypeFormatting(ctx context.Context, a *asked, p *protocol.DocumentOnTypeFormattingParams) ([]protocol.TextEdit, error) {
	path, f, ok := a.document(ctx, p.TextDocument.URI)
	if !ok || !on(a.currentSettings().Format.Enable) {
		return []protocol.TextEdit{}, nil
	}
	unit := "    "
	if !p.Options.InsertSpaces {
		unit = "\t"
	} else if p.Options.TabSize > 0 && p.Options.TabSize <= 16 {
		unit = strings.Repeat(" ", int(p.Options.TabSize))
	}
	edits, err := a.view.FormatOnType(ctx, path, a.pos(f, p.Position), p.Ch, unit)
	if err != nil {
		return nil, err
	}
	return a.textEdits(f, edits), nil
}
