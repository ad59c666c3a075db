package format

import (
	"math/rand/v2"
	"strings"
)

// program writes random Starlark with awkward layout.
type program struct {
	*rand.Rand
	b      strings.Builder
	inside int // brackets around us
	room   int // operands left before expressions get small
	unit   string
	plain  bool // no comments inside brackets
	typed  bool // with type comments, which Python takes in few places
}

// randomProgram returns a program that depends on seed alone.
func randomProgram(seed uint64, typed bool) string {
	p := &program{Rand: rand.New(rand.NewPCG(seed, 23)), typed: typed}
	p.unit = []string{"    ", "    ", "    ", "  ", "\t", " ", "        "}[p.IntN(7)]
	p.plain = p.IntN(3) == 0
	if p.IntN(12) == 0 {
		p.b.WriteString(p.pick("#!/usr/bin/env starlark\n", "\n\n", "#comment\n", "   # far\n", "\n# fmt: off\n"))
	}
	for range 1 + p.IntN(6) {
		p.statement(0)
	}
	if p.IntN(8) == 0 {
		p.b.WriteString(p.pick("\n\n\n", "# end", "    # end\n", "\n\n#end\n\n", "   "))
	}
	s := p.b.String()
	switch p.IntN(40) {
	case 0:
		return strings.ReplaceAll(s, "\n", "\r\n")
	case 1:
		return strings.TrimRight(s, "\n")
	}
	return s
}

func (p *program) pick(s ...string) string { return s[p.IntN(len(s))] }
func (p *program) chance(percent int) bool { return p.IntN(100) < percent }

func (p *program) text(s string) { p.b.WriteString(s) }

// token writes s after random white space.
func (p *program) token(s string) {
	p.gap()
	p.text(s)
}

func (p *program) gap() {
	written := p.b.String()
	if p.inside == 0 && strings.TrimLeft(written[strings.LastIndexByte(written, '\n')+1:], " \t") == "" {
		return
	}
	last := written[len(written)-1]
	switch r := p.IntN(100); {
	case r < 70:
		p.text(" ")
	case r < 80 && (last == '(' || last == '[' || last == ',' || last == '{'):
	case p.inside > 0 && r < 88:
		p.text("\n" + strings.Repeat(" ", p.IntN(9)))
	case p.inside > 0 && r < 92 && !p.plain:
		p.text(p.pick("  ", "") + p.comment() + "\n" + p.pick("", "    ", "\n\n"))
	case p.inside > 0 && r < 94 && !p.plain:
		p.text("\n" + p.pick("", "\n", "   ") + p.comment() + "\n" + strings.Repeat(" ", p.IntN(5)))
	case p.inside == 0 && r == 98:
		p.text(" \\\n  ")
	case r == 99:
		p.text("\t ")
	default:
		p.text(p.pick(" ", " ", "   "))
	}
}

func (p *program) comment() string {
	switch p.IntN(60) {
	case 0:
		return "# fmt: skip"
	case 1:
		return "# fmt: off"
	case 2:
		return "# fmt: on"
	case 3:
		if p.typed {
			return "# type: int"
		}
	case 4:
		if p.typed {
			return "# type: ignore"
		}
	}
	return p.pick("#c", "# comment", "#!x", "#  two", "#", "## h", "#:x", "#'q", "#\tt", "#\u00a0nb", "# "+strings.Repeat("long ", p.IntN(20)))
}

func (p *program) name() string {
	switch p.IntN(8) {
	case 0:
		return strings.Repeat("long_", 1+p.IntN(9)) + "name"
	case 1:
		return "é" + p.pick("", "tat")
	}
	return p.pick("a", "b", "x", "plan", "config", "service_name", "constants", "_", "print", "match", "exec")
}

func (p *program) str() string {
	switch p.IntN(14) {
	case 0:
		return `'it\'s'`
	case 1:
		return `'say "x"'`
	case 2:
		return `"say \"x\""`
	case 3:
		return `'''a'b"c'''`
	case 4:
		return "\"\"\"multi\nline  \n\ttext\"\"\""
	case 5:
		return `r'\d"'`
	case 6:
		return `b'bytes'`
	case 7:
		return `''`
	case 8:
		return `'` + strings.Repeat("word ", p.IntN(25)) + `'`
	case 9:
		return `'\\\'' `
	}
	q := p.pick(`"`, `'`)
	return q + p.pick("", "text", "a b", "{}", "%s", "日本語") + q
}

func (p *program) number() string {
	return p.pick("0", "1", "42", "0XaB", "0o17", "0B1", "1.5", "1.", ".5", "1E5", "1e+5", "2.E-3", "100000")
}

func (p *program) block(body string, open, closing string, f func()) {
	p.token(open)
	p.inside++
	f()
	if body != "" && p.chance(25) {
		p.token(body)
	}
	if p.chance(60) {
		p.text(closing)
	} else {
		p.token(closing)
	}
	p.inside--
}

