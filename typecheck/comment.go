package typecheck

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/lang/parse"
	"github.com/kurtosis-go/kurtosis/lang/source"
)

// comments calls f with every comment of a file. They hang on the nodes of the tree.
func comments(file *syntax.File, f func(syntax.Comment)) {
	visit := func(c *syntax.Comments) {
		if c == nil {
			return
		}
		for _, list := range [][]syntax.Comment{c.Before, c.Suffix, c.After} {
			for _, one := range list {
				f(one)
			}
		}
	}
	visit(file.Comments())
	syntax.Walk(file, func(n syntax.Node) bool {
		if n != nil {
			visit(n.Comments())
		}
		return true
	})
}

// suppressions are the comments that switch diagnostics off.
type suppressions struct {
	file  map[string]bool           // codes off for the whole file; "" is all
	lines map[int32]map[string]bool // codes off for a line
}

// readComments collects type comments and suppressions. Most files have neither, which a search tells quickly.
func (c *checker) readComments() {
	text := c.file.Text()
	typed, ignored := bytes.Contains(text, []byte("# type:")) || bytes.Contains(text, []byte("#type:")), bytes.Contains(text, []byte("kurtosis:"))
	if !typed && !ignored {
		return
	}
	c.typeComments = map[int32]string{}
	comments(c.in.Tree.Syntax, func(one syntax.Comment) {
		body := strings.TrimSpace(strings.TrimLeft(one.Text, "#"))
		if t, ok := strings.CutPrefix(body, "type:"); ok {
			t, _, _ = strings.Cut(t, "#")
			c.typeComments[one.Start.Line] = strings.TrimSpace(t)
		}
		if t, ok := strings.CutPrefix(body, "kurtosis:"); ok {
			c.suppress(strings.TrimSpace(t), one)
		}
	})
}

// What a comment may ask for.
const (
	ignoreLine = "ignore"
	ignoreFile = "ignore-file"
)

// suppress reads what stands behind "kurtosis:".
func (c *checker) suppress(text string, comment syntax.Comment) {
	line := comment.Start.Line
	word := text
	if i := strings.IndexAny(text, " \t[#"); i >= 0 {
		word = text[:i]
	}
	if word != ignoreLine && word != ignoreFile {
		if near, ok := closest(word, []string{ignoreLine, ignoreFile}); ok && strings.HasPrefix(strings.TrimSpace(text[len(word):]), "[") {
			c.misspelt = append(c.misspelt, misspelt{comment, word, near, "'" + word + "' switches nothing off"})
		}
		return
	}
	whole := word == ignoreFile
	codes := map[string]bool{}
	if list, ok := strings.CutPrefix(strings.TrimSpace(text[len(word):]), "["); ok {
		list, _, _ = strings.Cut(list, "]")
		for _, code := range strings.Split(list, ",") {
			code = strings.TrimSpace(code)
			codes[code] = true
			if known := Codes(); code != "" && !slices.Contains(known, code) {
				near, _ := closest(code, known)
				c.misspelt = append(c.misspelt, misspelt{comment, code, near, "no diagnostic has the code '" + code + "'"})
			}
		}
	} else {
		codes[""] = true
	}
	if whole {
		if c.ignored.file == nil {
			c.ignored.file = map[string]bool{}
		}
		for code := range codes {
			c.ignored.file[code] = true
		}
		return
	}
	if c.ignored.lines == nil {
		c.ignored.lines = map[int32]map[string]bool{}
	}
	lines := []int32{line}
	if len(bytes.TrimSpace(bytes.SplitN(c.file.Line(int(line)), []byte("#"), 2)[0])) == 0 {
		lines = []int32{line + 1} // on a line of its own it speaks of the next one
		for next := line + 1; strings.HasPrefix(strings.TrimSpace(string(c.file.Line(int(next)))), "#"); next++ {
			lines = append(lines, next+1)
		}
	}
	for _, l := range lines {
		if c.ignored.lines[l] == nil {
			c.ignored.lines[l] = map[string]bool{}
		}
		for code := range codes {
			c.ignored.lines[l][code] = true
		}
	}
}

// misspelt is a word of a comment that switches nothing off.
type misspelt struct {
	comment    syntax.Comment
	word, near string // near is what was meant, or ""
	message    string
}

// unknownCodes reports comments that switch nothing off, as who wrote them believes that they do.
func (c *checker) unknownCodes() {
	for _, m := range c.misspelt {
		start := parse.Pos(m.comment.Start)
		start.Col += int32(utf8.RuneCountInString(m.comment.Text[:strings.Index(m.comment.Text, m.word)]))
		at := source.Range{Start: start, End: start}
		at.End.Col += int32(utf8.RuneCountInString(m.word))
		hint, fixes := "docs/diagnostics lists the codes", []diag.Fix(nil)
		if m.near != "" {
			hint = "did you mean " + m.near + "?"
			fixes = append(fixes, c.fix("Change to "+m.near, false, at, m.near))
		}
		c.report("unknown-code", at, m.message, hint, fixes...)
	}
}

// has says whether a diagnostic is switched off by a comment.
func (s suppressions) has(d diag.Diagnostic) bool {
	if s.file[""] || s.file[d.Code] {
		return true
	}
	codes := s.lines[d.Range.Start.Line]
	return codes[""] || codes[d.Code]
}
