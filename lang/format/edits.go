package format

import (
	"bytes"
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
	before, after := lines(src), lines(out)
	old, err := statementLines(name, src, len(before))
	if err != nil {
		return nil, err
	}
	laidOut, err := statementLines(name, out, len(after))
	if err != nil {
		return nil, err
	}
	if len(old) == len(laidOut) {
		// A statement's lines go up to the next one's: the blank lines and comments behind it are included.
		from, to := 0, len(old)-1
		for from+1 < to && old[from+1] < first {
			from++
		}
		for to-1 > from && old[to-1] >= last {
			to--
		}
		for from > 0 && old[from-1] == old[from] { // several on a line
			from--
		}
		hunks := diffLines(before[old[from]:old[to]], after[laidOut[from]:laidOut[to]])
		for i := range hunks {
			hunks[i] = hunks[i].shift(old[from], laidOut[from])
		}
		if sameText(name, src, patch(before, after, hunks)) {
			return edits(name, before, after, hunks), nil
		}
	}
	return edits(name, before, after, diffLines(before, after)), nil
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

// statementLines lists the lines, from 0, where top-level statements start, between the start and the end of the
// file.
func statementLines(name string, src []byte, count int) ([]int, error) {
	text, _, err := decode(name, src)
	if err != nil {
		return nil, err
	}
	f, err := parseStarlark(name, text)
	if err != nil {
		return nil, err
	}
	starts := []int{0}
	for _, s := range f.Stmts {
		start, _ := s.Span()
		starts = append(starts, min(int(start.Line)-1, count))
	}
	return append(starts, count), nil
}
