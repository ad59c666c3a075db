package format

import (
	"errors"
	"fmt"
	"math/big"
	"strings"

	"go.starlark.net/syntax"
)

// sameProgram compares the syntax trees of a file before and after. Only white space in docstrings may differ, and no
// comment may be lost.
func sameProgram(name, before, after string) error {
	a, err := parseStarlark(name, before)
	if err != nil {
		return err
	}
	b, err := parseStarlark(name, after)
	if err != nil {
		return &InternalError{name, fmt.Sprintf("the result does not parse: %v", err)}
	}
	if err := sameStmts(a.Stmts, b.Stmts, false); err != nil {
		return &InternalError{name, err.Error()}
	}
	if was, is := comments(before), comments(after); was != is {
		return &InternalError{name, fmt.Sprintf("%d of %d comments would be lost", was-is, was)}
	}
	return nil
}

// comments counts the signs that begin comments in a text that parses.
func comments(text string) int {
	n := 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '#':
			end := strings.IndexByte(text[i:], '\n')
			if end < 0 {
				end = len(text) - i
			}
			n += strings.Count(text[i:i+end], "#") // comments of joined lines stand in one behind each other
			i += end - 1
		case '"', '\'':
			quote := text[i : i+1]
			if triple := strings.Repeat(quote, 3); strings.HasPrefix(text[i:], triple) {
				quote = triple
			}
			for i += len(quote); i < len(text) && !strings.HasPrefix(text[i:], quote); i++ {
				if text[i] == '\\' {
					i++ // also in raw strings, where it keeps a quote from ending them
				}
			}
			i += len(quote) - 1
		}
	}
	return n
}

func parseStarlark(name, text string) (*syntax.File, error) {
	f, err := (&syntax.FileOptions{}).Parse(name, text, 0)
	if e, ok := err.(syntax.Error); ok {
		return nil, &SyntaxError{File: name, Line: int(e.Pos.Line), Col: int(e.Pos.Col), Message: e.Msg}
	}
	return f, err
}

func differ(n syntax.Node) error {
	start, _ := n.Span()
	return fmt.Errorf("the statement at line %d would change its meaning", start.Line)
}

// sameStmts compares statements. In the body of a block the first may be a docstring, and so may, for black, any that
// follows it on its line after a semicolon.
func sameStmts(a, b []syntax.Stmt, block bool) error {
	docstring := block
	for i := range a {
		if i > 0 && docstring {
			start, _ := a[i].Span()
			_, end := a[i-1].Span()
			docstring = start.Line == end.Line
		}
		if i >= len(b) || !sameStmt(a[i], b[i], docstring) {
			return differ(a[i])
		}
	}
	if len(b) > len(a) {
		return errors.New("the file would get more statements")
	}
	return nil
}

func sameBlock(a, b []syntax.Stmt) bool { return sameStmts(a, b, true) == nil }

func sameStmt(a, b syntax.Stmt, docstring bool) bool {
	switch a := a.(type) {
	case *syntax.AssignStmt:
		b, ok := b.(*syntax.AssignStmt)
		return ok && a.Op == b.Op && sameExpr(a.LHS, b.LHS) && sameExpr(a.RHS, b.RHS)
	case *syntax.BranchStmt:
		b, ok := b.(*syntax.BranchStmt)
		return ok && a.Token == b.Token
	case *syntax.DefStmt:
		b, ok := b.(*syntax.DefStmt)
		return ok && a.Name.Name == b.Name.Name && sameExprs(a.Params, b.Params) && sameBlock(a.Body, b.Body)
	case *syntax.ExprStmt:
		b, ok := b.(*syntax.ExprStmt)
		return ok && (docstring && sameDocstring(a.X, b.X) || sameExpr(a.X, b.X))
	case *syntax.ForStmt:
		b, ok := b.(*syntax.ForStmt)
		return ok && sameExpr(a.Vars, b.Vars) && sameExpr(a.X, b.X) && sameBlock(a.Body, b.Body)
	case *syntax.WhileStmt:
		b, ok := b.(*syntax.WhileStmt)
		return ok && sameExpr(a.Cond, b.Cond) && sameBlock(a.Body, b.Body)
	case *syntax.IfStmt:
		b, ok := b.(*syntax.IfStmt)
		return ok && sameExpr(a.Cond, b.Cond) && sameBlock(a.True, b.True) && sameBlock(a.False, b.False)
	case *syntax.LoadStmt:
		b, ok := b.(*syntax.LoadStmt)
		return ok && sameExpr(a.Module, b.Module) && sameIdents(a.From, b.From) && sameIdents(a.To, b.To)
	case *syntax.ReturnStmt:
		b, ok := b.(*syntax.ReturnStmt)
		return ok && sameExpr(a.Result, b.Result)
	}
	return false
}

