package ui

import (
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/runtime/event"
)

// Live draws a run on a terminal: what is done scrolls away above, what goes on is at the bottom and is drawn over
// in place. Only lines that changed are written again.
type Live struct {
	mu     sync.Mutex
	w      io.Writer
	style  Style
	detail Detail
	now    func() time.Time

	phase   event.Phase
	started time.Time
	total   int // steps of the plan
	done    int
	upload  *event.UploadProgress // nil where there is none
	images  []*imageLine
	steps   []*stepLine
	fixed   []string // lines that are to scroll away at the next drawing
	drawn   []string // lines of the area that is drawn over, as they are on the screen
	frame   int
	closed  bool
	quit    chan struct{}
	ended   chan struct{}
}

type imageLine struct {
	event.ImageProgress
	since time.Time
}

type stepLine struct {
	event.Step
	note  string
	since time.Time
}

var _ event.Sink = (*Live)(nil)

// NewLive starts a view on w. Each value of tick draws it anew, so that clocks and bars move; now tells the time.
// Close ends it.
func NewLive(w io.Writer, s Style, d Detail, now func() time.Time, tick <-chan time.Time) *Live {
	l := &Live{w: w, style: s, detail: d, now: now, started: now(), quit: make(chan struct{}), ended: make(chan struct{})}
	l.write("\x1b[?25l") // no cursor
	go func() {
		defer close(l.ended)
		for {
			select {
			case <-l.quit:
				return
			case <-tick:
				l.mu.Lock()
				l.frame++
				l.draw()
				l.mu.Unlock()
			}
		}
	}()
	return l
}

// Close draws what is left to scroll away, takes the rest off the screen and gives the cursor back.
func (l *Live) Close() {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return
	}
	l.closed = true
	l.upload, l.images, l.steps, l.phase = nil, nil, nil, ""
	l.draw()
	l.write("\x1b[?25h")
	l.mu.Unlock()
	close(l.quit)
	<-l.ended
}

// Emit takes one event. What starts or ends is drawn at once, what only moves at the next tick.
func (l *Live) Emit(e event.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	if l.take(e) {
		l.draw()
	}
}

// take updates the state and says whether it is worth a drawing of its own.
func (l *Live) take(e event.Event) bool {
	switch e := e.(type) {
	case event.UploadProgress:
		moves := l.upload != nil
		if l.upload = &e; e.Current == e.Total {
			l.upload, moves = nil, false
		}
		return !moves
	case event.PhaseStarted:
		l.phase = e.Phase
	case event.PhaseEnded:
		l.phase = ""
	case event.Planned:
		l.total = len(e.Steps)
	case event.ImageProgress:
		return l.image(e)
	case event.ImageReady:
		l.images = slices.DeleteFunc(l.images, func(i *imageLine) bool { return i.Image == e.Image })
		if e.Source != event.ImageCached {
			l.fix(fmt.Sprintf("%s image %s %s %s", l.style.Green("✔"), e.Image, sources[e.Source], l.style.Dim(took(time.Duration(e.Duration)))))
		}
	case event.StepStarted:
		l.total = max(l.total, e.Step.Total)
		l.steps = append(l.steps, &stepLine{Step: e.Step, since: l.now()})
	case event.StepProgress:
		return l.note(e.Step, e.Message)
	case event.StepRetry:
		return l.note(e.Step, fmt.Sprintf("attempt %d: %s", e.Attempt, e.Reason))
	case event.StepFinished:
		l.finish(e.Step, l.style.Green("✔"), took(time.Duration(e.Duration)), e.Result)
	case event.StepSkipped:
		l.finish(e.Step, l.style.Dim("·"), "skipped: "+e.Cause, e.Result)
	case event.StepFailed:
		l.finish(e.Step, l.style.Red("✘"), took(time.Duration(e.Duration)), "")
	case event.ServiceReady:
		for _, port := range ports(e) {
			l.fix("    " + l.style.Dim(e.Service+" "+port))
		}
	case event.ServiceRemoved:
		l.fix(fmt.Sprintf("    service %s was removed: %s", e.Service, e.Cause))
	case event.Warning:
		l.fix(warning(e, l.style)...)
	case event.Info:
		l.fix(e.Message)
	}
	return true
}

func (l *Live) fix(lines ...string) { l.fixed = append(l.fixed, lines...) }

func (l *Live) image(e event.ImageProgress) bool {
	for _, i := range l.images {
		if i.Image == e.Image {
			i.ImageProgress = e
			return false
		}
	}
	l.images = append(l.images, &imageLine{e, l.now()})
	return true
}

func (l *Live) note(s event.Step, text string) bool {
	for _, line := range l.steps {
		if line.ID == s.ID {
			line.note = printable(text)
		}
	}
	return false
}

func (l *Live) finish(s event.Step, mark, how, result string) {
	l.steps = slices.DeleteFunc(l.steps, func(line *stepLine) bool { return line.ID == s.ID })
	l.done++
	if text := l.detail.step(s); text != "" {
		l.fix(strings.Split(fmt.Sprintf("%s %s %s %s", mark, count(s), text, l.style.Dim(how)), "\n")...)
	}
	if l.detail.Results {
		for _, line := range lines(result) {
			l.fix("    " + line)
		}
	}
}

