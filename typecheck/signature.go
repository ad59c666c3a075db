package typecheck

import (
	"strings"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/types"
)

// signature is a function's type comment: (int, str) -> bool.
type signature struct {
	params []types.Type // nil for (...)
	result types.Type
}

// signature is the type of a function of this module. Its Result is set when the module has been inferred.
func (c *checker) signature(f *Func) *types.Function {
	if f.signature != nil {
		return f.signature
	}
	s := &types.Function{Name: f.Name}
	for _, p := range f.Params {
		if p.Name == nil {
			continue
		}
		t := p.Type
		if t == nil {
			t = types.Unknown
		}
		param := types.Param{Name: p.Name.Name, Type: t, Optional: p.Default != nil || p.Star != "", Variadic: p.Star, Keyword: p.Keyword && p.Star == ""}
		if p.Default != nil {
			param.Default = c.text(p.Default)
		}
		s.Params = append(s.Params, param)
	}
	f.signature = s
	return s
}

// text is how an expression is written, when that is short.
func (c *checker) text(e syntax.Expr) string {
	start, end := c.offsets(e)
	if end-start > 60 {
		switch e.(type) {
		case *syntax.DictExpr:
			return "{…}"
		case *syntax.ListExpr:
			return "[…]"
		}
		return "…"
	}
	return strings.Join(strings.Fields(string(c.file.Text()[start:end])), " ")
}

func (c *checker) offsets(n syntax.Node) (start, end int) {
	r := rangeOf(n)
	return c.file.Offset(r.Start), c.file.Offset(r.End)
}

// declare reads the types that docstrings and type comments give to the parameters of f.
func (c *checker) declare(f *Func) {
	if f.Doc != nil {
		for _, d := range f.Doc.Args {
			for i := range f.Params {
				p := &f.Params[i]
				if p.Name == nil || p.Name.Name != d.Name || d.Type == nil || d.Type == types.Any || p.Star != "" {
					continue
				}
				p.Type = d.Type
				if d.Optional {
					p.Type = types.Optional(d.Type)
				}
			}
		}
	}
	def, ok := f.Node.(*syntax.DefStmt)
	if !ok {
		return
	}
	for i := range f.Params {
		p := &f.Params[i]
		if p.Name == nil {
			continue
		}
		if text := c.typeCommentAt(p.Name.NamePos.Line); text != "" && !strings.HasPrefix(text, "(") {
			if t, err := types.ParseNamed(text, namedType); err == nil {
				p.Type = t
			}
		}
	}
	// The function's own comment stands behind the head, or on a line of its own below it.
	for line := def.Rparen.Line; line <= def.Rparen.Line+1; line++ {
		text := c.typeCommentAt(line)
		if !strings.HasPrefix(text, "(") {
			continue
		}
		params, result, err := types.ParseFunction(text, namedType)
		if err != nil {
			continue
		}
		f.comment = &signature{params, result}
		for i, t := range params {
			if i < len(f.Params) && len(params) <= len(f.Params) {
				f.Params[i].Type = t
			}
		}
		return
	}
}

// typeComment is the type that a comment at the end of an assignment declares, or nil.
func (c *checker) typeComment(s *syntax.AssignStmt) types.Type {
	if len(c.typeComments) == 0 {
		return nil
	}
	text := c.typeCommentAt(rangeOf(s).End.Line)
	if text == "" {
		text = c.typeCommentAt(s.OpPos.Line)
	}
	if text == "" || strings.HasPrefix(text, "ignore") {
		return nil
	}
	t, err := types.ParseNamed(text, namedType)
	if err != nil {
		return nil
	}
	return t
}

func (c *checker) typeCommentAt(line int32) string { return c.typeComments[line] }
