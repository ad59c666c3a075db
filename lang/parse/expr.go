package parse

import "go.starlark.net/syntax"

// parseExpr reads an expression or, without brackets, a tuple.
func (p *parser) parseExpr(inParens bool) syntax.Expr {
	x := p.parseTest()
	if p.tok != syntax.COMMA {
		return x
	}
	base := len(p.exprs)
	p.push(x)
	p.parseExprs(inParens)
	return &syntax.TupleExpr{List: p.list(base)}
}

// parseExprs pushes the expressions that follow the first of a list, starting with the comma.
func (p *parser) parseExprs(trailingComma bool) {
	for p.tok == syntax.COMMA {
		start, end := p.tokStart, p.tokEnd
		p.next()
		if endsList(p.tok) {
			if !trailingComma {
				p.trailingComma(start, end)
			}
			break
		}
		p.push(p.parseTest())
	}
}

func endsList(tok syntax.Token) bool {
	switch tok {
	case syntax.EOF, syntax.NEWLINE, syntax.EQ, syntax.RBRACE, syntax.RBRACK, syntax.RPAREN, syntax.SEMI:
		return true
	}
	return false
}

// parseTest reads an expression that is not a bare tuple.
func (p *parser) parseTest() syntax.Expr {
	if !p.enter(1) {
		p.leave(1)
		return p.missing(p.endOfPrev())
	}
	x := p.parseConditional()
	p.leave(1)
	return x
}

func (p *parser) parseConditional() syntax.Expr {
	if p.tok == syntax.LAMBDA {
		return p.parseLambda(true)
	}
	x := p.parseOperators()
	if !p.strict {
		x = p.walrus(x)
	}
	if p.tok != syntax.IF {
		return x
	}
	start, end := p.tokStart, p.tokEnd
	cond := &syntax.CondExpr{True: x, If: p.next()}
	cond.Cond = p.parseOperators()
	if p.tok != syntax.ELSE {
		p.errorAt(codeConditional, start, end, "the conditional expression has no else", "write `a if condition else b`")
		cond.ElsePos = p.endOfPrev()
		cond.False = p.missing(cond.ElsePos)
		return cond
	}
	cond.ElsePos = p.next()
	cond.False = p.parseTest()
	return cond
}

// parseNoCond reads an expression that does not take a following `if`.
func (p *parser) parseNoCond() syntax.Expr {
	if p.tok == syntax.LAMBDA {
		return p.parseLambda(false)
	}
	return p.parseOperators()
}

func (p *parser) parseLambda(conditional bool) syntax.Expr {
	if !p.enter(1) {
		p.leave(1)
		return p.missing(p.endOfPrev())
	}
	lambda := &syntax.LambdaExpr{Lambda: p.next()}
	if p.tok != syntax.COLON {
		lambda.Params = p.parseParams(false)
	}
	if p.tok == syntax.COLON {
		p.next()
	} else {
		p.errorHere(codeToken, "unexpected "+p.found()+", want ':' after the parameters of the lambda", "")
	}
	if conditional {
		lambda.Body = p.parseTest()
	} else {
		lambda.Body = p.parseNoCond()
	}
	p.leave(1)
	return lambda
}

// Operators bind by level: or, and, not, comparisons (which do not associate), | ^ & shifts sums products.
const (
	levelNot        = 2
	levelComparison = 3
	levels          = 10
)

var level = func() (t [syntax.YIELD + 1]int8) {
	for i := range t {
		t[i] = -1
	}
	for l, tokens := range [levels][]syntax.Token{
		{syntax.OR},
		{syntax.AND},
		{syntax.NOT},
		{syntax.EQL, syntax.NEQ, syntax.LT, syntax.GT, syntax.LE, syntax.GE, syntax.IN, syntax.NOT_IN},
		{syntax.PIPE},
		{syntax.CIRCUMFLEX},
		{syntax.AMP},
		{syntax.LTLT, syntax.GTGT},
		{syntax.MINUS, syntax.PLUS},
		{syntax.STAR, syntax.PERCENT, syntax.SLASH, syntax.SLASHSLASH},
	} {
		for _, tok := range tokens {
			t[tok] = int8(l)
		}
	}
	return t
}()

// parseOperators reads operands joined by operators. Upstream nests one production for each level, and counts
// them.
func (p *parser) parseOperators() syntax.Expr {
	if !p.enter(levels + 1) {
		p.leave(levels + 1)
		return p.missing(p.endOfPrev())
	}
	x := p.parseBinary(0)
	p.leave(levels + 1)
	return x
}

