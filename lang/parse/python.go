package parse

import (
	"strings"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/diag"
)

// This file reads, in recovery mode, what only Python (or another language) has, and says what Starlark has
// instead.

// recoverStmt reads a statement that Starlark does not have, if the parser stands at one.
func (p *parser) recoverStmt(stmts []syntax.Stmt) ([]syntax.Stmt, bool) {
	if rest := strings.TrimLeft(p.text[p.tokEnd:], " \t"); p.tok >= syntax.AS && strings.HasPrefix(rest, "=") && !strings.HasPrefix(rest, "==") {
		return stmts, false // used as a name
	}
	switch p.tok {
	case syntax.INDENT:
		lineStart := strings.LastIndexAny(p.text[:p.tokStart], "\n\r") + 1
		p.errorAt(codeIndentation, lineStart, p.tokStart, "unexpected indentation", "indent it as the statement above")
		return append(stmts, p.parseBlock()...), true
	case syntax.OUTDENT:
		p.next()
		return stmts, true
	case syntax.ELSE, syntax.ELIF:
		p.errorHere(codeElse, "'"+p.raw+"' without an 'if'", "indent it as the 'if' it belongs to")
		return p.skipHead(stmts), true
	case syntax.CLASS:
		p.errorHere(codeClass, "classes do not exist in Starlark", "use struct(…) for data and functions for behaviour")
		p.skipHead(nil)
		return stmts, true
	case syntax.TRY:
		p.errorHere(codeTry, "exceptions do not exist in Starlark: what fails ends the run", "test the condition before")
		return p.parseTry(stmts), true
	case syntax.EXCEPT, syntax.FINALLY:
		p.errorHere(codeTry, "exceptions do not exist in Starlark: what fails ends the run", "test the condition before")
		return p.skipHead(stmts), true
	case syntax.WITH:
		p.errorHere(codeWith, "'with' does not exist in Starlark", "assign the value to a name")
		return p.skipHead(stmts), true
	case syntax.ASYNC:
		p.errorFix(codeAsync, p.tokStart, p.tokEnd, "'async' does not exist in Starlark", "remove it", &fix{title: "remove 'async'", start: p.tokStart, end: p.tokEnd})
		p.next()
		return p.parseStmt(stmts), true
	case syntax.DEL:
		p.errorHere(codeDel, "'del' does not exist in Starlark", "use x.pop(key)")
	case syntax.RAISE:
		p.errorHere(codeRaise, "'raise' does not exist in Starlark", `use fail("…")`)
	case syntax.IMPORT, syntax.FROM:
		p.errorHere(codeImport, "'"+p.raw+"' does not exist in Starlark", `use name = import_module("path")`)
	case syntax.GLOBAL, syntax.NONLOCAL:
		p.errorHere(codeGlobal, "'"+p.raw+"' does not exist in Starlark", "return the value, or pass a list or dict that the function changes")
	default:
		return stmts, false
	}
	return p.skipHead(stmts), true
}

// skipHead skips a line and reads the block below it, if there is one, as if it stood there by itself.
func (p *parser) skipHead(stmts []syntax.Stmt) []syntax.Stmt {
	p.skipLine()
	if p.tok == syntax.NEWLINE {
		p.next()
	}
	if p.tok == syntax.INDENT {
		stmts = append(stmts, p.parseBlock()...)
	}
	return stmts
}

// parseTry reads a try statement to its end, so that it is reported once.
func (p *parser) parseTry(stmts []syntax.Stmt) []syntax.Stmt {
	stmts = p.skipHead(stmts)
	for p.tok == syntax.EXCEPT || p.tok == syntax.FINALLY || p.tok == syntax.ELSE {
		stmts = p.skipHead(stmts)
	}
	return stmts
}

// elseIf turns `else if` into elif. It reports whether the parser stands at one, at its `if`.
func (p *parser) elseIf() bool {
	if p.strict {
		return false
	}
	rest := strings.TrimLeft(p.text[p.tokEnd:], " \t")
	if !strings.HasPrefix(rest, "if") || len(rest) > 2 && class[rest[2]]&identPart != 0 {
		return false
	}
	start := p.tokStart
	end := len(p.text) - len(rest) + 2
	p.errorFix(codeToken, start, end, "unexpected 'if' after 'else', want ':'", "write elif", &fix{title: "write elif", start: start, end: end, text: "elif", safe: true})
	p.next()
	return true
}

// foreignStmt reports what follows a complete statement on its line if it can say something more helpful than
// that it is unexpected.
func (p *parser) foreignStmt(before syntax.Stmt) bool {
	expr, ok := before.(*syntax.ExprStmt)
	if !ok {
		return false
	}
	id, ok := expr.X.(*syntax.Ident)
	if !ok {
		return false
	}
	start := p.file.Offset(Pos(id.NamePos))
	switch {
	case id.Name == "assert":
		p.errorAt(codeAssert, start, p.prevEnd, "'assert' is not a statement in Starlark", `write: if not condition: fail("…")`)
	case id.Name == "match" && p.tok == syntax.IDENT:
		p.errorAt(codeToken, start, p.prevEnd, "'match' does not exist in Starlark", "use if, elif and else")
	default:
		return false
	}
	return true
}

