package parse

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.starlark.net/syntax"
)

// string reads a string literal whose prefix (r, b, rb) is n bytes long. off stands at the prefix.
func (s *scanner) string(n int) {
	prefix := s.text[s.off : s.off+n]
	if s.quoted(n) {
		s.value(strings.HasPrefix(prefix, "r"), strings.HasSuffix(prefix, "b"), n)
	}
}

// quoted steps over a string literal with a prefix of n bytes and sets raw to its text as upstream keeps it:
// newlines are \n, invalid bytes are U+FFFD. It answers false if the literal is illegal.
func (s *scanner) quoted(n int) bool {
	text := s.text
	quote := text[s.off+n]
	i := s.off + n + 1
	size := 1
	if i+1 < len(text) && text[i] == quote && text[i+1] == quote {
		size = 3
		i += 2
	}
	line, base := s.line, s.base
	dirty, run, closed := false, 0, false
scan:
	for i < len(text) {
		c := text[i]
		switch {
		case c == quote:
			i++
			if run++; run == size {
				closed = true
				break scan
			}
			continue
		case c == '\\':
			i++
			if i == len(text) {
				break scan
			}
			if c = text[i]; c == '\n' || c == '\r' {
				if c == '\r' {
					dirty = true
					if i+1 < len(text) && text[i+1] == '\n' {
						i++
					}
				}
				line++
				base = i + 1
			} else if c >= utf8.RuneSelf {
				r, w := utf8.DecodeRuneInString(text[i:])
				dirty = dirty || r == utf8.RuneError && w == 1
				base += w - 1
				i += w - 1
			}
		case c == '\n' || c == '\r':
			if size == 1 || !s.strict && functionLine(strings.TrimPrefix(text[i+1:], "\n")) {
				break scan
			}
			if c == '\r' {
				dirty = true
				if i+1 < len(text) && text[i+1] == '\n' {
					i++
				}
			}
			line++
			base = i + 1
		case c >= utf8.RuneSelf:
			r, w := utf8.DecodeRuneInString(text[i:])
			dirty = dirty || r == utf8.RuneError && w == 1
			base += w - 1
			i += w - 1
		}
		run = 0
		i++
	}
	s.off, s.line, s.base = i, line, base
	s.raw = text[s.tokStart:i]
	if dirty {
		s.raw = normalize(s.raw)
	}
	if closed {
		return true
	}
	s.end(syntax.ILLEGAL)
	if s.strict {
		return false
	}
	s.end(syntax.STRING)
	s.str = s.raw[min(n+size, len(s.raw)):]
	end := s.tokStart + len(text[s.tokStart:i])
	if nl := strings.IndexAny(text[s.tokStart:i], "\n\r"); nl >= 0 {
		end = s.tokStart + nl
	}
	s.unclosed, s.unclosedEnd = s.tokStart, s.tokEnd
	quotes := strings.Repeat(string(quote), size)
	s.report(codeUnclosedString, s.tokStart, end, "the string is never closed", "add "+quotes+" where it ends")
	return false
}

func normalize(raw string) string {
	raw = string([]rune(raw)) // one U+FFFD for each invalid byte
	raw = strings.ReplaceAll(raw, "\r\n", "\n")
	return strings.ReplaceAll(raw, "\r", "\n")
}

// value sets str to the value of the literal in raw, whose prefix is n bytes long, and ends the token.
func (s *scanner) value(verbatim, bytes bool, n int) {
	s.end(syntax.STRING)
	if bytes {
		s.tok = syntax.BYTES
	}
	quotes := 1
	if len(s.raw) >= n+6 && s.raw[n+1] == s.raw[n] && s.raw[n+2] == s.raw[n] {
		quotes = 3
	}
	body := s.raw[n+quotes : len(s.raw)-quotes]
	s.str = body
	if verbatim || strings.IndexByte(body, '\\') < 0 {
		return
	}
	value := make([]byte, 0, len(body))
	for len(body) > 0 {
		i := strings.IndexByte(body, '\\')
		if i < 0 {
			value = append(value, body...)
			break
		}
		value = append(value, body[:i]...)
		body = body[i:]
		var size int
		var message, hint string
		value, size, message, hint = unescape(value, body, bytes)
		if message != "" {
			if s.strict {
				s.tok = syntax.ILLEGAL
				return
			}
			start, end := s.tokStart, s.tokEnd
			if len(s.raw) == end-start { // the offsets in raw are those in the text
				start = end - quotes - len(body)
				end = start + size
			}
			s.report(codeEscape, start, end, message, hint)
			value = append(value, body[:size]...)
		}
		body = body[size:]
	}
	s.str = string(value)
}

