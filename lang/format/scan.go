package format

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits that Python's own parser has, and with it black. The last one keeps our stack small.
const (
	maxBrackets = 200
	maxIndents  = 100
	maxNesting  = 1000
)

// token is a lexical token. prefix holds all source text between the token before it and this one.
type token struct {
	kind   kind
	value  string
	prefix string
	line   int32
	start  int // offset of value
}

type indentation struct {
	column int // with tabs to multiples of 8
	tabs1  int // with tabs as one column: both orders must agree, or tabs and spaces are mixed
	length int // in bytes
}

// scanner makes tokens with their prefixes. Text has line feeds only and ends in one.
type scanner struct {
	text      string
	pos       int
	pre       int // where the next token's prefix starts
	line      int32
	lineStart bool
	brackets  []byte // closing brackets we wait for
	indents   []indentation
	dedents   int // still to deliver
}

// newScanner leaves out white space at the start of the text, but not the indentation of its first statement.
func newScanner(text string) *scanner {
	s := &scanner{text: text, line: 1, lineStart: true, indents: make([]indentation, 1, 16)}
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case ' ', '\t':
			continue
		case '\n':
			s.line++
			s.pos = i + 1
			continue
		case '#':
			s.pos = i
		}
		i = len(text)
	}
	s.pre = s.pos
	return s
}

// fail stops the scan; the parser's recover turns it into the error of parse.
func (s *scanner) fail(at int, message string, args ...any) {
	start := strings.LastIndexByte(s.text[:at], '\n') + 1
	line := 1 + strings.Count(s.text[:start], "\n")
	panic(&SyntaxError{Line: line, Col: 1 + utf8.RuneCountInString(s.text[start:at]), Message: fmt.Sprintf(message, args...)})
}

func (s *scanner) token(k kind, end int) token {
	t := token{kind: k, value: s.text[s.pos:end], prefix: s.text[s.pre:s.pos], line: s.line, start: s.pos}
	s.pos, s.pre = end, end
	return t
}

func (s *scanner) next() token {
	if s.dedents > 0 {
		return s.dedent()
	}
	if s.lineStart {
		s.lineStart = false
		if t, ok := s.indentation(); ok {
			return t
		}
	}
	for {
		if s.pos >= len(s.text) {
			return s.end()
		}
		switch c := s.text[s.pos]; c {
		case ' ', '\t':
			s.pos++
		case '#':
			s.skipComment()
		case '\n':
			if len(s.brackets) == 0 {
				t := s.token(tokNewline, s.pos+1)
				s.line++
				s.lineStart = true
				return t
			}
			s.pos++
			s.line++
		case '\\':
			if s.pos+1 >= len(s.text) || s.text[s.pos+1] != '\n' {
				s.fail(s.pos, "stray backslash")
			}
			s.pos += 2
			s.line++
			if s.pos >= len(s.text) {
				s.fail(s.pos-2, "backslash at the end of the file")
			}
		default:
			return s.lexeme(c)
		}
	}
}

func (s *scanner) skipComment() {
	if i := strings.IndexByte(s.text[s.pos:], '\n'); i >= 0 {
		s.pos += i
	} else {
		s.pos = len(s.text)
	}
}

// indentation skips blank and comment lines and compares the first other line's indentation with the block's.
func (s *scanner) indentation() (token, bool) {
	for {
		column, tabs1, p := 0, 0, s.pos
		for p < len(s.text) && (s.text[p] == ' ' || s.text[p] == '\t') {
			if s.text[p] == '\t' {
				column = (column/8 + 1) * 8
			} else {
				column++
			}
			tabs1++
			p++
		}
		length := p - s.pos
		s.pos = p
		if p >= len(s.text) {
			return token{}, false
		}
		if s.text[p] == '#' {
			s.skipComment()
		}
		if s.pos < len(s.text) && s.text[s.pos] == '\n' {
			s.pos++
			s.line++
			continue
		}
		if s.pos >= len(s.text) {
			return token{}, false
		}
		top := s.indents[len(s.indents)-1]
		switch {
		case column == top.column:
			if tabs1 != top.tabs1 {
				s.fail(s.pos, "indentation mixes tabs and spaces")
			}
			return token{}, false
		case column > top.column:
			if tabs1 <= top.tabs1 {
				s.fail(s.pos, "indentation mixes tabs and spaces")
			}
			if len(s.indents) >= maxIndents {
				s.fail(s.pos, "blocks nested more than %d deep", maxIndents-1)
			}
			s.indents = append(s.indents, indentation{column, tabs1, length})
			// The prefix goes to the first token of the block.
			return token{kind: tokIndent, line: s.line, start: s.pos}, true
		}
		n := len(s.indents)
		for column < s.indents[n-1].column {
			n--
		}
		if column != s.indents[n-1].column {
			s.fail(s.pos, "unindent does not match any outer block")
		}
		if tabs1 != s.indents[n-1].tabs1 {
			s.fail(s.pos, "indentation mixes tabs and spaces")
		}
		s.dedents = len(s.indents) - n
		return s.dedent(), true
	}
}

