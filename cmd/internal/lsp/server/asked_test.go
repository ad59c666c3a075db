package server

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"
	"go.lsp.dev/jsonrpc2"

	"github.com/kurtosis-go/kurtosis/lang/source"
)

// wire asks a server over JSON-RPC.
type wire struct {
	e    *editor
	root string
}

func (w *wire) ask(m mark) string {
	out, err := w.answer(m)
	if err != nil {
		return "error: " + message(err)
	}
	return orNone(out)
}

func message(err error) string {
	if rpc, ok := err.(*jsonrpc2.Error); ok {
		return rpc.Message
	}
	return err.Error()
}

// get asks for a method with a position and reads the answer into result.
func (w *wire) get(method string, m mark, result any, more ...map[string]any) error {
	params := map[string]any{
		"textDocument": map[string]any{"uri": fileURI(m.path)}, "position": map[string]any{"line": m.at.Line - 1, "character": m.at.Col - 1},
	}
	for _, x := range more {
		for k, v := range x {
			params[k] = v
		}
	}
	raw, err := w.e.try(method, params)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, result)
}

func (w *wire) place(l wireLocation) string {
	return shortPath(w.root, l.URI) + ":" + l.Range.String()
}

func (w *wire) file(m mark) *source.File {
	return source.NewFile(m.path, []byte(w.e.texts[m.path]))
}

func (w *wire) edits(u string, edits []wireEdit) string {
	var b strings.Builder
	for _, e := range edits {
		fmt.Fprintf(&b, "%s:%s %q\n", shortPath(w.root, u), e.Range, e.NewText)
	}
	return b.String()
}

func (w *wire) workspaceEdit(e *wireWorkspaceEdit) string {
	if e == nil {
		return ""
	}
	out := ""
	for _, c := range e.DocumentChanges {
		out += w.edits(c.TextDocument.URI, c.Edits)
	}
	return out
}

func (w *wire) answer(m mark) (string, error) {
	var b strings.Builder
	switch m.ask {
	case "hover":
		var h *struct {
			Contents wireMarkup `json:"contents"`
			Range    wireRange  `json:"range"`
		}
		if err := w.get("textDocument/hover", m, &h); err != nil || h == nil {
			return "", err
		}
		require.Equal(w.e.t, "markdown", h.Contents.Kind)
		return h.Range.String() + "\n" + h.Contents.Value, nil
	case "definition", "typedefinition", "references":
		var list []wireLocation
		method := map[string]string{"definition": "textDocument/definition", "typedefinition": "textDocument/typeDefinition", "references": "textDocument/references"}[m.ask]
		if err := w.get(method, m, &list, map[string]any{"context": map[string]any{"includeDeclaration": true}}); err != nil {
			return "", err
		}
		for _, l := range list {
			fmt.Fprintln(&b, w.place(l))
		}
	case "highlight":
		var list []struct {
			Range wireRange `json:"range"`
			Kind  int       `json:"kind"`
		}
		if err := w.get("textDocument/documentHighlight", m, &list); err != nil {
			return "", err
		}
		for _, h := range list {
			fmt.Fprintln(&b, h.Range, [...]string{"", "text", "read", "write"}[h.Kind])
		}
	case "prepare":
		var p *struct {
			Range       wireRange `json:"range"`
			Placeholder string    `json:"placeholder"`
		}
		if err := w.get("textDocument/prepareRename", m, &p); err != nil || p == nil {
			return "", err
		}
		return p.Range.String() + " " + p.Placeholder, nil
	case "rename":
		var e *wireWorkspaceEdit
		err := w.get("textDocument/rename", m, &e, map[string]any{"newName": m.rest})
		return w.workspaceEdit(e), err
	case "move":
		old, to, _ := strings.Cut(m.rest, " ")
		files := []any{map[string]string{"oldUri": fileURI(filepath.Join(w.root, old)), "newUri": fileURI(filepath.Join(w.root, to))}}
		var e *wireWorkspaceEdit
		err := w.get("workspace/willRenameFiles", m, &e, map[string]any{"files": files})
		return w.workspaceEdit(e), err
	case "symbols":
		var list []wireSymbol
		if err := w.get("textDocument/documentSymbol", m, &list); err != nil {
			return "", err
		}
		symbolLines(&b, list, "")
	case "find":
		var list []struct {
			Name     string       `json:"name"`
			Location wireLocation `json:"location"`
		}
		if err := w.get("workspace/symbol", m, &list, map[string]any{"query": m.rest}); err != nil {
			return "", err
		}
		for _, s := range list {
			fmt.Fprintln(&b, s.Name, w.place(s.Location))
		}
	case "complete":
		var c struct {
			Items []wireItem `json:"items"`
		}
		if err := w.get("textDocument/completion", m, &c); err != nil {
			return "", err
		}
		slices.SortStableFunc(c.Items, func(a, b wireItem) int { return strings.Compare(a.SortText, b.SortText) })
		var items []shownItem
		for _, i := range c.Items {
			items = append(items, shownItem{i.Label, i.Detail, i.TextEdit.NewText, len(i.Tags) > 0})
		}
		return showItems(items, m.rest), nil
	case "signature":
		return w.signature(m)
	case "diagnostics":
		for _, d := range w.e.published(m.path, 1) {
			fmt.Fprintf(&b, "%s %s %s: %s\n", d.Range, [...]string{"", "error", "warning", "info", "hint"}[d.Severity], d.Code, strings.ReplaceAll(d.Message, "\n", " / "))
			require.Contains(w.e.t, d.CodeDescription.Href, d.Code)
			for _, r := range d.RelatedInformation {
				fmt.Fprintf(&b, "  see %s %s\n", w.place(r.Location), r.Message)
			}
			for _, t := range d.Tags {
				fmt.Fprintf(&b, "  tag %d\n", t)
			}
		}
	default:
		return w.more(m)
	}
	return b.String(), nil
}

