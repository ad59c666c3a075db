package server

import (
	"context"
	"strings"

	"go.lsp.dev/protocol"

	"github.com/kurtosis-go/kurtosis/cmd/internal/lsp/ide"
)

var actionKinds = map[ide.ActionKind]protocol.CodeActionKind{
	ide.ActionQuickFix: protocol.CodeActionKindQuickFix, ide.ActionExtract: protocol.CodeActionKindRefactorExtract, ide.ActionRewrite: protocol.CodeActionKindRefactorRewrite,
	ide.ActionImports: protocol.CodeActionKindSourceOrganizeImports, ide.ActionFixAll: protocol.CodeActionKindSourceFixAll,
}

func codeAction(ctx context.Context, a *asked, p *protocol.CodeActionParams) ([]protocol.CommandOrCodeAction, error) {
	out := []protocol.CommandOrCodeAction{}
	path, f, ok := a.document(ctx, p.TextDocument.URI)
	if !ok {
		return out, nil
	}
	only := p.Context.Only
	wanted := func(k ide.ActionKind) bool {
		for _, o := range only {
			if actionKinds[k] == o || strings.HasPrefix(string(actionKinds[k]), string(o)+".") || o == "" {
				return true
			}
		}
		// What concerns the whole file is offered where it is asked for, not with each line.
		return len(only) == 0
	}
	actions, err := a.view.Actions(ctx, path, a.sourceRange(f, p.Range), wanted)
	if err != nil {
		return nil, err
	}
	for _, action := range actions {
		out = append(out, a.codeAction(ctx, action))
	}
	return out, nil
}

func (a *asked) codeAction(ctx context.Context, action ide.Action) protocol.CommandOrCodeAction {
	command := protocol.Command{Title: action.Title}
	var edit *protocol.WorkspaceEdit
	if action.Fetch != "" {
		command.Command, command.Arguments = commandFetch, []protocol.LSPAny{raw(map[string]string{"locator": action.Fetch})}
	} else {
		edit = a.workspaceEdit(ctx, action.Edits)
	}
	if !a.client.codeActionLiterals && edit != nil {
		// Old clients run commands only: the server applies the edit.
		command.Command, command.Arguments = commandApply, []protocol.LSPAny{raw(edit)}
		edit = nil
		if text, err := protocol.Marshal(a.workspaceEdit(ctx, action.Edits)); err == nil {
			command.Arguments = []protocol.LSPAny{text}
		}
	}
	if !a.client.codeActionLiterals {
		return &command
	}
	kind := actionKinds[action.Kind]
	out := &protocol.CodeAction{Title: action.Title, Kind: &kind, Edit: edit}
	if command.Command != "" {
		out.Command = command
	}
	if action.Preferred {
		out.IsPreferred = new(true)
	}
	for _, d := range action.Fixes {
		if f, err := a.view.File(ctx, d.File); err == nil {
			out.Diagnostics = append(out.Diagnostics, a.diagnostic(ctx, f, d))
		}
	}
	return out
}
