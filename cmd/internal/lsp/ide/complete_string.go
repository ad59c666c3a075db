package ide

import (
	"path"
	"path/filepath"
	"slices"
	"strings"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/builtins"
	"github.com/kurtosis-go/kurtosis/lang/types"
)

// inString completes inside of a string: paths, enum values, names of services, keys of dicts.
func (c *completer) inString(offset int) (*Completion, error) {
	none := &Completion{Range: rangeAt(c.f, offset, offset)}
	lit := c.literalAt(offset)
	if lit == nil {
		return none, nil
	}
	content := inside(c.f, lit)
	start, end := offsets(c.f, content)
	if offset < start || strings.ContainsAny(string(c.f.Text()[start:max(start, offset)]), "\n\r") {
		return none, nil
	}
	if !c.closedString(lit) {
		end = offset
	}
	typed := string(c.f.Text()[start:offset])
	r := rangeAt(c.f, start, max(end, offset))
	path := c.path
	if load, ok := parentOf(path, lit).(*syntax.LoadStmt); ok {
		if load.Module == lit {
			return c.paths(start, offset, typed, IsModule), nil
		}
		c.loadNames(load)
		return &Completion{Range: r, Items: c.items}, nil
	}
	if index, ok := parentOf(path, lit).(*syntax.IndexExpr); ok && index.Y == syntax.Expr(lit) {
		c.keys(c.v.typeOf(c.m, index.X))
		c.finish()
		return &Completion{Range: r, Items: c.items}, nil
	}
	if key := c.keyOf(lit); key != nil {
		c.keys(key)
		c.finish()
		return &Completion{Range: r, Items: c.items}, nil
	}
	call, param := c.v.parameterAt(c.ctx, c.m, path, lit)
	if param == nil {
		call, param = c.elementOf(lit)
	}
	if param == nil {
		return none, nil
	}
	if locatorParams[param.Name] {
		return c.paths(start, offset, typed, accepts(param)), nil
	}
	for i, e := range param.Enum {
		c.add(Item{Label: e, Kind: ItemValue, Detail: "value of " + param.Name, Doc: param.Doc, Sort: rankExpected + sortable(i)})
	}
	callee := c.v.calleeOf(c.ctx, c.m, call)
	c.madeNames(callee, param.Name, false)
	if param.Name == "port_id" {
		c.portIDs()
	}
	c.finish()
	return &Completion{Range: r, Items: c.items}, nil
}

// literalAt is the string around an offset.
func (c *completer) literalAt(offset int) *syntax.Literal {
	if lit := innermost[*syntax.Literal](c.path); lit != nil && lit.Token == syntax.STRING {
		return lit
	}
	for _, at := range []int{offset - 1, offset + 1} {
		path := nodesAt(c.m.Info.Tree, c.f.Pos(at))
		if lit := innermost[*syntax.Literal](path); lit != nil && lit.Token == syntax.STRING {
			c.path = path
			return lit
		}
	}
	return nil
}

func (c *completer) closedString(lit *syntax.Literal) bool {
	s := text(c.f, lit)
	return len(s) >= 2 && s[len(s)-1] == s[strings.IndexAny(s, `"'`)] && inside(c.f, lit).End != nodeRange(lit).End
}

// elementOf finds the parameter of a call whose list or dict holds a string.
func (c *completer) elementOf(lit *syntax.Literal) (*syntax.CallExpr, *builtins.Param) {
	for i := len(c.path) - 2; i >= 0; i-- {
		switch n := c.path[i].(type) {
		case *syntax.ListExpr:
			return c.v.parameterAt(c.ctx, c.m, c.path[:i+1], n)
		case *syntax.DictEntry:
			if n.Value != syntax.Expr(lit) {
				return nil, nil
			}
		case *syntax.DictExpr:
			return c.v.parameterAt(c.ctx, c.m, c.path[:i+1], n)
		default:
			return nil, nil
		}
	}
	return nil, nil
}

