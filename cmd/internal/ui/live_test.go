package ui

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kurtosis-go/kurtosis/runtime/event"
)

// screen is as much of a terminal as Live uses. It counts the lines that are written to.
type screen struct {
	t       *testing.T
	lines   []string
	row     int
	written int
	cursor  bool
}

var sequence = regexp.MustCompile(`^\x1b\[(\??)(\d*)([A-Za-z])`)

func (s *screen) Write(p []byte) (int, error) {
	col := 0
	for text := string(p); text != ""; {
		for len(s.lines) <= s.row {
			s.lines = append(s.lines, "")
		}
		if m := sequence.FindStringSubmatch(text); m != nil {
			n, _ := strconv.Atoi(m[2])
			switch m[1] + m[3] {
			case "A":
				s.row -= n
				if s.row < 0 {
					s.t.Fatalf("the cursor leaves the screen: %q", p)
				}
			case "K":
				s.lines[s.row] = string([]rune(s.lines[s.row])[:col])
			case "J":
				s.lines = s.lines[:s.row+1]
				s.lines[s.row] = ""
			case "?h", "?l":
				if n == 25 {
					s.cursor = m[3] == "h"
				}
			case "m":
			default:
				s.t.Fatalf("what is %q?", m[0])
			}
			text = text[len(m[0]):]
			continue
		}
		r := []rune(text)[0]
		text = text[len(string(r)):]
		switch r {
		case '\r':
			col = 0
		case '\n':
			s.row, col = s.row+1, 0
		default:
			line := []rune(s.lines[s.row])
			if col == 0 {
				s.written++
			}
			if col < len(line) {
				line[col] = r
			} else {
				line = append(line, r)
			}
			s.lines[s.row] = string(line)
			col++
		}
	}
	return len(p), nil
}

func (s *screen) String() string {
	return "\n" + strings.TrimRight(strings.Join(s.lines, "\n"), "\n") + "\n"
}

func step(n int, text string) event.Step {
	return event.Step{ID: fmt.Sprint(n), Index: n, Total: 3, Instruction: "add_service", Description: text}
}

func TestLive(t *testing.T) { synctest.Test(t, testLive) }

func testLive(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	s := &screen{t: t}
	tick := make(chan time.Time)
	l := NewLive(s, FixedStyle(true, false, 60), Detail{Results: true}, func() time.Time { return now }, tick)
	want := func(name, text string) {
		t.Helper()
		if got := s.String(); got != text {
			t.Errorf("%s: got %s\nwant %s", name, got, text)
		}
	}
	pass := func(d time.Duration) {
		now = now.Add(d)
		tick <- now
		synctest.Wait() // it is drawn
	}
	l.Emit(event.PhaseStarted{Phase: event.Images})
	l.Emit(event.ImageProgress{Image: "postgres:16", Status: "pulling", Current: 1_000_000, Total: 40_000_000})
	if got := s.lines[1]; !strings.HasPrefix(got, "  postgres:16") || !strings.HasSuffix(got, "░ 1.0 MB / 40.0 MB") || len([]rune(got)) != 59 {
		t.Errorf("pull: %q", got)
	}
	before := s.written
	l.Emit(event.ImageProgress{Image: "postgres:16", Status: "pulling", Current: 20_000_000, Total: 40_000_000})
	if s.written != before {
		t.Error("progress alone is drawn before the tick")
	}
	pass(time.Second)
	if got := s.lines[1]; !strings.HasSuffix(got, "██████████░░░░░░░░░░ 20.0 MB / 40.0 MB") {
		t.Errorf("pull: %q", got)
	}
	l.Emit(event.ImageReady{Image: "postgres:16", Source: event.ImagePulled, Duration: event.Seconds(2 * time.Second)})
	l.Emit(event.PhaseEnded{Phase: event.Images})
	want("pulled", `
✔ image postgres:16 pulled 2.0s
`)
	l.Emit(event.PhaseStarted{Phase: event.Executing})
	l.Emit(event.StepStarted{Step: step(1, "Adding service with name 'postgres' and image 'postgres:16'")})
	l.Emit(event.StepStarted{Step: step(2, "Adding service 'größe'")})
	want("two steps", `
✔ image postgres:16 pulled 2.0s
`+s.lines[1][:3]+` executing 0/3                                        1.0s
  [1/3] Adding service with name 'postgres' and imag…  0.0s
  [2/3] Adding service 'größe'                         0.0s
`)
	l.Emit(event.StepRetry{Step: step(2, ""), Attempt: 3, Reason: "connection \x1b[31mrefused"})
	before = s.written
	pass(500 * time.Millisecond)
	if n := s.written - before; n != 3 { // those with clocks
		t.Errorf("%d lines written for a tick", n)
	}
	if got := s.lines[3]; got != "  [2/3] Adding service 'größe'  attempt 3: connectio…  0.5s" {
		t.Errorf("retry: %q", got)
	}
	l.Emit(event.StepFinished{Step: step(1, "Adding service"), Result: "added\nwith UUID 1", Duration: event.Seconds(time.Second)})
	l.Emit(event.ServiceReady{Service: "db", Ports: []event.Port{{ID: "sql", Number: 5432, Transport: "TCP", Public: "127.0.0.1:1"}}})
	l.Emit(event.StepFailed{Step: step(2, "Adding service 'größe'"), Duration: event.Seconds(90 * time.Second)})
	l.Close()
	l.Close()
	l.Emit(event.Info{Message: "too late"})
	want("end", `
✔ image postgres:16 pulled 2.0s
✔ [1/3] Adding service 1.0s
    added
    with UUID 1
    db sql: 5432/tcp -> 127.0.0.1:1
✘ [2/3] Adding service 'größe' 1m30s
`)
	if !s.cursor {
		t.Error("the cursor stays hidden")
	}
}

