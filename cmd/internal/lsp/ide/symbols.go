package ide

import (
	"context"
	"slices"
	"strings"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/parse"
	"github.com/kurtosis-go/kurtosis/lang/source"
	"github.com/kurtosis-go/kurtosis/lang/types"
	"github.com/kurtosis-go/kurtosis/lang/workspace"
)

// SymbolKind says what a symbol is.
type SymbolKind uint8

const (
	SymbolFunction SymbolKind = iota + 1
	SymbolVariable
	SymbolConstant
	SymbolModule
	SymbolField
)

// Symbol is a definition in a module.
type Symbol struct {
	Name     string
	Detail   string
	Kind     SymbolKind
	Range    source.Range // the whole definition
	At       source.Range // its name, inside of Range
	Children []Symbol
}

// Symbols lists the definitions of a module in the order of the text. It needs no types, so it is quick.
func (v *View) Symbols(ctx context.Context, path string) ([]Symbol, error) {
	if !v.isStarlark(path) {
		return nil, nil
	}
	tree, err := v.files.Module(ctx, workspace.Target{Path: path})
	if err != nil {
		return nil, err
	}
	return symbolsOf(tree, tree.Syntax.Stmts, true), nil
}

func symbolsOf(tree *parse.Tree, stmts []syntax.Stmt, top bool) []Symbol {
	var out []Symbol
	seen := map[string]bool{}
	add := func(s Symbol) {
		if s.Name != "" && !seen[s.Name] {
			seen[s.Name] = true
			out = append(out, s)
		}
	}
	for _, stmt := range stmts {
		switch s := stmt.(type) {
		case *syntax.DefStmt:
			out = append(out, functionSymbol(tree, s))
			seen[s.Name.Name] = true
		case *syntax.AssignStmt:
			if !top {
				continue
			}
			for _, id := range targetsOf(s.LHS) {
				add(variableSymbol(tree, s, id))
			}
		case *syntax.LoadStmt:
			for _, id := range s.To {
				add(Symbol{Name: id.Name, Kind: SymbolVariable, Range: nodeRange(s), At: clip(nodeRange(id), nodeRange(s))})
			}
		}
	}
	return out
}

func functionSymbol(tree *parse.Tree, def *syntax.DefStmt) Symbol {
	full := nodeRange(def)
	s := Symbol{Name: def.Name.Name, Kind: SymbolFunction, Range: full, At: clip(nodeRange(def.Name), full), Children: symbolsOf(tree, def.Body, false)}
	if s.Name == "" {
		s.Name = "def"
	}
	var params []string
	for _, p := range def.Params {
		params = append(params, paramName(p))
	}
	s.Detail = "(" + strings.Join(params, ", ") + ")"
	return s
}

func paramName(p syntax.Expr) string {
	switch p := p.(type) {
	case *syntax.Ident:
		return p.Name
	case *syntax.BinaryExpr:
		return paramName(p.X)
	case *syntax.UnaryExpr:
		if p.X == nil {
			return p.Op.String()
		}
		return p.Op.String() + paramName(p.X)
	}
	return ""
}

func variableSymbol(tree *parse.Tree, a *syntax.AssignStmt, id *syntax.Ident) Symbol {
	full := nodeRange(a)
	s := Symbol{Name: id.Name, Kind: SymbolVariable, Range: full, At: clip(nodeRange(id), full)}
	if strings.ToUpper(id.Name) == id.Name {
		s.Kind = SymbolConstant
	}
	call, ok := a.RHS.(*syntax.CallExpr)
	if !ok {
		s.Detail = oneLine(tree.File, a.RHS, 40)
		return s
	}
	if fn, ok := call.Fn.(*syntax.Ident); ok {
		switch fn.Name {
		case "import_module":
			s.Kind = SymbolModule
			if len(call.Args) > 0 {
				s.Detail, _ = stringValue(call.Args[0])
			}
		case "struct":
			for _, arg := range call.Args {
				if name, _ := keyword(arg); name != nil {
					s.Children = append(s.Children, Symbol{Name: name.Name, Kind: SymbolField, Range: nodeRange(arg), At: nodeRange(name)})
				}
			}
		}
	}
	return s
}

// clip keeps a name inside of its definition, as the protocol demands, also where the text is broken.
func clip(r, in source.Range) source.Range {
	if !in.Contains(r.Start) || !in.Contains(r.End) {
		return source.Range{Start: in.Start, End: in.Start}
	}
	return r
}

// targetsOf lists the names that an assignment binds.
func targetsOf(e syntax.Expr) []*syntax.Ident {
	switch e := e.(type) {
	case *syntax.Ident:
		return []*syntax.Ident{e}
	case *syntax.ParenExpr:
		return targetsOf(e.X)
	case *syntax.TupleExpr:
		return targetsOfAll(e.List)
	case *syntax.ListExpr:
		return targetsOfAll(e.List)
	}
	return nil
}

func targetsOfAll(list []syntax.Expr) []*syntax.Ident {
	var out []*syntax.Ident
	for _, e := range list {
		out = append(out, targetsOf(e)...)
	}
	return out
}

// FoundSymbol is a symbol with the file that it is in.
type FoundSymbol struct {
	Symbol
	Path      string
	Container string // the package's locator of the module
	score     int
}

// maxFound bounds the answer of a search.
const maxFound = 256

// FindSymbols looks for definitions in the whole workspace whose names have the letters of query in their order;
// the best first. An empty query finds everything.
func (v *View) FindSymbols(ctx context.Context, query string) ([]FoundSymbol, error) {
	paths, err := v.Modules(ctx)
	if err != nil {
		return nil, err
	}
	var out []FoundSymbol
	for _, path := range paths {
		symbols, err := v.Symbols(ctx, path)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			continue
		}
		container := v.shown(path)
		for _, s := range symbols {
			if score, ok := match(query, s.Name); ok {
				out = append(out, FoundSymbol{s, path, container, score})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b FoundSymbol) int { return b.score - a.score })
	return out[:min(len(out), maxFound)], nil
}

// match says how well the letters of query, in their order, fit a name.
func match(query, name string) (score int, ok bool) {
	q, n := strings.ToLower(query), strings.ToLower(name)
	switch {
	case q == n:
		return 100, true
	case strings.HasPrefix(n, q):
		return 80, true
	case strings.Contains(n, q):
		return 60, true
	}
	at := 0
	for _, r := range q {
		i := strings.IndexRune(n[at:], r)
		if i < 0 {
			return 0, false
		}
		at += i + 1
	}
	return 40, true
}

// kindOf is the kind of symbol that a type suggests.
func kindOf(t types.Type) SymbolKind {
	switch sure(t).(type) {
	case *types.Function:
		return SymbolFunction
	case *types.Module:
		return SymbolModule
	}
	return SymbolVariable
}
