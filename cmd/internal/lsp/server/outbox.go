package server

import (
	"io"
	"sync"
	"time"
)

// outbox is a stream whose writes return at once: a goroutine of its own hands them on, in order. Without it the loop
// that reads would wait, with an answer to write, for a client that itself waits for its answer to be read.
type outbox struct {
	io.ReadWriteCloser

	mu      sync.Mutex
	change  sync.Cond
	waiting []byte
	closed  bool
	failed  error // of a write; later ones fail alike
	done    chan struct{}
}

func newOutbox(stream io.ReadWriteCloser) *outbox {
	o := &outbox{ReadWriteCloser: stream, done: make(chan struct{})}
	o.change.L = &o.mu
	go o.deliver()
	return o
}

func (o *outbox) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.failed != nil:
		return 0, o.failed
	case o.closed:
		return 0, io.ErrClosedPipe
	}
	o.waiting = append(o.waiting, p...)
	o.change.Signal()
	return len(p), nil
}

// Close closes the stream.
func (o *outbox) Close() error {
	o.finish()
	return o.ReadWriteCloser.Close()
}

func (o *outbox) finish() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	o.change.Signal()
}

// lastWords is how long a client may take to read what was still to be said when the session ended.
const lastWords = time.Second

// drain takes nothing more and waits until everything that was written has been handed on, as far as the client reads.
func (o *outbox) drain() {
	o.finish()
	select {
	case <-o.done:
	case <-time.After(lastWords):
	}
}

func (o *outbox) deliver() {
	defer close(o.done)
	for {
		o.mu.Lock()
		for len(o.waiting) == 0 && !o.closed {
			o.change.Wait()
		}
		batch := o.waiting
		o.waiting = nil
		o.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		if _, err := o.ReadWriteCloser.Write(batch); err != nil {
			o.mu.Lock()
			o.failed = err
			o.mu.Unlock()
			return
		}
	}
}
