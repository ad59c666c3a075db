package typecheck

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/types"
)

// placeholders are the fields of a format string.
type placeholders struct {
	automatic int            // {}
	highest   int            // of {0}, {1}, …; -1 when there are none
	numbers   map[int]bool   // which
	names     map[string]int // of {name}
	fault     string         // the string is malformed: a call fails
}

func readFormat(s string) placeholders {
	p := placeholders{highest: -1, numbers: map[int]bool{}, names: map[string]int{}}
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '{':
			if i+1 < len(s) && s[i+1] == '{' {
				i++
				continue
			}
			end := strings.IndexByte(s[i:], '}')
			if end < 0 {
				p.fault = "has a { that is not closed"
				return p
			}
			field := s[i+1 : i+end]
			i += end
			name := field
			if j := strings.IndexAny(field, "!:"); j >= 0 {
				name = field[:j]
				if field[j] == ':' {
					if field[j+1:] != "" {
						p.fault = "has a width or precision, which format does not know"
					}
				} else if conv := field[j+1:]; conv != "r" && conv != "s" {
					p.fault = "has an unknown conversion " + quote("!"+conv)
				}
			}
			switch n, err := strconv.Atoi(name); {
			case name == "":
				p.automatic++
			case err == nil:
				p.numbers[n] = true
				p.highest = max(p.highest, n)
			case strings.ContainsAny(name, ".[]"):
				p.fault = "has " + quote("{"+field+"}") + ", but format takes no attributes and no indexes"
			default:
				p.names[name]++
			}
		case '}':
			if i+1 < len(s) && s[i+1] == '}' {
				i++
				continue
			}
			p.fault = "has a single }"
			return p
		}
	}
	if p.fault == "" && p.automatic > 0 && p.highest >= 0 {
		p.fault = "mixes {} with numbered fields"
	}
	return p
}

// format checks the arguments of "…".format(…).
func (a *fn) format(e *syntax.CallExpr, dot *syntax.DotExpr, s string, args []argument) {
	p := readFormat(s)
	if p.fault != "" {
		a.c.report("format-arguments", rangeOf(dot.X), "the format string "+p.fault, "a brace that is meant as such is written twice: {{ or }}")
		return
	}
	positional := 0
	given := map[string]bool{}
	starred, doubled := false, false
	for _, arg := range args {
		switch {
		case arg.star == syntax.STAR:
			starred = true
		case arg.star == syntax.STARSTAR:
			doubled = true
		case arg.name != nil:
			given[arg.name.Name] = true
		default:
			positional++
		}
	}
	needed := max(p.automatic, p.highest+1)
	at := rangeOf(dot.X)
	if at.Start.Line != at.End.Line {
		at = rangeOf(dot.Name)
	}
	if !starred && positional < needed {
		what := plural(needed, "argument")
		a.c.report("format-arguments", at, fmt.Sprintf("the format string wants %s, found %d", what, positional), "")
	}
	if !doubled {
		for _, name := range slices.Sorted(maps.Keys(p.names)) {
			if !given[name] {
				a.c.report("format-arguments", at, "the format string wants an argument "+spelled(name), "")
			}
		}
	}
	if !starred && positional > needed {
		n := 0
		for _, arg := range args {
			if arg.name == nil && arg.star == 0 {
				if n++; n == needed+1 {
					place := rangeOf(arg.node)
					if place.Start.Line != rangeOf(dot.Name).Start.Line {
						place = rangeOf(dot.Name)
					}
					a.c.report("unused-format-argument", place, fmt.Sprintf("the format string has %s, found %s", plural(needed, "placeholder"), plural(positional, "argument")), "")
				}
			}
		}
	}
	if p.highest >= 0 && positional <= needed && !starred {
		n := -1
		for _, arg := range args {
			if arg.name != nil || arg.star != 0 {
				continue
			}
			if n++; !p.numbers[n] {
				a.c.report("unused-format-argument", rangeOf(arg.node), fmt.Sprintf("the format string does not use argument {%d}", n), "")
			}
		}
	}
	for _, arg := range args {
		if arg.name != nil && p.names[arg.name.Name] == 0 {
			a.c.report("unused-format-argument", rangeOf(arg.node), fmt.Sprintf("the format string does not use argument {%s}", arg.name.Name), "")
		}
	}
}

// percent checks the arguments of "…" % x.
func (a *fn) percent(at syntax.Node, s string, arg syntax.Expr, t types.Type) {
	count := 0
	var numeric []int // which arguments must be numbers
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			continue
		}
		i++
		if i >= len(s) {
			a.c.report("format-arguments", rangeOf(at), "the format string ends with a single %", "a percent sign is written %%")
			return
		}
		switch s[i] {
		case '%':
			continue
		case '(':
			return // by name, from a dict
		case 'd', 'i', 'o', 'x', 'X', 'e', 'E', 'f', 'F', 'g', 'G':
			numeric = append(numeric, count)
			count++
		case 's', 'r', 'c':
			count++
		default:
			conv, _ := utf8.DecodeRuneInString(s[i:])
			a.c.report("format-arguments", rangeOf(at), "the format string has an unknown conversion "+quote("%"+string(conv)), "there are no widths and no precisions; a percent sign is written %%")
			return
		}
	}
	given, values := 1, []types.Type{t}
	switch x := t.(type) {
	case *types.Tuple:
		if x.Rest != nil {
			return
		}
		given, values = len(x.Elems), x.Elems
	case types.StringLit, types.IntLit:
	case types.Basic:
		if x == types.Unknown || x == types.Any {
			return
		}
	default:
		return
	}
	if given != count {
		a.c.report("format-arguments", rangeOf(at), fmt.Sprintf("the format string wants %s, found %d", plural(count, "argument"), given), "")
		return
	}
	for _, i := range numeric {
		if sure, ok := types.Sure(values[i]); ok && definitely(sure, func(m types.Type) bool { m = plain(m); return m == types.String || m == types.None }) {
			a.c.report("format-arguments", rangeOf(arg), fmt.Sprintf("the format string wants a number, found %s", show(sure)), "use %s")
		}
	}
}

var (
	unfilled = regexp.MustCompile(`\{[0-9a-zA-Z_]*\}|%[sdr]`)
	numbered = regexp.MustCompile(`\{[0-9]+\}`)
)

// failed reports placeholders in the arguments of fail that nothing fills. {} alone may be meant as such.
func (a *fn) failed(args []argument) {
	for _, arg := range args {
		lit, ok := unparen(arg.expr).(*syntax.Literal)
		if !ok || arg.name != nil {
			continue
		}
		s, _ := lit.Value.(string)
		m := numbered.FindString(s)
		if m == "" && len(args) > 1 {
			m = unfilled.FindString(s)
		}
		if m != "" {
			a.c.report("fail-placeholders", rangeOf(lit), fmt.Sprintf("fail does not fill the placeholder %s", m), "write fail(\"…\".format(…))")
			return
		}
	}
}