func symbolLines(b *strings.Builder, list []wireSymbol, indent string) {
	for _, s := range list {
		fmt.Fprintf(b, "%s%s %d %s %s %s\n", indent, s.Name, s.Kind, s.Detail, s.Range, s.SelectionRange)
		symbolLines(b, s.Children, indent+"  ")
	}
}

func (w *wire) signature(m mark) (string, error) {
	var s *struct {
		Signatures []struct {
			Label           string `json:"label"`
			ActiveParameter *int   `json:"activeParameter"`
			Parameters      []struct {
				Label         [2]int      `json:"label"`
				Documentation *wireMarkup `json:"documentation"`
			} `json:"parameters"`
		} `json:"signatures"`
	}
	if err := w.get("textDocument/signatureHelp", m, &s); err != nil || s == nil {
		return "", err
	}
	sig := s.Signatures[0]
	active, doc := "none", ""
	if sig.ActiveParameter != nil {
		p := sig.Parameters[*sig.ActiveParameter]
		active = string([]rune(sig.Label)[p.Label[0]:p.Label[1]])
		if p.Documentation != nil {
			doc = p.Documentation.Value
		}
	}
	return fmt.Sprintf("%s\nactive: %s\n%s", sig.Label, active, doc), nil
}

func (w *wire) more(m mark) (string, error) {
	var b strings.Builder
	f := w.file(m)
	end := f.End()
	whole := map[string]any{"range": map[string]any{
		"start": map[string]any{"line": 0, "character": 0}, "end": map[string]any{"line": end.Line - 1, "character": end.Col - 1},
	}}
	switch m.ask {
	case "tokens":
		var t struct {
			Data []int `json:"data"`
		}
		if err := w.get("textDocument/semanticTokens/full", m, &t); err != nil {
			return "", err
		}
		line, col := 1, 1
		for i := 0; i+4 < len(t.Data); i += 5 {
			if t.Data[i] > 0 {
				line, col = line+t.Data[i], 1
			}
			col += t.Data[i+1]
			start := source.Pos{Line: int32(line), Col: int32(col)}
			r := source.Range{Start: start, End: source.Pos{Line: start.Line, Col: start.Col + int32(t.Data[i+2])}}
			fmt.Fprintln(&b, showToken(start.String(), textAt(f, r), t.Data[i+3], t.Data[i+4]))
		}
	case "hints":
		var list []struct {
			Position wirePosition `json:"position"`
			Label    string       `json:"label"`
		}
		if err := w.get("textDocument/inlayHint", m, &list, whole); err != nil {
			return "", err
		}
		for _, h := range list {
			fmt.Fprintf(&b, "%d:%d %s\n", h.Position.Line+1, h.Position.Character+1, h.Label)
		}
	case "folds":
		var list []struct {
			Start int    `json:"startLine"`
			End   int    `json:"endLine"`
			Kind  string `json:"kind"`
		}
		if err := w.get("textDocument/foldingRange", m, &list); err != nil {
			return "", err
		}
		for _, x := range list {
			fmt.Fprintln(&b, x.Start+1, x.End+1, x.Kind)
		}
	case "select":
		type selection struct {
			Range  wireRange  `json:"range"`
			Parent *selection `json:"parent"`
		}
		var list []selection
		at := map[string]any{"positions": []any{map[string]any{"line": m.at.Line - 1, "character": m.at.Col - 1}}}
		if err := w.get("textDocument/selectionRange", m, &list, at); err != nil {
			return "", err
		}
		for s := &list[0]; s != nil; s = s.Parent {
			fmt.Fprintln(&b, s.Range)
		}
	case "links":
		var list []struct {
			Range  wireRange `json:"range"`
			Target string    `json:"target"`
		}
		if err := w.get("textDocument/documentLink", m, &list); err != nil {
			return "", err
		}
		for _, l := range list {
			fmt.Fprintln(&b, l.Range, shortPath(w.root, l.Target))
		}
	case "lenses":
		var list []json.RawMessage
		if err := w.get("textDocument/codeLens", m, &list); err != nil {
			return "", err
		}
		for _, raw := range list {
			var l struct {
				Range   wireRange `json:"range"`
				Command *struct {
					Title string `json:"title"`
				} `json:"command"`
			}
			require.NoError(w.e.t, json.Unmarshal(raw, &l))
			if l.Command == nil {
				require.NoError(w.e.t, json.Unmarshal(w.e.call("codeLens/resolve", raw), &l))
			}
			fmt.Fprintln(&b, l.Range, l.Command.Title)
		}
	case "format", "formatline", "type":
		var edits []wireEdit
		options := map[string]any{"options": map[string]any{"tabSize": 4, "insertSpaces": true}}
		var err error
		switch m.ask {
		case "format":
			err = w.get("textDocument/formatting", m, &edits, options)
		case "formatline":
			at := map[string]any{"line": m.at.Line - 1, "character": m.at.Col - 1}
			options["range"] = map[string]any{"start": at, "end": at}
			err = w.get("textDocument/rangeFormatting", m, &edits, options)
		default:
			options["ch"] = strings.ReplaceAll(m.rest, "newline", "\n")
			err = w.get("textDocument/onTypeFormatting", m, &edits, options)
		}
		return w.edits(fileURI(m.path), edits), err
	case "actions", "action":
		return w.actions(m)
	case "callers", "callees":
		return w.calls(m)
	case "linked":
		var l *struct {
			Ranges []wireRange `json:"ranges"`
		}
		if err := w.get("textDocument/linkedEditingRange", m, &l); err != nil || l == nil {
			return "", err
		}
		for _, r := range l.Ranges {
			fmt.Fprintln(&b, r)
		}
	case "plan":
		var p struct {
			Text string `json:"text"`
		}
		err := w.get("kurtosis/documentContent", m, &p, map[string]any{"uri": fileURI(m.path), "kind": "plan"})
		return p.Text, err
	case "preview":
		return w.preview(m)
	case "takes":
		var p *runSignatureResult
		if err := w.get("kurtosis/runSignature", m, &p, map[string]any{"uri": fileURI(m.path)}); err != nil || p == nil {
			return "", err
		}
		for _, q := range p.Parameters {
			fmt.Fprintln(&b, q.Name, q.Type, q.Required, q.Default, q.Doc)
		}
	default:
		return "", fmt.Errorf("no question '%s'", m.ask)
	}
	return b.String(), nil
}

