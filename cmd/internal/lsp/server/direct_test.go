package server

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kurtosis-go/kurtosis/cmd/internal/lsp/ide"
	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/lang/source"
)

// direct asks package ide.
type direct struct {
	ctx  context.Context
	v    *ide.View
	root string
}

func (d *direct) short(path string) string {
	if rel, err := filepath.Rel(d.root, path); err == nil && filepath.IsLocal(rel) {
		return filepath.ToSlash(rel)
	}
	return path
}

func span(r source.Range) string { return fmt.Sprintf("%s-%s", r.Start, r.End) }

func (d *direct) place(l ide.Location) string { return d.short(l.Path) + ":" + span(l.Range) }

func (d *direct) edits(edits []diag.Edit) string {
	var b strings.Builder
	for _, e := range edits {
		fmt.Fprintf(&b, "%s:%s %q\n", d.short(e.File), span(e.Range), e.NewText)
	}
	return b.String()
}

func failed(err error) string { return "error: " + err.Error() }

func orNone(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}

func (d *direct) ask(m mark) string {
	out, err := d.answer(m)
	if err != nil {
		return failed(err)
	}
	return orNone(out)
}

func (d *direct) answer(m mark) (string, error) {
	var b strings.Builder
	switch m.ask {
	case "hover":
		h, err := d.v.Hover(d.ctx, m.path, m.at)
		if err != nil || h == nil {
			return "", err
		}
		return span(h.Range) + "\n" + h.Text, nil
	case "definition", "typedefinition":
		find := d.v.Definition
		if m.ask == "typedefinition" {
			find = d.v.TypeDefinition
		}
		def, err := find(d.ctx, m.path, m.at)
		if err != nil || def == nil {
			return "", err
		}
		for _, t := range def.Targets {
			fmt.Fprintln(&b, d.place(t.Location))
		}
	case "references":
		refs, err := d.v.References(d.ctx, m.path, m.at)
		if err != nil {
			return "", err
		}
		for _, r := range refs {
			fmt.Fprintln(&b, d.place(r.Location))
		}
	case "highlight":
		refs, err := d.v.Highlights(d.ctx, m.path, m.at)
		if err != nil {
			return "", err
		}
		for _, r := range refs {
			kind := "read"
			if r.Write {
				kind = "write"
			}
			fmt.Fprintln(&b, span(r.Range), kind)
		}
	case "prepare":
		r, name, err := d.v.PrepareRename(d.ctx, m.path, m.at)
		return span(r) + " " + name, err
	case "rename":
		edits, err := d.v.Rename(d.ctx, m.path, m.at, m.rest)
		return d.edits(edits), err
	case "move":
		old, to, _ := strings.Cut(m.rest, " ")
		edits, err := d.v.RenameFiles(d.ctx, []ide.FileRename{{Old: filepath.Join(d.root, old), New: filepath.Join(d.root, to)}})
		return d.edits(edits), err
	case "symbols":
		symbols, err := d.v.Symbols(d.ctx, m.path)
		d.symbols(&b, symbols, "")
		return b.String(), err
	case "find":
		found, err := d.v.FindSymbols(d.ctx, m.rest)
		for _, s := range found {
			fmt.Fprintln(&b, s.Name, d.short(s.Path)+":"+span(s.At))
		}
		return b.String(), err
	case "complete":
		c, err := d.v.Completion(d.ctx, m.path, m.at)
		if err != nil || c == nil {
			return "", err
		}
		var items []shownItem
		for _, i := range c.Items {
			text := i.Label
			if i.Insert != "" {
				text = i.Insert
			}
			if i.Snippet != "" {
				text = i.Snippet
			}
			items = append(items, shownItem{i.Label, i.Detail, text, i.Deprecated})
		}
		return showItems(items, m.rest), nil
	case "signature":
		s, err := d.v.Signature(d.ctx, m.path, m.at)
		if err != nil || s == nil {
			return "", err
		}
		active, doc := "none", ""
		if s.Active >= 0 {
			p := s.Params[s.Active]
			active, doc = string([]rune(s.Label)[p.Start:p.End]), p.Doc
		}
		return fmt.Sprintf("%s\nactive: %s\n%s", s.Label, active, doc), nil
	case "diagnostics":
		found, err := d.v.Diagnostics(d.ctx, m.path)
		if err != nil {
			return "", err
		}
		for _, x := range found {
			fmt.Fprintf(&b, "%s %s %s: %s\n", span(x.Range), x.Severity, x.Code, strings.ReplaceAll(withHint(x.Message, x.Hint), "\n", " / "))
			for _, r := range x.Related {
				fmt.Fprintf(&b, "  see %s %s\n", d.place(ide.Location{Path: r.File, Range: r.Range}), r.Message)
			}
			for _, t := range x.Tags {
				fmt.Fprintf(&b, "  tag %d\n", t)
			}
		}
	default:
		return d.more(m)
	}
	return b.String(), nil
}

