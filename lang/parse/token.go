package parse

import (
	"unicode"
	"unicode/utf8"

	"go.starlark.net/syntax"
)

// advance steps over n bytes without a newline, counting columns.
func (s *scanner) advance(n int) {
	end := s.off + n
	for s.off < end {
		if s.text[s.off] < utf8.RuneSelf {
			s.off++
			continue
		}
		_, size := utf8.DecodeRuneInString(s.text[s.off:])
		s.off += size
		s.base += size - 1
	}
}

// token reads a token that is neither white space nor a comment. It answers false if there was none.
func (s *scanner) token(c byte) bool {
	switch {
	case class[c]&identStart != 0 || c >= utf8.RuneSelf:
		return s.identifier(c)
	case c == '"' || c == '\'':
		s.string(0)
		return true
	case isDigit(c) || c == '.':
		s.number(c)
		return true
	}
	return s.punctuation(c)
}

func (s *scanner) identifier(c byte) bool {
	if c == 'r' || c == 'b' {
		if q := s.peek(1); q == '"' || q == '\'' {
			s.string(1)
			return true
		} else if c == 'r' && q == 'b' && (s.peek(2) == '"' || s.peek(2) == '\'') {
			s.string(2)
			return true
		}
	}
	i := s.off
	for i < len(s.text) {
		c := s.text[i]
		if class[c]&identPart != 0 {
			i++
			continue
		}
		if c < utf8.RuneSelf {
			break
		}
		r, n := utf8.DecodeRuneInString(s.text[i:])
		if !unicode.IsLetter(r) {
			break
		}
		s.base += n - 1
		i += n
	}
	if i == s.off {
		return s.badRune()
	}
	s.off = i
	s.raw = s.text[s.tokStart:i]
	s.end(keyword(s.raw))
	if !s.strict && s.tok == syntax.IDENT && i < len(s.text) && (s.text[i] == '"' || s.text[i] == '\'') {
		s.prefixedString()
	}
	return true
}

// badRune deals with a character that no token starts with.
func (s *scanner) badRune() bool {
	r, n := utf8.DecodeRuneInString(s.text[s.off:])
	s.advance(n)
	s.end(syntax.ILLEGAL)
	if s.strict {
		return true
	}
	s.reportRune(r)
	return false
}

func (s *scanner) punctuation(c byte) bool {
	one := func(t syntax.Token) bool {
		s.off++
		s.end(t)
		return true
	}
	eq := func(plain, assign syntax.Token) bool {
		if s.peek(1) == '=' {
			s.off++
			return one(assign)
		}
		return one(plain)
	}
	switch c {
	case ',':
		return one(syntax.COMMA)
	case '=':
		return eq(syntax.EQ, syntax.EQL)
	case '(', '[', '{':
		s.depth0++
		if !s.strict {
			s.open = append(s.open, bracket{c, s.off})
		}
		switch c {
		case '(':
			return one(syntax.LPAREN)
		case '[':
			return one(syntax.LBRACK)
		}
		return one(syntax.LBRACE)
	case ')', ']', '}':
		return s.closer(c)
	case ':':
		return one(syntax.COLON)
	case ';':
		return one(syntax.SEMI)
	case '~':
		return one(syntax.TILDE)
	case '+':
		return eq(syntax.PLUS, syntax.PLUS_EQ)
	case '-':
		return eq(syntax.MINUS, syntax.MINUS_EQ)
	case '%':
		return eq(syntax.PERCENT, syntax.PERCENT_EQ)
	case '&':
		return eq(syntax.AMP, syntax.AMP_EQ)
	case '|':
		return eq(syntax.PIPE, syntax.PIPE_EQ)
	case '^':
		return eq(syntax.CIRCUMFLEX, syntax.CIRCUMFLEX_EQ)
	case '*':
		if s.peek(1) == '*' {
			s.off++
			return one(syntax.STARSTAR)
		}
		return eq(syntax.STAR, syntax.STAR_EQ)
	case '/':
		if s.peek(1) == '/' {
			s.off++
			return eq(syntax.SLASHSLASH, syntax.SLASHSLASH_EQ)
		}
		return eq(syntax.SLASH, syntax.SLASH_EQ)
	case '<':
		if s.peek(1) == '<' {
			s.off++
			return eq(syntax.LTLT, syntax.LTLT_EQ)
		}
		return eq(syntax.LT, syntax.LE)
	case '>':
		if s.peek(1) == '>' {
			s.off++
			return eq(syntax.GTGT, syntax.GTGT_EQ)
		}
		return eq(syntax.GT, syntax.GE)
	case '!':
		if s.peek(1) == '=' {
			s.off++
			return one(syntax.NEQ)
		}
	}
	return s.badRune()
}

var closing = map[byte]syntax.Token{'(': syntax.RPAREN, '[': syntax.RBRACK, '{': syntax.RBRACE}

var opener = map[byte]byte{')': '(', ']': '[', '}': '{'}

// closer reads a closing bracket. In recovery mode brackets always balance in what the parser sees.
func (s *scanner) closer(c byte) bool {
	if s.depth0 == 0 {
		s.off++
		s.end(syntax.ILLEGAL)
		if s.strict {
			return true
		}
		s.report(codeBracket, s.tokStart, s.off, "unexpected '"+string(c)+"', no bracket is open here", "remove it")
		return false
	}
	if !s.strict && !s.balance(c) {
		return true
	}
	s.depth0--
	s.off++
	switch c {
	case ')':
		s.end(syntax.RPAREN)
	case ']':
		s.end(syntax.RBRACK)
	default:
		s.end(syntax.RBRACE)
	}
	return true
}

func keyword(s string) syntax.Token {
	if len(s) < 2 || len(s) > 8 {
		return syntax.IDENT
	}
	switch s {
	case "and":
		return syntax.AND
	case "as":
		return syntax.AS
	case "async":
		return syntax.ASYNC
	case "await":
		return syntax.AWAIT
	case "break":
		return syntax.BREAK
	case "class":
		return syntax.CLASS
	case "continue":
		return syntax.CONTINUE
	case "def":
		return syntax.DEF
	case "del":
		return syntax.DEL
	case "elif":
		return syntax.ELIF
	case "else":
		return syntax.ELSE
	case "except":
		return syntax.EXCEPT
	case "finally":
		return syntax.FINALLY
	case "for":
		return syntax.FOR
	case "from":
		return syntax.FROM
	case "global":
		return syntax.GLOBAL
	case "if":
		return syntax.IF
	case "import":
		return syntax.IMPORT
	case "in":
		return syntax.IN
	case "is":
		return syntax.IS
	case "lambda":
		return syntax.LAMBDA
	case "load":
		return syntax.LOAD
	case "nonlocal":
		return syntax.NONLOCAL
	case "not":
		return syntax.NOT
	case "or":
		return syntax.OR
	case "pass":
		return syntax.PASS
	case "raise":
		return syntax.RAISE
	case "return":
		return syntax.RETURN
	case "try":
		return syntax.TRY
	case "while":
		return syntax.WHILE
	case "with":
		return syntax.WITH
	case "yield":
		return syntax.YIELD
	}
	return syntax.IDENT
}
