package workspace

import (
	"context"
	"slices"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/parse"
	"github.com/kurtosis-go/kurtosis/lang/source"
)

// Import is a call of import_module, or a load statement, with a literal locator.
type Import struct {
	Locator string
	Literal *syntax.Literal
	Range   source.Range // of the literal
	Name    string       // what the module is assigned to at the top level, "" otherwise
}

// importsOf returns the imports of a module in the order of the text.
func importsOf(tree *parse.Tree) []Import {
	var imports []Import
	names := map[syntax.Expr]string{}
	syntax.Walk(tree.Syntax, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.AssignStmt:
			id, named := n.LHS.(*syntax.Ident)
			if _, call := n.RHS.(*syntax.CallExpr); call && named && n.Op == syntax.EQ {
				names[n.RHS] = id.Name
			}
		case *syntax.LoadStmt:
			imports = add(imports, n.Module, "")
		case *syntax.CallExpr:
			if id, ok := n.Fn.(*syntax.Ident); ok && id.Name == "import_module" && len(n.Args) > 0 {
				imports = add(imports, locator(n.Args), names[n])
			}
		}
		return true
	})
	return imports
}

// locator returns the argument of import_module that is the locator.
func locator(args []syntax.Expr) syntax.Expr {
	for _, arg := range args {
		if named, ok := arg.(*syntax.BinaryExpr); ok && named.Op == syntax.EQ {
			if id, ok := named.X.(*syntax.Ident); ok && id.Name == "module_file" {
				return named.Y
			}
		}
	}
	return args[0]
}

func add(imports []Import, x syntax.Expr, name string) []Import {
	lit, ok := x.(*syntax.Literal)
	if !ok || lit.Token != syntax.STRING {
		return imports
	}
	return append(imports, Import{Locator: lit.Value.(string), Literal: lit, Range: parse.Range(lit), Name: name})
}

// Edge is an import with what it leads to.
type Edge struct {
	Import
	Target Target
	Err    error // why it leads nowhere
}

// Imports returns the imports of a module, resolved, in the order of the text.
func (s *Snapshot) Imports(ctx context.Context, target Target) ([]Edge, error) {
	m, err := s.module(ctx, target.Path)
	if err != nil {
		return nil, err
	}
	imports := m.imports()
	if len(imports) == 0 {
		return nil, nil
	}
	resolver := s.Resolver()
	edges := make([]Edge, 0, len(imports))
	for _, imp := range imports {
		to, err := resolver.Resolve(ctx, target, imp.Locator)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		edges = append(edges, Edge{Import: imp, Target: to, Err: err})
	}
	return edges, nil
}

// Graph says which module imports which.
type Graph struct {
	// Modules holds the modules that could be read, each after those it imports; in a cycle, where an import
	// leads back, one that was met first comes later.
	Modules   []Target
	edges     map[string][]Edge
	importers map[string][]string
	cycles    [][]string
}

// Graph follows the imports of the roots. A module that cannot be read is an error of the edge that leads to
// it; a root that cannot be read is an error.
func (s *Snapshot) Graph(ctx context.Context, roots ...Target) (*Graph, error) {
	g := &Graph{edges: map[string][]Edge{}, importers: map[string][]string{}}
	b := builder{snapshot: s, graph: g, state: map[string]int{}}
	for _, root := range roots {
		if err := b.visit(ctx, root); err != nil {
			return nil, err
		}
	}
	return g, nil
}

type builder struct {
	snapshot *Snapshot
	graph    *Graph
	state    map[string]int // index on the path plus one while a module is visited, -1 after
	path     []string
}

func (b *builder) visit(ctx context.Context, t Target) error {
	if b.state[t.Path] != 0 {
		return nil
	}
	edges, err := b.snapshot.Imports(ctx, t)
	if err != nil {
		return err
	}
	b.path = append(b.path, t.Path)
	b.state[t.Path] = len(b.path)
	for i := range edges {
		e := &edges[i]
		if e.Err != nil {
			continue
		}
		to := e.Target.Path
		if at := b.state[to]; at > 0 {
			b.graph.cycles = append(b.graph.cycles, append(slices.Clone(b.path[at-1:]), to))
		}
		if err := b.visit(ctx, e.Target); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			e.Err = err
			continue
		}
		if !slices.Contains(b.graph.importers[to], t.Path) {
			b.graph.importers[to] = append(b.graph.importers[to], t.Path)
		}
	}
	b.path = b.path[:len(b.path)-1]
	b.state[t.Path] = -1
	b.graph.edges[t.Path] = edges
	b.graph.Modules = append(b.graph.Modules, t)
	return nil
}

// Imports returns the imports of the module at path.
func (g *Graph) Imports(path string) []Edge { return g.edges[path] }

// Importers returns the paths of the modules that import the one at path, in the order they were met.
func (g *Graph) Importers(path string) []string { return g.importers[path] }

// Cycles returns the import cycles as paths, the first repeated at the end.
func (g *Graph) Cycles() [][]string { return g.cycles }

// Dependents returns the modules to check again when the given files change: those of them that are modules,
// and all that import one of them, directly or not. Each comes after those it imports.
func (g *Graph) Dependents(paths ...string) []Target {
	stale := map[string]bool{}
	todo := slices.Clone(paths)
	for len(todo) > 0 {
		path := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if stale[path] {
			continue
		}
		stale[path] = true
		todo = append(todo, g.importers[path]...)
	}
	var out []Target
	for _, t := range g.Modules {
		if stale[t.Path] {
			out = append(out, t)
		}
	}
	return out
}