func sameIdents(a, b []*syntax.Ident) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Name != b[i].Name {
			return false
		}
	}
	return true
}

func sameExprs(a, b []syntax.Expr) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !sameExpr(a[i], b[i]) {
			return false
		}
	}
	return true
}

func bare(x syntax.Expr) syntax.Expr {
	for {
		p, ok := x.(*syntax.ParenExpr)
		if !ok {
			return x
		}
		x = p.X
	}
}

func sameExpr(a, b syntax.Expr) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	a, b = bare(a), bare(b)
	switch a := a.(type) {
	case *syntax.BinaryExpr:
		b, ok := b.(*syntax.BinaryExpr)
		return ok && a.Op == b.Op && sameExpr(a.X, b.X) && sameExpr(a.Y, b.Y)
	case *syntax.CallExpr:
		b, ok := b.(*syntax.CallExpr)
		return ok && sameExpr(a.Fn, b.Fn) && sameExprs(a.Args, b.Args)
	case *syntax.Comprehension:
		b, ok := b.(*syntax.Comprehension)
		return ok && a.Curly == b.Curly && sameExpr(a.Body, b.Body) && sameClauses(a.Clauses, b.Clauses)
	case *syntax.CondExpr:
		b, ok := b.(*syntax.CondExpr)
		return ok && sameExpr(a.Cond, b.Cond) && sameExpr(a.True, b.True) && sameExpr(a.False, b.False)
	case *syntax.DictEntry:
		b, ok := b.(*syntax.DictEntry)
		return ok && sameExpr(a.Key, b.Key) && sameExpr(a.Value, b.Value)
	case *syntax.DictExpr:
		b, ok := b.(*syntax.DictExpr)
		return ok && sameExprs(a.List, b.List)
	case *syntax.DotExpr:
		b, ok := b.(*syntax.DotExpr)
		return ok && a.Name.Name == b.Name.Name && sameExpr(a.X, b.X)
	case *syntax.Ident:
		b, ok := b.(*syntax.Ident)
		return ok && a.Name == b.Name
	case *syntax.IndexExpr:
		b, ok := b.(*syntax.IndexExpr)
		return ok && sameExpr(a.X, b.X) && sameExpr(a.Y, b.Y)
	case *syntax.LambdaExpr:
		b, ok := b.(*syntax.LambdaExpr)
		return ok && sameExprs(a.Params, b.Params) && sameExpr(a.Body, b.Body)
	case *syntax.ListExpr:
		b, ok := b.(*syntax.ListExpr)
		return ok && sameExprs(a.List, b.List)
	case *syntax.Literal:
		b, ok := b.(*syntax.Literal)
		return ok && a.Token == b.Token && sameValue(a.Value, b.Value)
	case *syntax.SliceExpr:
		b, ok := b.(*syntax.SliceExpr)
		return ok && sameExpr(a.X, b.X) && sameExpr(a.Lo, b.Lo) && sameExpr(a.Hi, b.Hi) && sameExpr(a.Step, b.Step)
	case *syntax.TupleExpr:
		b, ok := b.(*syntax.TupleExpr)
		return ok && sameExprs(a.List, b.List)
	case *syntax.UnaryExpr:
		b, ok := b.(*syntax.UnaryExpr)
		return ok && a.Op == b.Op && sameExpr(a.X, b.X)
	}
	return false
}

func sameClauses(a, b []syntax.Node) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		switch a := a[i].(type) {
		case *syntax.ForClause:
			b, ok := b[i].(*syntax.ForClause)
			if !ok || !sameExpr(a.Vars, b.Vars) || !sameExpr(a.X, b.X) {
				return false
			}
		case *syntax.IfClause:
			b, ok := b[i].(*syntax.IfClause)
			if !ok || !sameExpr(a.Cond, b.Cond) {
				return false
			}
		}
	}
	return true
}

func sameValue(a, b any) bool {
	if x, ok := a.(*big.Int); ok {
		y, ok := b.(*big.Int)
		return ok && x.Cmp(y) == 0
	}
	return a == b
}

func sameDocstring(a, b syntax.Expr) bool {
	x, ok := a.(*syntax.Literal)
	if !ok {
		return false
	}
	y, ok := b.(*syntax.Literal)
	if !ok || x.Token != syntax.STRING || y.Token != syntax.STRING {
		return false
	}
	s, ok := x.Value.(string)
	if !ok {
		return false
	}
	t, ok := y.Value.(string)
	return ok && foldSpace(s) == foldSpace(t)
}

// foldSpace takes the white space around each line, and blank lines at both ends.
func foldSpace(s string) string {
	lines := splitLines(s)
	for i := range lines {
		lines[i] = trim(lines[i])
	}
	return trim(strings.Join(lines, "\n"))
}
