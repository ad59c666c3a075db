package ide

import (
	"fmt"
	"strconv"
	"strings"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/builtins"
	"github.com/kurtosis-go/kurtosis/lang/parse"
	"github.com/kurtosis-go/kurtosis/lang/types"
)

// callAround is the call whose argument list the place is directly in, with the argument there; arg is nil where
// none has been started.
func (c *completer) callAround() (call *syntax.CallExpr, arg syntax.Expr) {
	call = callAt(c.m.Info.Tree, c.at)
	if call == nil {
		return nil, nil
	}
	// A bracket between the parenthesis and the place means that the place is not an argument of the call itself.
	for i := len(c.path) - 1; i >= 0 && c.path[i] != syntax.Node(call); i-- {
		switch n := c.path[i].(type) {
		case *syntax.ListExpr, *syntax.DictExpr, *syntax.ParenExpr, *syntax.Comprehension, *syntax.LambdaExpr:
			return nil, nil
		case *syntax.TupleExpr:
			if n.Lparen.IsValid() {
				return nil, nil
			}
		case *syntax.IndexExpr:
			if parse.Pos(n.Lbrack).Before(c.at) {
				return nil, nil
			}
		case syntax.Expr:
			arg = n
		}
	}
	if arg == nil {
		arg = c.unfinished(call)
	}
	return call, arg
}

// unfinished is the argument before the place that has a name and no value yet: its node ends before the white space
// that the place is behind.
func (c *completer) unfinished(call *syntax.CallExpr) syntax.Expr {
	for _, a := range call.Args {
		name, value := keyword(a)
		if name == nil || !parse.IsMissing(value) {
			continue
		}
		end, to := c.f.Offset(nodeRange(a).End), c.f.Offset(c.at)
		if end <= to && strings.TrimSpace(string(c.f.Text()[end:to])) == "" {
			return a
		}
	}
	return nil
}

// startsStatement says whether nothing but white space stands before the word on its line.
func (c *completer) startsStatement(start int) bool {
	text := c.f.Text()[:start]
	for i := len(text) - 1; i >= 0; i-- {
		switch text[i] {
		case ' ', '\t':
		case '\n', '\r':
			return true
		default:
			return false
		}
	}
	return true
}

// arguments offers the parameters that are not given yet.
func (c *completer) arguments(call *syntax.CallExpr, callee callee) {
	if callee.typ == nil || callee.typ.Loose {
		return
	}
	given := givenNames(call)
	position := 0
	for _, arg := range call.Args {
		if name, _ := keyword(arg); name == nil && !starred(arg) && !nodeRange(arg).Contains(c.at) {
			position++
		}
	}
	for i, p := range callee.typ.Params {
		if p.Variadic != "" || p.Positional || given[p.Name] || i < position && !p.Keyword {
			continue
		}
		item := Item{Label: p.Name + "=", Filter: p.Name, Kind: ItemArgument, Detail: argumentDetail(p), Doc: callee.paramDoc(p.Name), Sort: rankArgument + sortable(i)}
		if p.Optional {
			item.Sort = rankArgument + "5" + sortable(i)
		} else {
			item.Detail += " (required)"
		}
		item.Insert = p.Name + "="
		if callee.row != nil {
			if row := callee.row.Param(p.Name); row != nil {
				if row.Hidden {
					continue
				}
				item.Deprecated = row.Deprecated != ""
				item.Snippet = p.Name + "=" + placeholderOf(row)
			}
		}
		if item.Deprecated {
			item.Sort = rankOld + sortable(i)
		}
		c.add(item)
	}
}

func argumentDetail(p types.Param) string {
	detail := "any"
	if p.Type != nil && p.Type != types.Unknown {
		detail = p.Type.String()
	}
	if p.Default != "" {
		detail += " = " + p.Default
	}
	return detail
}

func sortable(i int) string { return fmt.Sprintf("%03d", i) }

// placeholderOf is what is filled in for an argument, as a snippet.
func placeholderOf(p *builtins.Param) string {
	if len(p.Enum) > 0 {
		return "\"${1|" + strings.Join(p.Enum, ",") + "|}\"$0"
	}
	switch t := types.Members(p.Type)[0].(type) {
	case types.Basic:
		if t == types.String {
			return "\"$1\"$0"
		}
		if t == types.Bool {
			other := "True"
			if p.Default == "True" {
				other = "False"
			}
			return "${1:" + other + "}$0"
		}
	case *types.List:
		return "[$1]$0"
	case *types.Dict:
		return "{$1}$0"
	case *types.Named:
		if row := rowOfType(t); row != nil {
			return t.Name + "($1)$0"
		}
	}
	return "$1"
}

// paramValues is the type that a parameter wants; the values it lists are offered.
func (c *completer) paramValues(callee callee, name string) types.Type {
	if callee.row != nil {
		if p := callee.row.Param(name); p != nil {
			for i, e := range p.Enum {
				c.add(Item{Label: strconv.Quote(e), Kind: ItemValue, Detail: "value of " + name, Sort: rankExpected + sortable(i), Preselect: i == 0})
			}
			c.madeNames(callee, p.Name, true)
			return p.Type
		}
	}
	if callee.typ != nil {
		for _, p := range callee.typ.Params {
			if p.Name == name {
				return p.Type
			}
		}
	}
	return nil
}

// madeNames offers the names of services or artifacts that were made, where a name is asked for.
func (c *completer) madeNames(callee callee, param string, quoted bool) {
	artifacts, services := wantsNames(callee.row, param)
	if !artifacts && !services {
		return
	}
	for i, made := range c.v.madeAround(c.ctx, c.m) {
		if made.artifact && !artifacts || !made.artifact && !services {
			continue
		}
		label := made.name
		if quoted {
			label = strconv.Quote(label)
		}
		c.add(Item{Label: label, Kind: ItemReference, Detail: "made by plan." + made.row.Name, Sort: rankExpected + sortable(i)})
	}
}

// wantsNames says whether a parameter takes the names of artifacts or of services that exist.
func wantsNames(row *builtins.Builtin, param string) (artifacts, services bool) {
	if row == nil {
		return false, false
	}
	switch {
	case param == "service_name":
		return false, true
	case param == "name" && row.Receiver == "plan":
		switch row.Name {
		case "get_service", "remove_service", "start_service", "stop_service", "set_service":
			return false, true
		case "get_files_artifact":
			return true, false
		}
	case param == "artifact_names", param == "files":
		return true, false
	}
	return false, false
}
