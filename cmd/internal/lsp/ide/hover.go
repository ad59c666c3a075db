package ide

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/builtins"
	"github.com/kurtosis-go/kurtosis/lang/source"
	"github.com/kurtosis-go/kurtosis/lang/types"
	"github.com/kurtosis-go/kurtosis/typecheck"
)

// Hover is what to say about the text at a place, in Markdown.
type Hover struct {
	Range source.Range
	Text  string
}

// ReferenceURL is where the reference pages are.
const ReferenceURL = "https://github.com/kurtosis-go/kurtosis/blob/main/docs/reference/"

// Hover describes the name at a place: signature or type, documentation, value where it is constant.
func (v *View) Hover(ctx context.Context, path string, at source.Pos) (*Hover, error) {
	if IsManifest(path) {
		return v.manifestHover(ctx, path, at)
	}
	m, err := v.Around(ctx, path, at)
	if err != nil {
		return nil, err
	}
	s := v.symbolAt(ctx, m, at)
	if s == nil {
		return nil, nil
	}
	text := v.describe(ctx, m, s)
	if text == "" {
		return nil, nil
	}
	return &Hover{Range: s.at, Text: text}, nil
}

func code(s string) string { return "```python\n" + s + "\n```\n" }

func (v *View) describe(ctx context.Context, m *Module, s *symbol) string {
	switch {
	case s.file != nil:
		return v.describeFile(ctx, s.file)
	case s.service != "":
		return v.describeService(ctx, m, s.service)
	case s.rowParam != nil:
		return code(s.rowParam.String()) + "\n" + strings.TrimPrefix(afterDash(s.rowParam.Markdown()), " ") + "\n\nArgument of `" + s.row.QualifiedName() + "`."
	case s.row != nil:
		return describeRow(s.row)
	case s.param != nil:
		return v.describeParam(m, s)
	case s.binding != nil:
		return v.describeBinding(ctx, m, s)
	case s.owner != nil:
		return describeField(s)
	}
	return ""
}

// afterDash cuts the signature off one line of Markdown on a parameter; what is required is said again.
func afterDash(line string) string {
	head, rest, ok := strings.Cut(line, " – ")
	if !ok {
		return line
	}
	if strings.HasSuffix(head, ", required") {
		return "Required. " + rest
	}
	return rest
}

func describeRow(row *builtins.Builtin) string {
	if !row.Callable() {
		text := row.Signature()
		return code(text) + "\n" + row.Notice() + row.Doc + referenceLink(row)
	}
	return row.Markdown() + referenceLink(row)
}

// referenceLink leads to the row's place in the reference pages.
func referenceLink(row *builtins.Builtin) string {
	page := map[builtins.Kind]string{
		builtins.Instruction: "plan.md", builtins.Constructor: "types.md", builtins.Helper: "helpers.md", builtins.Universe: "universe.md", builtins.Module: "modules.md",
	}[row.Kind]
	switch row.Receiver {
	case "string", "list", "dict":
		page = row.Receiver + ".md"
	case "json", "time":
		page = "modules.md"
	}
	if row.TestOnly {
		page = "testing.md"
	}
	if page == "" {
		return ""
	}
	return "\n\n[" + row.QualifiedName() + " in the reference](" + ReferenceURL + page + "#" + anchor(row) + ")"
}

func anchor(row *builtins.Builtin) string {
	return strings.ToLower(strings.ReplaceAll(row.Name, ".", ""))
}

func (v *View) describeParam(m *Module, s *symbol) string {
	typ := s.typ
	if s.module != nil && s.param.Type != nil {
		typ = s.param.Type
	}
	if s.module != nil {
		if t := s.module.Info.TypeOf(s.param.Name); t != nil && (typ == nil || typ == types.Unknown) {
			typ = t
		}
	}
	head := "(parameter) " + s.param.Star + s.name
	if typ != nil && typ != types.Unknown && s.param.Star == "" {
		head += ": " + plainType(typ)
	}
	if s.param.Default != nil && s.module != nil {
		head += " = " + oneLine(s.module.File(), s.param.Default, 60)
	}
	text := code(head)
	if d := docArg(s.fn, s.name); d != nil && d.Doc != "" {
		text += "\n" + d.Doc + "\n"
	} else if s.param.Comment != "" {
		text += "\n" + strings.TrimSpace(strings.TrimLeft(s.param.Comment, "#")) + "\n"
	}
	if s.fn != nil && s.fn.Name != "" {
		text += "\nParameter of `" + s.fn.Name + "`."
	}
	return text
}

func docArg(fn *typecheck.Func, name string) *typecheck.DocArg {
	if fn == nil || fn.Doc == nil {
		return nil
	}
	for i := range fn.Doc.Args {
		if fn.Doc.Args[i].Name == name {
			return &fn.Doc.Args[i]
		}
	}
	return nil
}

