package ide

import (
	"context"
	"strings"
	"unicode/utf8"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/builtins"
	"github.com/kurtosis-go/kurtosis/lang/parse"
	"github.com/kurtosis-go/kurtosis/lang/source"
	"github.com/kurtosis-go/kurtosis/lang/types"
)

// Signature is a function's with the parameter that is being given.
type Signature struct {
	Label  string
	Doc    string // Markdown
	Params []SignatureParam
	Active int // index in Params, -1 where it is none of them
}

// SignatureParam is one parameter of a signature. Start and End are where it stands in the label, in code points.
type SignatureParam struct {
	Start, End int
	Doc        string // Markdown
}

// Signature describes the call that a place is inside of, nil where there is none.
func (v *View) Signature(ctx context.Context, path string, at source.Pos) (*Signature, error) {
	if !v.isStarlark(path) {
		return nil, nil
	}
	m, err := v.Around(ctx, path, at)
	if err != nil {
		return nil, err
	}
	call := callAt(m.Info.Tree, at)
	if call == nil {
		return nil, nil
	}
	c := v.calleeOf(ctx, m, call)
	if c.typ == nil || c.typ.Loose {
		return nil, nil
	}
	s := c.signature(call)
	s.Active = activeParam(c.typ, m.Info.Tree, call, at)
	return s, nil
}

// callAt is the innermost call whose parentheses are around a place.
func callAt(tree *parse.Tree, at source.Pos) *syntax.CallExpr {
	path := nodesAt(tree, at)
	for i := len(path) - 1; i >= 0; i-- {
		switch n := path[i].(type) {
		case *syntax.CallExpr:
			open, closing := parse.Pos(n.Lparen), parse.Pos(n.Rparen)
			if open.Before(at) && (!closing.Before(at) || !closed(tree.File, n)) {
				return n
			}
		case *syntax.LambdaExpr, *syntax.DefStmt:
			return nil
		}
	}
	return nil
}

// closed says whether a call has its closing parenthesis in the text.
func closed(f *source.File, call *syntax.CallExpr) bool {
	i := f.Offset(parse.Pos(call.Rparen))
	return i < len(f.Text()) && f.Text()[i] == ')'
}

func (c callee) name(call *syntax.CallExpr) string {
	switch {
	case c.row != nil:
		return c.row.QualifiedName()
	case c.fn != nil && c.fn.Name != "":
		return c.fn.Name
	}
	switch fn := unparen(call.Fn).(type) {
	case *syntax.Ident:
		return fn.Name
	case *syntax.DotExpr:
		return fn.Name.Name
	}
	return "function"
}

func (c callee) signature(call *syntax.CallExpr) *Signature {
	s := &Signature{Active: -1}
	var b strings.Builder
	b.WriteString(c.name(call) + "(")
	n := utf8.RuneCountInString(b.String())
	star := false
	for i, p := range c.typ.Params {
		if i > 0 {
			b.WriteString(", ")
			n += 2
		}
		star = star || p.Variadic == "*"
		if p.Keyword && !star && p.Variadic == "" {
			star = true
			b.WriteString("*, ")
			n += 3
		}
		label := p.String()
		if strings.HasSuffix(label, "= ...") {
			label = strings.TrimSuffix(strings.TrimSuffix(label, "= ..."), " ") // "..." says nothing
		}
		b.WriteString(label)
		width := utf8.RuneCountInString(label)
		s.Params = append(s.Params, SignatureParam{n, n + width, c.paramDoc(p.Name)})
		n += width
	}
	b.WriteString(")")
	if c.typ.Result != nil && c.typ.Result != types.Unknown && c.typ.Result != types.None {
		result := c.typ.Result.String()
		if r := []rune(result); len(r) > 60 {
			result = string(r[:59]) + "…"
		}
		b.WriteString(" -> " + result)
	}
	s.Label = b.String()
	s.Doc = c.doc()
	return s
}

func (c callee) doc() string {
	switch {
	case c.row != nil:
		return c.row.Notice() + c.row.Doc
	case c.fn != nil && c.fn.Doc != nil:
		return c.fn.Doc.Summary
	}
	return ""
}

func (c callee) paramDoc(name string) string {
	switch {
	case c.row != nil:
		if p := c.row.Param(name); p != nil {
			return afterDash(p.Markdown())
		}
	case c.fn != nil:
		if d := docArg(c.fn, name); d != nil {
			return d.Doc
		}
		if p := c.fn.Param(name); p != nil && p.Comment != "" {
			return strings.TrimSpace(strings.TrimLeft(p.Comment, "#"))
		}
	}
	return ""
}

// activeParam is the parameter of the argument that a place is in, or that would come next there.
func activeParam(t *types.Function, tree *parse.Tree, call *syntax.CallExpr, at source.Pos) int {
	positional := 0
	var here syntax.Expr
	for _, arg := range call.Args {
		r := nodeRange(arg)
		if r.Contains(at) || !r.End.Before(at) {
			here = arg
			break
		}
		// Behind this argument: still in it unless a comma follows before the place.
		end, to := tree.File.Offset(r.End), tree.File.Offset(at)
		if end <= to && !strings.Contains(string(tree.File.Text()[end:to]), ",") {
			here = arg
			break
		}
		if name, _ := keyword(arg); name == nil && !starred(arg) {
			positional++
		}
	}
	if here != nil {
		if name, _ := keyword(here); name != nil && here.(*syntax.BinaryExpr).OpPos.IsValid() {
			for i, p := range t.Params {
				if p.Name == name.Name && p.Variadic == "" {
					return i
				}
			}
			return variadic(t, "**")
		}
		if u, ok := here.(*syntax.UnaryExpr); ok && u.Op == syntax.STARSTAR {
			return variadic(t, "**")
		}
	}
	given := givenNames(call)
	n := 0
	for i, p := range t.Params {
		switch {
		case p.Variadic == "*":
			return i
		case p.Variadic == "**" || p.Keyword:
			continue
		}
		if n == positional {
			if given[p.Name] { // by keyword already: the next one that is not
				for j := i; j < len(t.Params); j++ {
					if !given[t.Params[j].Name] && t.Params[j].Variadic == "" {
						return j
					}
				}
				return -1
			}
			return i
		}
		n++
	}
	return -1
}

func variadic(t *types.Function, star string) int {
	for i, p := range t.Params {
		if p.Variadic == star {
			return i
		}
	}
	return -1
}

// givenNames are the keyword arguments of a call.
func givenNames(call *syntax.CallExpr) map[string]bool {
	given := map[string]bool{}
	for _, arg := range call.Args {
		if name, _ := keyword(arg); name != nil {
			given[name.Name] = true
		}
	}
	return given
}

// rowOfType is the row of the table that makes values of a type, nil where none does.
func rowOfType(t types.Type) *builtins.Builtin {
	n, ok := sure(t).(*types.Named)
	if !ok {
		return nil
	}
	row := builtins.Lookup("", n.Name)
	if row == nil || row.Kind != builtins.Constructor {
		return nil
	}
	return row
}
