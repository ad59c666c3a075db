package server

import (
	"context"

	"go.lsp.dev/protocol"

	"github.com/kurtosis-go/kurtosis/cmd/internal/lsp/ide"
	"github.com/kurtosis-go/kurtosis/lang/source"
)

var symbolKinds = map[ide.SymbolKind]protocol.SymbolKind{
	ide.SymbolFunction: protocol.SymbolKindFunction, ide.SymbolVariable: protocol.SymbolKindVariable, ide.SymbolConstant: protocol.SymbolKindConstant,
	ide.SymbolModule: protocol.SymbolKindModule, ide.SymbolField: protocol.SymbolKindField,
}

func documentSymbol(ctx context.Context, a *asked, p *protocol.DocumentSymbolParams) (protocol.DocumentSymbolResult, error) {
	path, f, ok := a.document(ctx, p.TextDocument.URI)
	if !ok {
		return protocol.DocumentSymbolSlice{}, nil
	}
	symbols, err := a.view.Symbols(ctx, path)
	if err != nil {
		return nil, err
	}
	if a.client.hierarchicalSymbols {
		return protocol.DocumentSymbolSlice(a.nested(f, symbols)), nil
	}
	flat := protocol.SymbolInformationSlice{}
	a.flatten(p.TextDocument, f, symbols, "", &flat)
	return flat, nil
}

func (a *asked) nested(f *source.File, symbols []ide.Symbol) []protocol.DocumentSymbol {
	out := make([]protocol.DocumentSymbol, 0, len(symbols))
	for _, s := range symbols {
		d := protocol.DocumentSymbol{Name: s.Name, Kind: symbolKinds[s.Kind], Range: a.rangeOf(f, s.Range), SelectionRange: a.rangeOf(f, s.At)}
		if s.Detail != "" {
			d.Detail = &s.Detail
		}
		if len(s.Children) > 0 {
			d.Children = a.nested(f, s.Children)
		}
		out = append(out, d)
	}
	return out
}

func (a *asked) flatten(doc protocol.TextDocumentIdentifier, f *source.File, symbols []ide.Symbol, container string, out *protocol.SymbolInformationSlice) {
	for _, s := range symbols {
		base := protocol.BaseSymbolInformation{Name: s.Name, Kind: symbolKinds[s.Kind]}
		if container != "" {
			base.ContainerName = &container
		}
		*out = append(*out, protocol.SymbolInformation{BaseSymbolInformation: base, Location: protocol.Location{URI: doc.URI, Range: a.rangeOf(f, s.Range)}})
		a.flatten(doc, f, s.Children, s.Name, out)
	}
}

func workspaceSymbol(ctx context.Context, a *asked, p *protocol.WorkspaceSymbolParams) (protocol.WorkspaceSymbolResult, error) {
	found, err := a.view.FindSymbols(ctx, p.Query)
	if err != nil {
		return nil, err
	}
	out := protocol.SymbolInformationSlice{}
	for _, s := range found {
		l, ok := a.location(ctx, ide.Location{Path: s.Path, Range: s.At})
		if !ok {
			continue
		}
		out = append(out, protocol.SymbolInformation{
			BaseSymbolInformation: protocol.BaseSymbolInformation{Name: s.Name, Kind: symbolKinds[s.Kind], ContainerName: &s.Container}, Location: l,
		})
	}
	return out, nil
}
