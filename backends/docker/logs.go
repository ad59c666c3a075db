package docker

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/kurtosis-go/kurtosis/backends"
)

// Logs yields a service's output.
func (b *Backend) Logs(ctx context.Context, enclave, service string, options backends.LogOptions) iter.Seq2[backends.LogLine, error] {
	return func(yield func(backends.LogLine, error) bool) {
		c, err := b.find(ctx, enclave, service)
		if err != nil {
			yield(backends.LogLine{}, err)
			return
		}
		info, err := b.client.ContainerInspect(ctx, c.ID)
		if err != nil {
			yield(backends.LogLine{}, b.wrap(ctx, err, fmt.Sprintf("reading the log of service %q", service)))
			return
		}
		for line, err := range b.logs(ctx, c.ID, info.Config.Tty, options) {
			if err != nil {
				err = b.wrap(ctx, err, fmt.Sprintf("reading the log of service %q", service))
			}
			if !yield(line, err) {
				return
			}
		}
	}
}

func (b *Backend) logs(ctx context.Context, id string, tty bool, options backends.LogOptions) iter.Seq2[backends.LogLine, error] {
	return func(yield func(backends.LogLine, error) bool) {
		ctx, cancel := context.WithCancel(ctx) // closes the stream when the reader has had enough
		defer cancel()
		o := container.LogsOptions{ShowStdout: true, ShowStderr: true, Timestamps: true, Follow: options.Follow, Tail: "all"}
		if options.Tail > 0 {
			o.Tail = strconv.Itoa(options.Tail)
		}
		if !options.Since.IsZero() {
			o.Since = options.Since.Format(time.RFC3339Nano)
		}
		stream, err := b.client.ContainerLogs(ctx, id, o)
		if err != nil {
			yield(backends.LogLine{}, err)
			return
		}
		defer stream.Close()
		lines := make(chan backends.LogLine)
		ended := make(chan error, 1)
		send := func(line backends.LogLine) error {
			select {
			case lines <- line:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		go func() {
			ended <- readLog(stream, tty, send)
			close(lines)
		}()
		for line := range lines {
			if line.Time.Before(options.Since) {
				continue // Podman knows whole seconds only
			}
			if !yield(line, nil) {
				cancel()
				for range lines { // let the reader see it
				}
				return
			}
		}
		if err := <-ended; err != nil {
			yield(backends.LogLine{}, err)
		} else if ctx.Err() != nil {
			yield(backends.LogLine{}, ctx.Err())
		}
	}
}

// readLog splits a log stream into lines.
func readLog(stream io.Reader, tty bool, send func(backends.LogLine) error) error {
	out := &lineWriter{send: send, framed: !tty}
	if tty {
		if _, err := io.Copy(out, stream); err != nil {
			return err
		}
		return out.flush()
	}
	errOut := &lineWriter{send: send, stderr: true, framed: true}
	_, err := stdcopy.StdCopy(out, errOut, bufio.NewReader(stream))
	return errors.Join(err, out.flush(), errOut.flush())
}

// maxLine bounds what is kept of a line that does not end.
const maxLine = 1 << 20

// lineWriter collects bytes until a line is whole. The engine writes one message at a time, beginning with its time; it
// splits lines of more than 16 KiB into several, of which only the last has a line end.
type lineWriter struct {
	send   func(backends.LogLine) error
	stderr bool
	// framed tells that each write is one message; a terminal's stream has no such borders.
	framed  bool
	partial []byte
}

func (w *lineWriter) Write(b []byte) (int, error) {
	s := string(b)
	if w.framed && len(w.partial) > 0 {
		if _, text, ok := cutTime(s); ok {
			s = text // the rest of a split line: its time says nothing new
		}
	}
	for {
		line, rest, whole := strings.Cut(s, "\n")
		w.partial = append(w.partial, line...)
		if !whole && len(w.partial) < maxLine {
			return len(b), nil
		}
		if err := w.flush(); err != nil {
			return 0, err
		}
		s = rest
	}
}

func (w *lineWriter) flush() error {
	if len(w.partial) == 0 {
		return nil
	}
	at, text, _ := cutTime(strings.TrimSuffix(string(w.partial), "\r"))
	w.partial = w.partial[:0]
	return w.send(backends.LogLine{Time: at, Stderr: w.stderr, Text: text})
}

// cutTime takes the time off a line.
func cutTime(line string) (time.Time, string, bool) {
	stamp, text, _ := strings.Cut(line, " ")
	at, err := time.Parse(time.RFC3339Nano, stamp)
	if err != nil {
		return time.Time{}, line, false
	}
	return at, text, true
}