func (p *parser) parseBinary(min int) syntax.Expr {
	var x syntax.Expr
	if p.tok == syntax.NOT && min <= levelNot {
		if !p.enter(1) {
			p.leave(1)
			return p.missing(p.endOfPrev())
		}
		not := &syntax.UnaryExpr{Op: syntax.NOT, OpPos: p.next()}
		not.X = p.parseBinary(levelNot)
		x = not
		p.leave(1)
	} else {
		x = p.parseOperand()
	}
	compared := false
	for {
		if p.tok == syntax.NOT {
			p.notIn()
		} else if !p.strict {
			p.foreignOperator()
		}
		l := int(level[p.tok])
		if l < min || l < 0 {
			return x
		}
		if l == levelComparison {
			if compared {
				p.chained(x, p.tok)
			}
			compared = true
		}
		op := p.tok
		binary := p.binaries.take()
		binary.X, binary.Op = x, op
		binary.OpPos = p.next()
		binary.Y = p.parseBinary(l + 1)
		x = binary
	}
}

// notIn makes one NOT_IN of `not` and `in`.
func (p *parser) notIn() {
	start, end := p.tokStart, p.tokEnd
	p.next()
	if p.tok != syntax.IN {
		p.errorAt(codeToken, start, end, "unexpected 'not' after an expression, want an operator", "write `not in`, or `!=`")
		if p.strict {
			return
		}
	}
	if p.tok == syntax.IN {
		p.tok = syntax.NOT_IN
	}
}

// parseOperand reads a primary expression with what follows it: attributes, indices, calls.
func (p *parser) parseOperand() syntax.Expr {
	x := p.parsePrimary()
	for {
		switch p.tok {
		case syntax.DOT:
			dot := p.dots.take()
			dot.X, dot.Dot = x, p.next()
			dot.Name = p.parseAttribute()
			x = dot
		case syntax.LBRACK:
			x = p.parseIndex(x)
		case syntax.LPAREN:
			call := p.calls.take()
			call.Fn, call.Lparen = x, p.next()
			if p.tok != syntax.RPAREN {
				call.Args = p.parseArgs()
			}
			call.Rparen = p.closeBracket(syntax.RPAREN)
			x = call
		default:
			return x
		}
	}
}

func (p *parser) parseIndex(x syntax.Expr) syntax.Expr {
	lbrack := p.next()
	var lo, hi, step syntax.Expr
	if p.tok != syntax.COLON {
		y := p.parseExpr(false)
		if p.tok == syntax.RBRACK || !p.strict && p.tok != syntax.COLON {
			return &syntax.IndexExpr{X: x, Lbrack: lbrack, Y: y, Rbrack: p.closeBracket(syntax.RBRACK)}
		}
		lo = y
	}
	if p.tok == syntax.COLON {
		p.next()
		if p.tok != syntax.COLON && p.tok != syntax.RBRACK {
			hi = p.parseTest()
		}
	}
	if p.tok == syntax.COLON {
		p.next()
		if p.tok != syntax.RBRACK {
			step = p.parseTest()
		}
	}
	return &syntax.SliceExpr{X: x, Lbrack: lbrack, Lo: lo, Hi: hi, Step: step, Rbrack: p.closeBracket(syntax.RBRACK)}
}

func (p *parser) parseArgs() []syntax.Expr {
	base := len(p.exprs)
	for first := true; p.tok != syntax.RPAREN && p.tok != syntax.EOF && p.tok != syntax.NEWLINE; first = false {
		at := p.tokStart
		if !first {
			p.expectComma(syntax.RPAREN)
		}
		if p.tok == syntax.RPAREN {
			break
		}
		p.push(p.parseArg())
		if p.tokStart == at && !p.strict {
			p.skipElement()
			if p.tokStart == at {
				break
			}
		}
	}
	return p.list(base)
}

func (p *parser) parseArg() syntax.Expr {
	if p.tok == syntax.STAR || p.tok == syntax.STARSTAR {
		star := &syntax.UnaryExpr{Op: p.tok}
		star.OpPos = p.next()
		star.X = p.parseTest()
		return star
	}
	start := p.tokStart
	x := p.parseTest()
	if p.tok != syntax.EQ {
		return x
	}
	if _, ok := x.(*syntax.Ident); !ok {
		p.errorAt(codeKeywordArgument, start, p.prevEnd, "the name of a keyword argument must be a plain name", "write name=value, or == to compare")
	}
	return p.parseNamed(x)
}

func (p *parser) parsePrimary() syntax.Expr {
	if !p.enter(1) {
		p.leave(1)
		return p.missing(p.endOfPrev())
	}
	x := p.parseAtom()
	p.leave(1)
	return x
}

