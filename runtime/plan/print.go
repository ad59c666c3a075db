package plan

import (
	"fmt"
	"math"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"
)

func (None) String() string { return "None" }

func (b Bool) String() string {
	if b {
		return "True"
	}
	return "False"
}

func (f Float) String() string  { return string(appendFloat(nil, float64(f))) }
func (s String) String() string { return string(appendQuoted(nil, string(s), false)) }
func (b Bytes) String() string  { return string(appendQuoted(nil, string(b), true)) }
func (o Opaque) String() string { return o.Text }

func (l *List) String() string   { return string(appendValue(nil, l)) }
func (d *Dict) String() string   { return string(appendValue(nil, d)) }
func (o *Object) String() string { return string(appendValue(nil, o)) }

// appendValue prints v in the canonical form of instruction texts: dict items and struct fields are sorted, so
// that equal values have equal texts however they were built; typed objects keep declaration order.
func appendValue(out []byte, v Value) []byte { return printer{}.value(out, v) }

// appendCall prints name(field=value, …) in the canonical form.
func appendCall(out []byte, name string, fields []Field) []byte {
	return printer{}.call(out, name, fields)
}

// printer prints values as Starlark expressions.
type printer struct {
	runnable bool // for a module that is run: dicts in their order, and only what the grammar has
}

func (p printer) value(out []byte, v Value) []byte {
	switch v := v.(type) {
	case String:
		return appendQuoted(out, string(v), false)
	case Bytes:
		if p.runnable { // buildifier's grammar has no literal
			return p.value(append(out, "bytes"...), bytesTuple(v))
		}
		return appendQuoted(out, string(v), true)
	case Float:
		if p.runnable && (math.IsInf(float64(v), 0) || math.IsNaN(float64(v))) {
			return append(append(append(out, `float("`...), v.String()...), `")`...)
		}
		return appendFloat(out, float64(v))
	case Int:
		if v.big == nil {
			return strconv.AppendInt(out, v.small, 10)
		}
		return v.big.Append(out, 10)
	case Opaque:
		if p.runnable && v.Kind != "time.time" {
			return appendQuoted(out, v.Text, false)
		}
		return append(out, v.Text...)
	case *List:
		switch v.Kind {
		case Tuple:
			out = p.items(append(out, '('), v.Items)
			if len(v.Items) == 1 {
				out = append(out, ',')
			}
			return append(out, ')')
		case Set:
			return append(p.items(append(out, "set(["...), v.Items), "])"...)
		}
		return append(p.items(append(out, '['), v.Items), ']')
	case *Dict:
		items := v.Items
		if !p.runnable {
			items = sortedItems(items)
		}
		out = append(out, '{')
		for i, item := range items {
			if i > 0 {
				out = append(out, ", "...)
			}
			out = p.value(out, item.Key)
			out = append(out, ": "...)
			out = p.value(out, item.Value)
		}
		return append(out, '}')
	case *Object:
		fields := v.Fields
		if v.Constructor == "struct" && !sort.SliceIsSorted(fields, func(i, j int) bool { return fields[i].Name < fields[j].Name }) {
			fields = append([]Field(nil), fields...)
			sort.Slice(fields, func(i, j int) bool { return fields[i].Name < fields[j].Name })
		}
		return p.call(out, v.Constructor, masked(v.Constructor, fields))
	}
	return append(out, v.String()...)
}

// bytesTuple is the argument that bytes() makes b of.
func bytesTuple(b Bytes) *List {
	items := make([]Value, len(b))
	for i := range len(b) {
		items[i] = NewInt(int64(b[i]))
	}
	return &List{Kind: Tuple, Items: []Value{&List{Items: items}}}
}

func (p printer) items(out []byte, items []Value) []byte {
	for i, item := range items {
		if i > 0 {
			out = append(out, ", "...)
		}
		out = p.value(out, item)
	}
	return out
}

func (p printer) call(out []byte, name string, fields []Field) []byte {
	out = append(append(out, name...), '(')
	for i, f := range fields {
		if i > 0 {
			out = append(out, ", "...)
		}
		out = append(append(out, f.Name...), '=')
		out = p.value(out, f.Value)
	}
	return append(out, ')')
}

// appendFloat prints a float as Starlark's str() does: %g with a ".0" where it would read as an int.
func appendFloat(out []byte, f float64) []byte {
	switch {
	case math.IsInf(f, 1):
		return append(out, "+inf"...)
	case math.IsInf(f, -1):
		return append(out, "-inf"...)
	case math.IsNaN(f):
		return append(out, "nan"...)
	}
	start := len(out)
	out = strconv.AppendFloat(out, f, 'g', -1, 64)
	if !strings.ContainsAny(string(out[start:]), ".e") {
		out = append(out, ".0"...)
	}
	return out
}

// appendQuoted prints a string literal as Starlark does: double quotes, the escapes of Go but for \U and \x of
// invalid text.
func appendQuoted(out []byte, s string, bytes bool) []byte {
	if bytes {
		out = append(out, 'b')
	}
	out = append(out, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c >= ' ' && c != '"' && c != '\\' && c != 0x7f {
				i++
				continue
			}
			out = append(out, s[start:i]...)
			switch c {
			case '\a':
				out = append(out, `\a`...)
			case '\b':
				out = append(out, `\b`...)
			case '\f':
				out = append(out, `\f`...)
			case '\n':
				out = append(out, `\n`...)
			case '\r':
				out = append(out, `\r`...)
			case '\t':
				out = append(out, `\t`...)
			case '\v':
				out = append(out, `\v`...)
			case '"', '\\':
				out = append(out, '\\', c)
			default:
				out = fmt.Appendf(out, `\x%02x`, c)
			}
			i++
			start = i
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r != utf8.RuneError && strconv.IsPrint(r) {
			i += n
			continue
		}
		out = append(out, s[start:i]...)
		switch {
		case r == utf8.RuneError && n == 1:
			out = fmt.Appendf(out, `\x%02x`, c)
		case r < 0x10000:
			out = fmt.Appendf(out, `\u%04x`, r)
		default:
			out = fmt.Appendf(out, `\U%08x`, r)
		}
		i += n
		start = i
	}
	return append(append(out, s[start:]...), '"')
}
