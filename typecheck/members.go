package typecheck

import (
	"fmt"
	"sort"
	"strings"
	"sync"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/builtins"
	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/lang/types"
)

// attribute is the type of e.X.name, where e.X has type base; it reports an attribute that no alternative has.
func (a *fn) attribute(e *syntax.DotExpr, base types.Type) types.Type {
	sure, ok := types.Sure(base)
	name := e.Name.Name
	var out types.Type
	missing := 0
	members := types.Members(sure)
	for _, m := range members {
		t := memberType(m, name)
		if t == nil {
			missing++
			continue
		}
		out = types.Join(out, t)
	}
	if out == nil {
		if ok && missing == len(members) {
			a.noAttribute(e, sure)
		}
		return types.Unknown
	}
	if !ok {
		return types.Likely(out)
	}
	return out
}

// memberType is the type of an attribute or method of t, which has no alternatives, or nil where it has none.
func memberType(t types.Type, name string) types.Type {
	if silent(t) {
		if g, ok := t.(*types.Guess); ok {
			if m := memberType(g.Elem, name); m != nil {
				return types.Likely(m)
			}
		}
		return types.Unknown
	}
	switch x := t.(type) {
	case *types.Struct:
		if f, ok := types.Attr(x, name); ok {
			return f.Type
		}
		if x.Open {
			return types.Unknown
		}
		return nil
	case *types.Module:
		if f, ok := types.Attr(x, name); ok {
			return f.Type
		}
		return nil
	case *types.Named:
		if f, ok := types.Attr(x, name); ok {
			return f.Type
		}
	}
	receiver := receiverOf(t)
	if row := builtins.Lookup(receiver, name); row != nil {
		return rowType(row)
	}
	if receiver == "" || len(builtins.Members(receiver)) == 0 && !isNamed(t) {
		if t == types.None || t == types.Bool || t == types.Int || t == types.Float || receiver == "int" {
			return nil
		}
		switch t.(type) {
		case *types.Function, *types.Tuple:
			return nil
		}
		return types.Unknown
	}
	if n, ok := t.(*types.Named); ok && len(n.Fields) == 0 && len(builtins.Members(n.Name)) == 0 {
		return types.Unknown
	}
	return nil
}

// receiverOf is the name under which the builtin table lists the methods of t.
func receiverOf(t types.Type) string {
	switch t := t.(type) {
	case *types.List:
		return "list"
	case *types.Dict:
		return "dict"
	case *types.Named:
		return t.Name
	case *types.Tuple:
		return "tuple"
	}
	switch plain(t) {
	case types.String:
		return "string"
	case types.Bytes:
		return "bytes"
	case types.Int:
		return "int"
	}
	return ""
}

// rowTypes are the types of the rows of the builtin table, made once.
var rowTypes = sync.OnceValue(func() map[*builtins.Builtin]types.Type {
	m := map[*builtins.Builtin]types.Type{}
	for _, row := range builtins.All() {
		m[row] = typeOfRow(row)
	}
	return m
})

func rowType(row *builtins.Builtin) types.Type {
	if t, ok := rowTypes()[row]; ok {
		return t
	}
	return typeOfRow(row)
}

func typeOfRow(row *builtins.Builtin) types.Type {
	switch row.Kind {
	case builtins.Module:
		return row.Result
	}
	if !row.Callable() {
		if row.Result == nil {
			return types.Unknown
		}
		return row.Result
	}
	f := &types.Function{Name: row.QualifiedName(), Result: row.Result}
	if f.Result == nil {
		f.Result = types.Unknown
	}
	params := row.Params
	if row.Described() {
		params = append(params[:len(params):len(params)], builtins.Description)
	}
	for _, p := range params {
		f.Params = append(f.Params, types.Param{
			Name: p.Name, Type: p.Type, Default: p.Default, Optional: !p.Required, Variadic: p.Variadic, Positional: p.Positional, Keyword: p.Keyword,
		})
	}
	return f
}

