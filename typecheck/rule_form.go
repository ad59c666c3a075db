package typecheck

import (
	"fmt"
	"slices"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/source"
)

// Here is what parses and is refused all the same, before any line of the module runs: go.starlark.net finds it while it
// resolves names, and so do we.

// fault is such a place.
type fault struct {
	at            source.Range
	message, hint string
	name          *syntax.Ident // of an argument that is there twice, which a rule about calls says where it knows what is called
}

func (b *binder) refuse(n syntax.Node, message, hint string) {
	b.faults = append(b.faults, fault{at: rangeOf(n), message: message, hint: hint})
}

// branch looks at a break or continue.
func (b *binder) branch(s *syntax.BranchStmt) {
	if s.Token != syntax.PASS && len(b.loops) == 0 {
		b.refuse(s, fmt.Sprintf("%s outside of a loop", s.Token), "")
	}
}

// parameters looks at the order and the names of a function's parameters.
func (b *binder) parameters(params []syntax.Expr) {
	var optional, star, doubled bool
	var bare *syntax.UnaryExpr // a * that waits for a parameter
	seen := namesOf(len(params))
	for _, p := range params {
		parm := parmOf(p)
		switch {
		case parm.Star == "**" && doubled:
			b.refuse(p, "a function has one ** parameter at most", "")
		case parm.Star == "**":
			doubled = true
		case doubled:
			b.refuse(p, "a parameter follows the ** one", "the ** parameter is the last")
		case parm.Star == "*" && star:
			b.refuse(p, "a function has one * parameter at most", "")
		case parm.Star == "*":
			star = true
			if parm.Name == nil {
				bare, _ = p.(*syntax.UnaryExpr)
			}
		case star:
			bare = nil
		case parm.Default != nil:
			optional = true
		case optional:
			b.refuse(p, "a parameter without a default follows one with a default", "give it one, too, or put it before")
		}
		if parm.Name == nil {
			continue
		}
		if seen.add(parm.Name.Name) {
			b.refuse(parm.Name, fmt.Sprintf("parameter %s is there twice", parm.Name.Name), "")
		}
	}
	if bare != nil {
		b.refuse(bare, "no parameter follows the *", "parameters behind a * are given by name; without any, leave it out")
	}
}

// arguments looks at the order and the names of a call's arguments.
func (b *binder) arguments(e *syntax.CallExpr) {
	var star, doubled, named bool
	seen := namesOf(len(e.Args))
	for _, arg := range e.Args {
		name, _ := keywordOf(arg)
		unary, _ := arg.(*syntax.UnaryExpr)
		switch {
		case unary != nil && unary.Op == syntax.STARSTAR:
			if doubled {
				b.refuse(arg, "a call has one ** argument at most", "join the dicts with |")
			}
			doubled = true
		case unary != nil && unary.Op == syntax.STAR:
			switch {
			case doubled:
				b.refuse(arg, "a * argument follows a ** one", "put it before")
			case star:
				b.refuse(arg, "a call has one * argument at most", "join the lists with +")
			}
			star = true
		case doubled:
			b.refuse(arg, "an argument follows a ** one", "put it before")
		case star && name != nil:
			b.refuse(arg, "a named argument follows a * one", "put it before")
		case star:
			b.refuse(arg, "a positional argument follows a * one", "put it before")
		case name == nil && named:
			b.refuse(arg, "a positional argument follows a named one", "put it before, or name it, too")
		}
		if name == nil {
			continue
		}
		named = true
		if seen.add(name.Name) {
			b.faults = append(b.faults, fault{at: rangeOf(arg), message: fmt.Sprintf("argument %s is given twice", name.Name), name: name})
		}
	}
}

// names are those that were seen. Few are kept in place, without an allocation: most calls have few.
type names struct {
	few  [16]string
	n    int
	many map[string]bool
}

func namesOf(most int) (s names) {
	if most > len(s.few) {
		s.many = make(map[string]bool, most)
	}
	return s
}

// add says whether a name was there already.
func (s *names) add(name string) bool {
	if s.many != nil {
		there := s.many[name]
		s.many[name] = true
		return there
	}
	if slices.Contains(s.few[:s.n], name) {
		return true
	}
	s.few[s.n] = name
	s.n++
	return false
}

func keywordOf(arg syntax.Expr) (name *syntax.Ident, value syntax.Expr) {
	if kw, ok := arg.(*syntax.BinaryExpr); ok && kw.Op == syntax.EQ {
		name, _ = kw.X.(*syntax.Ident)
		return name, kw.Y
	}
	return nil, arg
}

// assignable looks at the target of an assignment or loop.
func (b *binder) assignable(e syntax.Expr, augmented bool) {
	switch e := e.(type) {
	case *syntax.Ident, *syntax.IndexExpr, *syntax.DotExpr:
	case *syntax.ParenExpr:
		b.assignable(e.X, augmented)
	case *syntax.TupleExpr:
		b.assignables(e, e.List, augmented)
	case *syntax.ListExpr:
		b.assignables(e, e.List, augmented)
	default:
		b.refuse(e, "cannot assign to this expression", "a variable, an element of a list or an entry of a dict can be assigned to")
	}
}

func (b *binder) assignables(all syntax.Expr, list []syntax.Expr, augmented bool) {
	if augmented {
		b.refuse(all, "several variables cannot be changed by one operator", "write an assignment for each")
		return
	}
	for _, x := range list {
		b.assignable(x, false)
	}
}

// refusedForms reports the faults, unless the text does not parse: then it is not known what stands where.
func (c *checker) refusedForms() {
	if len(c.b.faults) == 0 || !c.in.Tree.OK() {
		return
	}
	said := map[int32]bool{} // lines with arguments that a rule about calls found twice
	for _, f := range c.b.funcs {
		for _, d := range f.found {
			if d.Code == "duplicate-argument" {
				said[d.Range.Start.Line] = true
			}
		}
	}
	for _, f := range c.b.faults {
		if f.name == nil || !said[f.at.Start.Line] {
			c.report("refused-form", f.at, f.message, f.hint)
		}
	}
}
