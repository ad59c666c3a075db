package format

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// The layout of docstrings and comments depends on what Python takes for white space and for line ends,
// which is more than Go does.

func isSpace(r rune) bool {
	switch {
	case r < utf8.RuneSelf:
		return r == ' ' || '\t' <= r && r <= '\r' || 0x1c <= r && r <= 0x1f
	}
	return unicode.IsSpace(r)
}

func trimLeft(s string) string  { return strings.TrimLeftFunc(s, isSpace) }
func trimRight(s string) string { return strings.TrimRightFunc(s, isSpace) }
func trim(s string) string      { return trimLeft(trimRight(s)) }

// splitLines cuts s at every line end Python knows. The last line is left out when it is empty.
func splitLines(s string) []string {
	var lines []string
	start := 0
	for i, r := range s {
		switch r {
		case '\n', '\v', '\f', '\r', 0x1c, 0x1d, 0x1e, 0x85, 0x2028, 0x2029:
			if r == '\n' && i > 0 && s[i-1] == '\r' {
				start = i + 1
				continue
			}
			lines = append(lines, s[start:i])
			start = i + utf8.RuneLen(r)
		}
	}
	if start < len(s) {
		lines = append(lines, s[start:])
	}
	return lines
}

// expandTabs replaces tabs by blanks up to the next multiple of 8.
func expandTabs(s string) string {
	if strings.IndexByte(s, '\t') < 0 {
		return s
	}
	var b strings.Builder
	column := 0
	for _, r := range s {
		switch r {
		case '\t':
			n := 8 - column%8
			b.WriteString("        "[:n])
			column += n
		case '\n', '\r':
			b.WriteRune(r)
			column = 0
		default:
			b.WriteRune(r)
			column++
		}
	}
	return b.String()
}

// expandIndent expands the tabs in the indentation of a line that holds more than white space.
func expandIndent(line string) string {
	rest := trimLeft(line)
	indent := line[:len(line)-len(rest)]
	if rest == "" || strings.IndexByte(indent, '\t') < 0 {
		return line
	}
	return expandTabs(indent) + rest
}