// dedent delivers the end of a block. Comment lines before it that are indented as far as the block belong to it.
func (s *scanner) dedent() token {
	s.dedents--
	last := len(s.indents) - 1
	prefix := s.text[s.pre:s.pos]
	n := blockComments(prefix, s.indents[last].length)
	s.indents = s.indents[:last]
	t := token{kind: tokDedent, prefix: prefix[:n], line: s.line, start: s.pos}
	s.pre += n
	return t
}

// blockComments is how much of prefix belongs to a block indented by width: its leading lines, up to the
// first comment that stands further left. Blank lines go with the line after them.
func blockComments(prefix string, width int) int {
	done, column := 0, 0
	for i := 0; i < len(prefix); i++ {
		switch prefix[i] {
		case ' ', '\t':
			column++
		case '\n':
			column = 0
		default:
			end := strings.IndexByte(prefix[i:], '\n')
			if end < 0 {
				return done
			}
			end += i
			if column < width {
				return done
			}
			i, done, column = end, end+1, 0
		}
	}
	return done
}

func (s *scanner) end() token {
	if len(s.brackets) > 0 {
		s.fail(s.pos, "file ends inside brackets, want %q", s.brackets[len(s.brackets)-1])
	}
	if len(s.indents) > 1 {
		s.dedents = len(s.indents) - 1
		return s.dedent()
	}
	return s.token(tokEnd, s.pos)
}

func (s *scanner) at(offset int) byte {
	if s.pos+offset < len(s.text) {
		return s.text[s.pos+offset]
	}
	return 0
}

var operators = [128]struct{ one, equal, two, twoEqual kind }{
	'=': {one: tokEqual, equal: tokEqualEqual},
	'<': {one: tokLess, equal: tokLessEqual, two: tokLeftShift, twoEqual: tokAugAssign},
	'>': {one: tokGreater, equal: tokGreaterEqual, two: tokRightShift, twoEqual: tokAugAssign},
	'!': {equal: tokNotEqual},
	'+': {one: tokPlus, equal: tokAugAssign},
	'-': {one: tokMinus, equal: tokAugAssign},
	'*': {one: tokStar, equal: tokAugAssign, two: tokDoubleStar},
	'/': {one: tokSlash, equal: tokAugAssign, two: tokDoubleSlash, twoEqual: tokAugAssign},
	'%': {one: tokPercent, equal: tokAugAssign},
	'&': {one: tokAmper, equal: tokAugAssign},
	'|': {one: tokBar, equal: tokAugAssign},
	'^': {one: tokCaret, equal: tokAugAssign},
	'~': {one: tokTilde},
	':': {one: tokColon},
	';': {one: tokSemi},
	',': {one: tokComma},
}

