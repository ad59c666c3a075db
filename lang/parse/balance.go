package parse

import (
	"fmt"
	"strings"

	"go.starlark.net/syntax"
)

// This file guesses, in recovery mode, where brackets that are never closed end, so that the parser always
// sees balanced brackets.

// closeAll makes the scanner return a closing bracket for each open one, then a NEWLINE.
func (s *scanner) closeAll() {
	s.reportUnclosed()
	s.closers, s.newline = len(s.open), s.off < len(s.text)
}

// reportUnclosed reports the innermost open bracket, unless a string that swallowed its end was reported.
func (s *scanner) reportUnclosed() {
	b := s.open[len(s.open)-1]
	if s.unclosed > b.start {
		return
	}
	want := closingText[b.kind]
	s.report(codeUnclosedBracket, b.start, b.start+1, fmt.Sprintf("'%c' is never closed", b.kind), "add the '"+want+"' that belongs to it")
}

var closingText = map[byte]string{'(': ")", '[': "]", '{': "}"}

// synthesize returns the next of the tokens that closeAll or balance asked for.
func (s *scanner) synthesize() {
	at := s.tokEnd
	s.tokStart, s.tokEnd, s.tokPos, s.synthetic = at, at, s.place(at), true
	if s.closers == 0 {
		s.newline = false
		s.newlineEnd, s.newlineLine = s.off, s.line
		s.tok = syntax.NEWLINE
		return
	}
	s.closers--
	s.depth0--
	s.tok = closing[s.open[len(s.open)-1].kind]
	s.open = s.open[:len(s.open)-1]
}

// balance is called at the closing bracket c with at least one bracket open. It answers false if it made a
// token of its own.
func (s *scanner) balance(c byte) bool {
	top := len(s.open) - 1
	if s.open[top].kind == opener[c] {
		s.open = s.open[:top]
		return true
	}
	for i := top - 1; i >= 0; i-- {
		if s.open[i].kind == opener[c] {
			s.reportUnclosed()
			s.closers = top - i
			s.synthesize()
			return false
		}
	}
	b := s.open[top]
	s.report(codeBracket, s.off, s.off+1, fmt.Sprintf("'%c' does not close '%c'", c, b.kind), "write '"+closingText[b.kind]+"'")
	s.open = s.open[:top]
	s.depth0--
	s.off++
	s.end(closing[b.kind])
	return false
}

// startsStatement guesses whether the line whose text starts at i with indentation col starts a statement,
// although brackets are open: it starts with a word that no expression can contain, or it is not indented
// deeper than the statement with the open bracket and does not look like an argument.
func (s *scanner) startsStatement(i, col int) bool {
	line := s.text[i:]
	if n := strings.IndexAny(line, "\n\r"); n >= 0 {
		line = line[:n]
	}
	flush := col <= s.indents[len(s.indents)-1]
	if flush && s.unclosed >= 0 && s.unclosedEnd == s.tokEnd && strings.IndexByte(")]}", line[0]) < 0 {
		return true // the string before swallowed the closing brackets
	}
	return lineStartsStatement(line, flush)
}

func lineStartsStatement(line string, flush bool) bool {
	n := 0
	for n < len(line) && class[line[n]]&identPart != 0 {
		n++
	}
	if n == 0 || class[line[0]]&digit != 0 {
		return false
	}
	word, rest := line[:n], strings.TrimLeft(line[n:], " \t")
	assigns := strings.HasPrefix(rest, "=") && !strings.HasPrefix(rest, "==")
	if i := strings.IndexByte(rest, '#'); i >= 0 && !strings.ContainsAny(rest, `"'`) {
		rest = rest[:i]
	}
	rest = strings.TrimRight(rest, " \t")
	switch keyword(word) {
	case syntax.DEF:
		return rest != "" && class[rest[0]]&identStart != 0
	case syntax.LOAD:
		return strings.HasPrefix(rest, "(")
	case syntax.RETURN, syntax.PASS, syntax.BREAK, syntax.CONTINUE, syntax.WHILE, syntax.ELIF, syntax.CLASS,
		syntax.TRY, syntax.EXCEPT, syntax.FINALLY, syntax.WITH, syntax.IMPORT, syntax.RAISE, syntax.DEL:
		return !assigns && !strings.HasPrefix(rest, ",") && !strings.HasPrefix(rest, ")")
	case syntax.FOR, syntax.IF, syntax.ELSE:
		return strings.HasSuffix(rest, ":") && (flush || keyword(word) != syntax.ELSE || rest == ":")
	case syntax.IDENT:
		return flush && word != "True" && word != "False" && word != "None" && rest != "" && !strings.HasSuffix(rest, ",") && !closesMore(rest)
	}
	return false
}

// closesMore reports whether the text closes a bracket that it did not open, strings not considered.
func closesMore(text string) bool {
	n := 0
	for i := range len(text) {
		switch text[i] {
		case '(', '[', '{':
			n++
		case ')', ']', '}':
			if n--; n < 0 {
				return true
			}
		}
	}
	return false
}

// functionLine reports whether the text starts with what looks like a function definition: the place where a
// string in triple quotes that swallowed code is cut off.
func functionLine(text string) bool {
	if !strings.HasPrefix(text, "def ") {
		return false
	}
	if n := strings.IndexAny(text, "\n\r"); n >= 0 {
		text = text[:n]
	}
	return strings.IndexByte(text, '(') > 4
}
