package server

import (
	"context"
	"encoding/json"
	"strings"

	"go.lsp.dev/protocol"

	"github.com/kurtosis-go/kurtosis/cmd/internal/lsp/ide"
)

var itemKinds = map[ide.ItemKind]protocol.CompletionItemKind{
	ide.ItemVariable: protocol.CompletionItemKindVariable, ide.ItemConstant: protocol.CompletionItemKindConstant,
	ide.ItemFunction: protocol.CompletionItemKindFunction, ide.ItemMethod: protocol.CompletionItemKindMethod,
	ide.ItemConstructor: protocol.CompletionItemKindConstructor, ide.ItemModule: protocol.CompletionItemKindModule,
	ide.ItemField: protocol.CompletionItemKindField, ide.ItemKeyword: protocol.CompletionItemKindKeyword,
	ide.ItemSnippet: protocol.CompletionItemKindSnippet, ide.ItemArgument: protocol.CompletionItemKindProperty,
	ide.ItemValue: protocol.CompletionItemKindEnumMember, ide.ItemFile: protocol.CompletionItemKindFile,
	ide.ItemFolder: protocol.CompletionItemKindFolder, ide.ItemReference: protocol.CompletionItemKindReference,
}

func completion(ctx context.Context, a *asked, p *protocol.CompletionParams) (protocol.CompletionResult, error) {
	list := &protocol.CompletionList{Items: []protocol.CompletionItem{}}
	at, ok := a.place(ctx, p.TextDocumentPositionParams)
	if !ok || ide.IsStub(at.path) {
		return list, nil
	}
	c, err := a.view.Completion(ctx, at.path, at.at)
	if err != nil || c == nil {
		return list, err
	}
	r := a.rangeOf(at.file, c.Range)
	snippets := a.client.snippets && on(a.currentSettings().Completion.Snippets)
	list.Items = make([]protocol.CompletionItem, 0, len(c.Items))
	for i := range c.Items {
		item := &c.Items[i]
		if item.Kind == ide.ItemSnippet && !snippets {
			continue
		}
		list.Items = append(list.Items, a.completionItem(item, r, snippets))
	}
	for i := range list.Items {
		if edits := c.Items[i].Edits; len(c.Items) == len(list.Items) && len(edits) > 0 {
			list.Items[i].AdditionalTextEdits = a.textEdits(at.file, edits)
		}
	}
	return list, nil
}

func (a *asked) completionItem(i *ide.Item, r protocol.Range, snippets bool) protocol.CompletionItem {
	item := protocol.CompletionItem{Label: i.Label, Kind: itemKinds[i.Kind], SortText: protocol.NewOptional(i.Sort)}
	text := i.Label
	if i.Insert != "" {
		text = i.Insert
	}
	if snippets && i.Snippet != "" {
		text = i.Snippet
		item.InsertTextFormat = protocol.InsertTextFormatSnippet
		if strings.Contains(text, "\n") {
			item.InsertTextMode = protocol.InsertTextModeAdjustIndentation
		}
	}
	item.TextEdit = &protocol.TextEdit{Range: r, NewText: text}
	if i.Detail != "" {
		item.Detail = protocol.NewOptional(i.Detail)
	}
	if i.Filter != "" {
		item.FilterText = protocol.NewOptional(i.Filter)
	}
	doc := i.Doc
	if i.Key != "" {
		if a.client.lazyDocs {
			item.Data, _ = json.Marshal(i.Key)
		} else {
			doc = ide.Brief(i.Key)
			item.Data, _ = json.Marshal(i.Key)
		}
	}
	if doc != "" {
		item.Documentation = markup(a.client.completionMarkdown, doc)
	}
	if i.Deprecated {
		if a.client.completionTags {
			item.Tags = []protocol.CompletionItemTag{protocol.CompletionItemTagDeprecated}
		} else {
			item.Deprecated = protocol.NewOptional(true)
		}
	}
	if i.Preselect {
		item.Preselect = protocol.NewOptional(true)
	}
	switch {
	case i.Again:
		item.Command = protocol.Command{Title: "more", Command: "editor.action.triggerSuggest"}
		if !a.client.ours {
			item.Command = protocol.Command{}
		}
	case i.Kind == ide.ItemArgument && a.client.ours:
		item.Command = protocol.Command{Title: "values", Command: "editor.action.triggerSuggest"}
	}
	return item
}

func completionResolve(_ context.Context, a *asked, p *protocol.CompletionItem) (*protocol.CompletionItem, error) {
	var key string
	if len(p.Data) == 0 || json.Unmarshal(p.Data, &key) != nil {
		return p, nil
	}
	if doc := ide.Docs(key); doc != "" {
		p.Documentation = markup(a.client.completionMarkdown, doc)
	}
	return p, nil
}
