package format

import (
	"bytes"
	"slices"
	"unicode/utf8"

	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/lang/source"
)

// Range lays out lines first to last (from 1, last included) of src and as much around them as belongs to the
// same top-level statements. The edits leave all other lines alone. Errors are those of Source: the whole file
// must parse.
func Range(name string, src []byte, first, last int) ([]diag.Edit, error) {
	out, err := Source(name, src)
	if err != nil || bytes.Equal(src, out) {
		return nil, err
	}
	starts, err := statementLines(name, src)
	if err != nil {
		return nil, err
	}
	before, after := lines(src), lines(out)
	hunks := diffLines(before, after)
	from, to := first-1, last // lines from+1 … to
	for changed := true; changed; {
		changed = false
		for _, h := range hunks {
			if h.touches(from, to) && (h.oldFrom < from || h.oldTo > to) {
				from, to, changed = min(from, h.oldFrom), max(to, h.oldTo), true
			}
		}
		if f, t := around(starts, from, to, len(before)); f != from || t != to {
			from, to, changed = f, t, true
		}
	}
	chosen := slices.DeleteFunc(slices.Clone(hunks), func(h hunk) bool { return !h.touches(from, to) })
	if part := patch(before, after, chosen); !sameText(name, src, part) {
		chosen = hunks
	}
	return edits(name, before, after, chosen), nil
}

// Edits returns the edits that turn the lines of before into those of after, with the lines they share kept.
func Edits(name string, before, after []byte) []diag.Edit {
	a, b := lines(before), lines(after)
	return edits(name, a, b, diffLines(a, b))
}

func edits(name string, before, after [][]byte, hunks []hunk) []diag.Edit {
	var list []diag.Edit
	for _, h := range hunks {
		list = append(list, diag.Edit{
			File:    name,
			Range:   source.Range{Start: lineStart(before, h.oldFrom), End: lineStart(before, h.oldTo)},
			NewText: string(bytes.Join(after[h.newFrom:h.newTo], nil)),
		})
	}
	return list
}

// lineStart is the place where line i, from 0, starts; behind the last line that is the end of the file.
func lineStart(lines [][]byte, i int) source.Pos {
	if i == len(lines) && i > 0 {
		if last := lines[i-1]; last[len(last)-1] != '\n' {
			return source.Pos{Line: int32(i), Col: int32(utf8.RuneCount(last)) + 1}
		}
	}
	return source.Pos{Line: int32(i) + 1, Col: 1}
}

// lines cuts text behind each line feed.
func lines(text []byte) [][]byte {
	l := bytes.SplitAfter(text, []byte("\n"))
	if last := len(l) - 1; len(l[last]) == 0 {
		l = l[:last]
	}
	return l
}

func patch(before, after [][]byte, hunks []hunk) []byte {
	var out []byte
	done := 0
	for _, h := range hunks {
		out = append(out, bytes.Join(before[done:h.oldFrom], nil)...)
		out = append(out, bytes.Join(after[h.newFrom:h.newTo], nil)...)
		done = h.oldTo
	}
	return append(out, bytes.Join(before[done:], nil)...)
}

func sameText(name string, before, after []byte) bool {
	a, _, err := decode(name, before)
	if err != nil {
		return false
	}
	b, _, err := decode(name, after)
	return err == nil && sameProgram(name, a, b) == nil
}

// statementLines lists the lines, from 0, where top-level statements start.
func statementLines(name string, src []byte) ([]int, error) {
	f, err := parseStarlark(name, string(src))
	if err != nil {
		return nil, err
	}
	var starts []int
	for _, s := range f.Stmts {
		start, _ := s.Span()
		starts = append(starts, int(start.Line)-1)
	}
	return starts, nil
}

// around widens lines from … to to whole statements.
func around(starts []int, from, to, count int) (int, int) {
	wideFrom, wideTo := 0, count
	for _, s := range starts {
		if s <= from {
			wideFrom = s
		}
		if s >= to {
			wideTo = s
			break
		}
	}
	return min(from, wideFrom), max(to, wideTo)
}
