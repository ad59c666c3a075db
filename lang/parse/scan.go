package parse

import (
	"math/big"
	"strings"

	"go.starlark.net/syntax"
)

// scanner cuts the text into tokens. The current token is in its tok fields.
type scanner struct {
	text   string
	name   *string
	off    int   // offset of the next byte
	line   int32 // its line
	base   int   // such that its column is off-base+1: the line's start, plus all bytes there that are not a code point's first
	valid  bool  // the text is valid UTF-8
	strict bool
	report func(code string, start, end int, message, hint string) // called in recovery mode

	depth0    int       // nesting of brackets
	open      []bracket // the open brackets; kept in recovery mode only
	indents   []int     // columns of the open blocks
	dents     int       // INDENT (>0) or OUTDENT (<0) tokens still to be returned
	lineStart bool
	closers   int  // synthetic closing brackets still to be returned
	newline   bool // a NEWLINE is due after them

	tok              syntax.Token
	tokPos           syntax.Position
	tokStart, tokEnd int
	synthetic        bool // the token is not in the text
	prevEnd          int  // where the token before it ended
	raw              string
	str              string // value of a STRING or BYTES
	integer          int64
	bigInt           *big.Int
	float            float64

	newlineEnd  int   // offset after the last NEWLINE
	newlineLine int32 // the line there

	lineComments, suffixComments []syntax.Comment
	badIndent                    bool // strict: the line's indentation is wrong
	nul                          bool // a NUL byte was reported
	unclosed, unclosedEnd        int  // where the last string that was reported as not closed starts (or -1) and ends
	place                        func(offset int) syntax.Position
}

type bracket struct {
	kind  byte
	start int
}

// state is what must be restored to read from a token again.
type state struct {
	start        int
	pos          syntax.Position
	indents      []int
	tok          syntax.Token
	line, suffix int
	newlineEnd   int
	newlineLine  int32
	prevEnd      int
}

// mark remembers the current token, which must stand at the top level.
func (s *scanner) mark() state {
	st := state{start: s.tokStart, pos: s.tokPos, tok: s.tok, line: len(s.lineComments), suffix: len(s.suffixComments),
		newlineEnd: s.newlineEnd, newlineLine: s.newlineLine, prevEnd: s.prevEnd}
	if len(s.indents) > 1 {
		st.indents = append(st.indents, s.indents[1:]...)
	}
	return st
}

// reset goes back to before the token that was current at the mark.
func (s *scanner) reset(st state) {
	s.off, s.line = st.start, st.pos.Line
	s.base = st.start - int(st.pos.Col) + 1
	s.depth0, s.open, s.dents, s.closers, s.newline, s.lineStart, s.badIndent = 0, s.open[:0], 0, 0, false, false, false
	s.indents = append(s.indents[:1], st.indents...)
	if st.tok == syntax.INDENT {
		s.dents = 1
	}
	s.lineComments, s.suffixComments = s.lineComments[:st.line], s.suffixComments[:st.suffix]
	s.newlineEnd, s.newlineLine, s.prevEnd = st.newlineEnd, st.newlineLine, st.prevEnd
}

func (s *scanner) pos() syntax.Position {
	return syntax.MakePosition(s.name, s.line, int32(s.off-s.base)+1)
}

// peek returns the byte i places ahead, 0 at the end.
func (s *scanner) peek(i int) byte {
	if s.off+i < len(s.text) {
		return s.text[s.off+i]
	}
	return 0
}

// breakLine steps over the newline that starts at off: \n, \r\n or a lone \r.
func (s *scanner) breakLine() {
	if s.text[s.off] == '\r' && s.peek(1) == '\n' {
		s.off++
	}
	s.off++
	s.line++
	s.base = s.off
}

func (s *scanner) end(t syntax.Token) {
	s.tok, s.tokEnd = t, s.off
}

// begin makes the next byte the first of the token.
func (s *scanner) begin() {
	s.tokStart, s.tokPos, s.synthetic = s.off, s.pos(), false
}

// illegal ends the token as one that no production accepts (strict), or reports why it is wrong.
func (s *scanner) illegal(code string, start, end int, message, hint string) {
	if !s.strict {
		s.report(code, start, end, message, hint)
	}
}

const (
	identStart = 1 << iota
	identPart
	digit
	space
)