func TestLiveUpload(t *testing.T) { synctest.Test(t, testLiveUpload) }

func testLiveUpload(t *testing.T) {
	s := &screen{t: t}
	tick := make(chan time.Time)
	l := NewLive(s, FixedStyle(true, false, 72), Detail{}, func() time.Time { return time.Time{} }, tick)
	defer l.Close()
	shown := func(text string) {
		t.Helper()
		if got := strings.TrimLeft(strings.Trim(s.String(), "\n"), "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"); got != text {
			t.Errorf("got  %q\nwant %q", got, text)
		}
	}
	l.Emit(event.UploadProgress{Total: 300_000_000})
	shown(" uploading the package             ░░░░░░░░░░░░░░░░░░░░ 0 B / 300.0 MB")
	l.Emit(event.UploadProgress{Current: 150_000_000, Total: 300_000_000})
	tick <- time.Time{}
	synctest.Wait()
	shown(" uploading the package        ██████████░░░░░░░░░░ 150.0 MB / 300.0 MB")
	l.Emit(event.UploadProgress{Current: 300_000_000, Total: 300_000_000})
	shown("")
}

func TestManyStepsFitTheScreen(t *testing.T) {
	s := &screen{t: t}
	l := NewLive(s, FixedStyle(true, false, 80), Detail{}, func() time.Time { return time.Time{} }, nil)
	defer l.Close()
	l.Emit(event.PhaseStarted{Phase: event.Executing})
	for i := range 30 {
		l.Emit(event.StepStarted{Step: event.Step{ID: fmt.Sprint(i), Index: i + 1, Total: 30, Description: "step"}})
		l.Emit(event.ImageProgress{Image: fmt.Sprint("image", i), Status: "pulling"})
	}
	if n := strings.Count(s.String(), "\n"); n > 22 || !strings.Contains(s.String(), "and 20 more steps") || !strings.Contains(s.String(), "and 24 more images") {
		t.Errorf("%d lines: %s", n, s)
	}
}

