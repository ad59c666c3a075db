package typecheck

import (
	"bytes"
	"strings"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/diag"
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
	typed, ignored := bytes.Contains(text, []byte("# type:")) || bytes.Contains(text, []byte("#type:")), bytes.Contains(text, []byte("kurtosis: ignore"))
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
			c.suppress(strings.TrimSpace(t), one.Start.Line)
		}
	})
}

func (c *checker) suppress(text string, line int32) {
	whole := false
	rest, ok := strings.CutPrefix(text, "ignore-file")
	if ok {
		whole = true
	} else if rest, ok = strings.CutPrefix(text, "ignore"); !ok {
		return
	}
	codes := map[string]bool{}
	if list, ok := strings.CutPrefix(strings.TrimSpace(rest), "["); ok {
		list, _, _ = strings.Cut(list, "]")
		for _, code := range strings.Split(list, ",") {
			codes[strings.TrimSpace(code)] = true
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

// has says whether a diagnostic is switched off by a comment.
func (s suppressions) has(d diag.Diagnostic) bool {
	if s.file[""] || s.file[d.Code] {
		return true
	}
	codes := s.lines[d.Range.Start.Line]
	return codes[""] || codes[d.Code]
}
