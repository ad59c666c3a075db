package parse

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/lang/source"
)

// maxProblems limits what is reported of one file: a file with more is not Starlark.
const maxProblems = 100

// errorAt reports an error at the bytes from start to end. Another error while the parser stands at the same
// token is a consequence and is not reported.
func (p *parser) errorAt(code string, start, end int, message, hint string) {
	p.errorFix(code, start, end, message, hint, nil)
}

func (p *parser) errorFix(code string, start, end int, message, hint string, f *fix) {
	pr := problem{code: code, severity: diag.Error, start: start, end: end, message: message, hint: hint, fix: f}
	if p.strict {
		if !p.failed {
			p.failed, p.first = true, pr
			p.tok = syntax.EOF
		}
		return
	}
	if p.lastErr == p.tokStart {
		return
	}
	p.lastErr = p.tokStart
	p.add(pr)
}

// add keeps a problem, unless there are so many already that it would never be shown.
func (p *parser) add(pr problem) {
	if len(p.problems) >= 10*maxProblems {
		p.dropped++
		return
	}
	p.problems = append(p.problems, pr)
}

// errorHere reports an error at the current token, or, if that is the end of the line, after the one before.
// It says nothing if the token is there only because of a bracket or string that was reported as not closed.
func (p *parser) errorHere(code, message, hint string) {
	if !p.strict && (p.synthetic || p.unclosed >= 0 && p.unclosedEnd == p.prevEnd) {
		p.lastErr = p.tokStart
		return
	}
	if n := len(p.problems); !p.strict && n > 0 && p.problems[n-1].start >= p.prevEnd && p.problems[n-1].start < p.tokStart {
		p.lastErr = p.tokStart // what was wrong with the characters before the token is why
		return
	}
	start, end := p.here()
	p.errorAt(code, start, end, message, hint)
}

func (p *parser) here() (start, end int) {
	switch p.tok {
	case syntax.NEWLINE, syntax.EOF, syntax.OUTDENT, syntax.INDENT:
		return p.prevEnd, p.prevEnd
	}
	return p.tokStart, p.tokEnd
}

// lexicalError is called by the scanner.
func (p *parser) lexicalError(code string, start, end int, message, hint string) {
	p.add(problem{code: code, severity: diag.Error, start: start, end: end, message: message, hint: hint})
}

// found describes the current token.
func (p *parser) found() string {
	switch p.tok {
	case syntax.NEWLINE:
		return "end of line"
	case syntax.EOF:
		return "end of file"
	case syntax.INDENT:
		return "indentation"
	case syntax.OUTDENT:
		return "end of block"
	case syntax.STRING:
		return "a string"
	case syntax.BYTES:
		return "a bytes literal"
	case syntax.INT, syntax.FLOAT:
		return "number " + p.raw
	case syntax.IDENT:
		return "name '" + p.raw + "'"
	}
	if p.tok >= syntax.AND {
		return "keyword '" + p.tok.String() + "'"
	}
	return "'" + p.tok.String() + "'"
}

func (p *parser) missingToken(t syntax.Token) {
	switch t {
	case syntax.COLON:
		start, end := p.prevEnd, p.prevEnd
		if p.strict || p.tok != syntax.NEWLINE && p.tok != syntax.EOF {
			start, end = p.here()
			p.errorHere(codeToken, "unexpected "+p.found()+", want ':'", "")
			p.skipToColon()
			return
		}
		if p.synthetic {
			return
		}
		p.errorFix(codeColon, start, end, "missing ':' at the end of the line", "add ':'", &fix{title: "add ':'", start: start, end: end, text: ":", safe: true})
	case syntax.INDENT, syntax.OUTDENT:
		p.errorHere(codeIndentation, "unexpected "+p.found(), "")
	default:
		p.errorHere(codeToken, "unexpected "+p.found()+", want '"+t.String()+"'", "")
	}
}

// skipToColon goes on behind the colon that ends the head of a compound statement.
func (p *parser) skipToColon() {
	for p.tok != syntax.NEWLINE && p.tok != syntax.EOF {
		colon := p.tok == syntax.COLON
		p.next()
		if colon && p.tok == syntax.NEWLINE {
			break
		}
	}
	p.lastErr = p.tokStart
}

