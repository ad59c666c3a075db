package ide

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/parse"
	"github.com/kurtosis-go/kurtosis/lang/source"
)

// Location is a range of a file. Path is absolute, or names a stub of builtins: see IsStub.
type Location struct {
	Path  string
	Range source.Range
}

// nodesAt lists the nodes around a place, outermost first: the statement at the top level, and so on inwards. A node
// that ends at the place counts, since the cursor stands there.
func nodesAt(tree *parse.Tree, at source.Pos) []syntax.Node {
	i := tree.StmtAt(tree.File.Offset(at))
	if i < 0 {
		i = len(tree.Stmts) - 1
	}
	var path []syntax.Node
	for j := i; j >= 0 && j >= i-1 && len(path) == 0; j-- {
		for _, s := range tree.Stmts[j].Nodes {
			if nodeRange(s).Contains(at) {
				path = within(s, at)
			}
		}
	}
	return path
}

// within lists the nodes around a place, from root on.
func within(root syntax.Node, at source.Pos) []syntax.Node {
	var path, best []syntax.Node
	syntax.Walk(root, func(n syntax.Node) bool {
		if n == nil {
			if len(path) > len(best) {
				best = append(best[:0], path...)
			}
			path = path[:len(path)-1]
			return true
		}
		if !nodeRange(n).Contains(at) && n != root {
			return false
		}
		path = append(path, n)
		return true
	})
	return best
}

func nodeRange(n syntax.Node) source.Range { return parse.Range(n) }

// innermost is the last node of a path of one type, or the zero value.
func innermost[T syntax.Node](path []syntax.Node) (node T) {
	for i := len(path) - 1; i >= 0; i-- {
		if n, ok := path[i].(T); ok {
			return n
		}
	}
	return node
}

// parentOf is the node of path before n.
func parentOf(path []syntax.Node, n syntax.Node) syntax.Node {
	for i := len(path) - 1; i > 0; i-- {
		if path[i] == n {
			return path[i-1]
		}
	}
	return nil
}

// keyword takes an argument of a call apart: name = value. name is nil for a positional one.
func keyword(arg syntax.Expr) (name *syntax.Ident, value syntax.Expr) {
	if b, ok := arg.(*syntax.BinaryExpr); ok && b.Op == syntax.EQ {
		if id, ok := b.X.(*syntax.Ident); ok {
			return id, b.Y
		}
	}
	return nil, arg
}

// starred says whether an argument is *x or **x.
func starred(arg syntax.Expr) bool {
	u, ok := arg.(*syntax.UnaryExpr)
	return ok && (u.Op == syntax.STAR || u.Op == syntax.STARSTAR)
}

func unparen(e syntax.Expr) syntax.Expr {
	for {
		p, ok := e.(*syntax.ParenExpr)
		if !ok {
			return e
		}
		e = p.X
	}
}

// text is what a node is written as.
func text(f *source.File, n syntax.Node) string {
	r := nodeRange(n)
	start, end := f.Offset(r.Start), f.Offset(r.End)
	if end < start {
		return ""
	}
	return string(f.Text()[start:end])
}

// oneLine shortens what a node is written as to fit into a line of n characters.
func oneLine(f *source.File, node syntax.Node, n int) string {
	s := strings.Join(strings.Fields(text(f, node)), " ")
	if utf8.RuneCountInString(s) > n {
		s = string([]rune(s)[:n-1]) + "…"
	}
	return s
}

// word is the identifier that ends at, or is around, a byte offset.
func word(f *source.File, offset int) (start, end int) {
	t := f.Text()
	start, end = offset, offset
	for start > 0 && identByte(t[start-1]) {
		start--
	}
	for end < len(t) && identByte(t[end]) {
		end++
	}
	return start, end
}

func identByte(b byte) bool {
	return b == '_' || 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || b >= utf8.RuneSelf
}

// indentOf is the white space that a line starts with.
func indentOf(line []byte) string {
	return string(line[:len(line)-len(bytes.TrimLeft(line, " \t"))])
}

// offsets converts a range to byte offsets.
func offsets(f *source.File, r source.Range) (start, end int) {
	return f.Offset(r.Start), f.Offset(r.End)
}

// rangeAt converts byte offsets to a range.
func rangeAt(f *source.File, start, end int) source.Range {
	return source.Range{Start: f.Pos(start), End: f.Pos(end)}
}

// stringLiteral is the literal of a string, or nil.
func stringLiteral(e syntax.Expr) *syntax.Literal {
	lit, ok := unparen(e).(*syntax.Literal)
	if !ok || lit.Token != syntax.STRING {
		return nil
	}
	return lit
}

func stringValue(e syntax.Expr) (string, bool) {
	if lit := stringLiteral(e); lit != nil {
		s, ok := lit.Value.(string)
		return s, ok
	}
	return "", false
}

// inside is the range of a string's content, without prefix and quotes. A string that is not closed goes to its end.
func inside(f *source.File, lit *syntax.Literal) source.Range {
	r := nodeRange(lit)
	start, end := offsets(f, r)
	t := f.Text()[start:end]
	i := 0
	for i < len(t) && t[i] != '"' && t[i] != '\'' {
		i++
	}
	if i == len(t) {
		return r
	}
	quote := t[i : i+1]
	if bytes.HasPrefix(t[i:], bytes.Repeat(quote, 3)) && len(t) >= i+3 {
		quote = t[i : i+3]
	}
	from := start + i + len(quote)
	if len(t) >= i+2*len(quote) && bytes.HasSuffix(t, quote) {
		end -= len(quote)
	}
	return rangeAt(f, from, max(from, end))
}