func withHint(message, hint string) string {
	if hint != "" {
		return message + "\n" + hint
	}
	return message
}

func (d *direct) symbols(b *strings.Builder, list []ide.Symbol, indent string) {
	for _, s := range list {
		fmt.Fprintf(b, "%s%s %d %s %s %s\n", indent, s.Name, symbolKinds[s.Kind], s.Detail, span(s.Range), span(s.At))
		d.symbols(b, s.Children, indent+"  ")
	}
}

func (d *direct) more(m mark) (string, error) {
	var b strings.Builder
	f, err := d.v.File(d.ctx, m.path)
	if err != nil {
		return "", err
	}
	whole := source.Range{Start: source.Pos{Line: 1, Col: 1}, End: f.End()}
	switch m.ask {
	case "tokens":
		tokens, err := d.v.Tokens(d.ctx, m.path, nil)
		if err != nil {
			return "", err
		}
		for _, t := range tokens {
			fmt.Fprintln(&b, showToken(t.Range.Start.String(), textAt(f, t.Range), int(t.Type), int(t.Modifiers)))
		}
	case "hints":
		hints, err := d.v.Hints(d.ctx, m.path, whole)
		if err != nil {
			return "", err
		}
		for _, h := range hints {
			fmt.Fprintln(&b, h.At, h.Label)
		}
	case "folds":
		folds, err := d.v.Folds(d.ctx, m.path)
		if err != nil {
			return "", err
		}
		for _, x := range folds {
			fmt.Fprintln(&b, x.Start, x.End, [...]string{"", "comment", "imports"}[x.Kind])
		}
	case "select":
		all, err := d.v.Selections(d.ctx, m.path, []source.Pos{m.at})
		if err != nil {
			return "", err
		}
		for _, r := range all[0] {
			fmt.Fprintln(&b, span(r))
		}
	case "links":
		links, err := d.v.Links(d.ctx, m.path)
		if err != nil {
			return "", err
		}
		for _, l := range links {
			to := l.URL
			if l.Path != "" {
				to = d.short(l.Path)
			}
			fmt.Fprintln(&b, span(l.Range), to)
		}
	case "lenses":
		lenses, err := d.v.Lenses(d.ctx, m.path)
		if err != nil {
			return "", err
		}
		for _, l := range lenses {
			if l.Kind == ide.LensReferences {
				if l.Title, _, err = d.v.ReferenceLens(d.ctx, m.path, l.Range.Start); err != nil {
					return "", err
				}
			}
			fmt.Fprintln(&b, span(l.Range), l.Title)
		}
	case "format":
		edits, err := d.v.Format(d.ctx, m.path)
		return d.edits(edits), err
	case "formatline":
		edits, err := d.v.FormatRange(d.ctx, m.path, source.Range{Start: m.at, End: m.at})
		return d.edits(edits), err
	case "type":
		edits, err := d.v.FormatOnType(d.ctx, m.path, m.at, strings.ReplaceAll(m.rest, "newline", "\n"), "    ")
		return d.edits(edits), err
	case "actions", "action":
		actions, err := d.v.Actions(d.ctx, m.path, selection(m, f), func(ide.ActionKind) bool { return true })
		if err != nil {
			return "", err
		}
		for _, a := range actions {
			if m.ask == "actions" {
				fmt.Fprintln(&b, actionKinds[a.Kind], a.Title)
			} else if a.Title == actionTitle(m) {
				return d.edits(a.Edits), nil
			}
		}
	case "callers", "callees":
		items, err := d.v.PrepareCalls(d.ctx, m.path, m.at)
		if err != nil || len(items) == 0 {
			return "", err
		}
		find := d.v.Callers
		if m.ask == "callees" {
			find = d.v.Callees
		}
		sites, err := find(d.ctx, items[0].Path, items[0].At.Start)
		if err != nil {
			return "", err
		}
		for _, s := range sites {
			fmt.Fprint(&b, s.Item.Name, " ", d.place(ide.Location{Path: s.Item.Path, Range: s.Item.At}))
			for _, r := range s.Calls {
				fmt.Fprint(&b, " ", span(r))
			}
			fmt.Fprintln(&b)
		}
	case "linked":
		ranges, err := d.v.Linked(d.ctx, m.path, m.at)
		if err != nil {
			return "", err
		}
		for _, r := range ranges {
			fmt.Fprintln(&b, span(r))
		}
	case "plan":
		text, err := d.v.PlanText(d.ctx, ide.PreviewInput{Path: m.path})
		return text, err
	case "preview":
		return d.preview(m)
	case "takes":
		params, ok, err := d.v.RunSignature(d.ctx, m.path)
		if err != nil || !ok {
			return "", err
		}
		for _, p := range params {
			fmt.Fprintln(&b, p.Name, p.TypeText(), p.Required, p.Default, p.Doc)
		}
	default:
		return "", fmt.Errorf("no question '%s'", m.ask)
	}
	return b.String(), nil
}