// skipLine goes to the end of the logical line and reports whether that is a colon.
func (p *parser) skipLine() bool {
	colon := false
	for p.tok != syntax.NEWLINE && p.tok != syntax.EOF {
		colon = p.tok == syntax.COLON
		p.next()
	}
	p.lastErr = p.tokStart
	return colon
}

// skipElement goes to the next comma or closing bracket of the list it stands in.
func (p *parser) skipElement() { p.skipBalanced(true) }

func (p *parser) skipBalanced(comma bool) {
	for depth := 0; p.tok != syntax.NEWLINE && p.tok != syntax.EOF; p.next() {
		switch p.tok {
		case syntax.LPAREN, syntax.LBRACK, syntax.LBRACE:
			depth++
		case syntax.RPAREN, syntax.RBRACK, syntax.RBRACE:
			if depth == 0 {
				return
			}
			depth--
		case syntax.COMMA:
			if comma && depth == 0 {
				return
			}
		}
	}
}

// closeBracket consumes the closing bracket t, after whatever should not be before it.
func (p *parser) closeBracket(t syntax.Token) syntax.Position {
	if p.tok == t {
		return p.next()
	}
	if p.strict {
		p.missingToken(t)
		return p.tokPos
	}
	n := len(p.problems)
	p.errorHere(codeToken, "unexpected "+p.found()+", want '"+t.String()+"'", "")
	p.skipBalanced(false)
	if p.synthetic && len(p.problems) > n+1 { // the bracket is never closed, which says it all
		p.problems = slices.Delete(p.problems, n, n+1)
	}
	if p.tok == t {
		return p.next()
	}
	return p.endOfPrev()
}

// expectComma consumes the comma between two elements of a list.
func (p *parser) expectComma(end syntax.Token) {
	if p.tok == syntax.COMMA {
		p.next()
		return
	}
	if p.strict {
		p.missingToken(syntax.COMMA)
		return
	}
	p.missingComma(end)
	if p.tok == syntax.COMMA {
		p.next()
	}
}

// missingComma reports that the list should go on with a comma or end, and leaves the parser at the next
// element, comma or closing bracket.
func (p *parser) missingComma(end syntax.Token) {
	if p.startsElement() {
		at := p.prevEnd
		if p.synthetic {
			return
		}
		p.errorFix(codeComma, p.tokStart, p.tokEnd, "unexpected "+p.found()+", want ',' or '"+end.String()+"'", "add the ',' before it",
			&fix{title: "add ','", start: at, end: at, text: ","})
		return
	}
	p.errorHere(codeToken, "unexpected "+p.found()+", want ',' or '"+end.String()+"'", "")
	p.skipElement()
}

// resumeList is called where a list in brackets should have ended. It reports whether it goes on.
func (p *parser) resumeList(end syntax.Token) bool {
	if p.tok == end || p.tok == syntax.NEWLINE || p.tok == syntax.EOF {
		return false
	}
	p.missingComma(end)
	return p.tok == syntax.COMMA || p.startsElement()
}

func (p *parser) startsElement() bool {
	switch p.tok {
	case syntax.IDENT, syntax.LPAREN, syntax.LBRACK, syntax.LBRACE, syntax.LAMBDA, syntax.NOT:
		return true
	}
	return startsLiteral(p.tok)
}

// missingIdent is called where a name is wanted. A keyword is taken for the name.
func (p *parser) missingIdent(what string) *syntax.Ident {
	if p.strict {
		p.errorHere(codeToken, "unexpected "+p.found()+", want "+what, "")
		return p.missing(p.tokPos)
	}
	if p.tok >= syntax.AND && p.tok != syntax.NOT_IN {
		p.errorHere(codeReserved, "the keyword '"+p.raw+"' cannot be "+what, "choose another name, as "+p.raw+"_")
		id := p.missing(p.tokPos)
		id.Name = p.raw
		p.next()
		return id
	}
	p.errorHere(codeToken, "unexpected "+p.found()+", want "+what, "")
	return p.missing(p.endOfPrev())
}

