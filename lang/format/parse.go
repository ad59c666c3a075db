package format

import "fmt"

// SyntaxError says why a file cannot be formatted. Line and Col count from 1, Col in code points.
type SyntaxError struct {
	File      string
	Line, Col int
	Message   string
}

func (e *SyntaxError) Error() string {
	if e.File == "" {
		return fmt.Sprintf("%d:%d: %s", e.Line, e.Col, e.Message)
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Col, e.Message)
}

// word is a name with a meaning in Starlark's grammar, or one that cannot be used as a name.
type word uint8

const (
	plain word = iota
	wordAnd
	wordBreak
	wordContinue
	wordDef
	wordElif
	wordElse
	wordFor
	wordIf
	wordIn
	wordLambda
	wordNot
	wordOr
	wordPass
	wordReturn
	wordWhile
	reserved   // by Starlark
	pythonWord // a keyword of Python only
	constant   // a name that Python does not let anyone declare
)

var words = map[string]word{
	"and": wordAnd, "break": wordBreak, "continue": wordContinue, "def": wordDef, "elif": wordElif,
	"else": wordElse, "for": wordFor, "if": wordIf, "in": wordIn, "lambda": wordLambda, "not": wordNot,
	"or": wordOr, "pass": wordPass, "return": wordReturn, "while": wordWhile,
	"as": reserved, "async": reserved, "await": reserved, "class": reserved, "del": reserved,
	"except": reserved, "finally": reserved, "from": reserved, "global": reserved, "import": reserved,
	"is": reserved, "nonlocal": reserved, "raise": reserved, "try": reserved, "with": reserved,
	"yield": reserved, "assert": pythonWord, "None": constant, "True": constant, "False": constant,
}

// parser builds black's kind of concrete tree from the Starlark grammar.
type parser struct {
	arena
	scan    *scanner
	tok     token
	word    word // of tok, when it is a name
	nesting int
}

// parse returns the tree of text, whose lines end in line feeds, the last one too.
func parse(text string, a *arena) (root *node, err error) {
	p := &parser{arena: *a, scan: newScanner(text)}
	defer func() {
		*a = p.arena
		switch e := recover().(type) {
		case nil:
		case *SyntaxError:
			root, err = nil, e
		default:
			panic(e)
		}
	}()
	p.advance()
	root = p.node(fileInput)
	for p.tok.kind != tokEnd {
		if p.tok.kind == tokNewline { // only after a backslash on a line of its own
			root.append(p.take())
			continue
		}
		root.append(p.statement())
	}
	root.append(p.take())
	return root, nil
}

func (p *parser) advance() {
	p.tok = p.scan.next()
	p.word = plain
	if p.tok.kind == tokName && len(p.tok.value) <= 8 {
		p.word = words[p.tok.value]
	}
}

// take makes a leaf of the current token and moves on.
func (p *parser) take() *node {
	t := &p.tok
	n := p.node(t.kind)
	n.setValue(t.value)
	n.prefix, n.line = t.prefix, t.line
	if t.kind != tokEnd {
		p.advance()
	}
	return n
}

func (p *parser) describe() string {
	switch p.tok.kind {
	case tokNewline:
		return "end of line"
	case tokEnd:
		return "end of file"
	case tokIndent:
		return "indented line"
	case tokDedent:
		return "end of block"
	}
	return fmt.Sprintf("%q", p.tok.value)
}

func (p *parser) fail(message string, args ...any) { p.scan.fail(p.tok.start, message, args...) }

func (p *parser) expect(k kind, what string) *node {
	if p.tok.kind != k {
		p.fail("got %s, want %s", p.describe(), what)
	}
	return p.take()
}

func (p *parser) expectWord(w word, what string) *node {
	if p.word != w {
		p.fail("got %s, want %s", p.describe(), what)
	}
	return p.take()
}

func (p *parser) enter() {
	if p.nesting++; p.nesting > maxNesting {
		p.fail("code nested more than %d deep", maxNesting)
	}
}

func (p *parser) leave() { p.nesting-- }

func (p *parser) statement() *node {
	switch p.word {
	case wordDef:
		n := p.production(funcDef, p.take(), p.name())
		n.append(p.parameters())
		n.append(p.expect(tokColon, `":"`))
		n.append(p.suite())
		return n
	case wordIf:
		n := p.production(ifStmt, p.take(), p.test())
		p.block(n)
		for p.word == wordElif {
			n.append(p.take())
			n.append(p.test())
			p.block(n)
		}
		if p.word == wordElse {
			n.append(p.take())
			p.block(n)
		}
		return n
	case wordWhile:
		n := p.production(whileStmt, p.take(), p.test())
		p.block(n)
		return n
	case wordFor:
		n := p.production(forStmt, p.take(), p.target(p.loopVariables()))
		n.append(p.expectWord(wordIn, `"in"`))
		n.append(p.tests(testListStar))
		p.block(n)
		return n
	}
	return p.simpleStatement()
}

