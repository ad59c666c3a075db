package packages

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/parse"
	"github.com/kurtosis-go/kurtosis/lang/source"
	"github.com/kurtosis-go/kurtosis/lang/workspace"
)

// Need is a repository besides the package's own that its modules name.
type Need struct {
	Repository string // github.com/owner/name
	Version    string // as asked for, "" for the default branch
	Dir        string // its tree on this machine
}

// Doubt is a place that could not be followed: what is there may need more.
type Doubt struct {
	File    string
	Pos     source.Pos
	Message string
}

// Needs finds the repositories that running the package may read, by reading the modules that it can reach:
// locators that are written out, or put together from constants of their module. What is not on disk is fetched.
func (p *Package) Needs(ctx context.Context) ([]Need, []Doubt, error) {
	s := &seeker{p: p, seen: map[string]bool{}, needs: map[string]Need{}}
	if err := s.module(ctx, p.Main); err != nil {
		return nil, nil, err
	}
	out := make([]Need, 0, len(s.needs))
	for _, n := range s.needs {
		out = append(out, n)
	}
	slices.SortFunc(out, func(a, b Need) int {
		return cmp.Or(cmp.Compare(a.Repository, b.Repository), cmp.Compare(a.Version, b.Version))
	})
	return out, s.doubts, nil
}

type seeker struct {
	p      *Package
	seen   map[string]bool
	needs  map[string]Need // by tree
	doubts []Doubt

	dynamic bool // a doubt is about a locator that is only known when it runs
}

// locatorParameters are the parameters that take a locator, by what is called; the first is positional, too.
var locatorParameters = map[string][]string{
	"import_module": {"module_file"}, "read_file": {"src"}, "upload_files": {"src"},
	"ImageBuildSpec": {"image_name", "build_context_dir"}, "NixBuildSpec": {"image_name", "build_context_dir", "flake_location_dir"},
}

func (s *seeker) module(ctx context.Context, target workspace.Target) error {
	if s.seen[target.Path] {
		return nil
	}
	s.seen[target.Path] = true
	if err := ctx.Err(); err != nil {
		return err
	}
	text, err := s.p.files.Read(ctx, target.Path)
	if err != nil {
		return &PackageError{Message: fmt.Sprintf("can't read '%s': %s", target.Locator, plainError(err))}
	}
	tree := parse.Parse(source.NewFile(target.Locator, text))
	constants := constantsOf(tree.Syntax)
	var failed error
	syntax.Walk(tree.Syntax, func(n syntax.Node) bool {
		call, ok := n.(*syntax.CallExpr)
		if !ok || failed != nil {
			return failed == nil
		}
		name := calledName(call.Fn)
		for i, parameter := range locatorParameters[name] {
			if parameter == "image_name" {
				continue
			}
			arg := argument(call, parameter, i)
			if arg == nil {
				continue
			}
			start, _ := arg.Span()
			at := source.Pos{Line: start.Line, Col: start.Col}
			locator, known := constants.value(arg)
			if !known {
				s.dynamic = true
				s.doubts = append(s.doubts, Doubt{target.Locator, at, fmt.Sprintf("what %s takes here is only known when it runs", name)})
				continue
			}
			failed = s.locator(ctx, target, name, locator, at)
		}
		return failed == nil
	})
	return failed
}

func (s *seeker) locator(ctx context.Context, from workspace.Target, name, locator string, at source.Pos) error {
	if strings.HasPrefix(locator, "http://") || strings.HasPrefix(locator, "https://") {
		s.doubts = append(s.doubts, Doubt{from.Locator, at, fmt.Sprintf("'%s' is downloaded when it runs", locator)})
		return nil
	}
	to, err := s.p.Resolve(ctx, from, locator)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if name == "import_module" { // a module is imported as soon as its importer is; a file may never be asked for
			return fmt.Errorf("%s:%s: %w", from.Locator, at, err)
		}
		s.doubts = append(s.doubts, Doubt{from.Locator, at, err.Error()})
		return nil
	}
	s.note(to)
	if name == "import_module" && path.Ext(to.Path) == ".star" {
		return s.module(ctx, to)
	}
	return nil
}

// note records the tree of a target, unless it is on this machine anyway.
func (s *seeker) note(to workspace.Target) {
	t := treeOf(to)
	if _, known := s.needs[t.dir]; known || s.isLocal(to.Path) {
		return
	}
	s.needs[t.dir] = Need{Repository: t.locator, Version: t.version, Dir: t.dir}
}

func (s *seeker) isLocal(file string) bool {
	if !s.p.fetched {
		dirs := []string{treeOf(s.p.Main).dir}
		for _, r := range s.p.replacements() {
			if dir, ok := s.p.replacedBy(r); ok {
				dirs = append(dirs, dir)
			}
		}
		for _, dir := range dirs {
			if rel, err := filepath.Rel(dir, file); err == nil && filepath.IsLocal(rel) {
				return true
			}
		}
	}
	return false
}

func calledName(fn syntax.Expr) string {
	switch fn := fn.(type) {
	case *syntax.Ident:
		return fn.Name
	case *syntax.DotExpr:
		return fn.Name.Name
	}
	return ""
}

// argument finds what a call gives for a parameter, by name or place.
func argument(call *syntax.CallExpr, name string, position int) syntax.Expr {
	for i, arg := range call.Args {
		if b, ok := arg.(*syntax.BinaryExpr); ok && b.Op == syntax.EQ {
			if id, ok := b.X.(*syntax.Ident); ok && id.Name == name {
				return b.Y
			}
			continue
		}
		if _, starred := arg.(*syntax.UnaryExpr); starred {
			continue
		}
		if i == position {
			return arg
		}
	}
	return nil
}

// constants are a module's global names that are bound once, to a text.
type constants map[string]syntax.Expr

func constantsOf(f *syntax.File) constants {
	c, bound := constants{}, map[string]int{}
	for _, stmt := range f.Stmts {
		if assign, ok := stmt.(*syntax.AssignStmt); ok {
			if id, ok := assign.LHS.(*syntax.Ident); ok {
				bound[id.Name]++
				if assign.Op == syntax.EQ {
					c[id.Name] = assign.RHS
				}
			}
		}
	}
	for name, n := range bound {
		if n > 1 {
			delete(c, name)
		}
	}
	return c
}

// value computes a text from literals and constants.
func (c constants) value(e syntax.Expr) (string, bool) { return c.within(e, 16) }

func (c constants) within(e syntax.Expr, depth int) (string, bool) {
	if depth == 0 { // constants that name each other
		return "", false
	}
	switch e := e.(type) {
	case *syntax.Literal:
		s, ok := e.Value.(string)
		return s, ok && e.Token == syntax.STRING
	case *syntax.ParenExpr:
		return c.within(e.X, depth)
	case *syntax.Ident:
		if bound, ok := c[e.Name]; ok {
			return c.within(bound, depth-1)
		}
	case *syntax.BinaryExpr:
		if e.Op == syntax.PLUS {
			x, okX := c.within(e.X, depth-1)
			y, okY := c.within(e.Y, depth-1)
			return x + y, okX && okY
		}
	}
	return "", false
}
