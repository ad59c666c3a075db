package ide

import (
	"context"
	"slices"
	"strings"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/lang/source"
)

// ActionKind sorts actions for an editor's menus.
type ActionKind uint8

const (
	ActionQuickFix ActionKind = iota + 1
	ActionExtract
	ActionRewrite
	ActionImports
	ActionFixAll
)

// Action is a change that can be made at a place.
type Action struct {
	Title     string
	Kind      ActionKind
	Preferred bool
	Fixes     []diag.Diagnostic // what it resolves
	Edits     []diag.Edit
	Fetch     string // the locator to fetch, instead of edits
}

// Actions lists what can be done about a range: fixes of what is wrong there, then ways to write it anew. wanted says
// which kinds are asked for.
func (v *View) Actions(ctx context.Context, path string, at source.Range, wanted func(ActionKind) bool) ([]Action, error) {
	if isManifest(path) {
		found, err := v.Diagnostics(ctx, path)
		if err != nil || !wanted(ActionQuickFix) {
			return nil, err
		}
		return fixesOf(found, at), nil
	}
	if !v.isStarlark(path) {
		return nil, nil
	}
	m, err := v.Module(ctx, path)
	if err != nil {
		return nil, err
	}
	found := v.findings(m)
	var out []Action
	if wanted(ActionQuickFix) {
		out = append(out, fixesOf(found, at)...)
		out = append(out, v.importFixes(ctx, m, found, at)...)
		out = append(out, v.versions(ctx, m, found, at)...)
		out = append(out, ignores(m, found, at)...)
	}
	r := rewriter{v: v, ctx: ctx, m: m, at: at, path: nodesAt(m.Info.Tree, at.Start)}
	if wanted(ActionExtract) {
		out = append(out, r.extractions()...)
	}
	if wanted(ActionRewrite) || wanted(ActionQuickFix) {
		for _, a := range r.rewrites(found) {
			if wanted(a.Kind) {
				out = append(out, a)
			}
		}
	}
	if wanted(ActionImports) {
		if a, ok := organized(m, found); ok {
			out = append(out, a)
		}
	}
	if wanted(ActionFixAll) {
		if a, ok := fixAll(m.File(), found); ok {
			out = append(out, a)
		}
	}
	return out, nil
}

func overlaps(a, b source.Range) bool { return !a.End.Before(b.Start) && !b.End.Before(a.Start) }

// fixesOf are the fixes that come with the diagnostics around a range.
func fixesOf(found []diag.Diagnostic, at source.Range) []Action {
	var out []Action
	for _, d := range found {
		if !overlaps(d.Range, at) {
			continue
		}
		for _, f := range d.Fixes {
			title := f.Title
			if title != "" {
				title = strings.ToUpper(title[:1]) + title[1:]
			}
			out = append(out, Action{Title: title, Kind: ActionQuickFix, Preferred: f.Safe || len(d.Fixes) == 1, Fixes: []diag.Diagnostic{d}, Edits: f.Edits})
		}
	}
	return out
}

// ignores offers to switch a diagnostic off for its line.
func ignores(m *Module, found []diag.Diagnostic, at source.Range) []Action {
	var out []Action
	for _, d := range found {
		if !overlaps(d.Range, at) || d.Severity == diag.Error {
			continue
		}
		f := m.File()
		line := int(d.Range.Start.Line)
		indent := indentOf(f.Line(line))
		start := f.Pos(f.LineStart(line))
		out = append(out, Action{
			Title: "Ignore " + d.Code + " here", Kind: ActionQuickFix, Fixes: []diag.Diagnostic{d},
			Edits: []diag.Edit{{File: f.Name(), Range: source.Range{Start: start, End: start}, NewText: indent + "# kurtosis: ignore[" + d.Code + "]\n"}},
		})
	}
	return out
}

// fixAll applies every safe fix of a file.
func fixAll(f *source.File, found []diag.Diagnostic) (Action, bool) {
	var fixes []diag.Fix
	for _, d := range found {
		for _, x := range d.Fixes {
			if x.Safe {
				fixes = append(fixes, x)
				break
			}
		}
	}
	if len(fixes) == 0 {
		return Action{}, false
	}
	text, _ := diag.Apply(f, fixes)
	edits := lineEdits(f, string(text))
	return Action{Title: "Fix all that can be fixed safely", Kind: ActionFixAll, Edits: edits}, len(edits) > 0
}

// organized sorts the run of imports at the head of a module and drops those that nothing uses: those of other
// packages first, as they are found, then the package's own.
func organized(m *Module, found []diag.Diagnostic) (Action, bool) {
	f := m.File()
	type line struct{ key, text string }
	var lines []line
	var run source.Range
	for i, s := range m.Info.Tree.Syntax.Stmts {
		if i == 0 && m.Info.Doc != nil {
			continue
		}
		a, ok := s.(*syntax.AssignStmt)
		if !ok || !isImport(s) || a.Comments() != nil && len(a.Comments().Before) > 0 {
			break
		}
		r := nodeRange(s)
		if r.Start.Col != 1 {
			return Action{}, false
		}
		if !run.Start.IsValid() {
			run.Start = r.Start
		} else if r.Start.Line > run.End.Line+2 {
			break
		}
		run.End = r.End
		call := a.RHS.(*syntax.CallExpr)
		if len(call.Args) == 0 {
			return Action{}, false
		}
		locator, ok := stringValue(call.Args[0])
		if !ok {
			locator = text(f, call.Args[0])
		}
		unused := slices.ContainsFunc(found, func(d diag.Diagnostic) bool {
			return d.Code == "unused-import" && d.Range.Start.Line == r.Start.Line
		})
		if unused {
			continue
		}
		rank := "1"
		if strings.HasPrefix(locator, "github.com/") {
			rank = "0"
		}
		whole := string(f.Text()[f.LineStart(int(r.Start.Line)):f.Offset(source.Pos{Line: r.End.Line, Col: 1 << 20})])
		lines = append(lines, line{rank + locator, whole})
	}
	if !run.Start.IsValid() {
		return Action{}, false
	}
	slices.SortStableFunc(lines, func(a, b line) int { return strings.Compare(a.key, b.key) })
	var b strings.Builder
	for i, l := range lines {
		if i > 0 {
			b.WriteString("\n")
		}
		b.WriteString(l.text)
	}
	start := f.LineStart(int(run.Start.Line))
	end := f.Offset(source.Pos{Line: run.End.Line, Col: 1 << 20})
	if b.String() == string(f.Text()[start:end]) {
		return Action{}, false
	}
	return Action{
		Title: "Organize imports", Kind: ActionImports,
		Edits: []diag.Edit{{File: f.Name(), Range: rangeAt(f, start, end), NewText: b.String()}},
	}, true
}
