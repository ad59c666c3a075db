package format

import (
	"strings"
	"unicode/utf8"
)

// tests is an expression, or several without parentheses around them, which then make a k.
func (p *parser) tests(k kind) *node {
	x := p.test()
	if p.tok.kind != tokComma {
		return x
	}
	n := p.production(k, x)
	for p.tok.kind == tokComma {
		comma := p.tok.start
		n.append(p.take())
		if p.endsList() {
			p.scan.fail(comma, "a tuple that ends in a comma needs parentheses")
		}
		n.append(p.test())
	}
	return n
}

func (p *parser) endsList() bool {
	switch p.tok.kind {
	case tokEnd, tokNewline, tokEqual, tokRParen, tokRBrack, tokRBrace, tokSemi:
		return true
	}
	return false
}

func (p *parser) loopVariables() *node {
	n := p.production(exprList, p.primary())
	for p.tok.kind == tokComma {
		n.append(p.take())
		if p.endsList() {
			break
		}
		n.append(p.primary())
	}
	return single(n)
}

func (p *parser) test() *node {
	p.enter()
	defer p.leave()
	if p.word == wordLambda {
		return p.lambda(true)
	}
	x := p.operation(levelOr)
	if p.word != wordIf {
		return x
	}
	n := p.production(conditional, x, p.take())
	n.append(p.operation(levelOr))
	n.append(p.expectWord(wordElse, `"else"`))
	n.append(p.test())
	return n
}

func (p *parser) lambda(conditionalBody bool) *node {
	p.enter()
	defer p.leave()
	n := p.production(lambdaDef, p.take())
	if p.tok.kind != tokColon {
		n.append(p.params(varArgsList, tokColon))
	}
	n.append(p.expect(tokColon, `":"`))
	if conditionalBody {
		n.append(p.test())
	} else {
		n.append(p.testNoConditional())
	}
	return n
}

func (p *parser) testNoConditional() *node {
	if p.word == wordLambda {
		return p.lambda(false)
	}
	return p.operation(levelOr)
}

// level is the precedence of a binary operator; higher binds tighter.
type level int8

const (
	levelNone level = iota - 1
	levelOr
	levelAnd
	levelNot // the unary one
	levelCompare
	levelBar
	levelCaret
	levelAmper
	levelShift
	levelArith
	levelTerm
)

var levelKinds = [...]kind{orTest, andTest, notTest, comparison, orExpr, xorExpr, andExpr, shiftExpr, arithExpr, term}

func (p *parser) level() level {
	switch p.tok.kind {
	case tokName:
		switch p.word {
		case wordOr:
			return levelOr
		case wordAnd:
			return levelAnd
		case wordIn, wordNot:
			return levelCompare
		}
	case tokLess, tokGreater, tokEqualEqual, tokNotEqual, tokLessEqual, tokGreaterEqual:
		return levelCompare
	case tokBar:
		return levelBar
	case tokCaret:
		return levelCaret
	case tokAmper:
		return levelAmper
	case tokLeftShift, tokRightShift:
		return levelShift
	case tokPlus, tokMinus:
		return levelArith
	case tokStar, tokPercent, tokSlash, tokDoubleSlash:
		return levelTerm
	}
	return levelNone
}

// operation parses operators of at least the given level. Operands of one level make one flat production.
func (p *parser) operation(least level) *node {
	var left *node
	if p.word == wordNot && least <= levelNot {
		p.enter()
		left = p.production(notTest, p.take())
		left.append(p.operation(levelNot))
		p.leave()
	} else {
		left = p.primary()
	}
	for {
		l := p.level()
		if l < least || l == levelNone {
			return left
		}
		left = p.production(levelKinds[l], left)
		for p.level() == l {
			if l == levelCompare && left.first != left.last {
				p.fail("comparisons do not chain: use parentheses or \"and\"")
			}
			left.append(p.operator())
			left.append(p.operation(l + 1))
		}
	}
}

func (p *parser) operator() *node {
	not := p.word == wordNot
	op := p.take()
	if !not {
		return op
	}
	return p.production(compOp, op, p.expectWord(wordIn, `"in"`))
}

// primary is an operand with its calls, indices and members.
func (p *parser) primary() *node {
	switch p.tok.kind {
	case tokPlus, tokMinus, tokTilde:
		p.enter()
		defer p.leave()
		op := p.take()
		return p.production(factor, op, p.primary())
	}
	x := p.atom()
	if p.tok.kind != tokDot && p.tok.kind != tokLParen && p.tok.kind != tokLBrack {
		return x
	}
	n := p.production(power, x)
	for {
		switch p.tok.kind {
		case tokDot:
			dot := p.take()
			n.append(p.production(trailer, dot, p.name()))
		case tokLParen:
			n.append(p.call())
		case tokLBrack:
			n.append(p.index())
		default:
			return n
		}
	}
}

