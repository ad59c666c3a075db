package compose

import (
	"maps"
	"slices"
	"strings"
)

// The expressions below are all that a converted module needs. They print with one argument or entry on a line, as
// the formatter leaves what has a trailing comma.
type expr interface {
	print(b *strings.Builder, indent string)
}

type literal string

func (l literal) print(b *strings.Builder, _ string) { b.WriteString(string(l)) }

// quoted is a string in double quotes, with the escapes that Starlark knows.
func quoted(s string) literal {
	var b strings.Builder
	b.WriteByte('"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '"', '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case '\n':
			b.WriteString(`\n`)
		case '\r':
			b.WriteString(`\r`)
		case '\t':
			b.WriteString(`\t`)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return literal(b.String())
}

type list []expr

func stringList(items []string) list {
	out := list{}
	for _, item := range items {
		out = append(out, quoted(item))
	}
	return out
}

func (l list) print(b *strings.Builder, indent string) {
	if len(l) == 0 {
		b.WriteString("[]")
		return
	}
	b.WriteString("[\n")
	for _, item := range l {
		b.WriteString(indent + "    ")
		item.print(b, indent+"    ")
		b.WriteString(",\n")
	}
	b.WriteString(indent + "]")
}

type entry struct {
	key   string
	value expr
}

// entries is a dictionary with string keys.
type entries []entry

func stringDict(m map[string]string) entries {
	var out entries
	for _, key := range slices.Sorted(maps.Keys(m)) {
		out = append(out, entry{key, quoted(m[key])})
	}
	return out
}

func (d entries) print(b *strings.Builder, indent string) {
	b.WriteString("{\n")
	for _, e := range d {
		b.WriteString(indent + "    ")
		quoted(e.key).print(b, "")
		b.WriteString(": ")
		e.value.print(b, indent+"    ")
		b.WriteString(",\n")
	}
	b.WriteString(indent + "}")
}

// call is a call with keyword arguments only.
type call struct {
	name string
	args entries
}

func (c *call) add(name string, value expr) { c.args = append(c.args, entry{name, value}) }

func (c *call) addDict(name string, d entries) {
	if len(d) > 0 {
		c.add(name, d)
	}
}

func (c *call) addList(name string, items []string) {
	if len(items) > 0 {
		c.add(name, stringList(items))
	}
}

func (c call) print(b *strings.Builder, indent string) {
	b.WriteString(c.name + "(\n")
	for _, a := range c.args {
		b.WriteString(indent + "    " + a.key + "=")
		a.value.print(b, indent+"    ")
		b.WriteString(",\n")
	}
	b.WriteString(indent + ")")
}

// render prints a statement of a function's body.
func render(c call) string {
	var b strings.Builder
	b.WriteString("    ")
	c.print(&b, "    ")
	b.WriteByte('\n')
	return b.String()
}