func (w *wire) actions(m mark) (string, error) {
	var b strings.Builder
	r := selection(m, w.file(m))
	position := func(p source.Pos) map[string]any {
		return map[string]any{"line": p.Line - 1, "character": p.Col - 1}
	}
	var list []struct {
		Title string             `json:"title"`
		Kind  string             `json:"kind"`
		Edit  *wireWorkspaceEdit `json:"edit"`
	}
	params := map[string]any{"range": map[string]any{"start": position(r.Start), "end": position(r.End)}, "context": map[string]any{"diagnostics": []any{}}}
	if err := w.get("textDocument/codeAction", m, &list, params); err != nil {
		return "", err
	}
	for _, a := range list {
		if m.ask == "actions" {
			fmt.Fprintln(&b, a.Kind, a.Title)
		} else if a.Title == actionTitle(m) {
			return w.workspaceEdit(a.Edit), nil
		}
	}
	return b.String(), nil
}

func (w *wire) calls(m mark) (string, error) {
	var b strings.Builder
	var items []json.RawMessage
	if err := w.get("textDocument/prepareCallHierarchy", m, &items); err != nil || len(items) == 0 {
		return "", err
	}
	method := map[string]string{"callers": "callHierarchy/incomingCalls", "callees": "callHierarchy/outgoingCalls"}[m.ask]
	var list []struct {
		From, To   *wireCallItem
		FromRanges []wireRange `json:"fromRanges"`
	}
	raw, err := w.e.try(method, map[string]any{"item": items[0]})
	if err != nil {
		return "", err
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return "", err
	}
	for _, c := range list {
		item := c.From
		if item == nil {
			item = c.To
		}
		fmt.Fprint(&b, item.Name, " ", w.place(wireLocation{item.URI, item.SelectionRange}))
		for _, r := range c.FromRanges {
			fmt.Fprint(&b, " ", r)
		}
		fmt.Fprintln(&b)
	}
	return b.String(), nil
}