// unescape decodes the escape sequence that s starts with, appends its value to dst and returns its size. If
// it is wrong, message says why.
func unescape(dst []byte, s string, bytes bool) (_ []byte, size int, message, hint string) {
	switch c := s[1]; c {
	case '\n':
	case 'a':
		dst = append(dst, '\a')
	case 'b':
		dst = append(dst, '\b')
	case 'f':
		dst = append(dst, '\f')
	case 'n':
		dst = append(dst, '\n')
	case 'r':
		dst = append(dst, '\r')
	case 't':
		dst = append(dst, '\t')
	case 'v':
		dst = append(dst, '\v')
	case '\\', '\'', '"':
		dst = append(dst, c)
	case '0', '1', '2', '3', '4', '5', '6', '7':
		n, i := 0, 1
		for ; i < 4 && i < len(s) && '0' <= s[i] && s[i] <= '7'; i++ {
			n = n*8 + int(s[i]-'0')
		}
		if !bytes && n > 127 {
			return dst, i, fmt.Sprintf(`the octal escape %s is not ASCII`, s[:i]), fmt.Sprintf(`write \u%04X for the character U+%04X`, n, n)
		}
		if n > 255 {
			return dst, i, fmt.Sprintf("the octal escape %s is larger than a byte", s[:i]), `the largest is \377`
		}
		return append(dst, byte(n)), i, "", ""
	case 'x':
		n, size, message := hexEscape(s, 2)
		if message != "" {
			return dst, size, message, `\x wants two hexadecimal digits`
		}
		if !bytes && n > 127 {
			return dst, size, fmt.Sprintf("the hexadecimal escape %s is not ASCII", s[:size]), fmt.Sprintf(`write \u%04X for the character U+%04X`, n, n)
		}
		return append(dst, byte(n)), size, "", ""
	case 'u', 'U':
		digits, want := 4, `\u wants four hexadecimal digits`
		if c == 'U' {
			digits, want = 8, `\U wants eight hexadecimal digits`
		}
		n, size, message := hexEscape(s, digits)
		if message != "" {
			return dst, size, message, want
		}
		if n > unicode.MaxRune {
			return dst, size, fmt.Sprintf("the escape %s is beyond the last character", s[:size]), `the largest is \U0010FFFF`
		}
		if 0xD800 <= n && n < 0xE000 {
			return dst, size, fmt.Sprintf("the escape %s is half of a surrogate pair, not a character", s[:size]), `write the whole character as \U and eight digits`
		}
		return utf8.AppendRune(dst, rune(n)), size, "", ""
	default:
		r, n := utf8.DecodeRuneInString(s[1:])
		return dst, 1 + n, fmt.Sprintf(`unknown escape sequence '\%c'`, r), `write \\ for a backslash, or r"…" for a string without escapes`
	}
	return dst, 2, "", ""
}

// hexEscape reads the digits of the escape that s starts with.
func hexEscape(s string, digits int) (n uint64, size int, message string) {
	size = 2
	for size < len(s) && size < 2+digits && isHex(s[size]) {
		size++
	}
	if size < 2+digits {
		return 0, size, fmt.Sprintf("the escape sequence '%s' is too short", s[:size])
	}
	n, _ = strconv.ParseUint(s[2:size], 16, 64)
	return n, size, ""
}

func isHex(c byte) bool { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }

// number reads a number or the dot of an attribute.
func (s *scanner) number(c byte) {
	start := s.off
	i := start
	text := s.text
	at := func(i int) byte {
		if i < len(text) {
			return text[i]
		}
		return 0
	}
	decimal := func() {
		for isDigit(at(i)) {
			i++
		}
	}
	if c == '.' {
		if !isDigit(at(i + 1)) {
			s.off++
			s.end(syntax.DOT)
			return
		}
		s.fraction(i)
		return
	}
	if c == '0' && (at(i+1)|0x20 == 'x' || at(i+1)|0x20 == 'o' || at(i+1)|0x20 == 'b') {
		s.radix(at(i+1) | 0x20)
		return
	}
	decimal()
	if n := at(i); n == '.' || n == 'e' || n == 'E' {
		s.fraction(i)
		return
	}
	s.off = i
	s.raw = text[start:i]
	s.end(syntax.INT)
	s.bigInt = nil
	if c == '0' && i-start > 1 {
		if strings.Trim(s.raw, "0") != "" {
			s.badNumber("the number has a leading zero", octalHint(s.raw))
		}
		s.integer = 0
		return
	}
	if i-start <= 18 {
		n := int64(0)
		for _, d := range []byte(s.raw) {
			n = n*10 + int64(d-'0')
		}
		s.integer = n
		return
	}
	s.large(s.raw, 10)
}

func octalHint(raw string) string {
	digits := strings.TrimLeft(raw, "0")
	if strings.ContainsAny(digits, "89") {
		return "write " + digits
	}
	return "write " + digits + " for a decimal, 0o" + digits + " for an octal number"
}

func (s *scanner) large(digits string, base int) {
	n, err := strconv.ParseInt(digits, base, 64)
	if err == nil {
		s.integer = n
		return
	}
	s.bigInt, _ = new(big.Int).SetString(digits, base)
}

// radix reads a hexadecimal, octal or binary number.
func (s *scanner) radix(kind byte) {
	start := s.off
	base, name := 16, "hexadecimal"
	switch kind {
	case 'o':
		base, name = 8, "octal"
	case 'b':
		base, name = 2, "binary"
	}
	i := start + 2
	for i < len(s.text) && isHex(s.text[i]) && (base == 16 || int(s.text[i]-'0') < base) {
		i++
	}
	none := i == start+2
	for none && !s.strict && i < len(s.text) && class[s.text[i]]&identPart != 0 {
		i++
	}
	s.off = i
	s.raw = s.text[start:i]
	s.end(syntax.INT)
	s.bigInt, s.integer = nil, 0
	digits := s.raw[2:]
	if none {
		s.badNumber(fmt.Sprintf("the %s number has no digits", name), fmt.Sprintf("write digits after %s", s.raw[:2]))
		return
	}
	s.large(digits, base)
	if s.bigInt != nil && base != 16 {
		s.badNumber(fmt.Sprintf("the %s number does not fit 64 bits", name), "write it as a decimal or hexadecimal number")
	}
}

// fraction reads a floating-point number; i is where its dot or exponent stands.
func (s *scanner) fraction(i int) {
	start, text := s.off, s.text
	digits := func() {
		for i < len(text) && isDigit(text[i]) {
			i++
		}
	}
	if text[i] == '.' {
		i++
		digits()
	}
	if i < len(text) && text[i]|0x20 == 'e' {
		i++
		if i < len(text) && (text[i] == '+' || text[i] == '-') {
			i++
		}
		digits()
	}
	s.off = i
	s.raw = text[start:i]
	s.end(syntax.FLOAT)
	f, err := strconv.ParseFloat(s.raw, 64)
	s.float = f
	if err == nil {
		return
	}
	if strings.HasSuffix(err.Error(), strconv.ErrRange.Error()) {
		s.badNumber("the number is too large for a float", "the largest is about 1.8e308")
	} else {
		s.badNumber("the number has no digits in its exponent", "write digits after e, as in 1e9")
	}
}

func (s *scanner) badNumber(message, hint string) {
	if s.strict {
		s.tok = syntax.ILLEGAL
		return
	}
	s.report(codeNumber, s.tokStart, s.tokEnd, message, hint)
}