func (s *scanner) lexeme(c byte) token {
	switch {
	case c == '"' || c == '\'':
		return s.str(0)
	case c == 'r' && (s.at(1) == '"' || s.at(1) == '\''), c == 'b' && (s.at(1) == '"' || s.at(1) == '\''):
		return s.str(1)
	case c == 'r' && s.at(1) == 'b' && (s.at(2) == '"' || s.at(2) == '\''):
		return s.str(2)
	case c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c >= utf8.RuneSelf:
		return s.name()
	case '0' <= c && c <= '9', c == '.' && isDigit(s.at(1)):
		return s.number()
	case c == '.':
		return s.token(tokDot, s.pos+1)
	case c == '(' || c == '[' || c == '{':
		if len(s.brackets) >= maxBrackets {
			s.fail(s.pos, "brackets nested more than %d deep", maxBrackets)
		}
		k := tokLParen
		closer := byte(')')
		if c == '[' {
			k, closer = tokLBrack, ']'
		} else if c == '{' {
			k, closer = tokLBrace, '}'
		}
		s.brackets = append(s.brackets, closer)
		return s.token(k, s.pos+1)
	case c == ')' || c == ']' || c == '}':
		n := len(s.brackets)
		if n == 0 {
			s.fail(s.pos, "%q closes nothing", c)
		}
		if s.brackets[n-1] != c {
			s.fail(s.pos, "got %q, want %q", c, s.brackets[n-1])
		}
		s.brackets = s.brackets[:n-1]
		k := tokRParen
		if c == ']' {
			k = tokRBrack
		} else if c == '}' {
			k = tokRBrace
		}
		return s.token(k, s.pos+1)
	}
	if c < utf8.RuneSelf {
		op := operators[c]
		if op.two != noKind && s.at(1) == c {
			if op.twoEqual != noKind && s.at(2) == '=' {
				return s.token(op.twoEqual, s.pos+3)
			}
			return s.token(op.two, s.pos+2)
		}
		if op.equal != noKind && s.at(1) == '=' {
			return s.token(op.equal, s.pos+2)
		}
		if op.one != noKind {
			return s.token(op.one, s.pos+1)
		}
	}
	s.fail(s.pos, "unexpected character %q", c)
	return token{}
}

func (s *scanner) name() token {
	end := s.pos
	for end < len(s.text) {
		c := s.text[end]
		if c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || isDigit(c) {
			end++
			continue
		}
		if c < utf8.RuneSelf {
			break
		}
		r, n := utf8.DecodeRuneInString(s.text[end:])
		if !unicode.IsLetter(r) {
			if end == s.pos {
				s.fail(end, "unexpected character %q", r)
			}
			break
		}
		end += n
	}
	return s.token(tokName, end)
}

func (s *scanner) str(prefix int) token {
	start, line := s.pos, s.line
	quote := s.at(prefix)
	p := start + prefix + 1
	triple := s.at(prefix+1) == quote && s.at(prefix+2) == quote
	if triple {
		p += 2
	}
	for {
		if p >= len(s.text) {
			s.fail(start, "string is not closed")
		}
		switch c := s.text[p]; {
		case c == '\\':
			if p+1 >= len(s.text) {
				s.fail(start, "string is not closed")
			}
			if s.text[p+1] == '\n' {
				s.line++
			}
			p += 2
			continue
		case c == '\n':
			if !triple {
				s.fail(start, "string is not closed on its line")
			}
			s.line++
		case c == quote:
			if !triple || p+2 < len(s.text) && s.text[p+1] == quote && s.text[p+2] == quote {
				p++
				if triple {
					p += 2
				}
				t := s.token(tokString, p)
				t.line = line
				return t
			}
		}
		p++
	}
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isHexDigit(c byte) bool { return isDigit(c) || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F' }

func (s *scanner) number() token {
	start, p := s.pos, s.pos
	digits := func(ok func(byte) bool) int {
		from := p
		for p < len(s.text) && ok(s.text[p]) {
			p++
		}
		return p - from
	}
	if s.at(0) == '0' {
		var ok func(byte) bool
		switch s.at(1) | 0x20 {
		case 'x':
			ok = isHexDigit
		case 'o':
			ok = func(c byte) bool { return '0' <= c && c <= '7' }
		case 'b':
			ok = func(c byte) bool { return c == '0' || c == '1' }
		}
		if ok != nil {
			p += 2
			if digits(ok) == 0 {
				s.fail(start, "number without digits")
			}
			return s.token(tokNumber, p)
		}
	}
	whole := digits(isDigit)
	float := false
	if p < len(s.text) && s.text[p] == '.' {
		p++
		digits(isDigit)
		float = true
	}
	if p < len(s.text) && s.text[p]|0x20 == 'e' {
		p++
		if p < len(s.text) && (s.text[p] == '+' || s.text[p] == '-') {
			p++
		}
		if digits(isDigit) == 0 {
			s.fail(start, "number without digits in its exponent")
		}
		float = true
	}
	if !float && whole > 1 && s.text[start] == '0' && strings.Trim(s.text[start:p], "0") != "" {
		s.fail(start, "octal numbers are written 0o%s", s.text[start+1:p])
	}
	return s.token(tokNumber, p)
}
