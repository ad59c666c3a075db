package builtins

import (
	"strconv"
	"strings"

	"github.com/kurtosis-go/kurtosis/lang/types"
)

// Snippet is a call of the row with a placeholder for each required argument, in the snippet syntax of editors:
// add_service(\n\tname="$1",\n\tconfig = $2,\n)$0. The name stands without its receiver. A row that cannot be
// called is its name.
func (b *Builtin) Snippet() string {
	if !b.Callable() {
		return b.Name
	}
	type arg struct{ name, value string }
	var args []arg
	stop := 0
	next := func() string { stop++; return strconv.Itoa(stop) }
	for i := range b.Params {
		p := &b.Params[i]
		if !p.Required {
			continue
		}
		value := p.placeholder(next)
		if p.Positional {
			args = append(args, arg{"", value})
		} else {
			args = append(args, arg{p.Name + "=", value})
		}
	}
	switch {
	case len(args) == 0 && len(b.Params) == 0 && !b.Described():
		return b.Name + "()$0"
	case len(args) == 0:
		return b.Name + "($1)$0"
	case len(args) == 1 && (args[0].name == "" || b.Kind == Helper || b.Name == "print"):
		return b.Name + "(" + args[0].value + ")$0"
	case args[0].name == "":
		values := make([]string, len(args))
		for i, a := range args {
			values[i] = a.value
		}
		return b.Name + "(" + strings.Join(values, ", ") + ")$0"
	}
	var w strings.Builder
	w.WriteString(b.Name + "(\n")
	for _, a := range args {
		w.WriteString("\t" + a.name + a.value + ",\n")
	}
	w.WriteString(")$0")
	return w.String()
}

func (p *Param) placeholder(next func() string) string {
	if len(p.Enum) > 0 {
		values := make([]string, len(p.Enum))
		for i, e := range p.Enum {
			values[i] = strings.NewReplacer(`\`, `\\`, ",", `\,`, "|", `\|`).Replace(e)
		}
		return `"${` + next() + "|" + strings.Join(values, ",") + `|}"`
	}
	first := types.Members(p.Type)[0]
	switch t := first.(type) {
	case types.Basic:
		if t == types.String {
			return `"$` + next() + `"`
		}
	case *types.List:
		if t.Elem == types.String {
			return `["$` + next() + `"]`
		}
		return "[$" + next() + "]"
	case *types.Dict:
		return "{$" + next() + "}"
	case *types.Named:
		if Lookup("", t.Name) != nil {
			return t.Name + "($" + next() + ")"
		}
	}
	return "$" + next()
}
