package ide

import (
	"fmt"
	"slices"
	"strings"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/lang/parse"
	"github.com/kurtosis-go/kurtosis/lang/source"
	"github.com/kurtosis-go/kurtosis/typecheck"
)

// extractions makes a variable of a selected expression, or a function of selected statements.
func (r *rewriter) extractions() []Action {
	if r.at.Start == r.at.End || !r.m.Info.Tree.OK() {
		return nil
	}
	var out []Action
	if a, ok := r.variable(); ok {
		out = append(out, a)
	}
	return append(out, r.functions()...)
}

// trimmed is the selection without the white space at its ends.
func (r *rewriter) trimmed() source.Range {
	f := r.m.File()
	start, end := offsets(f, r.at)
	t := f.Text()
	for start < end && strings.IndexByte(" \t\r\n", t[start]) >= 0 {
		start++
	}
	for end > start && strings.IndexByte(" \t\r\n", t[end-1]) >= 0 {
		end--
	}
	return rangeAt(f, start, end)
}

func (r *rewriter) variable() (Action, bool) {
	at := r.trimmed()
	var selected syntax.Expr
	var stmt syntax.Stmt
	var block bool
	for _, n := range nodesAt(r.m.Info.Tree, at.Start) {
		switch n := n.(type) {
		case *syntax.DefStmt, *syntax.IfStmt, *syntax.ForStmt:
			block = true
			stmt, _ = n.(syntax.Stmt)
		case syntax.Stmt:
			stmt, block = n, false
		case *syntax.LambdaExpr, *syntax.Comprehension:
			if nodeRange(n) != at {
				return Action{}, false // it may use the variables in there
			}
			selected, _ = n.(syntax.Expr)
		case syntax.Expr:
			if nodeRange(n) == at && selected == nil {
				selected = n
			}
		}
	}
	if selected == nil || stmt == nil || block {
		return Action{}, false
	}
	if a, ok := stmt.(*syntax.AssignStmt); ok && nodeRange(a.LHS).Contains(at.Start) {
		return Action{}, false
	}
	if b, ok := selected.(*syntax.BinaryExpr); ok && b.Op == syntax.EQ {
		return Action{}, false
	}
	f := r.m.File()
	start := nodeRange(stmt).Start
	name := r.free("value", at.Start)
	indent := indentOf(f.Line(int(start.Line)))
	return Action{Title: "Extract to a variable", Kind: ActionExtract, Edits: []diag.Edit{
		r.edit(source.Range{Start: start, End: start}, name+" = "+text(f, selected)+"\n"+indent),
		r.edit(at, name),
	}}, true
}

// free is a name that nothing has at a place.
func (r *rewriter) free(name string, at source.Pos) string {
	taken := map[string]bool{}
	for _, b := range r.m.Info.Scope(at) {
		taken[b.Name] = true
	}
	if !taken[name] {
		return name
	}
	for i := 2; ; i++ {
		if n := fmt.Sprintf("%s_%d", name, i); !taken[n] {
			return n
		}
	}
}