var class = func() (t [256]uint8) {
	for c := 'a'; c <= 'z'; c++ {
		t[c] = identStart | identPart
		t[c-'a'+'A'] = identStart | identPart
	}
	t['_'] = identStart | identPart
	for c := '0'; c <= '9'; c++ {
		t[c] = identPart | digit
	}
	t[' '], t['\t'] = space, space
	return t
}()

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// scan reads the next token.
func (s *scanner) scan() {
again:
	if s.closers > 0 || s.newline {
		s.synthesize()
		return
	}
	blank, atLineStart := false, s.lineStart
	if s.lineStart {
		s.lineStart = false
		var stop bool
		blank, stop = s.indentation()
		if stop {
			goto again
		}
	}
	if s.badIndent {
		s.badIndent = false
		s.begin()
		s.end(syntax.ILLEGAL)
		return
	}
	if s.dents != 0 {
		s.begin()
		if s.dents < 0 {
			s.dents++
			s.end(syntax.OUTDENT)
		} else {
			s.dents--
			s.end(syntax.INDENT)
		}
		return
	}
	for s.off < len(s.text) {
		c := s.text[s.off]
		if class[c]&space == 0 {
			if c != 0 {
				break
			}
			s.nulByte(s.off)
		}
		s.off++
	}
	if s.off == len(s.text) {
		s.endOfFile(atLineStart)
		return
	}
	c := s.text[s.off]
	if c == '#' {
		s.comment(blank)
		if s.off == len(s.text) {
			s.endOfFile(atLineStart)
			return
		}
		c = s.text[s.off]
	}
	if c == '\n' || c == '\r' {
		s.lineStart = true
		if s.depth0 > 0 || blank {
			s.breakLine()
			goto again
		}
		s.begin()
		s.breakLine()
		s.newlineEnd, s.newlineLine = s.off, s.line
		s.end(syntax.NEWLINE)
		return
	}
	if c == '\\' {
		if n := s.peek(1); n == '\n' || n == '\r' {
			s.off++
			s.breakLine()
			goto again
		}
		s.begin()
		s.off++
		s.end(syntax.ILLEGAL)
		if !s.strict {
			s.report(codeCharacter, s.tokStart, s.off, `unexpected character '\'`, "a backslash joins lines only as the last character of its line")
			goto again
		}
		return
	}
	s.begin()
	if !s.token(c) {
		goto again
	}
}

// indentation reads the white space a line starts with and counts the blocks it opens or closes. It answers
// stop if the line starts a new statement inside of brackets, which are then closed.
func (s *scanner) indentation() (blank, stop bool) {
	col, i := 0, s.off
loop:
	for ; i < len(s.text); i++ {
		switch s.text[i] {
		case ' ':
			col++
		case '\t':
			col += 8 - (i-s.base)%8
		case 0:
			s.nulByte(i)
			col++
		default:
			break loop
		}
	}
	if i == len(s.text) || s.text[i] == '#' || s.text[i] == '\n' || s.text[i] == '\r' {
		s.off = i
		return true, false
	}
	if s.depth0 > 0 {
		if !s.strict && s.startsStatement(i, col) {
			s.lineStart = true
			s.closeAll()
			return false, true
		}
		s.off = i
		return false, false
	}
	s.off = i
	top := len(s.indents) - 1
	if cur := s.indents[top]; col > cur {
		s.dents++
		s.indents = append(s.indents, col)
	} else if col < cur {
		last := cur
		for col < s.indents[len(s.indents)-1] {
			s.dents--
			last = s.indents[len(s.indents)-1]
			s.indents = s.indents[:len(s.indents)-1]
		}
		if col != s.indents[len(s.indents)-1] {
			s.mismatch(last)
		}
	}
	return false, false
}

// tabsAndBlanks says whether the line at lineStart is indented by other white space than the lines before it: what
// looks alike, or different, in an editor need not be.
func (s *scanner) tabsAndBlanks(lineStart int) bool {
	tabs, blanks := false, false
	see := func(text string) {
		for _, b := range []byte(text) {
			switch b {
			case '\t':
				tabs = true
			case ' ':
				blanks = true
			default:
				return
			}
		}
	}
	see(s.text[lineStart:])
	for end, lines := lineStart, 0; end > 0 && lines < 1000 && !(tabs && blanks); lines++ {
		start := strings.LastIndexByte(s.text[:end-1], '\n') + 1
		see(s.text[start:end])
		if c := s.text[start]; c != ' ' && c != '\t' && c != '\n' && c != '\r' && c != '#' {
			break // the statement at the top that the block belongs to
		}
		end = start
	}
	return tabs && blanks
}

// mismatch deals with a line that is indented less than its block and more than the block around it: it is
// taken to belong to the inner one, which is indented by col.
func (s *scanner) mismatch(col int) {
	s.indents = append(s.indents, col)
	s.dents++
	lineStart := s.off
	for lineStart > 0 && s.text[lineStart-1] != '\n' && s.text[lineStart-1] != '\r' {
		lineStart--
	}
	s.badIndent = s.strict
	hint := "indent it as the statements of its block are"
	if s.tabsAndBlanks(lineStart) {
		hint = "tabs and blanks are mixed: a tab reaches to the next column that is a multiple of 8; indent with blanks alone"
	}
	s.illegal(codeIndentation, lineStart, s.off, "indentation matches no block around this line", hint)
}

func (s *scanner) endOfFile(atLineStart bool) {
	if s.depth0 > 0 && !s.strict {
		s.closeAll()
		s.synthesize()
		return
	}
	if len(s.indents) > 1 {
		if atLineStart {
			s.dents = 1 - len(s.indents)
			s.indents = s.indents[:1]
			s.begin()
			s.dents++
			s.end(syntax.OUTDENT)
			return
		}
		s.lineStart = true
		s.begin()
		s.newlineEnd, s.newlineLine = s.off, s.line
		s.end(syntax.NEWLINE)
		return
	}
	s.begin()
	s.end(syntax.EOF)
}

func (s *scanner) comment(blank bool) {
	pos, start := s.pos(), s.off
	i := strings.IndexAny(s.text[start:], "\n\r")
	if i < 0 {
		i = len(s.text) - start
	}
	text := s.text[start : start+i]
	if n := strings.IndexByte(text, 0); n >= 0 {
		s.nulByte(start + n)
	}
	s.advance(i)
	c := syntax.Comment{Start: pos, Text: text}
	if blank {
		s.lineComments = append(s.lineComments, c)
	} else {
		s.suffixComments = append(s.suffixComments, c)
	}
}