func (p *parser) parseAtom() syntax.Expr {
	switch p.tok {
	case syntax.IDENT:
		id := p.idents.take()
		id.NamePos, id.Name = p.tokPos, p.raw
		p.next()
		if !p.strict && startsLiteral(p.tok) {
			return p.printStatement(id)
		}
		return id
	case syntax.INT, syntax.FLOAT, syntax.STRING, syntax.BYTES:
		var x syntax.Expr = p.parseLiteral()
		if !p.strict {
			x = p.concatenation(x)
		}
		return x
	case syntax.LBRACK:
		return p.parseList()
	case syntax.LBRACE:
		return p.parseDict()
	case syntax.LPAREN:
		lparen := p.next()
		if p.tok == syntax.RPAREN && !p.synthetic {
			return &syntax.TupleExpr{Lparen: lparen, Rparen: p.next()}
		}
		x := p.parseExpr(true)
		return &syntax.ParenExpr{Lparen: lparen, X: x, Rparen: p.closeBracket(syntax.RPAREN)}
	case syntax.MINUS, syntax.PLUS, syntax.TILDE:
		unary := &syntax.UnaryExpr{Op: p.tok}
		unary.OpPos = p.next()
		unary.X = p.parseOperand()
		return unary
	}
	return p.missingExpr()
}

func startsLiteral(tok syntax.Token) bool {
	return tok == syntax.STRING || tok == syntax.BYTES || tok == syntax.INT || tok == syntax.FLOAT
}

func (p *parser) parseLiteral() *syntax.Literal {
	lit := p.literals.take()
	lit.Token, lit.Raw = p.tok, p.raw
	switch p.tok {
	case syntax.INT:
		if p.bigInt != nil {
			lit.Value = p.bigInt
		} else {
			lit.Value = p.integer
		}
	case syntax.FLOAT:
		lit.Value = p.float
	default:
		lit.Value = p.str
	}
	lit.TokenPos = p.next()
	return lit
}

func (p *parser) parseList() syntax.Expr {
	lbrack := p.next()
	if p.tok == syntax.RBRACK {
		return &syntax.ListExpr{Lbrack: lbrack, Rbrack: p.next()}
	}
	x := p.parseTest()
	if p.tok == syntax.FOR {
		return p.parseComprehension(lbrack, x, syntax.RBRACK)
	}
	base := len(p.exprs)
	p.push(x)
	for {
		p.parseExprs(true)
		if p.strict || !p.resumeList(syntax.RBRACK) {
			break
		}
		if p.tok != syntax.COMMA {
			p.push(p.parseTest())
		}
	}
	list := p.list(base)
	return &syntax.ListExpr{Lbrack: lbrack, List: list, Rbrack: p.closeBracket(syntax.RBRACK)}
}

func (p *parser) parseDict() syntax.Expr {
	lbrace := p.next()
	if p.tok == syntax.RBRACE {
		return &syntax.DictExpr{Lbrace: lbrace, Rbrace: p.next()}
	}
	x := p.parseEntry(firstEntry)
	kind := dictEntry
	if IsMissing(x.Value) {
		kind = setEntry
	}
	if p.tok == syntax.FOR {
		return p.parseComprehension(lbrace, x, syntax.RBRACE)
	}
	base := len(p.exprs)
	p.push(x)
	for {
		for p.tok == syntax.COMMA {
			p.next()
			if p.tok == syntax.RBRACE {
				break
			}
			p.push(p.parseEntry(kind))
		}
		if p.strict || !p.resumeList(syntax.RBRACE) {
			break
		}
		if p.tok != syntax.COMMA {
			p.push(p.parseEntry(kind))
		}
	}
	list := p.list(base)
	return &syntax.DictExpr{Lbrace: lbrace, List: list, Rbrace: p.closeBracket(syntax.RBRACE)}
}

// entryKind says what an entry without a value is: where it is the first, its braces hold a set, and the
// others of a set go without saying.
type entryKind uint8

const (
	firstEntry entryKind = iota
	dictEntry
	setEntry
)

func (p *parser) parseEntry(kind entryKind) *syntax.DictEntry {
	entry := p.entries.take()
	start := p.tokStart
	entry.Key = p.parseTest()
	if p.tok != syntax.COLON {
		p.missingValue(entry, start, kind)
		return entry
	}
	entry.Colon = p.next()
	entry.Value = p.parseTest()
	return entry
}

// parseComprehension reads the clauses after the body of a comprehension.
func (p *parser) parseComprehension(lbrack syntax.Position, body syntax.Expr, end syntax.Token) syntax.Expr {
	c := &syntax.Comprehension{Curly: end == syntax.RBRACE, Lbrack: lbrack, Body: body}
	for p.tok == syntax.FOR || p.tok == syntax.IF {
		if p.tok == syntax.FOR {
			clause := &syntax.ForClause{For: p.next()}
			clause.Vars = p.parseLoopVars()
			clause.In = p.expect(syntax.IN)
			clause.X = p.parseOperators()
			c.Clauses = append(c.Clauses, clause)
		} else {
			clause := &syntax.IfClause{If: p.next()}
			clause.Cond = p.parseNoCond()
			c.Clauses = append(c.Clauses, clause)
		}
	}
	c.Rbrack = p.closeBracket(end)
	return c
}
