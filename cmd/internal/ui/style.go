// Package ui shows things to a person at a terminal, or to a file: colours, tables, and the events of a run.
package ui

import (
	"io"
	"os"

	"golang.org/x/term"
)

// Style says what the reader of a stream can show. The zero Style is a plain file.
type Style struct {
	Terminal bool // the cursor can be moved
	Color    bool
	width    func() int
}

// StyleOf finds out what w can show; env is os.Getenv. NO_COLOR, CLICOLOR_FORCE and TERM=dumb are respected.
func StyleOf(w io.Writer, env func(string) string) Style {
	f, ok := w.(*os.File)
	terminal := ok && term.IsTerminal(int(f.Fd()))
	s := Style{Terminal: terminal && env("TERM") != "dumb"}
	s.Color = s.Terminal
	if force := env("CLICOLOR_FORCE"); force != "" && force != "0" {
		s.Color = true
	}
	if env("NO_COLOR") != "" {
		s.Color = false
	}
	if terminal {
		s.width = func() int {
			width, _, err := term.GetSize(int(f.Fd()))
			if err != nil {
				return 0
			}
			return width
		}
	}
	return s
}

// FixedStyle is a style of a known width, for output that is not a terminal of ours.
func FixedStyle(terminal, color bool, width int) Style {
	return Style{Terminal: terminal, Color: color, width: func() int { return width }}
}

// Width is the number of columns, now, or 0 where lines may be as long as they like.
func (s Style) Width() int {
	if s.width == nil {
		return 0
	}
	return s.width()
}

func (s Style) paint(code, text string) string {
	if !s.Color || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// Bold, Dim and the colours mark text where the reader can show it.
func (s Style) Bold(text string) string   { return s.paint("1", text) }
func (s Style) Dim(text string) string    { return s.paint("2", text) }
func (s Style) Red(text string) string    { return s.paint("1;31", text) }
func (s Style) Green(text string) string  { return s.paint("32", text) }
func (s Style) Yellow(text string) string { return s.paint("33", text) }
func (s Style) Cyan(text string) string   { return s.paint("36", text) }