// keyOf is the dict whose keys a string may be compared with or looked up by: d.get("…"), "…" in d.
func (c *completer) keyOf(lit *syntax.Literal) types.Type {
	switch n := parentOf(c.path, lit).(type) {
	case *syntax.CallExpr:
		dot, ok := n.Fn.(*syntax.DotExpr)
		if ok && len(n.Args) > 0 && n.Args[0] == syntax.Expr(lit) {
			switch dot.Name.Name {
			case "get", "pop", "setdefault":
				return c.v.typeOf(c.m, dot.X)
			}
		}
	case *syntax.BinaryExpr:
		if n.X == syntax.Expr(lit) && (n.Op == syntax.IN || n.Op == syntax.NOT_IN) {
			return c.v.typeOf(c.m, n.Y)
		}
	}
	return nil
}

// keys offers the known keys of a dict.
func (c *completer) keys(t types.Type) {
	for _, m := range types.Members(sure(t)) {
		if d, ok := sure(m).(*types.Dict); ok {
			for i, f := range d.Known {
				c.add(Item{Label: f.Name, Kind: ItemField, Detail: shortType(f.Type), Doc: f.Doc, Sort: rankExpected + sortable(i)})
			}
		}
	}
}

// portIDs offers the ports that services of the module have.
func (c *completer) portIDs() {
	wanted := ""
	for _, n := range c.path {
		if outer, ok := n.(*syntax.CallExpr); ok {
			if row := c.v.calleeOf(c.ctx, c.m, outer).row; row != nil {
				if arg := argument(outer, row, "service_name"); arg != nil {
					wanted, _ = c.v.constantString(c.m, arg)
				}
			}
		}
	}
	for _, made := range c.v.madeAround(c.ctx, c.m) {
		if made.artifact || wanted != "" && made.name != wanted {
			continue
		}
		syntax.Walk(made.call, func(n syntax.Node) bool {
			entry, ok := n.(*syntax.DictEntry)
			if !ok {
				return true
			}
			if spec, ok := entry.Value.(*syntax.CallExpr); ok {
				if fn, ok := spec.Fn.(*syntax.Ident); ok && fn.Name == "PortSpec" {
					if id, ok := stringValue(entry.Key); ok {
						c.add(Item{Label: id, Kind: ItemReference, Detail: "port of " + made.name, Sort: rankExpected})
					}
				}
			}
			return true
		})
	}
}

func (c *completer) loadNames(load *syntax.LoadStmt) {
	locator, _ := stringValue(load.Module)
	to, err := c.v.files.Resolver().Resolve(c.ctx, c.m.Target, locator)
	if err != nil {
		return
	}
	other, err := c.v.Plain(c.ctx, to.Path)
	if err != nil {
		return
	}
	for _, g := range other.Info.Globals {
		if !strings.HasPrefix(g.Name, "_") {
			c.add(Item{Label: g.Name, Kind: ItemVariable, Detail: shortType(g.Type())})
		}
	}
}

// accepts says which files a parameter takes; directories are always offered, to go on from there.
func accepts(param *builtins.Param) func(string) bool {
	if param.Name == "module_file" {
		return IsModule
	}
	if param.Name == "build_context_dir" {
		return func(string) bool { return false }
	}
	return func(name string) bool { return !strings.HasPrefix(name, ".") }
}