func (d *direct) preview(m mark) (string, error) {
	var b strings.Builder
	p, _, err := d.v.Preview(d.ctx, ide.PreviewInput{Path: m.path, Args: []byte(m.rest)})
	if err != nil {
		return "", err
	}
	at := func(l *ide.Location) string {
		if l == nil {
			return "-"
		}
		return d.place(*l)
	}
	for _, s := range p.Steps {
		fmt.Fprintf(&b, "step %d %s %s %v %v", s.ID, s.Name, at(s.At), s.Services, s.Artifacts)
		for _, n := range s.Needs {
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
		fmt.Fprintf(&b, "problem %s %s %s\n", x.Code, at(x.At), x.Message)
	}
	if p.Error != nil {
		fmt.Fprintf(&b, "error %s %s\n", at(p.Error.At), strings.ReplaceAll(p.Error.Message, "\n", " / "))
	}
	if p.Result != "" {
		fmt.Fprintf(&b, "result %s\n", p.Result)
	}
	return b.String(), nil
}

// selection is the range that a mark means: an empty one, or, with "to" and a text of the same line, up to its end.
func selection(m mark, f *source.File) source.Range {
	r := source.Range{Start: m.at, End: m.at}
	rest, ok := strings.CutPrefix(m.rest, "to ")
	if !ok {
		return r
	}
	needle, _, _ := quoted(rest)
	text := string(f.Text())
	start := f.Offset(m.at)
	if i := strings.Index(text[start:], needle); i >= 0 {
		r.End = f.Pos(start + i + len(needle))
	}
	return r
}

// actionTitle is the title that a mark names.
func actionTitle(m mark) string {
	if rest, ok := strings.CutPrefix(m.rest, "to "); ok {
		_, rest, _ = quoted(rest)
		return strings.TrimSpace(rest)
	}
	return m.rest
}

func textAt(f *source.File, r source.Range) string {
	return string(f.Text()[f.Offset(r.Start):f.Offset(r.End)])
}

func showToken(at, text string, typ, modifiers int) string {
	var mods []string
	for i, name := range ide.TokenModifiers() {
		if modifiers&(1<<i) != 0 {
			mods = append(mods, name)
		}
	}
	return strings.TrimSpace(fmt.Sprintf("%s %s %s %s", at, text, ide.TokenTypes()[typ], strings.Join(mods, " ")))
}

// shownItem is a completion as the tests print it.
type shownItem struct {
	label, detail, text string
	old                 bool
}

// showItems prints completions: without more, the first ten; with "all", all; with names, those and whether they are
// there.
func showItems(items []shownItem, names string) string {
	var b strings.Builder
	show := func(i shownItem) {
		fmt.Fprintf(&b, "%s · %s · %q", i.label, i.detail, i.text)
		if i.old {
			b.WriteString(" · deprecated")
		}
		b.WriteString("\n")
	}
	switch names {
	case "":
		for _, i := range items[:min(10, len(items))] {
			show(i)
		}
		if n := len(items) - 10; n > 0 {
			fmt.Fprintf(&b, "… %d more\n", n)
		}
	case "all":
		for _, i := range items {
			show(i)
		}
	default:
		for _, name := range strings.Fields(names) {
			at := slices.IndexFunc(items, func(i shownItem) bool { return strings.TrimSuffix(strings.Trim(i.label, `"`), "=") == name })
			if at < 0 {
				fmt.Fprintf(&b, "%s is not offered\n", name)
				continue
			}
			show(items[at])
		}
	}
	return b.String()
}
