package server

import (
	"context"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/kurtosis-go/kurtosis/cmd/internal/lsp/ide"
)

func prepareRename(ctx context.Context, a *asked, p *protocol.PrepareRenameParams) (protocol.PrepareRenameResult, error) {
	at, ok := a.place(ctx, p.TextDocumentPositionParams)
	if !ok || !a.isStarlark(at.path) {
		return nil, nil
	}
	r, name, err := a.view.PrepareRename(ctx, at.path, at.at)
	if err != nil {
		return nil, err
	}
	return &protocol.PrepareRenamePlaceholder{Range: a.rangeOf(at.file, r), Placeholder: name}, nil
}

func rename(ctx context.Context, a *asked, p *protocol.RenameParams) (*protocol.WorkspaceEdit, error) {
	at, ok := a.place(ctx, p.TextDocumentPositionParams)
	if !ok || !a.isStarlark(at.path) {
		return nil, nil
	}
	edits, err := a.view.Rename(ctx, at.path, at.at, p.NewName)
	if err != nil {
		return nil, err
	}
	return a.workspaceEdit(ctx, edits), nil
}

func willRenameFiles(ctx context.Context, a *asked, p *protocol.RenameFilesParams) (*protocol.WorkspaceEdit, error) {
	var moves []ide.FileRename
	for _, f := range p.Files {
		moves = append(moves, ide.FileRename{Old: pathOf(uri.URI(f.OldURI)), New: pathOf(uri.URI(f.NewURI))})
	}
	edits, err := a.view.RenameFiles(ctx, moves)
	if err != nil || len(edits) == 0 {
		return nil, err
	}
	return a.workspaceEdit(ctx, edits), nil
}
