package ide

import (
	"context"
	"slices"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/builtins"
	"github.com/kurtosis-go/kurtosis/lang/source"
	"github.com/kurtosis-go/kurtosis/lang/types"
	"github.com/kurtosis-go/kurtosis/typecheck"
)

// TokenType is an index into TokenTypes.
type TokenType uint8

const (
	TokenNamespace TokenType = iota
	TokenClass
	TokenFunction
	TokenMethod
	TokenParameter
	TokenVariable
	TokenProperty
)

// TokenModifier is a bit; TokenModifiers names them from the lowest on.
type TokenModifier uint8

const (
	TokenDeclaration TokenModifier = 1 << iota
	TokenReadonly
	TokenDefaultLibrary
	TokenDeprecated
)

// TokenTypes names the token types, as the protocol does.
func TokenTypes() []string {
	return []string{"namespace", "type", "function", "method", "parameter", "variable", "property"}
}

// TokenModifiers names the token modifiers.
func TokenModifiers() []string {
	return []string{"declaration", "readonly", "defaultLibrary", "deprecated"}
}

// Token is a name and what it stands for.
type Token struct {
	Range     source.Range
	Type      TokenType
	Modifiers TokenModifier
}

// Tokens lists the names of a module, or of those lines of it that within touches, in the order of the text. Words
// and literals are left to the grammar.
func (v *View) Tokens(ctx context.Context, path string, within *source.Range) ([]Token, error) {
	if !v.isStarlark(path) {
		return nil, nil
	}
	m, err := v.Module(ctx, path)
	if err != nil {
		return nil, err
	}
	t := tokens{v: v, m: m}
	for i := range m.Info.Tree.Stmts {
		for _, s := range m.Info.Tree.Stmts[i].Nodes {
			if r := nodeRange(s); within == nil || !r.End.Before(within.Start) && !within.End.Before(r.Start) {
				syntax.Walk(s, t.node)
			}
		}
	}
	slices.SortStableFunc(t.out, func(a, b Token) int {
		switch {
		case a.Range.Start.Before(b.Range.Start):
			return -1
		case b.Range.Start.Before(a.Range.Start):
			return 1
		}
		return 0
	})
	t.out = slices.CompactFunc(t.out, func(a, b Token) bool { return a.Range.Start == b.Range.Start })
	if within != nil {
		t.out = slices.DeleteFunc(t.out, func(k Token) bool { return k.Range.End.Before(within.Start) || within.End.Before(k.Range.Start) })
	}
	return t.out, nil
}

type tokens struct {
	v   *View
	m   *Module
	out []Token
}

func (t *tokens) add(id *syntax.Ident, typ TokenType, modifiers TokenModifier) {
	if id.Name != "" {
		t.out = append(t.out, Token{nodeRange(id), typ, modifiers})
	}
}

func (t *tokens) node(n syntax.Node) bool {
	switch n := n.(type) {
	case *syntax.DotExpr:
		t.attribute(n)
		syntax.Walk(n.X, t.node)
		return false
	case *syntax.CallExpr:
		for _, a := range n.Args {
			if name, _ := keyword(a); name != nil {
				t.add(name, TokenParameter, 0)
			}
		}
	case *syntax.Ident:
		t.ident(n)
	}
	return true
}

func (t *tokens) ident(id *syntax.Ident) {
	b := t.m.Info.Binding(id)
	if b == nil {
		return
	}
	var mods TokenModifier
	if slices.Contains(b.Defs, id) {
		mods |= TokenDeclaration
	}
	switch {
	case b.Kind == typecheck.Predeclared:
		t.add(id, rowToken(b.Builtin), rowModifiers(b.Builtin))
	case b.Kind == typecheck.Parameter:
		t.add(id, TokenParameter, mods)
	case b.Def() != nil:
		t.add(id, TokenFunction, mods)
	case b.Import != "":
		t.add(id, TokenNamespace, mods)
	default:
		if b.Kind == typecheck.Global {
			mods |= TokenReadonly // globals are frozen once the module has loaded
		}
		t.add(id, TokenVariable, mods)
	}
}

func rowToken(row *builtins.Builtin) TokenType {
	switch row.Kind {
	case builtins.Constructor:
		return TokenClass
	case builtins.Module:
		return TokenNamespace
	case builtins.Constant:
		return TokenVariable
	case builtins.Method, builtins.Instruction:
		return TokenMethod
	}
	return TokenFunction
}

func rowModifiers(row *builtins.Builtin) TokenModifier {
	mods := TokenDefaultLibrary
	if row.Kind == builtins.Constant {
		mods |= TokenReadonly
	}
	if row.Replaced != "" || row.Refused != "" {
		mods |= TokenDeprecated
	}
	return mods
}

func (t *tokens) attribute(e *syntax.DotExpr) {
	base := sure(t.v.typeOf(t.m, e.X))
	if m, ok := base.(*types.Module); ok {
		if info, ok := m.Exports.(*typecheck.Info); ok {
			switch g := info.Global(e.Name.Name); {
			case g == nil:
				t.add(e.Name, TokenProperty, 0)
			case g.Def() != nil:
				t.add(e.Name, TokenFunction, 0)
			case g.Import != "":
				t.add(e.Name, TokenNamespace, 0)
			default:
				t.add(e.Name, TokenVariable, TokenReadonly)
			}
			return
		}
	}
	if receiver := receiverOf(base); receiver != "" {
		if row := builtins.Lookup(receiver, e.Name.Name); row != nil {
			t.add(e.Name, TokenMethod, rowModifiers(row))
			return
		}
	}
	if m, ok := base.(*types.Module); ok {
		if row := builtins.Lookup(m.Name, e.Name.Name); row != nil {
			t.add(e.Name, rowToken(row), rowModifiers(row))
			return
		}
	}
	t.add(e.Name, TokenProperty, 0)
}
