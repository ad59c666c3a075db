package ide

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/lang/format"
	"github.com/kurtosis-go/kurtosis/lang/source"
	"github.com/kurtosis-go/kurtosis/lang/workspace"
)

// Format gives the edits that lay a module out. The error says why it cannot be: it is not Starlark.
func (v *View) Format(ctx context.Context, path string) ([]diag.Edit, error) {
	if !v.isStarlark(path) {
		return nil, nil
	}
	f, err := v.files.File(ctx, path)
	if err != nil {
		return nil, err
	}
	out, err := format.Source(f.Name(), f.Text())
	if err != nil {
		var bad *format.SyntaxError
		if errors.As(err, &bad) {
			return nil, fmt.Errorf("can't format: line %d: %s", bad.Line, bad.Message)
		}
		return nil, err
	}
	return lineEdits(f, string(out)), nil
}

// FormatRange gives those of Format's edits that touch the lines of a range.
func (v *View) FormatRange(ctx context.Context, path string, within source.Range) ([]diag.Edit, error) {
	all, err := v.Format(ctx, path)
	if err != nil {
		return nil, err
	}
	// A range that ends at the start of a line does not mean that line.
	last := within.End
	if last.Col == 1 && last.Line > within.Start.Line {
		last.Line--
	}
	tree, err := v.files.Module(ctx, workspace.Target{Path: path})
	if err != nil {
		return nil, err
	}
	first, end := within.Start.Line, last.Line
	for _, s := range tree.Syntax.Stmts {
		grow(s, &first, &end)
	}
	var out []diag.Edit
	for _, e := range all {
		until := e.Range.End.Line
		if e.Range.End.Col == 1 && until > e.Range.Start.Line {
			until--
		}
		if until >= first && e.Range.Start.Line <= end {
			out = append(out, e)
		}
	}
	return out, nil
}

// grow widens lines to the simple statements that they touch: a call over several lines is laid out as a whole.
func grow(s syntax.Stmt, first, last *int32) {
	r := nodeRange(s)
	if r.End.Line < *first || r.Start.Line > *last {
		return
	}
	switch s := s.(type) {
	case *syntax.DefStmt:
		growAll(s.Body, first, last)
	case *syntax.ForStmt:
		growAll(s.Body, first, last)
	case *syntax.IfStmt:
		growAll(s.True, first, last)
		growAll(s.False, first, last)
	default:
		*first, *last = min(*first, r.Start.Line), max(*last, r.End.Line)
	}
}

func growAll(stmts []syntax.Stmt, first, last *int32) {
	for _, s := range stmts {
		grow(s, first, last)
	}
}

// lineEdits are the edits, by whole lines, that turn a file into text. They are few where little differs, so that an
// editor's cursor and marks stay.
func lineEdits(f *source.File, text string) []diag.Edit {
	old := splitLines(string(f.Text()))
	lines := splitLines(text)
	var out []diag.Edit
	pos := func(line int) source.Pos {
		if line < len(old) {
			return source.Pos{Line: int32(line) + 1, Col: 1}
		}
		return f.End()
	}
	for _, h := range diffLines(old, lines) {
		out = append(out, diag.Edit{
			File: f.Name(), Range: source.Range{Start: pos(h.oldStart), End: pos(h.oldEnd)}, NewText: strings.Join(lines[h.newStart:h.newEnd], ""),
		})
	}
	return out
}

// splitLines splits after line breaks.
func splitLines(s string) []string {
	lines := strings.SplitAfter(s, "\n")
	if n := len(lines); lines[n-1] == "" {
		lines = lines[:n-1]
	}
	return lines
}

// hunk is a run of lines that others replace.
type hunk struct{ oldStart, oldEnd, newStart, newEnd int }

// diffLines compares two lists of lines. Lines that occur once in both are matched first, as patience diff does, and
// what lies between them is compared in turn.
func diffLines(a, b []string) []hunk {
	var out []hunk
	var walk func(a0, a1, b0, b1 int)
	walk = func(a0, a1, b0, b1 int) {
		for a0 < a1 && b0 < b1 && a[a0] == b[b0] {
			a0, b0 = a0+1, b0+1
		}
		for a0 < a1 && b0 < b1 && a[a1-1] == b[b1-1] {
			a1, b1 = a1-1, b1-1
		}
		if a0 == a1 && b0 == b1 {
			return
		}
		pairs := uniquePairs(a, b, a0, a1, b0, b1)
		if len(pairs) == 0 {
			out = append(out, hunk{a0, a1, b0, b1})
			return
		}
		for _, p := range pairs {
			walk(a0, p[0], b0, p[1])
			a0, b0 = p[0]+1, p[1]+1
		}
		walk(a0, a1, b0, b1)
	}
	walk(0, len(a), 0, len(b))
	return out
}