func (v *View) describeBinding(ctx context.Context, m *Module, s *symbol) string {
	b := s.binding
	if def := b.Def(); def != nil && len(b.Defs) == 1 {
		if fn := s.module.Info.FuncOf(def); fn != nil {
			return v.describeFunc(m, s.module, fn)
		}
	}
	if mod, ok := sure(s.typ).(*types.Module); ok {
		if info, ok := mod.Exports.(*typecheck.Info); ok {
			return v.describeModule(ctx, "(module) "+s.name+" = import_module("+fmt.Sprintf("%q", b.Import)+")", info.Target.Path)
		}
	}
	kind := map[typecheck.BindingKind]string{typecheck.Global: "variable", typecheck.Local: "variable", typecheck.Iteration: "variable", typecheck.Parameter: "parameter"}[b.Kind]
	if b.Kind == typecheck.Global && strings.ToUpper(s.name) == s.name {
		kind = "constant"
	}
	head := "(" + kind + ") " + s.name
	if s.typ != nil && s.typ != types.Unknown {
		head += ": " + shownType(s.typ)
	}
	if value, ok := v.constant(s); ok {
		head += " = " + value
	}
	text := code(head)
	if doc := commentAbove(s.module, b); doc != "" {
		text += "\n" + doc + "\n"
	}
	if named, ok := sure(s.typ).(*types.Named); ok {
		text += "\n" + v.describeType(named)
	}
	if f, ok := sure(s.typ).(*types.Future); ok {
		text += "\nKnown only when the plan runs; until then it is a placeholder string for a value of type `" + f.Elem.String() + "`.\n"
	}
	if s.module.Path() != m.Path() {
		text += "\nDefined in `" + filepath.Base(s.module.Path()) + "`."
	}
	return text
}

// shownType prints a type, the value of a constant widened: it is shown beside it.
func shownType(t types.Type) string {
	switch sure(t).(type) {
	case types.StringLit, types.IntLit:
		return types.Widen(sure(t)).String()
	case *types.Struct, *types.Dict:
		if s := t.String(); len(s) > 70 {
			return wrapped(sure(t))
		}
	}
	return plainType(t)
}

// plainType prints a type; a list or dict that is empty so far is just that.
func plainType(t types.Type) string {
	switch x := sure(t).(type) {
	case *types.List:
		if x.Elem == types.Never {
			return "list"
		}
	case *types.Dict:
		if x.Key == types.Never {
			return "dict"
		}
	}
	return t.String()
}

// wrapped prints a struct with one field to a line.
func wrapped(t types.Type) string {
	s, ok := t.(*types.Struct)
	if !ok {
		return t.String()
	}
	var b strings.Builder
	b.WriteString("struct(\n")
	for _, f := range s.Fields {
		typ := f.Type.String()
		if len(typ) > 80 {
			typ = string([]rune(typ)[:min(77, len([]rune(typ)))]) + "…"
		}
		b.WriteString("    " + f.Name + ": " + typ + ",\n")
	}
	if s.Open {
		b.WriteString("    ...\n")
	}
	b.WriteString(")")
	return b.String()
}

// constant is the value of a variable that is assigned once, where it is short to say.
func (v *View) constant(s *symbol) (string, bool) {
	switch sure(s.typ).(type) {
	case types.StringLit, types.IntLit:
		return sure(s.typ).String(), true
	}
	if len(s.binding.Defs) != 1 || s.binding.Kind != typecheck.Global {
		return "", false
	}
	a := innermost[*syntax.AssignStmt](nodesAt(s.module.Info.Tree, nodeRange(s.binding.Defs[0]).Start))
	if a == nil || a.Op != syntax.EQ || a.LHS != syntax.Expr(s.binding.Defs[0]) {
		return "", false
	}
	switch a.RHS.(type) {
	case *syntax.Literal, *syntax.ListExpr, *syntax.DictExpr, *syntax.TupleExpr, *syntax.UnaryExpr, *syntax.BinaryExpr, *syntax.Ident:
		return oneLine(s.module.File(), a.RHS, 200), true
	}
	return "", false
}

// commentAbove is the comment on the lines right above the only definition of a variable, or behind it.
func commentAbove(m *Module, b *typecheck.Binding) string {
	if len(b.Defs) != 1 || b.Kind != typecheck.Global {
		return ""
	}
	f := m.File()
	line := int(b.Defs[0].NamePos.Line)
	var lines []string
	for n := line - 1; n >= 1; n-- {
		l := string(f.Line(n))
		if !strings.HasPrefix(l, "#") || strings.HasPrefix(l, "# kurtosis:") {
			break
		}
		lines = append([]string{strings.TrimSpace(strings.TrimLeft(l, "#"))}, lines...)
	}
	return strings.Join(lines, "\n")
}