func (p *program) list(least int, f func(i int)) {
	n := least + p.IntN(4)
	if p.room > 0 && p.chance(5) {
		n += 8
	}
	for i := range n {
		if i > 0 {
			p.text(p.pick(",", ", ", " ,"))
		}
		f(i)
	}
}

func (p *program) comma(list func()) func() {
	return func() {
		before := p.b.Len()
		list()
		if p.b.Len() > before && p.chance(25) {
			p.token(",")
		}
	}
}

func (p *program) indent(level int) { p.text(strings.Repeat(p.unit, level)) }

func (p *program) endLine() {
	switch p.IntN(14) {
	case 0:
		p.text(p.pick(" ", "", "  ") + p.comment())
	case 1:
		p.text("   ")
	}
	p.text("\n")
	if p.chance(15) {
		p.text(strings.Repeat("\n", 1+p.IntN(4)))
	}
	if p.chance(3) {
		p.text("    \n")
	}
}

func (p *program) between(level int) {
	if p.chance(12) {
		for range 1 + p.IntN(2) {
			p.indent(p.IntN(level + 2))
			p.text(p.comment() + "\n")
			if p.chance(20) {
				p.text("\n\n")
			}
		}
	}
}

func (p *program) statement(level int) {
	p.between(level)
	p.room = []int{0, 2, 5, 12, 25}[p.IntN(5)]
	p.indent(level)
	if level < 3 {
		switch p.IntN(14) {
		case 0, 1, 2:
			p.text("def" + p.pick(" ", "  ") + p.name())
			p.block("", "(", ")", p.comma(func() {
				if p.chance(80) {
					p.params()
				}
			}))
			p.suite(level, true)
			return
		case 3:
			p.text("if ")
			p.expr(1)
			p.suite(level, false)
			for range p.IntN(2) {
				p.indent(level)
				p.text("elif ")
				p.expr(1)
				p.suite(level, false)
			}
			if p.chance(40) {
				p.indent(level)
				p.text("else")
				p.suite(level, false)
			}
			return
		case 4:
			p.text("for ")
			p.targets(true)
			p.text(" in ")
			p.expr(1)
			if p.chance(10) {
				p.text(", ")
				p.expr(2)
			}
			p.suite(level, false)
			return
		}
	}
	p.small(level)
	for p.chance(4) {
		p.text(p.pick(";", "; "))
		p.small(level)
	}
	if p.chance(2) {
		p.text(";")
	}
	p.endLine()
}

func (p *program) suite(level int, def bool) {
	p.text(p.pick(":", " :"))
	if p.chance(6) {
		p.text(" ")
		p.small(level + 1)
		p.endLine()
		return
	}
	p.endLine()
	if p.chance(20) {
		p.indent(level + 1)
		p.docstring(level + 1)
		p.endLine()
	}
	for range 1 + p.IntN(3) {
		p.statement(level + 1)
	}
	_ = def
}

func (p *program) docstring(level int) {
	in := strings.Repeat(p.unit, level)
	q := p.pick(`"""`, `'''`)
	switch p.IntN(10) {
	case 0:
		p.text(q + "One line.  " + q)
	case 1:
		p.text(q + `ends in quote"` + p.pick(" ", "\n"+in) + q)
	case 2:
		p.text(q + q)
	case 3:
		p.text(q + "   " + q)
	case 4:
		p.text("'single  '")
	case 5:
		p.text(q + "trailing backslash \\\\" + q)
	case 6:
		p.text(q + strings.Repeat("word ", 16+p.IntN(4)) + p.pick("", "\n"+in+strings.Repeat("long ", 16+p.IntN(3))) + q)
	case 7:
		p.text(q + "\n" + in + "Text\n\n" + in + "\tmore\n" + in + "  " + p.pick("x", "é") + "   \n\n" + q)
	case 8:
		p.text(p.pick("r", "b", "") + q + " a\\n" + q)
	default:
		p.text(q + "Summary\n" + p.pick(in, "", in+"  ") + "Args:\n" + in + "  x (int): the x\n" + in + q)
	}
}

func (p *program) small(level int) {
	switch p.IntN(10) {
	case 0:
		if level > 0 {
			p.text("return")
			if p.chance(80) {
				p.text(" ")
				p.expr(0)
				if p.chance(15) {
					p.text(", ")
					p.expr(1)
				}
			}
			return
		}
		p.text("pass")
	case 1:
		p.text(p.pick("pass", "break", "continue"))
	case 2, 3, 4, 5:
		p.token(p.name())
		switch p.IntN(6) {
		case 0:
			p.text(", ")
			p.text(p.name())
		case 1:
			p.block("", "[", "]", func() { p.expr(3) })
			p.token("+=")
			p.expr(1)
			return
		case 2:
			p.text(".field")
			p.token("|=")
			p.expr(1)
			return
		}
		p.token("=")
		p.expr(0)
		if p.chance(8) {
			p.text(", ")
			p.expr(1)
		}
	default:
		p.chain(1)
	}
}
