package server

import (
	"context"

	"go.lsp.dev/protocol"

	"github.com/kurtosis-go/kurtosis/cmd/internal/lsp/ide"
)

func definition(ctx context.Context, a *asked, p *protocol.DefinitionParams) (protocol.DefinitionResult, error) {
	return a.goTo(ctx, p.TextDocumentPositionParams, a.view.Definition)
}

func typeDefinition(ctx context.Context, a *asked, p *protocol.TypeDefinitionParams) (protocol.DefinitionResult, error) {
	return a.goTo(ctx, p.TextDocumentPositionParams, a.view.TypeDefinition)
}

func (a *asked) goTo(ctx context.Context, p protocol.TextDocumentPositionParams, find finder) (protocol.DefinitionResult, error) {
	at, ok := a.place(ctx, p)
	if !ok || ide.IsStub(at.path) || !a.isStarlark(at.path) {
		return protocol.LocationSlice{}, nil
	}
	d, err := find(ctx, at.path, at.at)
	if err != nil {
		return nil, err
	}
	if d == nil {
		return protocol.LocationSlice{}, nil
	}
	origin := a.rangeOf(at.file, d.Origin)
	links, locations := protocol.DefinitionLinkSlice{}, protocol.LocationSlice{}
	for _, t := range d.Targets {
		l, ok := a.location(ctx, t.Location)
		if !ok {
			continue
		}
		full := l.Range
		if f, err := a.view.File(ctx, t.Path); err == nil {
			full = a.rangeOf(f, t.Full)
		}
		links = append(links, protocol.DefinitionLink{OriginSelectionRange: &origin, TargetURI: l.URI, TargetRange: full, TargetSelectionRange: l.Range})
		locations = append(locations, l)
	}
	if a.client.definitionLinks {
		return links, nil
	}
	return locations, nil
}