func (v *View) describeFunc(m, in *Module, fn *typecheck.Func) string {
	text := code("def " + wrapSignature(fn))
	if fn.Doc != nil {
		text += "\n" + docMarkdown(fn.Doc)
	}
	if in.Path() != m.Path() {
		text += "\n\nDefined in `" + filepath.Base(in.Path()) + "`."
	}
	return text
}

func wrapSignature(fn *typecheck.Func) string {
	sig := fn.Type()
	if sig == nil {
		return fn.Name + "()"
	}
	one := sig.Signature(fn.Name)
	if len([]rune(one)) <= 90 || len(sig.Params) < 2 {
		return one
	}
	var b strings.Builder
	b.WriteString(fn.Name + "(\n")
	for _, p := range sig.Params {
		b.WriteString("    " + p.String() + ",\n")
	}
	b.WriteString(")")
	if sig.Result != nil && sig.Result != types.Unknown {
		b.WriteString(" -> " + shownType(sig.Result))
	}
	return b.String()
}

// docMarkdown lays a docstring out.
func docMarkdown(d *typecheck.Docstring) string {
	var b strings.Builder
	b.WriteString(d.Summary + "\n")
	if len(d.Args) > 0 {
		b.WriteString("\n**Arguments**\n\n")
		for _, a := range d.Args {
			b.WriteString("- `" + a.Name)
			if a.TypeText != "" {
				b.WriteString(": " + a.TypeText)
			}
			b.WriteString("`")
			if a.Doc != "" {
				b.WriteString(" – " + strings.ReplaceAll(a.Doc, "\n", " "))
			}
			b.WriteString("\n")
		}
	}
	if d.Returns != "" {
		b.WriteString("\n**Returns** " + d.Returns + "\n")
	}
	return b.String()
}

func (v *View) describeType(n *types.Named) string {
	row := builtins.Lookup("", n.Name)
	if row == nil || row.Kind != builtins.Constructor {
		if len(n.Fields) == 0 {
			return ""
		}
		var b strings.Builder
		b.WriteString("**Attributes**\n\n")
		for _, f := range n.Fields {
			b.WriteString("- `" + f.Name + ": " + f.Type.String() + "`")
			if f.Doc != "" {
				b.WriteString(" – " + f.Doc)
			}
			b.WriteString("\n")
		}
		return b.String()
	}
	return row.Summary() + "\n"
}

func describeField(s *symbol) string {
	kind, of := "field", ""
	switch o := s.owner.(type) {
	case *types.Dict:
		kind = "key"
	case *types.Named:
		kind, of = "attribute", "\n\nAttribute of `"+o.Name+"`."
	}
	text := code("(" + kind + ") " + s.name + ": " + shownType(s.field.Type))
	if s.field.Doc != "" {
		text += "\n" + s.field.Doc
	}
	if f, ok := sure(s.field.Type).(*types.Future); ok {
		text += "\n\nKnown only when the plan runs; until then it is a placeholder string for a value of type `" + f.Elem.String() + "`."
	}
	return text + of
}

func (v *View) describeModule(ctx context.Context, head, path string) string {
	text := code(head)
	other, err := v.Plain(ctx, path)
	if err != nil {
		return text
	}
	if d := other.Info.Doc; d != nil {
		text += "\n" + d.Text + "\n"
	}
	var names []string
	for _, g := range other.Info.Globals {
		if !strings.HasPrefix(g.Name, "_") && g.Import == "" {
			names = append(names, "`"+g.Name+"`")
		}
	}
	if len(names) > 0 {
		const most = 20
		more := ""
		if len(names) > most {
			more = fmt.Sprintf(" and %d more", len(names)-most)
			names = names[:most]
		}
		text += "\nExports " + strings.Join(names, ", ") + more + ".\n"
	}
	return text + "\n`" + v.shown(path) + "`"
}

// shown is a path for people: relative to the workspace where it is in it.
func (v *View) shown(path string) string {
	for _, root := range v.roots {
		if rel, err := filepath.Rel(root, path); err == nil && filepath.IsLocal(rel) {
			return filepath.ToSlash(rel)
		}
	}
	return path
}

func (v *View) describeFile(ctx context.Context, f *fileString) string {
	if f.err != nil {
		return "`" + f.locator + "` leads nowhere: " + f.err.Error()
	}
	if IsModule(f.target.Path) {
		return v.describeModule(ctx, "(module) "+fmt.Sprintf("%q", f.target.Locator), f.target.Path)
	}
	info, err := v.files.Stat(ctx, f.target.Path)
	switch {
	case err != nil:
		return ""
	case info.Dir:
		entries, _ := v.files.List(ctx, f.target.Path)
		return fmt.Sprintf("Directory `%s`, %d entries", v.shown(f.target.Path), len(entries))
	}
	return fmt.Sprintf("File `%s`, %d bytes", v.shown(f.target.Path), info.Size)
}