// The area must fit on any screen: what has scrolled away can't be drawn over.
const imagesShown, stepsShown = 6, 10

// area is what goes on now.
func (l *Live) area() []string {
	head := string([]rune("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")[l.frame%10])
	if u := l.upload; u != nil {
		return []string{l.fit(l.style.Cyan(head)+" "+l.style.Bold(uploading), bar(u.Current, u.Total))}
	}
	if l.phase == "" && len(l.images) == 0 && len(l.steps) == 0 {
		return nil
	}
	name := phaseName(l.phase)
	if l.phase == event.Executing && l.total > 0 {
		name += fmt.Sprintf(" %d/%d", l.done, l.total)
	}
	out := []string{l.fit(l.style.Cyan(head)+" "+l.style.Bold(name), took(l.now().Sub(l.started)))}
	for n, i := range l.images {
		if n == imagesShown {
			out = append(out, l.style.Dim(fmt.Sprintf("  and %d more images", len(l.images)-n)))
			break
		}
		out = append(out, l.fit("  "+i.Image+"  "+l.style.Dim(i.Status), progress(i.ImageProgress)))
	}
	for n, s := range l.steps {
		if n == stepsShown {
			out = append(out, l.style.Dim(fmt.Sprintf("  and %d more steps", len(l.steps)-n)))
			break
		}
		text, _, _ := strings.Cut(s.Description, "\n")
		if s.note != "" {
			text += "  " + l.style.Dim(s.note)
		}
		out = append(out, l.fit("  "+count(s.Step)+" "+text, took(l.now().Sub(s.since))))
	}
	return out
}

// progress is a bar with bytes, or the bytes alone where the whole is not known.
func progress(i event.ImageProgress) string {
	if i.Total <= 0 {
		if i.Current <= 0 {
			return ""
		}
		return Bytes(i.Current)
	}
	return bar(i.Current, i.Total)
}

func bar(current, total int64) string {
	const width = 20
	full := int(min(current, total) * width / total)
	return fmt.Sprintf("%s%s %s / %s", strings.Repeat("█", full), strings.Repeat("░", width-full), Bytes(current), Bytes(total))
}

// fit puts text at the left and what is at the right into one line of the terminal; the text gives way.
func (l *Live) fit(text, right string) string {
	width := l.style.Width()
	if width <= 0 {
		width = 80
	}
	width-- // the last column would move the cursor on
	room := width - diag.Columns(right)
	if right != "" {
		room -= 2
	}
	text = cut(text, max(room, 10))
	if right == "" {
		return text
	}
	return text + strings.Repeat(" ", max(width-visible(text)-diag.Columns(right), 1)) + l.style.Dim(right)
}

// pieces splits a text that may hold colours into escape sequences and single characters.
func pieces(text string) iter.Seq2[string, bool] {
	return func(yield func(piece string, escape bool) bool) {
		for text != "" {
			n, escape := 0, false
			if end := strings.IndexByte(text, 'm'); text[0] == '\x1b' && end > 0 {
				n, escape = end+1, true
			} else {
				_, n = utf8.DecodeRuneInString(text)
			}
			if !yield(text[:n], escape) {
				return
			}
			text = text[n:]
		}
	}
}

// visible is the width of a text that may hold colours.
func visible(text string) (width int) {
	for piece, escape := range pieces(text) {
		if !escape {
			width += diag.Columns(piece)
		}
	}
	return width
}

// cut shortens a text that may hold colours to so many columns.
func cut(text string, width int) string {
	if visible(text) <= width {
		return text
	}
	var b strings.Builder
	used, colored := 0, false
	for piece, escape := range pieces(text) {
		if escape {
			colored = piece != "\x1b[0m"
		} else if used += diag.Columns(piece); used > width-1 {
			break
		}
		b.WriteString(piece)
	}
	b.WriteString("…")
	if colored {
		b.WriteString("\x1b[0m")
	}
	return b.String()
}

// draw brings the screen up to date.
func (l *Live) draw() {
	area := l.area()
	if len(l.fixed) == 0 && slices.Equal(area, l.drawn) {
		return
	}
	var b strings.Builder
	b.WriteString("\x1b[?2026h") // all at once, where the terminal knows that
	if n := len(l.drawn); n > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", n)
	}
	b.WriteByte('\r')
	if len(l.fixed) > 0 { // everything moves down
		for _, line := range append(l.fixed, area...) {
			b.WriteString(line + "\x1b[K\n")
		}
	} else {
		for i, line := range area {
			if i < len(l.drawn) && l.drawn[i] == line {
				b.WriteByte('\n')
				continue
			}
			b.WriteString(line + "\x1b[K\n")
		}
	}
	if len(l.fixed) > 0 || len(area) < len(l.drawn) {
		b.WriteString("\x1b[J")
	}
	b.WriteString("\x1b[?2026l")
	l.write(b.String())
	l.fixed, l.drawn = nil, area
}

func (l *Live) write(text string) { _, _ = io.WriteString(l.w, text) }
