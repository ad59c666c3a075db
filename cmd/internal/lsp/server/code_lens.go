package server

import (
	"context"
	"encoding/json"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/kurtosis-go/kurtosis/cmd/internal/lsp/ide"
)

// Commands that the editor runs. Others than the project's extension have none of them, so lenses only tell there.
const (
	commandRun        = "kurtosis.run"
	commandPreview    = "kurtosis.previewPlan"
	commandReferences = "kurtosis.showReferences"
)

// lensData is what a lens that is not resolved yet says of itself.
type lensData struct {
	URI      string            `json:"uri"`
	Position protocol.Position `json:"position"`
}

func codeLens(ctx context.Context, a *asked, p *protocol.CodeLensParams) ([]protocol.CodeLens, error) {
	out := []protocol.CodeLens{}
	path, f, ok := a.document(ctx, p.TextDocument.URI)
	if !ok || !on(a.currentSettings().CodeLens.Enable) {
		return out, nil
	}
	lenses, err := a.view.Lenses(ctx, path)
	if err != nil {
		return nil, err
	}
	target := raw(map[string]string{"uri": string(p.TextDocument.URI)})
	for _, l := range lenses {
		lens := protocol.CodeLens{Range: a.rangeOf(f, l.Range)}
		switch l.Kind {
		case ide.LensRun:
			lens.Command = protocol.Command{Title: l.Title, Command: commandRun, Arguments: []protocol.LSPAny{target}}
		case ide.LensPreview, ide.LensServices:
			lens.Command = protocol.Command{Title: l.Title, Command: commandPreview, Arguments: []protocol.LSPAny{target}}
		case ide.LensReferences:
			lens.Data = raw(lensData{string(p.TextDocument.URI), lens.Range.Start})
		}
		out = append(out, lens)
	}
	return out, nil
}

// raw is a value that the protocol passes on as it is.
func raw(v any) protocol.LSPAny {
	text, err := json.Marshal(v)
	if err != nil {
		return protocol.LSPAny("null")
	}
	return text
}

func codeLensResolve(ctx context.Context, a *asked, p *protocol.CodeLens) (*protocol.CodeLens, error) {
	var d lensData
	if len(p.Data) == 0 || json.Unmarshal(p.Data, &d) != nil {
		return p, nil
	}
	path, f, ok := a.document(ctx, uri.URI(d.URI))
	if !ok {
		return p, nil
	}
	title, refs, err := a.view.ReferenceLens(ctx, path, a.pos(f, d.Position))
	if err != nil {
		return nil, err
	}
	p.Command = protocol.Command{Title: title, Command: commandReferences, Arguments: []protocol.LSPAny{raw(d.URI), raw(d.Position), raw(a.plainLocations(ctx, refs))}}
	if title == "" {
		p.Command = protocol.Command{Title: "0 references"}
	}
	return p, nil
}

// plainLocations are locations as command arguments have them.
func (a *asked) plainLocations(ctx context.Context, refs []ide.Location) []any {
	out := []any{}
	for _, l := range a.locations(ctx, refs) {
		out = append(out, map[string]any{"uri": string(l.URI), "range": l.Range})
	}
	return out
}
