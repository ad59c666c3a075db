package rpc

import (
	"net/http"
	"sync"
	"time"
)

// flushPause is how long what is written in a burst may wait for more of it.
const flushPause = 2 * time.Millisecond

// coalesce lets the messages of a burst leave together. A stream is flushed after every message, which costs more
// than the message where there are thousands. One that comes alone leaves at once.
func coalesce(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		flusher, ok := w.(http.Flusher)
		if !ok {
			next.ServeHTTP(w, r)
			return
		}
		c := &coalesced{ResponseWriter: w, flusher: flusher}
		defer c.end()
		next.ServeHTTP(c, r)
	})
}

type coalesced struct {
	http.ResponseWriter
	flusher http.Flusher

	mu      sync.Mutex
	last    time.Time   // of the last flush; the first, which sends the header, is the handler's own
	timer   *time.Timer // nil where no flush is due
	handled bool        // the handler has returned: what is left is the server's to send
}

// Unwrap gives http.ResponseController the rest.
func (c *coalesced) Unwrap() http.ResponseWriter { return c.ResponseWriter }

func (c *coalesced) WriteHeader(status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ResponseWriter.WriteHeader(status)
}

func (c *coalesced) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ResponseWriter.Write(p)
}

func (c *coalesced) Flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.timer != nil: // due already
	case time.Since(c.last) > flushPause:
		c.last = time.Now()
		c.flusher.Flush()
	default:
		c.timer = time.AfterFunc(flushPause, c.due)
	}
}

func (c *coalesced) due() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.handled {
		return
	}
	c.timer, c.last = nil, time.Now()
	c.flusher.Flush()
}

func (c *coalesced) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.handled = true
	if c.timer != nil {
		c.timer.Stop()
	}
}
