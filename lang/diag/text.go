package diag

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/kurtosis-go/kurtosis/lang/source"
)

// Frames says how Text shows diagnostics.
type Frames struct {
	File  func(name string) *source.File // the text of a file; nil, or a nil File: no code frame
	Path  func(name string) string       // how to show the name of a file; nil: as it is
	Color bool                           // with ANSI escape sequences
	Width int                            // columns of the code frame, 0: 120
}

const (
	bold  = "1"
	faint = "2"
)

var severityColor = map[Severity]string{Error: "1;31", Warning: "1;33", Info: "1;34", Hint: "1;36"}

// Text writes diagnostics for people: the place and message, the line with the range underlined, the hint, and
// the places that are related. They are written in the given order; see Sort.
func Text(w io.Writer, diagnostics []Diagnostic, frames Frames) error {
	if frames.Width == 0 {
		frames.Width = 120
	}
	t := text{Writer: bufio.NewWriter(w), Frames: frames}
	for i, d := range diagnostics {
		if i > 0 {
			fmt.Fprintln(t)
		}
		t.diagnostic(d)
	}
	return t.Flush()
}

type text struct {
	*bufio.Writer
	Frames
}

func (t *text) diagnostic(d Diagnostic) {
	color := severityColor[d.Severity]
	fmt.Fprintf(t, "%s %s %s %s\n", t.paint(bold, t.place(d.File, d.Range)+":"), t.paint(color, d.Severity.String()+":"),
		t.paint(bold, clean(d.Message)), t.paint(faint, "["+d.Code+"]"))
	t.frame(d.File, d.Range, '^', color)
	if d.Hint != "" {
		fmt.Fprintf(t, "%s %s\n", t.paint(severityColor[Hint], "hint:"), clean(d.Hint))
	}
	for _, r := range d.Related {
		fmt.Fprintf(t, "%s %s\n", t.paint(bold, t.place(r.File, r.Range)+": note:"), clean(r.Message))
		t.frame(r.File, r.Range, '-', severityColor[Info])
	}
}

func (t *text) paint(color, s string) string {
	if !t.Color {
		return s
	}
	return "\x1b[" + color + "m" + s + "\x1b[0m"
}

func (t *text) place(file string, r source.Range) string {
	if t.Path != nil {
		file = t.Path(file)
	}
	if !r.Start.IsValid() {
		return clean(file)
	}
	return clean(file) + ":" + r.Start.String()
}

// frame writes the first line of the range with the range underlined.
func (t *text) frame(name string, r source.Range, mark byte, color string) {
	if t.File == nil || !r.Start.IsValid() {
		return
	}
	f := t.File(name)
	if f == nil || int(r.Start.Line) > f.LineCount() {
		return
	}
	line := f.Line(int(r.Start.Line))
	base := f.LineStart(int(r.Start.Line))
	start := min(f.Offset(r.Start)-base, len(line))
	end := len(line)
	if r.End.Line <= r.Start.Line {
		end = max(min(f.Offset(r.End)-base, len(line)), start)
	}
	number := fmt.Sprint(r.Start.Line)
	shown, from, to := window(line, start, end, t.Width-len(number)-5)
	gutter := strings.Repeat(" ", len(number))
	fmt.Fprintf(t, "  %s %s\n", t.paint(faint, number+" |"), shown)
	fmt.Fprintf(t, "  %s %s%s\n", t.paint(faint, gutter+" |"), strings.Repeat(" ", from), t.paint(color, strings.Repeat(string(mark), max(to-from, 1))))
}

// window renders a line, at most width columns of it around the bytes from start to end, and returns the
// columns between which these are. What would move the cursor is replaced.
func window(line []byte, start, end, width int) (shown string, from, to int) {
	width = max(width, 20)
	first := 0
	if before := line[max(0, start-4*width):start]; columns(line[:min(len(line), 8*width)]) > width && columns(before) > width/3 {
		first = start
		for n := 0; first > 0 && n < width/3; {
			r, size := utf8.DecodeLastRune(line[:first])
			first -= size
			n += cell(r)
		}
	}
	var b strings.Builder
	col := 0
	if first > 0 {
		b.WriteString("…")
		col++
	}
	from, to = -1, -1
	for i := first; i < len(line); {
		if i >= start && from < 0 {
			from = col
		}
		if i >= end && to < 0 {
			to = col
		}
		r, size := utf8.DecodeRune(line[i:])
		if r == '\t' {
			n := 4 - col%4
			b.WriteString(strings.Repeat(" ", n))
			col += n
		} else {
			if !unicode.IsPrint(r) {
				r = utf8.RuneError
			}
			b.WriteRune(r)
			col += cell(r)
		}
		i += size
		if col >= width && i < len(line) {
			b.WriteString("…")
			break
		}
	}
	if from < 0 {
		from = col
	}
	if to < 0 {
		to = col
	}
	return strings.TrimRight(b.String(), " "), from, to
}

// Columns is the width of a text on a terminal.
func Columns(text string) int { return columns([]byte(text)) }

func columns(line []byte) int {
	n := 0
	for len(line) > 0 {
		r, size := utf8.DecodeRune(line)
		n += cell(r)
		line = line[size:]
	}
	return n
}

// cell is the width of a character on a terminal: 2 for the scripts of East Asia and pictographs.
func cell(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me):
		return 0
	case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul), 0xFF01 <= r && r <= 0xFF60, 0x1F300 <= r && r <= 0x1FAFF:
		return 2
	}
	return 1
}

// clean replaces what would move the cursor or change colours.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return utf8.RuneError
		}
		return r
	}, s)
}