// parseAttribute reads the name after a dot.
func (p *parser) parseAttribute() *syntax.Ident {
	if !p.strict && strings.ContainsAny(p.text[p.prevEnd:p.tokStart], "\n\r") && p.prevEnd < p.tokStart {
		at := p.prevEnd
		p.errorAt(codeAttribute, at, at, "missing the name of an attribute after '.'", "")
		return p.missing(p.endOfPrev())
	}
	if p.tok == syntax.IDENT || p.strict || p.tok >= syntax.AND {
		return p.parseIdent("the name of an attribute")
	}
	p.errorHere(codeAttribute, "unexpected "+p.found()+", want the name of an attribute", "")
	return p.missing(p.endOfPrev())
}

// missingBody reports a compound statement without statements, unless its head breaks off.
func (p *parser) missingBody() {
	start, end := p.prevEnd, p.prevEnd
	for start > 0 && strings.IndexByte(" \t\r\n", p.text[start-1]) >= 0 {
		start, end = start-1, end-1
	}
	if n := len(p.problems); !p.strict && n > 0 && p.problems[n-1].end >= start {
		return
	}
	p.errorAt(codeBody, start, end, "missing the indented block after ':'", "indent its statements; `pass` does nothing")
}

// endStmt is called where a statement should have ended.
func (p *parser) endStmt(stmts []syntax.Stmt) []syntax.Stmt {
	if p.strict {
		p.missingToken(syntax.NEWLINE)
		return stmts
	}
	if len(stmts) == 0 || !p.foreignStmt(stmts[len(stmts)-1]) {
		p.errorHere(codeToken, "unexpected "+p.found()+" after the statement, want end of line", "")
	}
	colon := p.skipLine()
	if p.tok == syntax.NEWLINE {
		p.next()
	}
	if colon && p.tok == syntax.INDENT {
		stmts = append(stmts, p.parseBlock()...)
	}
	return stmts
}

// parseBlock reads an indented block; the parser stands at its INDENT.
func (p *parser) parseBlock() []syntax.Stmt {
	if !p.enter(1) {
		p.leave(1)
		return nil
	}
	defer p.leave(1)
	p.next()
	var stmts []syntax.Stmt
	for p.tok != syntax.OUTDENT && p.tok != syntax.EOF {
		at, tok := p.tokStart, p.tok
		stmts = p.parseStmt(stmts)
		if p.tokStart == at && p.tok == tok {
			p.next()
		}
	}
	if p.tok == syntax.OUTDENT {
		p.next()
	}
	return stmts
}

// missingExpr is called where an expression is wanted and none starts.
func (p *parser) missingExpr() syntax.Expr {
	if p.strict {
		p.errorHere(codeExpression, "unexpected "+p.found()+", want an expression", "")
		return p.missing(p.tokPos)
	}
	if x := p.foreignExpr(); x != nil {
		return x
	}
	hint := ""
	if before := p.text[:p.prevEnd]; strings.HasSuffix(before, "++") || strings.HasSuffix(before, "--") {
		hint = "write " + before[len(before)-1:] + "= 1"
	}
	p.errorHere(codeExpression, "unexpected "+p.found()+", want an expression", hint)
	return p.missing(p.endOfPrev())
}

func (p *parser) trailingComma(start, end int) {
	p.errorFix(codeTupleComma, start, end, "unexpected ',' at the end of a tuple without parentheses", "put the tuple in parentheses, or remove the ','", nil)
}

func (p *parser) chained(x syntax.Expr, op syntax.Token) {
	first := syntax.Token(syntax.EQL)
	if b, ok := x.(*syntax.BinaryExpr); ok {
		first = b.Op
	}
	p.errorAt(codeChained, p.tokStart, p.tokEnd, fmt.Sprintf("comparisons do not chain: '%s' after '%s'", op, first), "write `a < b and b < c`, or use parentheses")
}

