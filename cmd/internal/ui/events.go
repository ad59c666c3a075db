package ui

import (
	"fmt"
	"strings"
	"time"

	"github.com/kurtosis-go/kurtosis/runtime/event"
)

// Detail says how much of a step is shown.
type Detail struct {
	// Step is how a step is shown; nil shows its description, and "" leaves the step out.
	Step func(event.Step) string
	// Results shows what steps give.
	Results bool
}

func (d Detail) step(s event.Step) string {
	if d.Step != nil {
		return d.Step(s)
	}
	return s.Description
}

// count is [3/12].
func count(s event.Step) string { return fmt.Sprintf("[%d/%d]", s.Index, s.Total) }

// took is a duration for a person: 0.3s, 12.4s, 3m05s.
func took(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	}
	return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
}

// Bytes is an amount for a person: 512 B, 1.2 kB, 34.5 MB.
func Bytes(n int64) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	f, unit := float64(n), -1
	for f >= 999.95 && unit < 4 {
		f /= 1000
		unit++
	}
	return fmt.Sprintf("%.1f %cB", f, "kMGTP"[unit])
}

var phaseNames = map[event.Phase]string{
	event.Interpreting: "interpreting the package",
	event.Validating:   "validating the plan",
	event.Images:       "preparing images",
	event.Executing:    "executing",
}

// uploading is said while a package is sent to where it runs.
const uploading = "uploading the package"

func phaseName(p event.Phase) string {
	if name, ok := phaseNames[p]; ok {
		return name
	}
	return string(p)
}

var sources = map[event.ImageSource]string{
	event.ImageCached: "was there already", event.ImagePulled: "pulled", event.ImageBuilt: "built", event.ImagePushed: "pushed",
}

// Failure is what is to be said about a step or run that failed, line by line.
func Failure(f event.Failure, s Style) []string {
	lines := []string{s.Red("kurtosis:") + " " + f.Message}
	if f.Position != nil {
		lines = append(lines, fmt.Sprintf("  asked for at %s[%d:%d]", f.Position.File, f.Position.Line, f.Position.Column))
	}
	if f.Tried != "" {
		line := "  tried: " + f.Tried
		if f.Attempts > 1 {
			line += fmt.Sprintf(", %d times", f.Attempts)
		}
		if f.Elapsed > 0 {
			line += ", for " + took(time.Duration(f.Elapsed))
		}
		lines = append(lines, line)
	}
	if len(f.Log) > 0 {
		lines = append(lines, fmt.Sprintf("  the last lines of %s's log:", f.Service))
		for _, l := range f.Log {
			lines = append(lines, "  "+s.Dim("|")+" "+printable(l))
		}
	}
	if f.Hint != "" {
		lines = append(lines, s.Bold("hint:")+" "+f.Hint)
	}
	return lines
}

func warning(w event.Warning, s Style) []string {
	line := s.Yellow("warning:") + " " + w.Message
	if w.Position != nil && w.Position.Line > 0 {
		line += fmt.Sprintf(" (%s[%d:%d])", w.Position.File, w.Position.Line, w.Position.Column)
	}
	lines := []string{line}
	if w.Hint != "" {
		lines = append(lines, s.Bold("hint:")+" "+w.Hint)
	}
	return lines
}

// ports is how a service can be reached, a line for each port.
func ports(s event.ServiceReady) []string {
	var lines []string
	for _, p := range s.Ports {
		line := fmt.Sprintf("%s: %d/%s", p.ID, p.Number, strings.ToLower(p.Transport))
		if p.Public != "" {
			to := p.Public
			if p.Application != "" {
				to = p.Application + "://" + to
			}
			line += " -> " + to
		}
		lines = append(lines, line)
	}
	return lines
}

// printable takes out of a text of others what would move the cursor or change colours.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '\ufffd'
		}
		return r
	}, text)
}

// lines splits a result, so that each line can be indented.
func lines(text string) []string {
	text = strings.TrimRight(text, "\n")
	if text == "" {
		return nil
	}
	out := strings.Split(text, "\n")
	for i, l := range out {
		out[i] = printable(l)
	}
	return out
}
