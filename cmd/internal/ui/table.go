package ui

import (
	"io"
	"strings"

	"github.com/kurtosis-go/kurtosis/lang/diag"
)

// Table is rows under a head. A cell may have several lines.
type Table struct {
	Head []string
	Rows [][]string
}

const gap = "   "

// Write prints the table. Where the style has a width, the widest columns give way until a line fits: their cells
// are wrapped at spaces, or inside words that are too long.
func (t Table) Write(w io.Writer, s Style) error {
	widths := make([]int, len(t.Head))
	for _, row := range append([][]string{t.Head}, t.Rows...) {
		for i, cell := range row {
			for line := range strings.SplitSeq(cell, "\n") {
				widths[i] = max(widths[i], diag.Columns(line))
			}
		}
	}
	if limit := s.Width(); limit > 0 {
		narrow(widths, limit-len(gap)*(len(widths)-1))
	}
	var b strings.Builder
	writeRow(&b, t.Head, widths, s.Bold)
	for _, row := range t.Rows {
		writeRow(&b, row, widths, nil)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// leastColumn is as narrow as a column gets.
const leastColumn = 8

// narrow takes columns off the widest until all fit.
func narrow(widths []int, limit int) {
	for total := sum(widths); total > limit; total-- {
		widest := 0
		for i, w := range widths {
			if w > widths[widest] {
				widest = i
			}
		}
		if widths[widest] <= leastColumn {
			return
		}
		widths[widest]--
	}
}

func sum(numbers []int) (total int) {
	for _, n := range numbers {
		total += n
	}
	return total
}

func writeRow(b *strings.Builder, row []string, widths []int, paint func(string) string) {
	cells, lines := make([][]string, len(widths)), 1
	for i := range widths {
		if i < len(row) {
			cells[i] = wrap(row[i], widths[i])
		}
		lines = max(lines, len(cells[i]))
	}
	for n := range lines {
		var line strings.Builder
		used, want := 0, 0
		for i, width := range widths {
			if n < len(cells[i]) && cells[i][n] != "" {
				line.WriteString(strings.Repeat(" ", want-used))
				text := cells[i][n]
				used = want + diag.Columns(text)
				if paint != nil {
					text = paint(text)
				}
				line.WriteString(text)
			}
			want += width + len(gap)
		}
		b.WriteString(line.String())
		b.WriteByte('\n')
	}
}

// wrap breaks text into lines of at most width.
func wrap(text string, width int) []string {
	var out []string
	for line := range strings.SplitSeq(text, "\n") {
		runes := []rune(line)
		for len(runes) > width && width > 0 {
			cut := width
			for i := width; i > width/2; i-- {
				if runes[i] == ' ' {
					cut = i
					break
				}
			}
			out = append(out, strings.TrimRight(string(runes[:cut]), " "))
			runes = runes[cut:]
			for len(runes) > 0 && runes[0] == ' ' {
				runes = runes[1:]
			}
		}
		out = append(out, string(runes))
	}
	return out
}

// Wrap breaks prose into lines of at most width columns, each with indent in front.
func Wrap(text, indent string, width int) string {
	if width > 0 {
		width = max(width-diag.Columns(indent), 20)
	}
	return indent + strings.Join(wrap(text, width), "\n"+indent)
}
