package server

import (
	"context"
	"fmt"
	"slices"

	"go.lsp.dev/protocol"

	"github.com/kurtosis-go/kurtosis/cmd/internal/lsp/ide"
	"github.com/kurtosis-go/kurtosis/lang/source"
)

// tokenResult is the last answer for a document, from which differences are made.
type tokenResult struct {
	id   string
	data []uint32
}

func (a *asked) tokensOf(ctx context.Context, path string, f *source.File, within *source.Range) ([]uint32, error) {
	tokens, err := a.view.Tokens(ctx, path, within)
	if err != nil {
		return nil, err
	}
	data := make([]uint32, 0, 5*len(tokens))
	var line, character uint32
	for _, t := range tokens {
		r := a.rangeOf(f, t.Range)
		if r.Start.Line != line {
			character = 0
		}
		data = append(data, r.Start.Line-line, r.Start.Character-character, r.End.Character-r.Start.Character, uint32(t.Type), uint32(t.Modifiers))
		line, character = r.Start.Line, r.Start.Character
	}
	return data, nil
}

// remember gives an answer an identity.
func (a *asked) remember(path string, data []uint32) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var n int
	_, _ = fmt.Sscan(a.tokens[path].id, &n)
	id := fmt.Sprint(n + 1)
	if a.docs[path] != nil {
		a.tokens[path] = tokenResult{id, data}
	}
	return id
}

func semanticTokensFull(ctx context.Context, a *asked, p *protocol.SemanticTokensParams) (*protocol.SemanticTokens, error) {
	path, f, ok := a.document(ctx, p.TextDocument.URI)
	if !ok || ide.IsStub(path) {
		return &protocol.SemanticTokens{Data: []uint32{}}, nil
	}
	data, err := a.tokensOf(ctx, path, f, nil)
	if err != nil {
		return nil, err
	}
	id := a.remember(path, data)
	return &protocol.SemanticTokens{ResultID: &id, Data: data}, nil
}

func semanticTokensRange(ctx context.Context, a *asked, p *protocol.SemanticTokensRangeParams) (*protocol.SemanticTokens, error) {
	path, f, ok := a.document(ctx, p.TextDocument.URI)
	if !ok || ide.IsStub(path) {
		return &protocol.SemanticTokens{Data: []uint32{}}, nil
	}
	within := a.sourceRange(f, p.Range)
	data, err := a.tokensOf(ctx, path, f, &within)
	return &protocol.SemanticTokens{Data: data}, err
}

func semanticTokensDelta(ctx context.Context, a *asked, p *protocol.SemanticTokensDeltaParams) (protocol.SemanticTokensDeltaResult, error) {
	path, f, ok := a.document(ctx, p.TextDocument.URI)
	if !ok || ide.IsStub(path) {
		return &protocol.SemanticTokens{Data: []uint32{}}, nil
	}
	data, err := a.tokensOf(ctx, path, f, nil)
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	old := a.tokens[path]
	a.mu.Unlock()
	id := a.remember(path, data)
	if old.id == "" || old.id != p.PreviousResultID {
		return &protocol.SemanticTokens{ResultID: &id, Data: data}, nil
	}
	return &protocol.SemanticTokensDelta{ResultID: &id, Edits: tokenEdits(old.data, data)}, nil
}

// tokenEdits is the one edit that turns old into data: what lies between their common start and end.
func tokenEdits(old, data []uint32) []protocol.SemanticTokensEdit {
	start := 0
	for start < len(old) && start < len(data) && old[start] == data[start] {
		start++
	}
	end := 0
	for end < len(old)-start && end < len(data)-start && old[len(old)-1-end] == data[len(data)-1-end] {
		end++
	}
	if start == len(old) && start == len(data) {
		return []protocol.SemanticTokensEdit{}
	}
	return []protocol.SemanticTokensEdit{{
		Start: uint32(start), DeleteCount: uint32(len(old) - start - end), Data: slices.Clone(data[start : len(data)-end]),
	}}
}