// checkEncoding reports what is wrong with the text as a whole.
func (p *parser) checkEncoding() {
	const mark = "\ufeff"
	if strings.HasPrefix(p.text, mark) {
		p.problems = append(p.problems, problem{code: codeByteOrderMark, severity: diag.Error, start: 0, end: len(mark),
			message: "the file starts with a byte order mark", hint: "save it as UTF-8 without one",
			fix: &fix{title: "remove the byte order mark", start: 0, end: len(mark), safe: true}})
		p.off, p.base = len(mark), len(mark)-1
	}
	if p.valid {
		return
	}
	for i := 0; i < len(p.text); {
		r, n := utf8.DecodeRuneInString(p.text[i:])
		if r == utf8.RuneError && n == 1 {
			p.problems = append(p.problems, problem{code: codeUTF8, severity: diag.Warning, start: i, end: i + 1,
				message: fmt.Sprintf("the byte 0x%02x is not valid UTF-8", p.text[i]), hint: "save the file as UTF-8"})
			return
		}
		i += n
	}
}

// nulByte reports the first NUL byte; all are read as spaces. Upstream takes one for the end of the file, so
// that the rest would silently not run.
func (s *scanner) nulByte(at int) {
	if s.nul {
		return
	}
	s.nul = true
	s.report(codeNUL, at, at+1, "the file contains a NUL byte", "remove it; is this a text file?")
}

// reportRune reports a character that no token starts with.
func (s *scanner) reportRune(r rune) {
	code, message, hint := codeCharacter, fmt.Sprintf("unexpected character '%c'", r), ""
	switch r {
	case '@':
		code, message, hint = codeDecorator, "decorators do not exist in Starlark", "call the function where its result is needed"
	case '!':
		hint = "write `not`"
	case '?':
		hint = "write `a if condition else b`"
	case '$', '`':
		hint = "write strings in quotes"
	case '“', '”', '„', '‘', '’', '«', '»':
		hint = `use the plain quotes " or '`
	case utf8.RuneError:
		if s.text[s.tokStart] != "\uFFFD"[0] {
			code, message, hint = codeCharacter, fmt.Sprintf("unexpected byte 0x%02x", s.text[s.tokStart]), "save the file as UTF-8"
		}
	case '\u00a0', '\u200b', '\ufeff':
		message, hint = fmt.Sprintf("unexpected invisible character U+%04X", r), "replace it by a space"
	default:
		if !unicode.IsPrint(r) {
			message = fmt.Sprintf("unexpected character U+%04X", r)
		}
	}
	s.report(code, s.tokStart, s.off, message, hint)
}

// finish sorts the problems, drops repeated ones and makes diagnostics of them.
func (p *parser) finish() []diag.Diagnostic {
	slices.SortStableFunc(p.problems, func(a, b problem) int { return cmp.Compare(a.start, b.start) })
	p.problems = slices.CompactFunc(p.problems, func(a, b problem) bool { return a.start == b.start && a.code == b.code })
	more := len(p.problems) + p.dropped - maxProblems
	if more > 0 {
		p.problems = p.problems[:maxProblems]
	}
	var out []diag.Diagnostic
	for _, pr := range p.problems {
		d := diag.Diagnostic{Code: pr.code, Severity: pr.severity, File: p.file.Name(), Range: p.span(pr.start, pr.end), Message: pr.message, Hint: pr.hint}
		if f := pr.fix; f != nil {
			d.Fixes = []diag.Fix{{Title: f.title, Safe: f.safe, Edits: []diag.Edit{{File: p.file.Name(), Range: p.span(f.start, f.end), NewText: f.text}}}}
		}
		out = append(out, d)
	}
	if more > 0 {
		at := out[len(out)-1].Range
		out = append(out, diag.Diagnostic{Code: codeTooMany, Severity: diag.Error, File: p.file.Name(), Range: at,
			Message: fmt.Sprintf("%d more syntax errors are not shown", more), Hint: "is this a Starlark file?"})
	}
	return out
}

func (p *parser) span(start, end int) source.Range {
	return source.Range{Start: p.file.Pos(start), End: p.file.Pos(end)}
}