func (p *parser) block(n *node) {
	n.append(p.expect(tokColon, `":"`))
	n.append(p.suite())
}

func (p *parser) suite() *node {
	p.enter()
	defer p.leave()
	if p.tok.kind != tokNewline {
		return p.simpleStatement()
	}
	n := p.production(suite, p.take())
	n.append(p.expect(tokIndent, "an indented block"))
	for p.tok.kind != tokDedent {
		n.append(p.statement())
	}
	n.append(p.take())
	return n
}

func (p *parser) simpleStatement() *node {
	n := p.node(simpleStmt)
	for {
		n.append(p.smallStatement())
		if p.tok.kind != tokSemi {
			break
		}
		n.append(p.take())
		if p.tok.kind == tokNewline {
			break
		}
	}
	n.append(p.expect(tokNewline, "end of line"))
	return n
}

func (p *parser) smallStatement() *node {
	switch p.word {
	case wordReturn:
		ret := p.take()
		if p.tok.kind == tokNewline || p.tok.kind == tokSemi {
			return ret
		}
		return p.production(returnStmt, ret, p.tests(testListStar))
	case wordBreak, wordContinue, wordPass:
		return p.take()
	}
	x := p.tests(testListStar)
	switch p.tok.kind {
	case tokEqual:
		p.target(x)
		op := p.take()
		return p.production(exprStmt, x, op, p.tests(testListStar))
	case tokAugAssign:
		single := x
		for single.kind == atom && single.first.kind == tokLParen && single.first.next != single.last {
			single = single.first.next
		}
		if single.kind != tokName && single.kind != power {
			p.fail("cannot assign to this expression with %q", p.tok.value)
		}
		p.target(x)
		op := p.take()
		return p.production(exprStmt, x, op, p.tests(testList))
	}
	return x
}

// target checks that x can be assigned to.
func (p *parser) target(x *node) *node {
	switch x.kind {
	case tokName:
		if words[x.value] == constant {
			p.fail("cannot assign to %s", x.value)
		}
		return x
	case power:
		if k := x.last.first.kind; k == tokDot || k == tokLBrack {
			return x
		}
	case testListStar, exprList, tupleMaker, listMaker:
		for c := x.first; c != nil; c = c.next {
			if c.kind != tokComma {
				p.target(c)
			}
		}
		return x
	case atom:
		switch {
		case x.first.kind == tokLBrace:
		case x.first.next == x.last:
			return x // () and []
		default:
			p.target(x.first.next)
			return x
		}
	}
	p.fail("cannot assign to this expression")
	return nil
}

// name is an identifier being declared or a member's name.
func (p *parser) name() *node {
	if p.tok.kind != tokName {
		p.fail("got %s, want a name", p.describe())
	}
	p.checkName()
	return p.take()
}

func (p *parser) checkName() {
	switch p.word {
	case plain:
	case pythonWord, constant:
		p.fail("%q is a keyword of Python: black refuses it as a name", p.tok.value)
	default:
		p.fail("got the keyword %q, want a name", p.tok.value)
	}
}

func (p *parser) parameters() *node {
	n := p.production(parameters, p.expect(tokLParen, `"("`))
	if p.tok.kind != tokRParen {
		n.append(p.params(typedArgsList, tokRParen))
	}
	n.append(p.expect(tokRParen, `")"`))
	return n
}

func (p *parser) params(k, end kind) *node {
	n := p.node(k)
	defaults, starred, bare := false, false, false
	for p.tok.kind != end {
		if n.last != nil {
			n.append(p.expect(tokComma, `","`))
			if p.tok.kind == end {
				break
			}
		}
		switch p.tok.kind {
		case tokStar:
			n.append(p.take())
			if starred {
				p.fail("only one parameter can have a star")
			}
			starred = true
			if bare = p.tok.kind != tokName; !bare {
				n.append(p.name())
			}
		case tokDoubleStar:
			if bare {
				p.fail("no named parameter follows the bare star")
			}
			n.append(p.take())
			n.append(p.name())
			if p.tok.kind == tokComma {
				n.append(p.take())
			}
			if p.tok.kind != end {
				p.fail("no parameter can follow one with two stars")
			}
		default:
			n.append(p.name())
			bare = false
			if p.tok.kind == tokEqual {
				n.append(p.take())
				n.append(p.test())
				defaults = true
			} else if defaults && !starred {
				p.fail("a parameter without default follows one with a default")
			}
		}
	}
	if bare {
		p.fail("no named parameter follows the bare star")
	}
	return single(n)
}

// single replaces a production with one child by the child.
func single(n *node) *node {
	if c := n.first; c == n.last {
		c.remove()
		return c
	}
	return n
}