func (w *wire) preview(m mark) (string, error) {
	var b strings.Builder
	params := map[string]any{"uri": fileURI(m.path)}
	if m.rest != "" {
		params["args"] = m.rest
	}
	raw, err := w.e.try(methodPlanPreview, params)
	if err != nil {
		return "", err
	}
	var p planPreviewResult
	if err := json.Unmarshal(raw, &p); err != nil {
		return "", err
	}
	at := func(l *location) string {
		if l == nil {
			return "-"
		}
		r := wireRange{wirePosition{int(l.Range.Start.Line), int(l.Range.Start.Character)}, wirePosition{int(l.Range.End.Line), int(l.Range.End.Character)}}
		return shortPath(w.root, l.URI) + ":" + r.String()
	}
	for _, s := range p.Steps {
		fmt.Fprintf(&b, "step %d %s %s %v %v", s.ID, s.Name, at(s.Location), s.Services, s.Artifacts)
		for _, n := range s.DependsOn {
			fmt.Fprintf(&b, " after %d (%s)", n.Step, n.Cause)
		}
		fmt.Fprintln(&b)
	}
	for _, s := range p.Services {
		fmt.Fprintf(&b, "service %s %s %d %v %v\n", s.Name, s.Image, s.Step, s.Ports, s.Files)
	}
	for _, a := range p.Artifacts {
		fmt.Fprintf(&b, "artifact %s %d\n", a.Name, a.Step)
	}
	for _, x := range p.Problems {
		fmt.Fprintf(&b, "problem %s %s %s\n", x.Code, at(x.Location), x.Message)
	}
	if p.Error != nil {
		fmt.Fprintf(&b, "error %s %s\n", at(p.Error.Location), strings.ReplaceAll(p.Error.Message, "\n", " / "))
	}
	if p.Result != "" {
		fmt.Fprintf(&b, "result %s\n", p.Result)
	}
	return b.String(), nil
}