func (p *parser) atom() *node {
	switch p.tok.kind {
	case tokName:
		if p.word != plain && p.word != constant {
			if p.word == pythonWord {
				p.checkName()
			}
			p.fail("got %s, want an expression", p.describe())
		}
		return p.take()
	case tokString:
		if p.tok.value[0] == 'b' || strings.HasPrefix(p.tok.value, "rb") {
			for i := 0; i < len(p.tok.value); i++ {
				if p.tok.value[i] >= utf8.RuneSelf {
					p.fail("bytes beyond ASCII must be written as escapes: Python, and so black, refuses them")
				}
			}
		}
		return p.take()
	case tokNumber:
		return p.take()
	case tokLParen:
		n := p.production(atom, p.take())
		if p.tok.kind != tokRParen {
			n.append(p.elements(tupleMaker, tokRParen))
		}
		n.append(p.expect(tokRParen, `")"`))
		return n
	case tokLBrack:
		n := p.production(atom, p.take())
		if p.tok.kind != tokRBrack {
			n.append(p.elements(listMaker, tokRBrack))
		}
		n.append(p.expect(tokRBrack, `"]"`))
		return n
	case tokLBrace:
		n := p.production(atom, p.take())
		if p.tok.kind != tokRBrace {
			n.append(p.entries())
		}
		n.append(p.expect(tokRBrace, `"}"`))
		return n
	}
	p.fail("got %s, want an expression", p.describe())
	return nil
}

func (p *parser) elements(k, end kind) *node {
	n := p.production(k, p.test())
	if k == listMaker && p.word == wordFor {
		n.append(p.clauses(listFor, listIf))
		return n
	}
	for p.tok.kind == tokComma {
		n.append(p.take())
		if p.tok.kind == end {
			break
		}
		n.append(p.test())
	}
	return single(n)
}

func (p *parser) entries() *node {
	n := p.node(dictMaker)
	p.entry(n)
	if p.word == wordFor {
		n.append(p.clauses(compFor, compIf))
		return n
	}
	for p.tok.kind == tokComma {
		n.append(p.take())
		if p.tok.kind == tokRBrace {
			break
		}
		p.entry(n)
	}
	return n
}

func (p *parser) entry(n *node) {
	n.append(p.test())
	n.append(p.expect(tokColon, `":"`))
	n.append(p.test())
}

// clauses of a comprehension: each holds the ones after it.
func (p *parser) clauses(forKind, ifKind kind) *node {
	var outer, inner *node
	for p.word == wordFor || p.word == wordIf {
		var n *node
		if p.word == wordFor {
			n = p.production(forKind, p.take(), p.target(p.loopVariables()))
			n.append(p.expectWord(wordIn, `"in"`))
			n.append(p.operation(levelOr))
		} else {
			n = p.production(ifKind, p.take(), p.testNoConditional())
		}
		if outer == nil {
			outer = n
		} else {
			p.enter() // later walks go down clause by clause
			inner.append(n)
		}
		inner = n
	}
	for n := outer; n != inner; n = n.last {
		p.leave()
	}
	return outer
}

func (p *parser) call() *node {
	n := p.production(trailer, p.take())
	if p.tok.kind != tokRParen {
		args := p.node(argList)
		var named, unpacked bool
		for {
			start := p.tok.start
			x := p.argument()
			switch {
			case x.kind != argument:
				if named || unpacked {
					p.scan.fail(start, "a positional argument follows a named one")
				}
			case x.first.kind == tokStar:
				if unpacked {
					p.scan.fail(start, "an argument with one star follows one with two")
				}
			case x.first.kind == tokDoubleStar:
				unpacked = true
			default:
				named = true
			}
			args.append(x)
			if p.tok.kind != tokComma {
				break
			}
			args.append(p.take())
			if p.tok.kind == tokRParen {
				break
			}
		}
		n.append(single(args))
	}
	n.append(p.expect(tokRParen, `")"`))
	return n
}

func (p *parser) argument() *node {
	switch p.tok.kind {
	case tokStar, tokDoubleStar:
		star := p.take()
		return p.production(argument, star, p.test())
	}
	x := p.test()
	if p.tok.kind != tokEqual {
		return x
	}
	if x.kind != tokName || words[x.value] == constant {
		p.fail("a keyword argument has the form name=value")
	}
	eq := p.take()
	return p.production(argument, x, eq, p.test())
}

func (p *parser) index() *node {
	n := p.production(trailer, p.take())
	list := p.node(subscriptList)
	for {
		sub := p.node(subscript)
		if p.tok.kind != tokColon {
			sub.append(p.test())
		}
		sliced := p.tok.kind == tokColon
		if sliced {
			sub.append(p.take())
			if p.tok.kind != tokColon && p.tok.kind != tokRBrack {
				sub.append(p.test())
			}
			if p.tok.kind == tokColon {
				step := p.production(sliceOp, p.take())
				if p.tok.kind != tokRBrack {
					step.append(p.test())
				}
				sub.append(single(step))
			}
		}
		list.append(single(sub))
		if p.tok.kind != tokComma || sliced {
			break
		}
		comma := p.tok.start
		list.append(p.take())
		if p.tok.kind == tokRBrack {
			p.scan.fail(comma, "a tuple that ends in a comma needs parentheses")
		}
	}
	n.append(single(list))
	n.append(p.expect(tokRBrack, `"]"`))
	return n
}
