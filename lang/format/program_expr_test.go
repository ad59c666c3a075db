package format

import "fmt"

func (p *program) expr(depth int) {
	if depth > 4 || p.room <= 0 {
		p.operand()
		return
	}
	p.room--
	switch p.IntN(22) {
	case 0, 1, 2:
		p.chain(depth)
	case 3:
		op := p.pick("+", "-", "*", "/", "//", "%", "|", "&", "^", "<<", ">>")
		for i := range 2 + p.IntN(3) {
			if i > 0 {
				p.token(op)
			}
			p.factor(depth)
		}
	case 4:
		p.factor(depth + 1)
		p.token(p.pick("+", "*", "|", "%"))
		p.factor(depth + 1)
		p.token(p.pick("-", "//", "&"))
		p.factor(depth + 1)
	case 5:
		p.factor(depth)
		if p.chance(30) {
			p.token("not")
			p.text(" in")
		} else {
			p.token(p.pick("==", "!=", "<", ">", "<=", ">=", "in"))
		}
		p.text(" ")
		p.factor(depth)
	case 6:
		op := p.pick(" and", " or")
		for i := range 2 + p.IntN(3) {
			if i > 0 {
				p.text(op)
				p.text(" ")
			}
			if p.chance(20) {
				p.token("not")
				p.text(" ")
			}
			p.atom(depth + 1)
		}
	case 7:
		p.atom(depth + 1)
		p.text(" if ")
		p.atom(depth + 1)
		p.text(" else ")
		p.expr(depth + 1)
	case 8:
		p.token("lambda")
		if p.chance(70) {
			p.text(" ")
			p.params()
		}
		p.text(":")
		p.expr(depth + 1)
	case 9:
		p.token(p.pick("not", "- ", "+", "~", "-"))
		p.text(" ")
		p.atom(depth + 1)
	default:
		p.atom(depth)
	}
}

func (p *program) factor(depth int) {
	if p.chance(10) {
		p.token(p.pick("-", "~", "- -"))
	}
	p.atom(depth + 1)
}

func (p *program) operand() {
	switch p.IntN(5) {
	case 0:
		p.token(p.number())
	case 1, 2:
		p.token(p.str())
	default:
		p.token(p.name())
	}
}

func (p *program) atom(depth int) {
	if depth > 5 || p.room <= 0 {
		p.operand()
		return
	}
	p.room--
	switch p.IntN(16) {
	case 0:
		p.block("", "(", ")", func() { p.expr(depth + 1) })
	case 1:
		p.block("", "(", ")", func() {
			p.expr(depth + 1)
			p.token(",")
			if p.chance(70) {
				p.list(1, func(int) { p.expr(depth + 1) })
			}
		})
	case 2, 3:
		p.block("", "[", "]", p.comma(func() { p.list(0, func(int) { p.expr(depth + 1) }) }))
	case 4, 5:
		p.block("", "{", "}", p.comma(func() {
			p.list(0, func(int) {
				p.expr(depth + 2)
				p.text(p.pick(":", ": ", " : "))
				p.expr(depth + 1)
			})
		}))
	case 6:
		open, closing := "[", "]"
		dict := p.chance(30)
		if dict {
			open, closing = "{", "}"
		}
		p.block("", open, closing, func() {
			p.expr(depth + 1)
			if dict {
				p.text(":")
				p.expr(depth + 1)
			}
			for range 1 + p.IntN(2) {
				p.text(" for ")
				p.targets(false)
				p.text(" in ")
				p.atom(depth + 1)
				if p.chance(40) {
					p.text(" if ")
					p.atom(depth + 1)
				}
			}
		})
	case 7, 8, 9, 10:
		p.chain(depth)
	default:
		p.operand()
	}
}

func (p *program) chain(depth int) {
	switch p.IntN(6) {
	case 0:
		p.token(p.str())
	case 1:
		p.block("", "(", ")", func() { p.expr(depth + 1) })
	default:
		p.token(p.name())
	}
	for range 1 + p.IntN(4) {
		switch p.IntN(6) {
		case 0, 1:
			p.text(p.pick(".", ".", " . "))
			p.text(p.name())
		case 2:
			p.block("", "[", "]", func() {
				switch p.IntN(6) {
				case 0:
					p.text(":")
				case 1:
					p.expr(depth + 2)
					p.text(":")
					if p.chance(50) {
						p.expr(depth + 2)
					}
				case 2:
					p.expr(depth + 2)
					p.token(":")
					p.expr(depth + 2)
					p.text(p.pick(":", ": "))
					if p.chance(50) {
						p.expr(depth + 2)
					}
				case 3:
					p.text("::")
				default:
					p.expr(depth + 1)
				}
			})
		default:
			p.block("", "(", ")", p.comma(func() {
				n := p.IntN(4)
				named := false
				for i := range n {
					if i > 0 {
						p.text(p.pick(",", ", "))
					}
					switch {
					case i == n-1 && p.chance(8):
						p.token(p.pick("*", "**"))
						p.atom(depth + 2)
					case named || p.chance(35):
						named = true
						p.token(p.name())
						p.text(p.pick("=", " = "))
						p.expr(depth + 1)
					default:
						p.expr(depth + 1)
					}
				}
			}))
		}
	}
}

func (p *program) params() {
	n := 1 + p.IntN(4)
	defaults := false
	for i := range n {
		if i > 0 {
			p.text(p.pick(",", ", "))
		}
		switch {
		case i == n-1 && p.chance(10):
			p.token("*")
			p.text(p.name())
		case i == n-1 && p.chance(10):
			p.token("**")
			p.text(p.name())
		default:
			p.token(fmt.Sprintf("%s%d", p.name(), i))
			if defaults || p.chance(30) {
				defaults = true
				p.text(p.pick("=", " = "))
				p.room -= 2
				p.atom(3)
			}
		}
	}
}

func (p *program) targets(parens bool) {
	n := 1 + p.IntN(3)
	open := parens && n > 1 && p.chance(30)
	if open {
		p.text("(")
		p.inside++
	}
	for i := range n {
		if i > 0 {
			p.text(p.pick(",", ", "))
		}
		p.token(p.name())
		if p.chance(8) {
			p.text("[0]")
		}
	}
	if open {
		if p.chance(20) {
			p.text(",")
		}
		p.text(")")
		p.inside--
	}
}
