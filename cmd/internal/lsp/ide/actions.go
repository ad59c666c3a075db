package ide

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/lang/parse"
	"github.com/kurtosis-go/kurtosis/lang/source"
	"github.com/kurtosis-go/kurtosis/lang/types"
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

// imports offers to import a module of the package that is called as an undefined name is, or to fetch one that is
// not on this machine.
func (v *View) importFixes(ctx context.Context, m *Module, found []diag.Diagnostic, at source.Range) []Action {
	var out []Action
	for _, d := range found {
		if !overlaps(d.Range, at) {
			continue
		}
		switch d.Code {
		case "undefined-name", "undefined":
			start, end := offsets(m.File(), d.Range)
			out = append(out, v.importsOf(ctx, m, string(m.File().Text()[start:end]), d)...)
		case "unresolved-locator":
			path := nodesAt(m.Info.Tree, d.Range.Start)
			if lit := innermost[*syntax.Literal](path); lit != nil {
				if locator, _ := lit.Value.(string); strings.HasPrefix(locator, "github.com/") {
					out = append(out, Action{Title: "Fetch " + locator, Kind: ActionQuickFix, Preferred: true, Fixes: []diag.Diagnostic{d}, Fetch: locator})
				}
			}
		}
	}
	return out
}

func (v *View) importsOf(ctx context.Context, m *Module, name string, d diag.Diagnostic) []Action {
	modules, err := v.Modules(ctx)
	if err != nil || m.Target.PackageRoot == "" {
		return nil
	}
	var out []Action
	for _, path := range modules {
		if path == m.Path() || strings.Trim(strings.TrimSuffix(filepath.Base(path), ".star"), "_") != strings.Trim(name, "_") {
			continue
		}
		if root, ok := v.PackageRoot(ctx, path); !ok || root != m.Target.PackageRoot {
			continue
		}
		locator, ok := relativeLocator(filepath.Dir(m.Path()), path)
		if !ok {
			continue
		}
		out = append(out, Action{
			Title: fmt.Sprintf("Import %q", locator), Kind: ActionQuickFix, Preferred: true, Fixes: []diag.Diagnostic{d},
			Edits: []diag.Edit{importEdit(m, name, locator)},
		})
	}
	return out
}

// importEdit adds an import below those that are there, or below the docstring.
func importEdit(m *Module, name, locator string) diag.Edit {
	f := m.File()
	line, after := int32(1), "\n"
	for i, s := range m.Info.Tree.Syntax.Stmts {
		isDoc := i == 0 && m.Info.Doc != nil
		if !isDoc && !isImport(s) {
			continue
		}
		line = nodeRange(s).End.Line + 1
		after = ""
	}
	text := name + " = import_module(" + strconv.Quote(locator) + ")\n" + after
	at := source.Pos{Line: line, Col: 1}
	if int(line) > f.LineCount() {
		at = f.End()
		text = "\n" + text
	} else if after == "" && m.Info.Doc != nil && line == nodeRange(m.Info.Tree.Syntax.Stmts[0]).End.Line+1 {
		text = "\n" + text
	}
	return diag.Edit{File: f.Name(), Range: source.Range{Start: at, End: at}, NewText: text}
}

// versions offers the versions by which the workspace names a package elsewhere, for an import without one.
func (v *View) versions(ctx context.Context, m *Module, found []diag.Diagnostic, at source.Range) []Action {
	var out []Action
	for _, d := range found {
		if d.Code != "unpinned-import" || !overlaps(d.Range, at) {
			continue
		}
		lit := innermost[*syntax.Literal](nodesAt(m.Info.Tree, d.Range.Start))
		if lit == nil {
			continue
		}
		locator, _ := lit.Value.(string)
		for _, version := range v.knownVersions(ctx, m, repositoryOf(locator)) {
			out = append(out, Action{
				Title: "Pin to " + version, Kind: ActionQuickFix, Fixes: []diag.Diagnostic{d},
				Edits: []diag.Edit{{File: m.Path(), Range: inside(m.File(), lit), NewText: locator + "@" + version}},
			})
		}
	}
	return out
}

func repositoryOf(locator string) string {
	parts := strings.SplitN(locator, "/", 4)
	if len(parts) < 3 {
		return locator
	}
	name, _, _ := strings.Cut(parts[2], "@")
	return strings.Join([]string{parts[0], parts[1], name}, "/")
}

