package ide

import (
	"context"
	"strings"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/lang/parse"
	"github.com/kurtosis-go/kurtosis/lang/source"
	"github.com/kurtosis-go/kurtosis/lang/types"
)

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
		missing = append(missing, p.Name+"="+zero(p.Type))
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
		edits = append(edits, r.edit(source.Range{Start: nodeRange(entry.Key).Start, End: nodeRange(entry.Value).Start}, key+"="))
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
		edits = append(edits, r.edit(source.Range{Start: at, End: at}, c.typ.Params[i].Name+"="))
	}
	if len(edits) == 0 {
		return Action{}, false
	}
	return Action{Title: "Name the positional arguments", Kind: ActionRewrite, Edits: edits}, true
}
