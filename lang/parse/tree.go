// Package parse turns Starlark text into go.starlark.net's syntax tree without ever failing. For text that
// go.starlark.net's own parser accepts the tree is equal to its tree, comments and positions included, so it
// may be compiled and run. For any other text the tree holds whatever could be made out, and the diagnostics
// say what was wrong.
//
// How broken text is represented:
//
//   - An expression or name that is missing is an *syntax.Ident with an empty Name; see [IsMissing]. It stands
//     where the expression was wanted: `plan.` is a DotExpr whose Name is missing, `f(a, b=` a CallExpr whose
//     last argument is `b=` with a missing value.
//   - A block without statements holds one ExprStmt with a missing expression, so that Span works everywhere.
//   - Brackets and strings that are never closed end where the next statement seems to start. The position of
//     a closing bracket that is not there is the end of the token before it.
//   - What only Python has is read as the nearest Starlark: an f-string as a string, `is` as `==`, `{1, 2}` as
//     a dict whose values are missing, the block of a `try` or `with` as if it stood there by itself.
package parse

import (
	"crypto/sha256"
	"slices"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/lang/source"
)

// Tree is one parsed text. It is immutable, with one exception that is not this package's:
// starlark.FileProgram writes name bindings into Syntax, so it may be called at most once per tree and by
// nobody who shares it unsynchronised.
type Tree struct {
	File        *source.File
	Syntax      *syntax.File // never nil; Path is File.Name(), Options the zero options
	Stmts       []Stmt       // top-level statements in order, covering File's bytes but for a tail of comments
	Diagnostics []diag.Diagnostic
	ok          bool
}

// Stmt is the unit of incremental work: one logical line or compound statement at the top level, together
// with the blank and comment lines before it.
type Stmt struct {
	Nodes      []syntax.Stmt // several for `a = 1; b = 2`; may be empty where the text is broken
	Start, End int           // byte offsets: from the end of the statement before to the end of its last line
	Line       int32         // number of the line at Start, from 1
	Hash       source.Hash   // of the bytes from Start to End
	Broken     bool          // it had syntax errors
}

// OK reports whether the text had no syntax error, so that Syntax may be compiled.
func (t *Tree) OK() bool { return t.ok }

// StmtAt returns the index of the top-level statement that the byte offset lies in, or -1 when it lies in the
// comments behind the last statement.
func (t *Tree) StmtAt(offset int) int {
	i, _ := slices.BinarySearchFunc(t.Stmts, offset, func(s Stmt, o int) int {
		if s.End <= o {
			return -1
		}
		return 1
	})
	if i == len(t.Stmts) {
		return -1
	}
	return i
}

// IsMissing reports whether x stands for an expression or a name that the text does not have.
func IsMissing(x syntax.Expr) bool {
	id, ok := x.(*syntax.Ident)
	return ok && id.Name == ""
}

// Pos converts a position of a syntax tree.
func Pos(p syntax.Position) source.Pos { return source.Pos{Line: p.Line, Col: p.Col} }

// Range returns the place of a node. It differs from n.Span where that leaves out the closing bracket: index
// and slice expressions, tuples in parentheses and load statements.
func Range(n syntax.Node) source.Range {
	start, end := n.Span()
	r := source.Range{Start: Pos(start), End: Pos(end)}
	if endsAtBracket(n) {
		r.End.Col++
	}
	return r
}

// endsAtBracket reports whether the end of n's Span is the place of a bracket, not the place after it.
func endsAtBracket(n syntax.Node) bool {
	switch n := n.(type) {
	case *syntax.IndexExpr, *syntax.SliceExpr, *syntax.LoadStmt:
		return true
	case *syntax.TupleExpr:
		if n.Lparen.IsValid() {
			return true
		}
		return len(n.List) > 0 && endsAtBracket(n.List[len(n.List)-1])
	case *syntax.File:
		return len(n.Stmts) > 0 && endsAtBracket(n.Stmts[len(n.Stmts)-1])
	case *syntax.AssignStmt:
		return endsAtBracket(n.RHS)
	case *syntax.DefStmt:
		return endsAtBracket(n.Body[len(n.Body)-1])
	case *syntax.ForStmt:
		return endsAtBracket(n.Body[len(n.Body)-1])
	case *syntax.WhileStmt:
		return endsAtBracket(n.Body[len(n.Body)-1])
	case *syntax.IfStmt:
		body := n.False
		if body == nil {
			body = n.True
		}
		return endsAtBracket(body[len(body)-1])
	case *syntax.ExprStmt:
		return endsAtBracket(n.X)
	case *syntax.ReturnStmt:
		return n.Result != nil && endsAtBracket(n.Result)
	case *syntax.BinaryExpr:
		return endsAtBracket(n.Y)
	case *syntax.UnaryExpr:
		return n.X != nil && endsAtBracket(n.X)
	case *syntax.CondExpr:
		return endsAtBracket(n.False)
	case *syntax.LambdaExpr:
		return endsAtBracket(n.Body)
	case *syntax.DictEntry:
		return endsAtBracket(n.Value)
	case *syntax.ForClause:
		return endsAtBracket(n.X)
	case *syntax.IfClause:
		return endsAtBracket(n.Cond)
	}
	return false
}

// Parse reads the text of f.
func Parse(f *source.File) *Tree {
	p := newParser(f)
	p.parseFile()
	p.assignComments()
	t := &Tree{File: f, Syntax: p.out, Stmts: p.units, Diagnostics: p.finish(), ok: true}
	for _, d := range t.Diagnostics {
		if d.Severity == diag.Error {
			t.ok = false
		}
	}
	text := f.Text()
	for i := range t.Stmts {
		s := &t.Stmts[i]
		s.Hash = sha256.Sum256(text[s.Start:s.End])
	}
	return t
}