// functions makes a function of the statements that are selected, all of one block. What they set and what is used
// after them is returned: one value by itself, several as a struct.
func (r *rewriter) functions() []Action {
	at := r.trimmed()
	def := innermost[*syntax.DefStmt](nodesAt(r.m.Info.Tree, at.Start))
	if def == nil {
		return nil
	}
	stmts := selectedIn(def.Body, at)
	if len(stmts) == 0 || leaves(stmts) {
		return nil
	}
	whole := source.Range{Start: nodeRange(stmts[0]).Start, End: nodeRange(stmts[len(stmts)-1]).End}
	inputs, outputs := r.flow(def, whole)
	f := r.m.File()
	name := r.free("extracted", at.Start)
	first := nodeRange(stmts[0]).Start
	indent := indentOf(f.Line(int(first.Line)))
	body := string(f.Text()[f.LineStart(int(first.Line)):f.Offset(whole.End)])
	var lines []string
	for _, l := range strings.Split(body, "\n") {
		lines = append(lines, strings.TrimRight("    "+strings.TrimPrefix(l, indent), " "))
	}
	var result, call string
	invoke := name + "(" + strings.Join(inputs, ", ") + ")"
	switch len(outputs) {
	case 0:
		call = invoke
	case 1:
		result, call = "    return "+outputs[0]+"\n", outputs[0]+" = "+invoke
	default:
		var fields, unpack []string
		holder := r.free("result", at.Start)
		for _, o := range outputs {
			fields = append(fields, o+"="+o)
			unpack = append(unpack, indent+o+" = "+holder+"."+o)
		}
		result = "    return struct(" + strings.Join(fields, ", ") + ")\n"
		call = holder + " = " + invoke + "\n" + strings.Join(unpack, "\n")
	}
	function := "def " + name + "(" + strings.Join(inputs, ", ") + "):\n" + strings.Join(lines, "\n") + "\n" + result + "\n\n"
	top := def
	for _, n := range nodesAt(r.m.Info.Tree, at.Start) {
		if d, ok := n.(*syntax.DefStmt); ok {
			top = d
			break
		}
	}
	before := source.Pos{Line: nodeRange(top).Start.Line, Col: 1}
	title := "Extract to a function"
	if len(outputs) > 1 {
		title = "Extract to a function that returns a struct"
	}
	return []Action{{Title: title, Kind: ActionExtract, Edits: []diag.Edit{
		r.edit(source.Range{Start: before, End: before}, function), r.edit(whole, call),
	}}}
}

// selectedIn finds the run of statements of one block that a range covers.
func selectedIn(body []syntax.Stmt, at source.Range) []syntax.Stmt {
	var run []syntax.Stmt
	for _, s := range body {
		if contains(at, nodeRange(s)) {
			run = append(run, s)
		}
	}
	if len(run) > 0 {
		return run
	}
	for _, s := range body {
		switch s := s.(type) {
		case *syntax.IfStmt:
			if run := selectedIn(s.True, at); len(run) > 0 {
				return run
			}
			if run := selectedIn(s.False, at); len(run) > 0 {
				return run
			}
		case *syntax.ForStmt:
			if run := selectedIn(s.Body, at); len(run) > 0 {
				return run
			}
		}
	}
	return nil
}

// leaves says whether statements leave the block that they are in: return, break or continue of a loop outside.
func leaves(stmts []syntax.Stmt) bool {
	found := false
	for _, s := range stmts {
		loops := 0
		var walk func(s syntax.Stmt)
		walk = func(s syntax.Stmt) {
			switch s := s.(type) {
			case *syntax.ReturnStmt, *syntax.DefStmt:
				found = true
			case *syntax.BranchStmt:
				found = found || s.Token != syntax.PASS && loops == 0
			case *syntax.ForStmt:
				loops++
				for _, b := range s.Body {
					walk(b)
				}
				loops--
			case *syntax.IfStmt:
				for _, b := range append(slices.Clone(s.True), s.False...) {
					walk(b)
				}
			}
		}
		walk(s)
	}
	return found
}

// flow finds the variables of a function that a part of it reads and got from before, and those that it sets and
// that are read outside of it.
func (r *rewriter) flow(def *syntax.DefStmt, part source.Range) (inputs, outputs []string) {
	fn := r.m.Info.FuncOf(def)
	if fn == nil {
		return nil, nil
	}
	for _, b := range fn.Bindings {
		if b.Kind != typecheck.Local && b.Kind != typecheck.Parameter {
			continue
		}
		setInside, setBefore, readInside, readOutside := false, b.Kind == typecheck.Parameter, false, false
		for _, id := range r.m.Info.References(b) {
			pos := parse.Pos(id.NamePos)
			inside := !pos.Before(part.Start) && pos.Before(part.End)
			defines := slices.Contains(b.Defs, id)
			switch {
			case inside && defines:
				setInside = true
			case inside:
				readInside = true
			case defines:
				setBefore = setBefore || pos.Before(part.Start)
			default:
				readOutside = readOutside || !pos.Before(part.End)
			}
		}
		if readInside && setBefore {
			inputs = append(inputs, b.Name)
		}
		if setInside && readOutside {
			outputs = append(outputs, b.Name)
		}
	}
	return inputs, outputs
}
