package ui

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/kurtosis-go/kurtosis/runtime/event"
)

// Plain writes the events of a run as lines, for files, pipes and terminals that can do no more.
type Plain struct {
	mu     sync.Mutex
	w      io.Writer
	style  Style
	detail Detail
	sent   bool            // an upload has been announced
	shown  map[string]bool // images whose pull has been announced
}

var _ event.Sink = (*Plain)(nil)

// NewPlain makes a sink that writes to w.
func NewPlain(w io.Writer, s Style, d Detail) *Plain {
	return &Plain{w: w, style: s, detail: d, shown: map[string]bool{}}
}

// Emit writes the lines of one event, in one write.
func (p *Plain) Emit(e event.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if lines := p.lines(e); len(lines) > 0 {
		_, _ = io.WriteString(p.w, strings.Join(lines, "\n")+"\n") // a reader that has gone is nobody to tell
	}
}

func (p *Plain) lines(e event.Event) []string {
	switch e := e.(type) {
	case event.UploadProgress:
		if p.sent {
			return nil
		}
		p.sent = true
		return []string{fmt.Sprintf("%s (%s)", uploading, Bytes(e.Total))}
	case event.ImageProgress:
		if e.Line != "" {
			return []string{fmt.Sprintf("image %s | %s", e.Image, e.Line)}
		}
		if p.shown[e.Image] {
			return nil
		}
		p.shown[e.Image] = true
		return []string{fmt.Sprintf("image %s: %s", e.Image, e.Status)}
	case event.ImageReady:
		if e.Source == event.ImageCached {
			return nil
		}
		return []string{fmt.Sprintf("image %s %s in %s", e.Image, sources[e.Source], took(time.Duration(e.Duration)))}
	case event.StepStarted:
		return p.step(e.Step, "")
	case event.StepSkipped:
		return append(p.step(e.Step, p.style.Dim(" (skipped: "+e.Cause+")")), p.result(e.Result)...)
	case event.StepFinished:
		return p.result(e.Result)
	case event.StepFailed:
		what := "failed"
		if e.Interrupted {
			what = "interrupted"
		}
		return []string{fmt.Sprintf("%s %s after %s", count(e.Step), p.style.Red(what), took(time.Duration(e.Duration)))}
	case event.ServiceReady:
		lines := []string{fmt.Sprintf("  service %s is ready in %s", e.Service, took(time.Duration(e.Duration)))}
		for _, port := range ports(e) {
			lines = append(lines, "    "+port)
		}
		return lines
	case event.ServiceRemoved:
		return []string{fmt.Sprintf("  service %s was removed: %s", e.Service, e.Cause)}
	case event.Warning:
		return warning(e, p.style)
	case event.Info:
		return []string{e.Message}
	}
	return nil
}

func (p *Plain) step(s event.Step, note string) []string {
	text := p.detail.step(s)
	if text == "" {
		return nil
	}
	return []string{count(s) + " " + text + note}
}

func (p *Plain) result(text string) []string {
	if !p.detail.Results {
		return nil
	}
	return indented(lines(text))
}

func indented(lines []string) []string {
	for i, l := range lines {
		lines[i] = "  " + l
	}
	return lines
}
