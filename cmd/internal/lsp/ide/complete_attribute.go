package ide

import (
	"strings"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/builtins"
	"github.com/kurtosis-go/kurtosis/lang/types"
	"github.com/kurtosis-go/kurtosis/typecheck"
)

// attributes offers what can stand behind the point before start.
func (c *completer) attributes(start int) {
	var base syntax.Expr
	for i := len(c.path) - 1; i >= 0 && base == nil; i-- {
		if dot, ok := c.path[i].(*syntax.DotExpr); ok && c.f.Offset(nodeRange(dot.X).End) < start {
			base = dot.X
		}
	}
	if base == nil {
		base = c.dotBefore(start)
	}
	if base == nil {
		return
	}
	t := c.v.typeOf(c.m, base)
	for _, m := range types.Members(sure(t)) {
		c.members(sure(m))
	}
}

// dotBefore finds the expression before a point that the path of nodes does not hold, since the place is just behind
// the end of a node.
func (c *completer) dotBefore(start int) syntax.Expr {
	text := c.f.Text()
	i := start
	for i > 0 && (text[i-1] == ' ' || text[i-1] == '\t') {
		i--
	}
	if i == 0 || text[i-1] != '.' {
		return nil
	}
	for _, offset := range []int{i - 1, i} {
		path := nodesAt(c.m.Info.Tree, c.f.Pos(offset))
		for j := len(path) - 1; j >= 0; j-- {
			if dot, ok := path[j].(*syntax.DotExpr); ok && c.f.Offset(nodeRange(dot.X).End) <= i-1 {
				return dot.X
			}
		}
	}
	return nil
}

func (c *completer) members(t types.Type) {
	switch t := t.(type) {
	case *types.Module:
		if info, ok := t.Exports.(*typecheck.Info); ok {
			c.exports(info)
			return
		}
		c.rows(t.Name)
		return
	case *types.Struct:
		for i, f := range t.Fields {
			c.field(f, i)
		}
		return
	case *types.Named:
		for i, f := range t.Fields {
			c.field(f, i)
		}
	}
	if receiver := receiverOf(t); receiver != "" {
		c.rows(receiver)
	}
}

func (c *completer) field(f types.Field, i int) {
	item := Item{Label: f.Name, Kind: ItemField, Detail: shortType(f.Type), Doc: f.Doc, Sort: rankExpected + sortable(i)}
	if _, ok := sure(f.Type).(*types.Function); ok {
		item.Kind = ItemMethod
	}
	c.add(item)
}

func (c *completer) rows(receiver string) {
	for i, row := range builtins.Members(receiver) {
		rank := rankLocal
		if row.Receiver == "plan" {
			rank = rankLocal + commonness(row.Name)
		}
		c.row(row, rank+sortable(i))
	}
}

// commonness puts the instructions that nearly every package uses before the others.
func commonness(name string) string {
	switch name {
	case "add_service", "print", "exec", "wait", "upload_files", "render_templates", "run_sh":
		return "0"
	}
	return "1"
}

// exports offers the globals of another module, private ones last.
func (c *completer) exports(info *typecheck.Info) {
	other, err := c.v.Plain(c.ctx, info.Target.Path)
	if err != nil {
		return
	}
	for i, g := range other.Info.Globals {
		rank := rankLocal
		if strings.HasPrefix(g.Name, "_") || g.Import != "" {
			rank = rankPrivate
		}
		item := Item{Label: g.Name, Kind: ItemVariable, Detail: shortType(g.Type()), Sort: rank + sortable(i)}
		switch {
		case g.Def() != nil && other.Info.FuncOf(g.Def()) != nil:
			c.function(&item, other.Info.FuncOf(g.Def()))
		case g.Import != "":
			item.Kind, item.Detail = ItemModule, g.Import
		case strings.ToUpper(g.Name) == g.Name:
			item.Kind = ItemConstant
		}
		if doc := commentAbove(other, g); doc != "" && item.Doc == "" {
			item.Doc = doc
		}
		c.add(item)
	}
}
