package fake

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/kurtosis-go/kurtosis/backends"
)

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Exec asks OnExec's function, then the image's program if it knows the command.
func (b *Backend) Exec(ctx context.Context, enclave, service string, e backends.Exec) (int, error) {
	if err := b.enter(ctx, "Exec", enclave, service); err != nil {
		return 0, err
	}
	if len(e.Command) == 0 {
		return 0, invalidf("no command to execute in service %q", service)
	}
	s, err := b.service(enclave, service)
	if err != nil {
		return 0, err
	}
	if err := b.exited(s); err != nil {
		return 0, err
	}
	e.Stdout, e.Stderr = cmp.Or(e.Stdout, io.Discard), cmp.Or(e.Stderr, io.Discard)
	b.mu.Lock()
	answer, r := b.exec, s.run
	b.mu.Unlock()
	if answer != nil {
		if code, handled := answer(ctx, enclave, service, e); handled {
			return code, ctx.Err()
		}
	}
	if r == nil {
		return 0, b.exited(s)
	}
	if s.image.Commands == nil {
		return 0, nil // a program that knows nothing of commands: all succeed and say nothing
	}
	p := b.process(s, r, nil, e.Env)
	p.Args = e.Command // no placeholder is replaced here
	if p.UID, p.GID, err = b.user(s, e.User); err != nil {
		return 0, fmt.Errorf("executing a command in service %q: %w", service, err)
	}
	if !slices.Contains(s.image.Commands, e.Command[0]) {
		fmt.Fprintf(e.Stderr, "%s: not found\n", e.Command[0])
		return 127, nil
	}
	p.Dir = cmp.Or(e.Dir, "/")
	p.Stdout, p.Stderr, p.TTY = e.Stdout, e.Stderr, e.TTY
	if e.TTY {
		p.Stdout = terminal{e.Stdout}
		p.Stderr = p.Stdout
	}
	if e.Stdin != nil {
		p.Stdin = e.Stdin
	}
	code := make(chan int, 1)
	execCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { code <- s.image.program(e.Command)(execCtx, p) }()
	select {
	case n := <-code:
		return n, ctx.Err()
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-r.killed:
		return killed, nil
	}
}

// user reads "name", "uid" or "uid:gid".
func (b *Backend) user(s *service, user string) (uid, gid int64, err error) {
	switch user {
	case "":
		if u := s.spec.User; u != nil {
			uid = u.UID
			if u.GID != nil {
				gid = *u.GID
			}
		}
		return uid, gid, nil
	case "root":
		return 0, 0, nil
	case "nobody":
		return 65534, 65534, nil
	}
	name, group, _ := strings.Cut(user, ":")
	if uid, err = strconv.ParseInt(name, 10, 64); err != nil {
		return 0, 0, backends.Errorf(backends.Invalid, "there is no user %q", name)
	}
	if group != "" {
		if gid, err = strconv.ParseInt(group, 10, 64); err != nil {
			return 0, 0, backends.Errorf(backends.Invalid, "there is no group %q", group)
		}
	}
	return uid, gid, nil
}

// terminal ends lines as terminals do.
type terminal struct{ io.Writer }

func (t terminal) Write(b []byte) (int, error) {
	if _, err := io.WriteString(t.Writer, strings.ReplaceAll(string(b), "\n", "\r\n")); err != nil {
		return 0, err
	}
	return len(b), nil
}

// log is a service's output over all its lives.
type log struct {
	mu      sync.Mutex
	lines   []backends.LogLine
	partial [2]string
	ended   bool
	changed chan struct{} // closed and replaced on every change
}

func newLog() *log { return &log{changed: make(chan struct{})} }

// notify wakes readers; mu is held.
func (l *log) notify() {
	close(l.changed)
	l.changed = make(chan struct{})
}

func (l *log) writer(stderr bool) io.Writer { return logWriter{l, stderr} }

type logWriter struct {
	log    *log
	stderr bool
}

func (w logWriter) Write(b []byte) (int, error) {
	w.log.mu.Lock()
	defer w.log.mu.Unlock()
	i := 0
	if w.stderr {
		i = 1
	}
	text := w.log.partial[i] + string(b)
	for {
		line, rest, whole := strings.Cut(text, "\n")
		if !whole {
			w.log.partial[i] = text
			break
		}
		w.log.lines = append(w.log.lines, backends.LogLine{Time: time.Now(), Stderr: w.stderr, Text: line})
		text = rest
	}
	w.log.notify()
	return len(b), nil
}

// end gives out unfinished lines.
func (l *log) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, text := range l.partial {
		if text != "" {
			l.lines = append(l.lines, backends.LogLine{Time: time.Now(), Stderr: i == 1, Text: text})
			l.partial[i] = ""
		}
	}
	l.ended = true
	l.notify()
}

func (l *log) begin() {
	l.mu.Lock()
	l.ended = false
	l.mu.Unlock()
}

func (l *log) last(n int) []backends.LogLine {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.lines[max(0, len(l.lines)-n):])
}

// Logs yields a service's output.
func (b *Backend) Logs(ctx context.Context, enclave, name string, o backends.LogOptions) iter.Seq2[backends.LogLine, error] {
	return func(yield func(backends.LogLine, error) bool) {
		err := b.enter(ctx, "Logs", enclave, name)
		var s *service
		if err == nil {
			s, err = b.service(enclave, name)
		}
		if err != nil {
			yield(backends.LogLine{}, err)
			return
		}
		l := s.log
		l.mu.Lock()
		at := 0
		if o.Tail > 0 {
			at = max(0, len(l.lines)-o.Tail)
		}
		l.mu.Unlock()
		for {
			l.mu.Lock()
			lines, changed, ended := l.lines[at:], l.changed, l.ended
			at = len(l.lines)
			l.mu.Unlock()
			for _, line := range lines {
				if ctx.Err() != nil {
					break
				}
				if !line.Time.Before(o.Since) && !yield(line, nil) {
					return
				}
			}
			if !o.Follow || ended {
				if ctx.Err() != nil {
					yield(backends.LogLine{}, ctx.Err())
				}
				return
			}
			select {
			case <-changed:
			case <-ctx.Done():
				yield(backends.LogLine{}, ctx.Err())
				return
			}
		}
	}
}

// watcher is a Watch: events wait in a queue of any length, so that services never wait for a reader.
type watcher struct {
	mu    sync.Mutex
	queue []backends.Event
	ready chan struct{} // holds one token while the queue has something
}

// notify tells all watchers; Backend.mu is held.
func (e *enclave) notify(event backends.Event) {
	for w := range e.watchers {
		w.mu.Lock()
		w.queue = append(w.queue, event)
		w.mu.Unlock()
		select {
		case w.ready <- struct{}{}:
		default:
		}
	}
}

// Watch reports what happens to an enclave's services.
func (b *Backend) Watch(ctx context.Context, enclave string) (<-chan backends.Event, error) {
	if err := b.enter(ctx, "Watch", enclave, ""); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	e, err := b.find(enclave)
	if err != nil {
		return nil, err
	}
	w := &watcher{ready: make(chan struct{}, 1)}
	e.watchers[w] = struct{}{}
	out := make(chan backends.Event)
	go func() {
		defer close(out)
		defer func() {
			b.mu.Lock()
			delete(e.watchers, w)
			b.mu.Unlock()
		}()
		for {
			select {
			case <-ctx.Done():
				return
			case <-w.ready:
			}
			w.mu.Lock()
			queue := w.queue
			w.queue = nil
			w.mu.Unlock()
			for _, event := range queue {
				select {
				case out <- event:
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	return out, nil
}
