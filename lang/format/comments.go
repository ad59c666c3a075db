package format

import "strings"

// comment is one comment of a token's prefix.
type comment struct {
	value    string // with the layout of its start normalised
	trailing bool   // stands on the line of the token before it
	blank    int    // line ends before it, from the comment before it or the start of the prefix
	consumed int    // bytes of the prefix up to the end of its line
}

// prefixComments lists the comments of a prefix.
func prefixComments(prefix string, atEnd bool) []comment {
	if strings.IndexByte(prefix, '#') < 0 {
		return nil
	}
	var list []comment
	consumed, blank, continued := 0, 0, 0
	for i, rest := 0, prefix; ; i++ {
		line, after, more := strings.Cut(rest, "\n")
		consumed += len(line) + 1
		line = trimLeft(line)
		if line == "" {
			blank++
		}
		if strings.HasPrefix(line, "#") {
			list = append(list, comment{
				value:    normalComment(line),
				trailing: i == continued && !atEnd,
				blank:    blank,
				consumed: consumed,
			})
			blank = 0
		} else if strings.HasSuffix(line, `\`) {
			// A line end behind a backslash is none: the comment after it still trails.
			continued++
		}
		if !more {
			return list
		}
		rest = after
	}
}

// normalComment puts a blank behind the number sign, unless one of the special comment starts is there.
func normalComment(text string) string {
	text = trimRight(text)
	content := text[1:]
	if content == "" {
		return "#"
	}
	const noBreak = "\u00a0"
	if strings.HasPrefix(content, noBreak) && !strings.HasPrefix(trimLeft(content), "type:") {
		return "# " + content[len(noBreak):]
	}
	switch content[0] {
	case ' ', '!', ':', '#', '\'':
		return text
	}
	return "# " + content
}

// isTypeComment reports whether n is a comment that Python's type checkers read, of the given sort: "" or " ignore".
func isTypeComment(n *node, sort string) bool {
	return (n.kind == tokComment || n.kind == standaloneComment) && strings.HasPrefix(n.value, "# type:"+sort)
}

// keptBlank is the number of line ends in a prefix behind its last comment: they may become blank lines.
func keptBlank(prefix string) int32 {
	if prefix == "" {
		return 0
	}
	hash := strings.IndexByte(prefix, '#')
	if hash < 0 {
		if strings.IndexByte(prefix, '\\') >= 0 {
			return 0
		}
		return int32(strings.Count(prefix, "\n"))
	}
	if strings.IndexByte(prefix[:hash], '\\') >= 0 {
		return 0
	}
	return int32(strings.Count(prefix[strings.LastIndexByte(prefix, '#'):], "\n")) - 1
}