// foreignExpr reads an expression that starts with a token that Starlark expressions do not start with, or
// returns nil.
func (p *parser) foreignExpr() syntax.Expr {
	switch p.tok {
	case syntax.STAR, syntax.STARSTAR:
		what, hint := "lists", "join lists with +"
		if p.tok == syntax.STARSTAR {
			what, hint = "dicts", "join dicts with |"
		}
		p.errorHere(codeUnpack, what+" cannot be unpacked here", hint)
	case syntax.YIELD:
		p.errorHere(codeYield, "'yield' does not exist in Starlark", "collect the values in a list and return it")
	case syntax.AWAIT:
		p.errorHere(codeAsync, "'await' does not exist in Starlark", "remove it")
	case syntax.NOT:
		p.errorHere(codeToken, "unexpected keyword 'not', want an expression", "put `not …` in parentheses")
		return p.parseBinary(levelNot)
	case syntax.LAMBDA:
		p.errorHere(codeToken, "unexpected keyword 'lambda', want an expression", "put the lambda in parentheses")
		return p.parseLambda(false)
	default:
		if p.tok < syntax.AS && p.tok != syntax.LOAD || p.tok == syntax.IS {
			return nil
		}
		p.errorHere(codeReserved, "the keyword '"+p.raw+"' cannot be used as a name", "choose another name, as "+p.raw+"_")
		id := p.missing(p.tokPos)
		id.Name = p.raw
		p.next()
		return id
	}
	p.next()
	if endsList(p.tok) || p.tok == syntax.COMMA || p.tok == syntax.COLON {
		return p.missing(p.endOfPrev())
	}
	return p.parseOperand()
}

// foreignOperator turns the current token into the Starlark operator that is meant.
func (p *parser) foreignOperator() {
	start, end := p.tokStart, p.tokEnd
	report := func(code, message, to string) {
		p.errorFix(code, start, end, message, "write "+to, &fix{title: "write " + to, start: start, end: end, text: to, safe: true})
	}
	switch p.tok {
	case syntax.IS:
		rest := strings.TrimLeft(p.text[p.tokEnd:], " \t")
		if strings.HasPrefix(rest, "not") && (len(rest) == 3 || class[rest[3]]&identPart == 0) {
			end = len(p.text) - len(rest) + 3
			report(codeIs, "'is not' does not exist in Starlark", "!=")
			p.next()
			p.tok = syntax.NEQ
			return
		}
		report(codeIs, "'is' does not exist in Starlark", "==")
		p.tok = syntax.EQL
	case syntax.AMP, syntax.PIPE:
		if end == len(p.text) || p.text[end] != p.text[start] {
			return
		}
		end++
		if p.tok == syntax.AMP {
			report(codeForeignOperator, "'&&' does not exist in Starlark", "and")
			p.next()
			p.tok = syntax.AND
			return
		}
		report(codeForeignOperator, "'||' does not exist in Starlark", "or")
		p.next()
		p.tok = syntax.OR
	case syntax.STARSTAR:
		p.errorAt(codePower, start, end, "'**' is not an operator in Starlark", "multiply, or write 1 << n for a power of two")
		p.tok = syntax.STAR
	}
}

// walrus reads the rest of `x := y` and returns y.
func (p *parser) walrus(x syntax.Expr) syntax.Expr {
	if p.tok != syntax.COLON || !strings.HasPrefix(p.text[p.tokEnd:], "=") || strings.HasPrefix(p.text[p.tokEnd:], "==") {
		return x
	}
	p.errorAt(codeWalrus, p.tokStart, p.tokEnd+1, "':=' does not exist in Starlark", "assign in a statement of its own")
	p.next()
	p.next()
	return p.parseTest()
}

// skipAnnotation skips the type in `x: int`; the parser stands at the colon.
func (p *parser) skipAnnotation(x syntax.Expr) {
	switch x.(type) {
	case *syntax.Ident, *syntax.DotExpr, *syntax.IndexExpr:
	default:
		return
	}
	if rest := strings.TrimLeft(p.text[p.tokEnd:], " \t"); IsMissing(x) || rest == "" || strings.IndexByte("\n\r#", rest[0]) >= 0 {
		return
	}
	start := p.tokStart
	p.next()
	if p.tok != syntax.COMMA && p.tok != syntax.EQ && !endsList(p.tok) {
		reported := len(p.problems)
		last := p.lastErr
		p.parseTest()
		p.problems, p.lastErr = p.problems[:reported], last // whatever is wrong with the type, it must go
	}
	p.annotation(start, start)
}