// uniquePairs are the lines that occur once in either part and keep their order.
func uniquePairs(a, b []string, a0, a1, b0, b1 int) [][2]int {
	inA, inB := map[string]int{}, map[string]int{}
	for i := a0; i < a1; i++ {
		if _, twice := inA[a[i]]; twice {
			inA[a[i]] = -1
		} else {
			inA[a[i]] = i
		}
	}
	for i := b0; i < b1; i++ {
		if _, twice := inB[b[i]]; twice {
			inB[b[i]] = -1
		} else {
			inB[b[i]] = i
		}
	}
	// Longest run of increasing indices of b, greedily: layouts keep the order of lines.
	var out [][2]int
	last := -1
	for i := a0; i < a1; i++ {
		if inA[a[i]] != i {
			continue
		}
		if j, ok := inB[a[i]]; ok && j > last && j >= 0 {
			out = append(out, [2]int{i, j})
			last = j
		}
	}
	return out
}

// FormatOnType gives the edits that follow a typed character: the indentation of a new line, and that of else.
func (v *View) FormatOnType(ctx context.Context, path string, at source.Pos, typed string, unit string) ([]diag.Edit, error) {
	if !v.isStarlark(path) {
		return nil, nil
	}
	tree, err := v.files.Module(ctx, workspace.Target{Path: path})
	if err != nil {
		return nil, err
	}
	f := tree.File
	if lexicalContext(tree, f.Offset(source.Pos{Line: at.Line, Col: 1})) == inString {
		return nil, nil
	}
	line := string(f.Line(int(at.Line)))
	have := indentOf([]byte(line))
	var want string
	switch typed {
	case "\n":
		var ok bool
		if want, ok = indentAfter(f, int(at.Line), unit); !ok {
			return nil, nil
		}
	case ":":
		word := strings.TrimSpace(line)
		if word != "else:" && !strings.HasPrefix(word, "elif ") {
			return nil, nil
		}
		var ok bool
		if want, ok = indentOfIf(f, int(at.Line), have); !ok {
			return nil, nil
		}
	default:
		return nil, nil
	}
	if want == have {
		return nil, nil
	}
	start := f.LineStart(int(at.Line))
	return []diag.Edit{{File: f.Name(), Range: rangeAt(f, start, start+len(have)), NewText: want}}, nil
}

// indentAfter is the indentation of a new line: that of the line before, one unit more behind a colon or an open
// bracket, one less behind a statement that ends a block.
func indentAfter(f *source.File, line int, unit string) (string, bool) {
	above := line - 1
	for above > 0 && strings.TrimSpace(string(f.Line(above))) == "" {
		above--
	}
	if above == 0 || above != line-1 {
		return "", false
	}
	text := string(f.Line(above))
	indent := indentOf([]byte(text))
	code := strings.TrimSpace(stripComment(text))
	first, _, _ := strings.Cut(code, " ")
	rest := strings.TrimSpace(string(f.Line(line)))
	switch {
	case strings.HasSuffix(code, ":"), strings.HasSuffix(code, "("), strings.HasSuffix(code, "["), strings.HasSuffix(code, "{"):
		if rest != "" && strings.ContainsAny(rest[:1], ")]}") {
			return indent, true
		}
		return indent + unit, true
	case first == "return" || code == "pass" || code == "break" || code == "continue":
		if open := strings.Count(code, "(") + strings.Count(code, "[") + strings.Count(code, "{") - strings.Count(code, ")") - strings.Count(code, "]") - strings.Count(code, "}"); open > 0 {
			return indent, true
		}
		return strings.TrimSuffix(indent, unit), true
	}
	return indent, true
}

// indentOfIf is the indentation of the if that an else belongs to: the nearest one above that is not deeper.
func indentOfIf(f *source.File, line int, have string) (string, bool) {
	for n := line - 1; n > 0; n-- {
		text := string(f.Line(n))
		code := strings.TrimSpace(stripComment(text))
		if code == "" {
			continue
		}
		indent := indentOf([]byte(text))
		if len(indent) > len(have) {
			continue
		}
		if strings.HasPrefix(code, "if ") || strings.HasPrefix(code, "elif ") || strings.HasPrefix(code, "for ") {
			return indent, true
		}
		if len(indent) < len(have) || strings.HasPrefix(code, "def ") {
			have = indent
		}
	}
	return "", false
}

// stripComment cuts a comment off a line, strings considered.
func stripComment(line string) string {
	quote := byte(0)
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case quote != 0:
			if c == '\\' {
				i++
			} else if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '#':
			return line[:i]
		}
	}
	return line
}