// paths offers the files and directories that a locator can go on with. Only the last part of what was typed is
// replaced.
func (c *completer) paths(start, offset int, typed string, accept func(name string) bool) *Completion {
	slash := strings.LastIndexByte(typed, '/') + 1
	dirPart, last := typed[:slash], typed[slash:]
	r := rangeAt(c.f, start+slash, offset)
	own := filepath.Dir(c.m.Path())
	if dirPart == "" {
		for i, start := range []string{"./", "../", "/"} {
			detail := [...]string{"this directory", "the directory above", "the root of the repository"}[i]
			c.add(Item{Label: start, Kind: ItemFolder, Detail: detail, Sort: rankExpected + sortable(i), Again: true})
		}
		c.add(Item{Label: "github.com/", Kind: ItemFolder, Detail: "another package", Sort: rankExpected + sortable(3), Again: true})
		c.importable(accept)
		c.finish()
		return &Completion{Range: rangeAt(c.f, start, offset), Items: c.items}
	}
	dir := own
	switch {
	case strings.HasPrefix(dirPart, "./"), strings.HasPrefix(dirPart, "../"):
		dir = filepath.Join(own, filepath.FromSlash(dirPart))
	default:
		to, err := c.v.files.Resolver().Resolve(c.ctx, c.m.Target, strings.TrimSuffix(dirPart, "/"))
		switch {
		case err == nil:
			dir = to.Path
		case dirPart == "/" && c.m.Target.PackageRoot != "":
			dir = repositoryRoot(c.m.Target.PackageRoot, c.m.Target.Package)
		case strings.HasPrefix(dirPart, "github.com/"):
			c.knownPackages(dirPart)
			c.finish()
			return &Completion{Range: rangeAt(c.f, start, offset), Items: c.items}
		default:
			return &Completion{Range: r}
		}
	}
	entries, err := c.v.files.List(c.ctx, dir)
	if err != nil {
		return &Completion{Range: r}
	}
	for _, e := range entries {
		name := e.Name
		if strings.HasPrefix(name, ".") && !strings.HasPrefix(last, ".") {
			continue
		}
		full := filepath.Join(dir, name)
		switch {
		case e.Dir:
			c.add(Item{Label: name + "/", Kind: ItemFolder, Sort: rankGlobal + name, Again: true, Filter: name})
		case full != c.m.Path() && accept(name):
			c.add(Item{Label: name, Kind: ItemFile, Sort: rankLocal + name})
		}
	}
	c.finish()
	return &Completion{Range: r, Items: c.items}
}

// repositoryRoot is the directory that "/" means: the one of the repository that a package is part of.
func repositoryRoot(root, name string) string {
	parts := strings.Split(name, "/")
	for i := len(parts) - 1; i >= 3 && filepath.Base(root) == parts[i]; i-- {
		root = filepath.Dir(root)
	}
	return root
}

// importable offers the files of the package whole, as they would be written here.
func (c *completer) importable(accept func(string) bool) {
	if c.m.Target.PackageRoot == "" || !accept("x.star") {
		return
	}
	modules, err := c.v.Modules(c.ctx)
	if err != nil {
		return
	}
	own := filepath.Dir(c.m.Path())
	for i, m := range modules {
		if m == c.m.Path() || i > 500 || strings.HasSuffix(m, "_test.star") {
			continue
		}
		if root, ok := c.v.PackageRoot(c.ctx, m); !ok || root != c.m.Target.PackageRoot {
			continue
		}
		if l, ok := relativeLocator(own, m); ok {
			c.add(Item{Label: l, Kind: ItemFile, Sort: rankLocal + sortable(strings.Count(l, "/")) + l})
		}
	}
}

// relativeLocator is how a module in dir names a file.
func relativeLocator(dir, file string) (string, bool) {
	rel, err := filepath.Rel(dir, file)
	if err != nil {
		return "", false
	}
	rel = filepath.ToSlash(rel)
	if !strings.HasPrefix(rel, "../") {
		rel = "./" + rel
	}
	return rel, true
}

// knownPackages offers the packages that the workspace imports or replaces already.
func (c *completer) knownPackages(typed string) {
	known := map[string]bool{}
	modules, _ := c.v.Modules(c.ctx)
	for _, p := range modules {
		c.v.mu.Lock()
		m := c.v.modules[p]
		if m == nil {
			m = c.v.before[p]
		}
		c.v.mu.Unlock()
		if m == nil {
			continue
		}
		for _, imp := range m.Info.Imports {
			if strings.HasPrefix(imp.Locator, "github.com/") {
				known[imp.Locator] = true
			}
		}
		if p := m.Target.Package; p != "" && p != c.m.Target.Package {
			known[path.Join(p, "main.star")] = true
		}
	}
	names := make([]string, 0, len(known))
	for n := range known {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		if strings.HasPrefix(n, typed) {
			c.add(Item{Label: n, Kind: ItemModule, Sort: n})
		}
	}
}