func TestPlain(t *testing.T) {
	var b strings.Builder
	p := NewPlain(&b, Style{}, Detail{Results: true})
	position := event.Position{File: "github.com/o/r/main.star", Line: 3, Column: 5}
	for _, e := range []event.Event{
		event.UploadProgress{Total: 300_000_000}, event.UploadProgress{Current: 1, Total: 300_000_000},
		event.PhaseStarted{Phase: event.Interpreting},
		event.Warning{Message: "cpu_allocation is deprecated", Hint: "use max_cpu", Position: &position},
		event.ImageProgress{Image: "a:1", Status: "pulling"}, event.ImageProgress{Image: "a:1", Status: "pulling", Current: 1},
		event.ImageReady{Image: "a:1", Source: event.ImagePulled, Duration: event.Seconds(1500 * time.Millisecond)},
		event.ImageReady{Image: "b:1", Source: event.ImageCached},
		event.StepStarted{Step: step(1, "Adding service with name 'db'")},
		event.ServiceReady{Service: "db", Duration: event.Seconds(time.Second), Ports: []event.Port{{ID: "http", Number: 80, Transport: "TCP", Application: "http", Public: "127.0.0.1:5000"}, {ID: "x", Number: 1, Transport: "UDP"}}},
		event.StepFinished{Step: step(1, ""), Result: "Service 'db' added\n"},
		event.StepSkipped{Step: step(2, "Printing a message"), Cause: "unchanged", Result: "hello"},
		event.StepStarted{Step: step(3, "Waiting")},
		event.StepFailed{Step: step(3, "Waiting"), Duration: event.Seconds(65 * time.Second)},
		event.ServiceRemoved{Service: "db", Cause: "the batch failed"},
		event.Info{Message: "see the log"},
	} {
		p.Emit(e)
	}
	if want := `uploading the package (300.0 MB)
warning: cpu_allocation is deprecated (github.com/o/r/main.star[3:5])
hint: use max_cpu
image a:1: pulling
image a:1 pulled in 1.5s
[1/3] Adding service with name 'db'
  service db is ready in 1.0s
    http: 80/tcp -> http://127.0.0.1:5000
    x: 1/udp
  Service 'db' added
[2/3] Printing a message (skipped: unchanged)
  hello
[3/3] Waiting
[3/3] failed after 1m05s
  service db was removed: the batch failed
see the log
`; b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestFailure(t *testing.T) {
	got := strings.Join(Failure(event.Failure{
		Message: "port http of service web never opened", Hint: "look at its log", Position: &event.Position{File: "github.com/o/r/main.star", Line: 3, Column: 5},
		Tried: "dial tcp 172.20.0.4:80", Attempts: 4, Elapsed: event.Seconds(2 * time.Second), Service: "web", Log: []string{"starting", "no \x1b[2Jconfig"},
	}, Style{}), "\n")
	if want := `kurtosis: port http of service web never opened
  asked for at github.com/o/r/main.star[3:5]
  tried: dial tcp 172.20.0.4:80, 4 times, for 2.0s
  the last lines of web's log:
  | starting
  | no ` + "\ufffd" + `[2Jconfig
hint: look at its log`; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestAmounts(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 1_234_567: "1.2 MB", 999_960: "1.0 MB", 5_000_000_000: "5.0 GB"} {
		if got := Bytes(n); got != want {
			t.Errorf("Bytes(%d) = %s, want %s", n, got, want)
		}
	}
	for d, want := range map[time.Duration]string{300 * time.Millisecond: "0.3s", 185 * time.Second: "3m05s", 3*time.Hour + 5*time.Minute: "3h05m"} {
		if got := took(d); got != want {
			t.Errorf("took(%s) = %s, want %s", d, got, want)
		}
	}
}

func TestCut(t *testing.T) {
	for _, c := range []struct {
		text  string
		width int
		want  string
	}{
		{"short", 10, "short"}, {"much too long", 6, "much …"}, {"日本語", 5, "日本…"}, {"日本語", 4, "日…"},
		{"\x1b[1mbold and long\x1b[0m", 5, "\x1b[1mbold…\x1b[0m"},
	} {
		if got := cut(c.text, c.width); got != c.want || visible(got) > c.width {
			t.Errorf("cut(%q, %d) = %q, %d columns", c.text, c.width, got, visible(got))
		}
	}
}
