package typecheck

import (
	"slices"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/types"
)

// state says whether a variable has been assigned where the flow stands.
type state uint8

const (
	unset  state = iota
	set          // on all paths
	maybe        // on some
	looped       // by a turn of a loop, of which there may have been none
)

// place is what is known of one variable. It is small, since every branch has all of them.
type place struct {
	typ    types.Type
	guards *guards // for maybe: the conditions under which it was set
	state  state
}

// guards are conditions one of which holds. They are shared, and never changed.
type guards []guard

type guard struct {
	cond syntax.Expr
	want bool
}

func (g *guards) list() []guard {
	if g == nil {
		return nil
	}
	return *g
}

// env is what is known at one point of a function: its variables, by slot, and the parts of values (x.a, d["k"])
// that tests have narrowed. A nil *env is a point that is not reached.
type env struct {
	vars       []place
	paths      []narrowing
	impossible bool // tests contradict what is known: the flow cannot come here, but for a mistake of ours

	names []given // constant names of services and files artifacts that were made on the way
}

// given is a name and the call that gives it.
type given struct {
	key  string
	call *syntax.CallExpr
}

// narrowing is a narrowed part of a value, or a narrowed variable of an outer scope.
type narrowing struct {
	root *Binding
	key  string // ".a", "[k]" and their sequences; "" is the root itself
	typ  types.Type
}

func (e *env) clone() *env {
	if e == nil {
		return nil
	}
	return &env{vars: slices.Clone(e.vars), paths: slices.Clone(e.paths), names: e.names, impossible: e.impossible}
}

// join merges b into a and returns the result; either may be nil. cond, when not nil, is the test that holds in
// a and does not in b.
func join(a, b *env, cond syntax.Expr) *env {
	if a == nil {
		return b
	}
	if b == nil {
		return a
	}
	for i := range a.vars {
		x, y := &a.vars[i], b.vars[i]
		if x.state != y.state || x.state == maybe {
			switch {
			case x.state == maybe && y.state == maybe:
				x.guards = allGuards(x.guards, y.guards.list())
			case x.state == looped || y.state == looped:
				x.state, x.guards = looped, nil
			case y.state == maybe: // x is set or unset
				var own *guards
				if x.state == set && cond != nil {
					own = &guards{{cond, true}}
				}
				x.guards = allGuards(own, y.guards.list())
				x.state = maybe
			case x.state == maybe:
				if y.state == set && cond != nil {
					x.guards = allGuards(x.guards, []guard{{cond, false}})
				}
			default: // one set, one unset
				if cond != nil {
					x.guards = &guards{{cond, x.state == set}}
				}
				x.state = maybe
			}
		}
		switch {
		case x.typ == y.typ || b.impossible && !a.impossible:
		case a.impossible && !b.impossible:
			x.typ = y.typ
		default:
			x.typ = types.Join(x.typ, y.typ)
		}
	}
	a.impossible = a.impossible && b.impossible
	if len(a.names) > 0 { // what only one branch makes may not be there
		a.names = slices.DeleteFunc(slices.Clone(a.names), func(g given) bool { return !slices.Contains(b.names, g) })
	}
	kept := a.paths[:0]
	for _, p := range a.paths {
		if t, ok := b.narrowed(p.root, p.key); ok {
			if t != p.typ {
				p.typ = types.Join(p.typ, t)
			}
			kept = append(kept, p)
		}
	}
	a.paths = kept
	return a
}

// maxGuards bounds the conditions that are remembered for one variable.
const maxGuards = 16

func allGuards(x *guards, y []guard) *guards {
	all := slices.Clip(x.list())
	for _, g := range y {
		if len(all) < maxGuards && !slices.Contains(all, g) {
			all = append(all, g)
		}
	}
	if len(all) == len(x.list()) {
		return x
	}
	out := guards(all)
	return &out
}

// covers says whether what b knows adds nothing to a, so that another turn of a loop would find nothing new. A
// list that was empty and has got elements adds nothing: the elements of an empty list are unknown.
func (a *env) covers(b *env) bool {
	if b == nil {
		return true
	}
	for i := range a.vars {
		x, y := a.vars[i], b.vars[i]
		if x.typ == y.typ || x.state == unset || x.typ == types.Unknown {
			continue
		}
		if l, ok := x.typ.(*types.List); ok && l.Elem == types.Never {
			if _, ok := y.typ.(*types.List); ok {
				continue
			}
		}
		if !types.Equal(types.Join(x.typ, y.typ), x.typ) {
			return false
		}
	}
	return true
}

func (e *env) narrowed(root *Binding, key string) (types.Type, bool) {
	for i := range e.paths {
		if p := &e.paths[i]; p.root == root && p.key == key {
			return p.typ, true
		}
	}
	return nil, false
}

func (e *env) narrow(root *Binding, key string, t types.Type) {
	for i := range e.paths {
		if p := &e.paths[i]; p.root == root && p.key == key {
			p.typ = t
			return
		}
	}
	e.paths = append(e.paths, narrowing{root, key, t})
}

// forget drops what was narrowed of parts of root.
func (e *env) forget(root *Binding) {
	if len(e.paths) == 0 {
		return
	}
	e.paths = slices.DeleteFunc(e.paths, func(p narrowing) bool { return p.root == root })
}

// reference names the variable and the part of it that e reads: x.a["k"] is x and `.a[k]`.
func (a *fn) reference(e syntax.Expr) (root *Binding, key string, ok bool) {
	switch e := e.(type) {
	case *syntax.Ident:
		root = a.c.b.uses[e]
		return root, "", root != nil && root.Kind != Predeclared
	case *syntax.ParenExpr:
		return a.reference(e.X)
	case *syntax.DotExpr:
		root, key, ok = a.reference(e.X)
		return root, key + "." + e.Name.Name, ok
	case *syntax.IndexExpr:
		lit, isLit := e.Y.(*syntax.Literal)
		if !isLit {
			if id, isIdent := e.Y.(*syntax.Ident); isIdent { // d[k], as long as k stays
				if v := a.c.b.uses[id]; v != nil && len(v.Defs) == 1 {
					root, key, ok = a.reference(e.X)
					return root, key + "[" + id.Name + "]", ok
				}
			}
			return nil, "", false
		}
		root, key, ok = a.reference(e.X)
		return root, key + "[" + lit.Raw + "]", ok
	}
	return nil, "", false
}

// lookup is the type of a reference in e, and whether something is known of it there.
func (a *fn) lookup(e *env, root *Binding, key string) (types.Type, bool) {
	if key == "" && root.Func == a.f {
		p := e.vars[root.slot]
		return p.typ, p.typ != nil
	}
	return e.narrowed(root, key)
}

func (a *fn) store(e *env, root *Binding, key string, t types.Type) {
	if key == "" && root.Func == a.f {
		e.vars[root.slot].typ = t
		return
	}
	e.narrow(root, key, t)
}
