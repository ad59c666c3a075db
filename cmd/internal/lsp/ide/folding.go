package ide

import (
	"context"
	"strings"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/parse"
	"github.com/kurtosis-go/kurtosis/lang/source"
	"github.com/kurtosis-go/kurtosis/lang/workspace"
)

// FoldKind says what can be folded away.
type FoldKind uint8

const (
	FoldCode FoldKind = iota
	FoldComment
	FoldImports
)

// Fold is lines that an editor can hide behind the first.
type Fold struct {
	Start, End int32 // lines from 1; the first stays in sight
	Kind       FoldKind
}

// Folds lists what can be folded: blocks, brackets, strings and comments of several lines, and runs of imports.
func (v *View) Folds(ctx context.Context, path string) ([]Fold, error) {
	if !v.isStarlark(path) {
		return nil, nil
	}
	tree, err := v.files.Module(ctx, workspace.Target{Path: path})
	if err != nil {
		return nil, err
	}
	var out []Fold
	seen := map[[2]int32]bool{}
	add := func(start, end int32, kind FoldKind) {
		if end > start && !seen[[2]int32{start, end}] {
			seen[[2]int32{start, end}] = true
			out = append(out, Fold{start, end, kind})
		}
	}
	syntax.Walk(tree.Syntax, func(n syntax.Node) bool {
		if n == nil {
			return true
		}
		r := nodeRange(n)
		switch n := n.(type) {
		case *syntax.DefStmt:
			add(n.Def.Line, r.End.Line, FoldCode)
		case *syntax.IfStmt:
			add(n.If.Line, lastLine(n.True), FoldCode)
			if n.ElsePos.IsValid() && len(n.False) > 0 {
				add(n.ElsePos.Line, lastLine(n.False), FoldCode)
			}
		case *syntax.ForStmt, *syntax.WhileStmt:
			add(r.Start.Line, r.End.Line, FoldCode)
		case *syntax.CallExpr:
			add(n.Lparen.Line, n.Rparen.Line-1, FoldCode)
		case *syntax.ListExpr, *syntax.DictExpr, *syntax.Comprehension, *syntax.LoadStmt:
			add(r.Start.Line, r.End.Line-1, FoldCode)
		case *syntax.Literal:
			if n.Token == syntax.STRING {
				kind := FoldCode
				if strings.HasPrefix(n.Raw, `"""`) {
					kind = FoldComment
				}
				add(r.Start.Line, r.End.Line, kind)
			}
		}
		return true
	})
	comments(tree, add)
	imports(tree, add)
	return out, nil
}

func lastLine(stmts []syntax.Stmt) int32 {
	if len(stmts) == 0 {
		return 0
	}
	return nodeRange(stmts[len(stmts)-1]).End.Line
}

// comments folds runs of lines that are comments.
func comments(tree *parse.Tree, add func(start, end int32, kind FoldKind)) {
	f := tree.File
	start := int32(0)
	for n := int32(1); n <= int32(f.LineCount())+1; n++ {
		is := n <= int32(f.LineCount()) && strings.HasPrefix(strings.TrimSpace(string(f.Line(int(n)))), "#")
		switch {
		case is && start == 0:
			start = n
		case !is && start > 0:
			add(start, n-1, FoldComment)
			start = 0
		}
	}
}

// imports folds runs of statements that import.
func imports(tree *parse.Tree, add func(start, end int32, kind FoldKind)) {
	var first, last source.Pos
	flush := func() {
		if first.IsValid() {
			add(first.Line, last.Line, FoldImports)
		}
		first = source.Pos{}
	}
	for _, s := range tree.Syntax.Stmts {
		if !isImport(s) {
			flush()
			continue
		}
		r := nodeRange(s)
		if !first.IsValid() {
			first = r.Start
		}
		last = r.End
	}
	flush()
}

// isImport says whether a statement is a load, or assigns a module.
func isImport(s syntax.Stmt) bool {
	switch s := s.(type) {
	case *syntax.LoadStmt:
		return true
	case *syntax.AssignStmt:
		call, ok := s.RHS.(*syntax.CallExpr)
		return ok && calledName(call) == "import_module"
	}
	return false
}

// Selections lists, for each place, the ranges that a growing selection takes, innermost first.
func (v *View) Selections(ctx context.Context, path string, places []source.Pos) ([][]source.Range, error) {
	tree, err := v.files.Module(ctx, workspace.Target{Path: path})
	if err != nil {
		return nil, err
	}
	f := tree.File
	whole := source.Range{Start: source.Pos{Line: 1, Col: 1}, End: f.End()}
	out := make([][]source.Range, len(places))
	for i, at := range places {
		var ranges []source.Range
		add := func(r source.Range) {
			if !r.Contains(at) {
				return
			}
			if n := len(ranges); n > 0 && (ranges[n-1] == r || !contains(r, ranges[n-1])) {
				return
			}
			ranges = append(ranges, r)
		}
		start, end := word(f, f.Offset(at))
		add(rangeAt(f, start, end))
		nodes := nodesAt(tree, at)
		for j := len(nodes) - 1; j >= 0; j-- {
			switch n := nodes[j].(type) {
			case *syntax.Literal:
				if n.Token == syntax.STRING {
					add(inside(f, n))
				}
			case *syntax.CallExpr:
				if len(n.Args) > 0 {
					add(source.Range{Start: nodeRange(n.Args[0]).Start, End: nodeRange(n.Args[len(n.Args)-1]).End})
				}
			case *syntax.DefStmt:
				if len(n.Body) > 0 {
					add(source.Range{Start: nodeRange(n.Body[0]).Start, End: nodeRange(n.Body[len(n.Body)-1]).End})
				}
			}
			add(nodeRange(nodes[j]))
		}
		add(whole)
		out[i] = ranges
	}
	return out, nil
}

func contains(outer, inner source.Range) bool {
	return !inner.Start.Before(outer.Start) && !outer.End.Before(inner.End)
}
