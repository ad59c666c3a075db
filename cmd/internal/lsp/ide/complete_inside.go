package ide

import (
	"bytes"
	"slices"
	"strings"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/parse"
	"github.com/kurtosis-go/kurtosis/lang/source"
	"github.com/kurtosis-go/kurtosis/lang/types"
)

// inside is the type that is wanted of an element of a list or dict that is an argument and starts at an offset: a PortSpec behind the colon
// in ports={"http": …}. It is nil where nothing is known of it.
func (c *completer) inside(start int) types.Type {
	if before := bytes.TrimRight(c.f.Text()[:start], " \t\r\n"); len(before) == 0 || !strings.ContainsRune("[{(,:", rune(before[len(before)-1])) {
		return nil // behind an operator
	}
	call := callAt(c.m.Info.Tree, c.at)
	if call == nil {
		return nil
	}
	callee := c.v.calleeOf(c.ctx, c.m, call)
	if callee.typ == nil {
		return nil
	}
	i := activeParam(callee.typ, c.m.Info.Tree, call, c.at)
	if i < 0 || i >= len(callee.typ.Params) || callee.typ.Params[i].Variadic != "" {
		return nil
	}
	want := callee.typ.Params[i].Type
	for _, n := range c.path[slices.Index(c.path, syntax.Node(call))+1:] {
		switch n := n.(type) {
		case *syntax.ListExpr:
			want = part(want, func(t types.Type) types.Type {
				if l, ok := t.(*types.List); ok {
					return l.Elem
				}
				return nil
			})
		case *syntax.DictExpr:
			value := behindColon(c.f, n, c.at)
			want = part(want, func(t types.Type) types.Type {
				d, ok := t.(*types.Dict)
				switch {
				case !ok:
					return nil
				case value:
					return d.Value
				}
				return d.Key
			})
		case *syntax.BinaryExpr:
			if n.Op != syntax.EQ {
				return nil
			}
		case *syntax.DictEntry, *syntax.ParenExpr, *syntax.CondExpr, *syntax.Ident:
		default:
			return nil
		}
	}
	return want
}

// part is what of gives for the member of t that has such parts.
func part(t types.Type, of func(types.Type) types.Type) types.Type {
	if t == nil {
		return nil
	}
	for _, m := range types.Members(sure(t)) {
		if p := of(sure(m)); p != nil {
			return p
		}
	}
	return nil
}

// behindColon says whether a place in a dict is where the value of an entry stands.
func behindColon(f *source.File, d *syntax.DictExpr, at source.Pos) bool {
	for _, e := range slices.Backward(d.List) {
		entry, ok := e.(*syntax.DictEntry)
		if !ok || !parse.Pos(entry.Colon).Before(at) {
			continue
		}
		end, to := f.Offset(nodeRange(entry).End), f.Offset(at)
		return end >= to || !strings.Contains(string(f.Text()[end:to]), ",")
	}
	return false
}