// knownVersions lists the versions of a repository that modules of the workspace name, or that is on this machine.
func (v *View) knownVersions(ctx context.Context, m *Module, repository string) []string {
	var out []string
	add := func(version string) {
		if version != "" && !slices.Contains(out, version) {
			out = append(out, version)
		}
	}
	modules, _ := v.Modules(ctx)
	for _, path := range append([]string{m.Path()}, modules...) {
		text, err := v.files.Read(ctx, path)
		if err != nil {
			continue
		}
		for {
			i := bytes.Index(text, []byte(repository))
			if i < 0 {
				break
			}
			text = text[i+len(repository):]
			end := bytes.IndexAny(text, "\"'\n")
			if end < 0 {
				break
			}
			if _, version, ok := strings.Cut(string(text[:end]), "@"); ok {
				version, _, _ = strings.Cut(version, "/")
				add(version)
			}
		}
	}
	for _, imp := range m.Info.Imports {
		if repositoryOf(imp.Locator) == repository {
			add(imp.Target.Version)
		}
	}
	slices.Sort(out)
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

// rewriter finds ways to write what is selected anew.
type rewriter struct {
	v    *View
	ctx  context.Context
	m    *Module
	at   source.Range
	path []syntax.Node
}

func (r *rewriter) edit(at source.Range, text string) diag.Edit {
	return diag.Edit{File: r.m.Path(), Range: at, NewText: text}
}

func (r *rewriter) rewrites(found []diag.Diagnostic) []Action {
	var out []Action
	if a, ok := r.missingArguments(); ok {
		for _, d := range found {
			if d.Code == "missing-argument" && overlaps(d.Range, r.at) {
				a.Kind, a.Fixes = ActionQuickFix, append(a.Fixes, d)
			}
		}
		out = append(out, a)
	}
	if a, ok := r.docstring(); ok {
		out = append(out, a)
	}
	if a, ok := r.toStruct(); ok {
		out = append(out, a)
	}
	if a, ok := r.named(); ok {
		out = append(out, a)
	}
	return out
}

// missingArguments fills in the required arguments that a call does not have.
func (r *rewriter) missingArguments() (Action, bool) {
	call := callAt(r.m.Info.Tree, r.at.Start)
	if call == nil {
		call = innermost[*syntax.CallExpr](r.path)
	}
	if call == nil || !closed(r.m.File(), call) {
		return Action{}, false
	}
	c := r.v.calleeOf(r.ctx, r.m, call)
	if c.typ == nil || c.typ.Loose {
		return Action{}, false
	}
	given := givenNames(call)
	position := 0
	for _, arg := range call.Args {
		if starred(arg) {
			return Action{}, false
		}
		if name, _ := keyword(arg); name == nil {
			position++
		}
	}
	var missing []string
	for i, p := range c.typ.Params {
		if p.Optional || p.Variadic != "" || p.Positional || given[p.Name] || i < position && !p.Keyword {
			continue
		}
		missing = append(missing, p.Name+" = "+zero(p.Type))
	}
	if len(missing) == 0 {
		return Action{}, false
	}
	f := r.m.File()
	closing := parse.Pos(call.Rparen)
	insert := strings.Join(missing, ", ")
	if n := len(call.Args); n > 0 {
		last := nodeRange(call.Args[n-1]).End
		between := strings.TrimSpace(string(f.Text()[f.Offset(last):f.Offset(closing)]))
		if last.Line != closing.Line { // one argument to a line
			indent := indentOf(f.Line(int(nodeRange(call.Args[n-1]).Start.Line)))
			prefix := ","
			if strings.HasPrefix(between, ",") {
				prefix, last = "", f.Pos(f.Offset(last)+strings.IndexByte(string(f.Text()[f.Offset(last):]), ',')+1)
			}
			insert = prefix + "\n" + indent + strings.Join(missing, ",\n"+indent) + ","
			closing = last
		} else if strings.HasPrefix(between, ",") {
			insert = " " + insert
		} else {
			insert = ", " + insert
			closing = last
		}
	}
	return Action{
		Title: "Add the missing " + plural(len(missing), "argument"), Kind: ActionRewrite,
		Edits: []diag.Edit{r.edit(source.Range{Start: closing, End: closing}, insert)},
	}, true
}

func plural(n int, noun string) string {
	if n == 1 {
		return noun
	}
	return noun + "s"
}

// zero is a value of a type to start from.
func zero(t types.Type) string {
	for _, m := range types.Members(sure(t)) {
		switch m := sure(m).(type) {
		case types.StringLit:
			return m.String()
		case types.Basic:
			switch m {
			case types.String:
				return `""`
			case types.Int, types.Float:
				return "0"
			case types.Bool:
				return "False"
			}
		case *types.List:
			return "[]"
		case *types.Dict:
			return "{}"
		case *types.Named:
			if rowOfType(m) != nil {
				return m.Name + "()"
			}
			return m.Name
		}
	}
	return "None"
}

// docstring writes one for a function that has none.
func (r *rewriter) docstring() (Action, bool) {
	def := innermost[*syntax.DefStmt](r.path)
	if def == nil || r.at.Start.Line > def.Rparen.Line || len(def.Body) == 0 {
		return Action{}, false
	}
	fn := r.m.Info.FuncOf(def)
	if fn == nil || fn.Doc != nil {
		return Action{}, false
	}
	first := nodeRange(def.Body[0]).Start
	if first.Line == def.Rparen.Line {
		return Action{}, false
	}
	f := r.m.File()
	indent := indentOf(f.Line(int(first.Line)))
	var b strings.Builder
	b.WriteString(indent + `"""` + sentence(def.Name.Name) + "\n")
	var params []string
	for _, p := range fn.Params {
		if p.Name == nil || p.Name.Name == "plan" {
			continue
		}
		t := r.m.Info.TypeOf(p.Name)
		if p.Default != nil {
			if d := r.v.typeOf(r.m, p.Default); d != types.Unknown && d != types.None {
				t = d
			}
		}
		params = append(params, indent+"    "+p.Star+p.Name.Name+" ("+docType(t)+"): ")
	}
	if len(params) > 0 {
		b.WriteString("\n" + indent + "Args:\n")
		for _, p := range params {
			b.WriteString(p + "\n")
		}
	}
	if sig := fn.Type(); sig != nil && sig.Result != nil && sig.Result != types.None && sig.Result != types.Unknown {
		b.WriteString("\n" + indent + "Returns:\n" + indent + "    " + docType(sig.Result) + ": \n")
	}
	b.WriteString(indent + `"""` + "\n")
	text := b.String()
	at := source.Pos{Line: first.Line, Col: 1}
	return Action{Title: "Write a docstring for " + def.Name.Name, Kind: ActionRewrite, Edits: []diag.Edit{r.edit(source.Range{Start: at, End: at}, text)}}, true
}

// sentence makes a start of a description of a function's name.
func sentence(name string) string {
	words := strings.ReplaceAll(strings.Trim(name, "_"), "_", " ")
	if words == "" {
		return "."
	}
	return strings.ToUpper(words[:1]) + words[1:] + "."
}

// docType is how the docstrings that Kurtosis documents name a type.
func docType(t types.Type) string {
	switch x := sure(t).(type) {
	case nil:
		return "any"
	case types.StringLit, *types.Future:
		return "string"
	case types.IntLit:
		return "int"
	case types.Basic:
		switch x {
		case types.Unknown, types.Any, types.Never, types.None:
			return "any"
		case types.String:
			return "string"
		}
		return x.String()
	case *types.List:
		return "list[" + docType(x.Elem) + "]"
	case *types.Dict:
		if x.Key == types.Never || x.Value == types.Never {
			return "dict[string, any]"
		}
		return "dict[" + docType(x.Key) + ", " + docType(x.Value) + "]"
	case *types.Struct:
		return "struct"
	case *types.Named:
		return x.Name
	}
	return "any"
}

// toStruct turns a dict with names for keys into a struct.
func (r *rewriter) toStruct() (Action, bool) {
	d := innermost[*syntax.DictExpr](r.path)
	if d == nil || len(d.List) == 0 {
		return Action{}, false
	}
	var edits []diag.Edit
	for _, e := range d.List {
		entry, ok := e.(*syntax.DictEntry)
		if !ok {
			return Action{}, false
		}
		key, ok := stringValue(entry.Key)
		if !ok || !identifier().MatchString(key) || reserved[key] {
			return Action{}, false
		}
		edits = append(edits, r.edit(source.Range{Start: nodeRange(entry.Key).Start, End: nodeRange(entry.Value).Start}, key+" = "))
	}
	whole := nodeRange(d)
	open := source.Range{Start: whole.Start, End: source.Pos{Line: whole.Start.Line, Col: whole.Start.Col + 1}}
	end := source.Range{Start: source.Pos{Line: whole.End.Line, Col: whole.End.Col - 1}, End: whole.End}
	edits = append([]diag.Edit{r.edit(open, "struct(")}, edits...)
	edits = append(edits, r.edit(end, ")"))
	return Action{Title: "Make a struct of the dict", Kind: ActionRewrite, Edits: edits}, true
}

// named gives the positional arguments of a call their names.
func (r *rewriter) named() (Action, bool) {
	call := callAt(r.m.Info.Tree, r.at.Start)
	if call == nil {
		return Action{}, false
	}
	c := r.v.calleeOf(r.ctx, r.m, call)
	if c.typ == nil || c.typ.Loose {
		return Action{}, false
	}
	var edits []diag.Edit
	for i, arg := range call.Args {
		if name, _ := keyword(arg); name != nil || starred(arg) {
			break
		}
		if i >= len(c.typ.Params) || c.typ.Params[i].Variadic != "" || c.typ.Params[i].Positional {
			return Action{}, false
		}
		if c.typ.Params[i].Name == "plan" && i == 0 {
			continue
		}
		at := nodeRange(arg).Start
		edits = append(edits, r.edit(source.Range{Start: at, End: at}, c.typ.Params[i].Name+" = "))
	}
	if len(edits) == 0 {
		return Action{}, false
	}
	return Action{Title: "Name the positional arguments", Kind: ActionRewrite, Edits: edits}, true
}