// Members lists the attributes and methods that a value of type t has, by name.
func Members(t types.Type) []string {
	seen := map[string]bool{}
	var names []string
	add := func(list ...string) {
		for _, n := range list {
			if !seen[n] {
				seen[n] = true
				names = append(names, n)
			}
		}
	}
	sure, _ := types.Sure(t)
	for _, m := range types.Members(sure) {
		m, _ = types.Sure(m)
		switch x := m.(type) {
		case *types.Struct:
			for _, f := range x.Fields {
				add(f.Name)
			}
			continue
		case *types.Named:
			for _, f := range x.Fields {
				add(f.Name)
			}
		case *types.Module:
			if x.Exports != nil {
				add(x.Exports.Names()...)
			}
			continue
		}
		if receiver := receiverOf(m); receiver != "" {
			for _, row := range builtins.Members(receiver) {
				add(row.Name)
			}
		}
	}
	return names
}

func (a *fn) noAttribute(e *syntax.DotExpr, base types.Type) {
	name := e.Name.Name
	at := rangeOf(e.Name)
	if receiver := receiverOf(base); receiver != "" {
		if d := a.removed(e, receiver, name, at); d {
			return
		}
	}
	var hint string
	var fixes []diag.Fix
	if near, ok := closest(name, Members(base)); ok {
		hint = "did you mean " + near + "?"
		fixes = append(fixes, a.c.fix("change to "+near, false, at, near))
	}
	msg := fmt.Sprintf("%s has no attribute %s", show(base), name)
	switch t := base.(type) {
	case *types.Module:
		msg = fmt.Sprintf("module %s has no %s", t.Name, name)
	case *types.Dict:
		if _, ok := types.Attr(t, name); ok || hint == "" {
			hint = fmt.Sprintf("an entry of a dict is d[%q]", name)
		}
	case *types.Tuple:
		hint = "an element of a tuple is t[0]"
	case *types.Struct:
		msg = fmt.Sprintf("struct has no attribute %s", name)
		if hint == "" {
			hint = "it has " + listed(Members(t), 8)
		}
	case types.Basic:
		if t == types.None {
			msg = fmt.Sprintf("None has no attribute %s", name)
		}
	case *types.Union:
		if all(t.Members, func(m types.Type) bool { _, ok := m.(*types.Struct); return ok }) {
			msg = fmt.Sprintf("struct has no attribute %s", name)
		}
	case *types.Future:
		msg = fmt.Sprintf("str has no attribute %s", name)
		if hint == "" {
			hint = "the value is known only when the plan runs; until then it is a placeholder string"
		}
	}
	a.c.report("unknown-attribute", at, msg, hint, fixes...)
}

// closest is diag.Closest, but a single letter is not taken for a slip of another.
func closest(name string, among []string) (string, bool) {
	if len(name) < 2 {
		return "", false
	}
	return diag.Closest(name, among)
}

func all[T any](list []T, ok func(T) bool) bool {
	for _, x := range list {
		if !ok(x) {
			return false
		}
	}
	return true
}

// listed prints names for people, the first n of them.
func listed(names []string, n int) string {
	names = append([]string(nil), names...)
	sort.Strings(names)
	if len(names) == 0 {
		return "none"
	}
	if len(names) > n {
		return strings.Join(names[:n], ", ") + ", …"
	}
	return strings.Join(names, ", ")
}

// show prints a type for a message, cut to what a line can bear.
func show(t types.Type) string {
	t, _ = types.Sure(t)
	switch x := t.(type) {
	case *types.List:
		if x.Elem == types.Never {
			return "list"
		}
	case *types.Dict:
		if x.Key == types.Never && x.Value == types.Never && len(x.Known) == 0 {
			return "dict"
		}
	case types.StringLit:
		if len(x) > 40 {
			return "str"
		}
	case *types.Module:
		return "module " + x.Name
	case *types.Function:
		if x.Name != "" {
			return "function " + x.Name
		}
		return "function"
	}
	s := t.String()
	if len([]rune(s)) > 80 {
		switch t.(type) {
		case *types.Struct:
			return "struct"
		case *types.Dict:
			return "dict"
		case *types.List:
			return "list"
		case *types.Tuple:
			return "tuple"
		}
		s = string([]rune(s)[:77]) + "…"
	}
	return s
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
