package format

import (
	"math"
	"strings"
	"unicode/utf8"
)

const lineLength = 88

func isStringPrefix(c byte) bool {
	return strings.IndexByte("furbFURB", c) >= 0
}

// stringPrefix is the length of what stands before a string's quotes.
func stringPrefix(s string) int {
	n := 0
	for n < len(s) && isStringPrefix(s[n]) {
		n++
	}
	return n
}

// isMultilineString reports whether n is a string with three quotes that spans lines.
func isMultilineString(n *node) bool {
	if !n.breaks {
		return false
	}
	s := n.value[stringPrefix(n.value):]
	return strings.HasPrefix(s, `"""`) || strings.HasPrefix(s, `'''`)
}

// normalString writes a string with double quotes, unless that takes more backslashes, and without needless ones.
func normalString(s string) string {
	p := stringPrefix(s)
	prefix, value := s[:p], s[p:]
	var quote, other string
	switch {
	case strings.HasPrefix(value, `"""`):
		return s
	case strings.HasPrefix(value, `'''`):
		quote, other = `'''`, `"""`
	case value[0] == '"':
		if strings.IndexByte(value, '\\') < 0 {
			return s
		}
		quote, other = `"`, `'`
	default:
		quote, other = `'`, `"`
	}
	body := value[len(quote) : len(value)-len(quote)]
	changed := body
	if strings.IndexByte(prefix, 'r') >= 0 {
		if hasUnescaped(body, other) {
			return s
		}
	} else {
		changed = unescape(unescape(body, other), other)
		if changed != body {
			body = changed
			s = prefix + quote + body + quote
		}
		changed = unescape(unescape(changed, quote), quote)
		changed = escape(escape(changed, other), other)
	}
	if other == `"""` && strings.HasSuffix(changed, `"`) {
		changed = changed[:len(changed)-1] + `\"`
	}
	before, after := strings.Count(body, `\`), strings.Count(changed, `\`)
	if after > before || after == before && quote == `"` {
		return s
	}
	return prefix + other + changed + other
}

// quoteAt finds, at i or later, the place of a quote q with a run of backslashes before it that is odd (escaped)
// or even (not). The run must follow the start of s or a character at or after i: what an earlier match took
// is not looked at again. It returns the run's start and the quote's place, or -1.
func quoteAt(s, q string, i int, odd bool) (run, at int) {
	for from := i; ; {
		k := strings.Index(s[from:], q)
		if k < 0 {
			return -1, -1
		}
		at = from + k
		run = at
		for run > 0 && s[run-1] == '\\' {
			run--
		}
		if (at-run)%2 == 1 == odd && (run == 0 && i == 0 || run > i) {
			if at == 0 {
				// A quote right behind the first one takes it as its character before, and wins.
				second := 1 + len(s[1:]) - len(strings.TrimLeft(s[1:], `\`))
				if second%2 == 1 && strings.HasPrefix(s[second:], q) {
					return 1, second
				}
			}
			return run, at
		}
		from = at + 1
	}
}

func hasUnescaped(s, q string) bool {
	_, at := quoteAt(s, q, 0, false)
	return at >= 0
}

// unescape takes one backslash from each escaped q.
func unescape(s, q string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	var b strings.Builder
	done := 0
	for {
		run, at := quoteAt(s, q, done, true)
		if at < 0 {
			break
		}
		b.WriteString(s[done:run])
		b.WriteString(s[run+1 : at+len(q)])
		done = at + len(q)
	}
	if done == 0 {
		return s
	}
	return b.String() + s[done:]
}

// escape puts a backslash before each q that has none.
func escape(s, q string) string {
	var b strings.Builder
	done := 0
	for {
		_, at := quoteAt(s, q, done, false)
		if at < 0 {
			break
		}
		b.WriteString(s[done:at])
		b.WriteByte('\\')
		b.WriteString(q)
		done = at + len(q)
	}
	if done == 0 {
		return s
	}
	return b.String() + s[done:]
}

// normalNumber writes a number with lower case letters, upper case hexadecimal digits, and digits on both sides
// of its point.
func normalNumber(s string) string {
	simple := true
	for i := 0; i < len(s) && simple; i++ {
		simple = isDigit(s[i])
	}
	if simple {
		return s
	}
	s = strings.ToLower(s)
	if len(s) > 1 && s[0] == '0' {
		switch s[1] {
		case 'x':
			return s[:2] + strings.ToUpper(s[2:])
		case 'o', 'b':
			return s
		}
	}
	mantissa, exponent, hasExponent := strings.Cut(s, "e")
	if whole, fraction, ok := strings.Cut(mantissa, "."); ok {
		if whole == "" {
			whole = "0"
		}
		if fraction == "" {
			fraction = "0"
		}
		mantissa = whole + "." + fraction
	}
	if hasExponent {
		mantissa += "e" + strings.TrimPrefix(exponent, "+")
	}
	return mantissa
}

// docstring lays a docstring out for a block indented by depth.
func docstring(s string, depth int) string {
	multiline := strings.IndexByte(s, '\n') >= 0
	s = normalString(s)
	p := stringPrefix(s)
	prefix, s := s[:p], s[p:]
	quoteLen := 1
	if s[1] == s[0] {
		quoteLen = 3
	}
	quote := strings.Repeat(s[:1], quoteLen)
	body := ""
	if len(s) > 2 { // an empty string, "", gets three quotes
		body = s[quoteLen : len(s)-quoteLen]
	}
	empty := body == ""
	indent := strings.Repeat(" ", 4*depth)
	if multiline && quoteLen == 3 {
		body = reindent(body, indent)
	} else {
		body = trim(body)
	}
	oddBackslash := false
	if body != "" {
		if body[0] == quote[0] {
			body = " " + body
		}
		if body[len(body)-1] == quote[0] {
			body += " "
		}
		backslashes := len(body) - len(strings.TrimRight(body, `\`))
		if backslashes%2 == 1 {
			body += " "
			oddBackslash = true
		}
	} else if !empty {
		body = " "
	}
	if quoteLen == 3 {
		lines := splitLines(body)
		last := 0
		if body != "" {
			last = utf8.RuneCountInString(lines[len(lines)-1])
		}
		if len(lines) > 1 && last+quoteLen > lineLength && len(indent)+quoteLen <= lineLength && !oddBackslash {
			return prefix + quote + body + "\n" + indent + quote
		}
	}
	return prefix + quote + body + quote
}

// reindent moves the lines of a docstring but the first so that the leftmost starts behind indent.
func reindent(body, indent string) string {
	if body == "" {
		return ""
	}
	lines := splitLines(body)
	least := math.MaxInt
	for i, line := range lines {
		lines[i] = expandIndent(line)
		if rest := trimLeft(lines[i]); i > 0 && rest != "" {
			least = min(least, utf8.RuneCountInString(lines[i])-utf8.RuneCountInString(rest))
		}
	}
	var b strings.Builder
	b.WriteString(trim(lines[0]))
	if least == math.MaxInt {
		return b.String()
	}
	for i, line := range lines[1:] {
		b.WriteByte('\n')
		line = trimRight(dropRunes(line, least))
		if line != "" || i == len(lines)-2 {
			b.WriteString(indent)
			b.WriteString(line)
		}
	}
	return b.String()
}

func dropRunes(s string, n int) string {
	for ; n > 0 && s != ""; n-- {
		_, size := utf8.DecodeRuneInString(s)
		s = s[size:]
	}
	return s
}
