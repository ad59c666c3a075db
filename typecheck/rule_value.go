package typecheck

import (
	"fmt"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/lang/types"
)

// dictKey reports keys that cannot be keys, and futures used as keys.
func (a *fn) dictKey(e syntax.Expr, key, container types.Type) {
	sure, _ := types.Sure(container)
	if _, ok := sure.(*types.Dict); !ok {
		return
	}
	if isFuture(key) {
		a.future(e, key, "a dict key")
		return
	}
	k, ok := types.Sure(key)
	if ok && definitely(k, unhashable) {
		a.c.report("unhashable-key", rangeOf(e), fmt.Sprintf("%s cannot be a key of a dict", show(k)), "keys are strings, numbers, bools, None, and tuples of these")
	}
}

func unhashable(t types.Type) bool {
	switch x := t.(type) {
	case *types.List, *types.Dict:
		return true
	case *types.Tuple:
		for _, e := range x.Elems {
			if definitely(e, unhashable) {
				return true
			}
		}
	}
	return false
}

// duplicateKeys reports constant keys that a dict literal has twice.
func (a *fn) duplicateKeys(e *syntax.DictExpr) {
	if a.c.muted > 0 || len(e.List) < 2 {
		return
	}
	type constant struct {
		token syntax.Token
		value any
	}
	seen := make(map[constant]syntax.Expr, len(e.List))
	for _, entry := range e.List {
		entry, ok := entry.(*syntax.DictEntry)
		if !ok {
			continue
		}
		lit, ok := unparen(entry.Key).(*syntax.Literal)
		if !ok || lit.Value == nil {
			continue
		}
		switch lit.Value.(type) {
		case string, int64, float64:
		default:
			continue
		}
		k := constant{lit.Token, lit.Value}
		if first, dup := seen[k]; dup {
			// Starlark refuses it when both are in one literal.
			a.c.reportAll("duplicate-key", 0, rangeOf(entry.Key), fmt.Sprintf("duplicate key %s", lit.Raw), "the literal fails when it is evaluated; remove one",
				[]diag.Related{{File: a.c.file.Name(), Range: rangeOf(first), Message: "first given here"}}, nil)
			continue
		}
		seen[k] = entry.Key
	}
}

// badIndex reports base[key] that fails whatever alternative it is.
func (a *fn) badIndex(e *syntax.IndexExpr, base, key types.Type) {
	members := types.Members(base)
	if all(members, func(m types.Type) bool { _, ok := m.(*types.Dict); return ok }) {
		name, ok := key.(types.StringLit)
		if !ok {
			return
		}
		var known []string
		for _, m := range members {
			known = append(known, Members(&types.Struct{Fields: m.(*types.Dict).Known})...)
		}
		hint := "it has " + listed(known, 8)
		if len(known) == 0 {
			hint = "the dict is empty here"
		}
		var fixes []diag.Fix
		if near, ok := closest(string(name), known); ok {
			hint = "did you mean " + quote(near) + "?"
			fixes = append(fixes, a.c.fix("change to "+quote(near), false, rangeOf(e.Y), quote(near)))
		}
		a.c.report("missing-key", rangeOf(e.Y), fmt.Sprintf("the dict has no key %s", quote(string(name))), hint, fixes...)
		return
	}
	if all(members, func(m types.Type) bool { _, ok := m.(*types.Tuple); return ok }) {
		if n, ok := key.(types.IntLit); ok {
			t := members[0].(*types.Tuple)
			a.c.report("bad-index", rangeOf(e.Y), fmt.Sprintf("index %d is out of range of %s", n, plural(len(t.Elems), "element")), "")
			return
		}
	}
	indexable := false
	for _, m := range members {
		if sliced(m) != nil {
			indexable = true
		}
	}
	hint := ""
	if isFuture(base) {
		hint = "the value is known only when the plan runs; until then it is a placeholder string"
	}
	if indexable {
		if isFuture(key) {
			a.future(e.Y, key, "an index")
		}
		a.c.report("bad-index", rangeOf(e.Y), fmt.Sprintf("found %s as an index of %s, want an int", show(key), show(base)), hint)
		return
	}
	if name, ok := key.(types.StringLit); ok {
		if _, isStruct := members[0].(*types.Struct); isStruct || isNamed(members[0]) {
			hint = "an attribute is x." + string(name)
		}
	}
	a.c.report("bad-index", rangeOf(e), "cannot index "+show(base), hint)
}

// missingFromDefault reports args["k"] in run when the default of args has no such key: without arguments, it
// fails.
func (a *fn) missingFromDefault(e *syntax.IndexExpr, base, key types.Type) {
	id, ok := unparen(e.X).(*syntax.Ident)
	name, isName := key.(types.StringLit)
	if !ok || !isName || a.f.Name != "run" || a.f.Parent != a.c.b.globals || !a.c.in.Main {
		return
	}
	v := a.c.b.uses[id]
	if v == nil || v.Kind != Parameter || v.Func != a.f || len(v.Defs) != 1 || v.changed {
		return
	}
	p := a.f.Param(v.Name)
	if p == nil || p.Default == nil {
		return
	}
	literal, ok := unparen(p.Default).(*syntax.DictExpr)
	if !ok || int(v.slot) >= len(a.initial) || base != a.initial[v.slot] {
		return // a test has told more of it since
	}
	for _, entry := range literal.List {
		entry, ok := entry.(*syntax.DictEntry)
		if !ok {
			return
		}
		lit, ok := unparen(entry.Key).(*syntax.Literal)
		if !ok || lit.Value == string(name) {
			return
		}
	}
	a.c.reportAs("missing-key", diag.Warning, rangeOf(e), fmt.Sprintf("the default of %s has no key %s: without arguments this fails", v.Name, quote(string(name))),
		fmt.Sprintf("use %s.get(%s), or make the parameter required", v.Name, quote(string(name))))
}
