package server

import (
	"slices"
	"strings"

	"go.lsp.dev/protocol"

	"github.com/kurtosis-go/kurtosis/lang/source"
)

// client is what the editor can do, found out once.
type client struct {
	processID int

	configuration, watch, progress, documentChanges, renameFiles, applyEdit bool
	refreshDiagnostics, refreshTokens, refreshHints, refreshLenses, content bool

	pullDiagnostics, relatedInformation, diagnosticVersion, codeDescription bool

	hierarchicalSymbols, definitionLinks, codeActionLiterals, foldLinesOnly   bool
	hoverMarkdown, snippets, completionMarkdown, labelDetails, completionTags bool
	insertReplace, signatureMarkdown, labelOffsets, activeParameter, lazyDocs bool
	virtualDocuments                                                          bool
	ours                                                                      bool // the project's extension, which knows its own requests
}

func is(b *bool) bool { return b != nil && *b }

func clientOf(p *protocol.InitializeParams) (c client, enc source.Encoding) {
	if p.ProcessID != nil {
		c.processID = int(*p.ProcessID)
	}
	caps := p.Capabilities
	if w := caps.Workspace; w != nil {
		c.configuration, c.applyEdit = is(w.Configuration), is(w.ApplyEdit)
		if w.DidChangeWatchedFiles != nil {
			c.watch = is(w.DidChangeWatchedFiles.DynamicRegistration)
		}
		if e := w.WorkspaceEdit; e != nil {
			c.documentChanges = is(e.DocumentChanges)
			c.renameFiles = slices.Contains(e.ResourceOperations, protocol.ResourceOperationKindRename)
		}
		if w.Diagnostics != nil {
			c.refreshDiagnostics = is(w.Diagnostics.RefreshSupport)
		}
		if w.SemanticTokens != nil {
			c.refreshTokens = is(w.SemanticTokens.RefreshSupport)
		}
		if w.InlayHint != nil {
			c.refreshHints = is(w.InlayHint.RefreshSupport)
		}
		if w.CodeLens != nil {
			c.refreshLenses = is(w.CodeLens.RefreshSupport)
		}
		c.content = w.TextDocumentContent != nil
	}
	if w := caps.Window; w != nil {
		c.progress = is(w.WorkDoneProgress)
	}
	if t := caps.TextDocument; t != nil {
		c.ofDocuments(t)
	}
	// The project's extension sends all its settings and shows the documents that the server makes.
	c.ours = strings.Contains(string(p.InitializationOptions), `"codeLens"`) && strings.Contains(string(p.InitializationOptions), `"preview"`)
	c.virtualDocuments = c.content || c.ours
	return c, encodingOf(caps.General)
}

func (c *client) ofDocuments(t *protocol.TextDocumentClientCapabilities) {
	c.pullDiagnostics = t.Diagnostic != nil
	if d := t.PublishDiagnostics; d != nil {
		c.relatedInformation, c.diagnosticVersion, c.codeDescription = is(d.RelatedInformation), is(d.VersionSupport), is(d.CodeDescriptionSupport)
	}
	if d := t.DocumentSymbol; d != nil {
		c.hierarchicalSymbols = is(d.HierarchicalDocumentSymbolSupport)
	}
	if d := t.Definition; d != nil {
		c.definitionLinks = is(d.LinkSupport)
	}
	if a := t.CodeAction; a != nil {
		c.codeActionLiterals = len(a.CodeActionLiteralSupport.CodeActionKind.ValueSet) > 0
	}
	if f := t.FoldingRange; f != nil {
		c.foldLinesOnly = is(f.LineFoldingOnly)
	}
	if h := t.Hover; h != nil {
		c.hoverMarkdown = prefersMarkdown(h.ContentFormat)
	}
	if k := t.Completion; k != nil && k.CompletionItem != nil {
		i := k.CompletionItem
		c.snippets, c.labelDetails, c.insertReplace = is(i.SnippetSupport), is(i.LabelDetailsSupport), is(i.InsertReplaceSupport)
		c.completionMarkdown = prefersMarkdown(i.DocumentationFormat)
		c.completionTags = len(i.TagSupport.ValueSet) > 0
		c.lazyDocs = slices.Contains(i.ResolveSupport.Properties, "documentation")
	}
	if h := t.SignatureHelp; h != nil && h.SignatureInformation != nil {
		i := h.SignatureInformation
		c.signatureMarkdown, c.activeParameter = prefersMarkdown(i.DocumentationFormat), is(i.ActiveParameterSupport)
		if i.ParameterInformation != nil {
			c.labelOffsets = is(i.ParameterInformation.LabelOffsetSupport)
		}
	}
}

func prefersMarkdown(kinds []protocol.MarkupKind) bool {
	return slices.Contains(kinds, protocol.MarkupKindMarkdown)
}

// encodingOf picks the unit of columns: UTF-8 needs least work here, so it is taken where it is offered first.
func encodingOf(g *protocol.GeneralClientCapabilities) source.Encoding {
	if g == nil || len(g.PositionEncodings) == 0 {
		return source.UTF16
	}
	for _, k := range g.PositionEncodings {
		switch k {
		case protocol.PositionEncodingKindUTF8:
			return source.UTF8
		case protocol.PositionEncodingKindUTF32:
			return source.UTF32
		case protocol.PositionEncodingKindUTF16:
			return source.UTF16
		}
	}
	return source.UTF16
}

func encodingKind(e source.Encoding) protocol.PositionEncodingKind {
	return map[source.Encoding]protocol.PositionEncodingKind{
		source.UTF8: protocol.PositionEncodingKindUTF8, source.UTF16: protocol.PositionEncodingKindUTF16, source.UTF32: protocol.PositionEncodingKindUTF32,
	}[e]
}
