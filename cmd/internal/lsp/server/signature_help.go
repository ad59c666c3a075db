package server

import (
	"context"
	"unicode/utf16"
	"unicode/utf8"

	"go.lsp.dev/protocol"

	"github.com/kurtosis-go/kurtosis/cmd/internal/lsp/ide"
	"github.com/kurtosis-go/kurtosis/lang/source"
)

func signatureHelp(ctx context.Context, a *asked, p *protocol.SignatureHelpParams) (*protocol.SignatureHelp, error) {
	at, ok := a.place(ctx, p.TextDocumentPositionParams)
	if !ok {
		return nil, nil
	}
	sig, err := a.view.Signature(ctx, at.path, at.at)
	if err != nil || sig == nil {
		return nil, err
	}
	info := protocol.SignatureInformation{Label: sig.Label}
	if sig.Doc != "" {
		info.Documentation = markup(a.client.signatureMarkdown, sig.Doc)
	}
	label := []rune(sig.Label)
	for _, param := range sig.Params {
		out := protocol.ParameterInformation{Label: protocol.String(label[param.Start:param.End])}
		if a.client.labelOffsets {
			out.Label = protocol.ParameterInformationLabelTuple{a.units(label[:param.Start]), a.units(label[:param.End])}
		}
		if param.Doc != "" {
			out.Documentation = markup(a.client.signatureMarkdown, param.Doc)
		}
		info.Parameters = append(info.Parameters, out)
	}
	help := &protocol.SignatureHelp{ActiveSignature: new(uint32(0))}
	if sig.Active >= 0 {
		help.ActiveParameter = protocol.NewNullable(uint32(sig.Active))
		if a.client.activeParameter {
			info.ActiveParameter = help.ActiveParameter
		}
	} else if len(sig.Params) > 0 {
		help.ActiveParameter = protocol.NewNullable(uint32(len(sig.Params))) // none of them, for clients that know no null
	}
	help.Signatures = []protocol.SignatureInformation{info}
	return help, nil
}

// units is the length of a text as the client counts.
func (a *asked) units(text []rune) uint32 {
	switch a.encoding {
	case source.UTF8:
		n := 0
		for _, r := range text {
			n += utf8.RuneLen(r)
		}
		return uint32(n)
	case source.UTF16:
		return uint32(len(utf16.Encode(text)))
	}
	return uint32(len(text))
}

type finder func(ctx context.Context, path string, at source.Pos) (*ide.Definition, error)

func (a *asked) isStarlark(path string) bool {
	return ide.IsModule(path) || a.languageOf(path) == "starlark"
}
