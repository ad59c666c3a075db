package server

import (
	"context"

	"go.lsp.dev/protocol"

	"github.com/kurtosis-go/kurtosis/cmd/internal/lsp/ide"
)

func prepareCallHierarchy(ctx context.Context, a *asked, p *protocol.CallHierarchyPrepareParams) ([]protocol.CallHierarchyItem, error) {
	at, ok := a.place(ctx, p.TextDocumentPositionParams)
	if !ok || !a.isStarlark(at.path) || ide.IsStub(at.path) {
		return nil, nil
	}
	items, err := a.view.PrepareCalls(ctx, at.path, at.at)
	if err != nil {
		return nil, err
	}
	var out []protocol.CallHierarchyItem
	for _, i := range items {
		if item, ok := a.callItem(ctx, i); ok {
			out = append(out, item)
		}
	}
	return out, nil
}

func (a *asked) callItem(ctx context.Context, i ide.CallItem) (protocol.CallHierarchyItem, bool) {
	f, err := a.view.File(ctx, i.Path)
	if err != nil {
		return protocol.CallHierarchyItem{}, false
	}
	item := protocol.CallHierarchyItem{
		Name: i.Name, Kind: protocol.SymbolKindFunction, Detail: &i.Detail, URI: a.uriOf(i.Path), Range: a.rangeOf(f, i.Range), SelectionRange: a.rangeOf(f, i.At),
	}
	if i.Top {
		item.Kind = protocol.SymbolKindModule
	}
	return item, true
}

func incomingCalls(ctx context.Context, a *asked, p *protocol.CallHierarchyIncomingCallsParams) ([]protocol.CallHierarchyIncomingCall, error) {
	out := []protocol.CallHierarchyIncomingCall{}
	path, f, ok := a.document(ctx, p.Item.URI)
	if !ok || p.Item.Kind == protocol.SymbolKindModule || !a.isStarlark(path) || ide.IsStub(path) {
		return out, nil
	}
	sites, err := a.view.Callers(ctx, path, a.pos(f, p.Item.SelectionRange.Start))
	if err != nil {
		return nil, err
	}
	for _, s := range sites {
		item, ok := a.callItem(ctx, s.Item)
		from, err := a.view.File(ctx, s.Item.Path)
		if !ok || err != nil {
			continue
		}
		call := protocol.CallHierarchyIncomingCall{From: item}
		for _, r := range s.Calls {
			call.FromRanges = append(call.FromRanges, a.rangeOf(from, r))
		}
		out = append(out, call)
	}
	return out, nil
}

func outgoingCalls(ctx context.Context, a *asked, p *protocol.CallHierarchyOutgoingCallsParams) ([]protocol.CallHierarchyOutgoingCall, error) {
	out := []protocol.CallHierarchyOutgoingCall{}
	path, f, ok := a.document(ctx, p.Item.URI)
	if !ok || p.Item.Kind == protocol.SymbolKindModule || !a.isStarlark(path) || ide.IsStub(path) {
		return out, nil
	}
	sites, err := a.view.Callees(ctx, path, a.pos(f, p.Item.SelectionRange.Start))
	if err != nil {
		return nil, err
	}
	for _, s := range sites {
		item, ok := a.callItem(ctx, s.Item)
		if !ok {
			continue
		}
		call := protocol.CallHierarchyOutgoingCall{To: item}
		for _, r := range s.Calls {
			call.FromRanges = append(call.FromRanges, a.rangeOf(f, r))
		}
		out = append(out, call)
	}
	return out, nil
}

func linkedEditingRange(ctx context.Context, a *asked, p *protocol.LinkedEditingRangeParams) (*protocol.LinkedEditingRanges, error) {
	at, ok := a.place(ctx, p.TextDocumentPositionParams)
	if !ok || !a.isStarlark(at.path) || ide.IsStub(at.path) {
		return nil, nil
	}
	ranges, err := a.view.Linked(ctx, at.path, at.at)
	if err != nil || len(ranges) == 0 {
		return nil, err
	}
	out := &protocol.LinkedEditingRanges{WordPattern: new(`[\p{L}_][\p{L}\p{N}_]*`)}
	for _, r := range ranges {
		out.Ranges = append(out.Ranges, a.rangeOf(at.file, r))
	}
	return out, nil
}