// skipReturnType skips `-> type`.
func (p *parser) skipReturnType() {
	if p.tok != syntax.MINUS || !strings.HasPrefix(p.text[p.tokEnd:], ">") {
		return
	}
	before, start := p.prevEnd, p.tokStart
	p.next()
	p.next()
	if p.tok != syntax.COLON && p.tok != syntax.NEWLINE && p.tok != syntax.EOF {
		p.parseTest()
	}
	p.annotation(start, before)
}

// annotation reports the annotation from start to here; from is where removing it starts.
func (p *parser) annotation(start, from int) {
	end := p.prevEnd
	p.add(problem{code: codeAnnotation, severity: diag.Error, start: start, end: end,
		message: "type annotations do not exist in Starlark", hint: "write the type into the docstring, as in `name (string): …`",
		fix: &fix{title: "remove the annotation", start: from, end: end, safe: true}})
}

// concatenation joins string literals that stand side by side, as Python does.
func (p *parser) concatenation(x syntax.Expr) syntax.Expr {
	if p.tok == syntax.IDENT && p.tokStart == p.prevEnd {
		if lit, ok := x.(*syntax.Literal); ok && (lit.Token == syntax.INT || lit.Token == syntax.FLOAT) {
			p.errorAt(codeNumber, p.tokStart-len(lit.Raw), p.tokEnd, "malformed number '"+lit.Raw+p.raw+"'", "numbers have digits only: no suffix, no _")
			p.next()
			return x
		}
	}
	lit, ok := x.(*syntax.Literal)
	if !ok || lit.Token != syntax.STRING && lit.Token != syntax.BYTES {
		return x
	}
	for p.tok == syntax.STRING || p.tok == syntax.BYTES {
		at := p.prevEnd
		p.errorFix(codeConcatenation, p.tokStart, p.tokEnd, "strings that stand side by side are not joined in Starlark", "join them with +, or add the missing ','",
			&fix{title: "join with +", start: at, end: at, text: " +"})
		op := p.endOfPrev()
		x = &syntax.BinaryExpr{X: x, Op: syntax.PLUS, OpPos: op, Y: p.parseLiteral()}
	}
	return x
}

// printStatement is called at a literal that follows a name.
func (p *parser) printStatement(id *syntax.Ident) syntax.Expr {
	if id.Name != "print" {
		return id
	}
	start := p.file.Offset(Pos(id.NamePos))
	p.errorAt(codePrint, start, start+len(id.Name), "print is a function, not a statement", `write plan.print("…")`)
	call := &syntax.CallExpr{Fn: id, Lparen: p.tokPos}
	base := len(p.exprs)
	p.push(p.parseTest())
	p.parseExprs(true)
	call.Args = p.list(base)
	call.Rparen = p.endOfPrev()
	return call
}

// missingValue is called at an entry of a dict without a colon.
func (p *parser) missingValue(entry *syntax.DictEntry, start int, kind entryKind) {
	entry.Colon = p.endOfPrev()
	entry.Value = p.missing(entry.Colon)
	if p.strict {
		p.missingToken(syntax.COLON)
		return
	}
	switch p.tok {
	case syntax.COMMA, syntax.RBRACE, syntax.FOR:
		if n := len(p.problems); p.synthetic || n > 0 && p.problems[n-1].start >= start {
			return // the key is wrong already
		}
		switch kind {
		case firstEntry:
			p.errorAt(codeSet, start, p.prevEnd, "set literals do not exist in Starlark; a dict entry needs a value", "use a list […], or add ': value'")
		case dictEntry:
			p.errorAt(codeValue, start, p.prevEnd, "the entry has no value, want ':' and a value after the key", "add ': value'")
		}
	case syntax.EQ:
		p.errorHere(codeToken, "unexpected '=' in a dict, want ':'", "write ':'")
		entry.Colon = p.next()
		entry.Value = p.parseTest()
	default:
		p.errorHere(codeToken, "unexpected "+p.found()+", want ':' and a value", "")
		if p.startsElement() {
			entry.Value = p.parseTest()
		}
	}
}

// prefixedString reads a string after a prefix that Starlark does not have. The prefix is the current token.
func (s *scanner) prefixedString() {
	prefix := s.raw
	switch strings.ToLower(prefix) {
	case "f", "fr", "rf", "u", "br", "r", "b", "rb":
	default:
		return
	}
	s.off = s.tokStart
	if !s.quoted(len(prefix)) {
		s.tok = syntax.STRING
		return
	}
	lower := strings.ToLower(prefix)
	end := s.off
	s.value(strings.Contains(lower, "r") || strings.Contains(lower, "f"), strings.Contains(lower, "b"), len(prefix))
	if strings.Contains(lower, "f") {
		s.report(codeFString, s.tokStart, end, "f-strings do not exist in Starlark", `use "… {} …".format(value), or +`)
		return
	}
	hint := "remove it"
	if lower != "u" {
		hint = "the prefixes are r, b and rb, in lower case"
	}
	s.report(codeStringPrefix, s.tokStart, s.tokStart+len(prefix), "the string prefix '"+prefix+"' does not exist in Starlark", hint)
}
