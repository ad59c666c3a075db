package event

import (
	"bytes"
	"encoding/json"
	"io"
	"sync"
	"time"
)

// JSONLines writes each event as one line of JSON, {"type":"step_started","time":"…",…}, in one write each.
type JSONLines struct {
	mu  sync.Mutex
	w   io.Writer
	now func() time.Time
	err error
}

// NewJSONLines gives a sink that writes to w. Each line carries the time that now answers, in UTC.
func NewJSONLines(w io.Writer, now func() time.Time) *JSONLines {
	return &JSONLines{w: w, now: now}
}

// Emit writes one line. After the first write that fails nothing more is written; see Err.
func (j *JSONLines) Emit(e Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err != nil {
		return
	}
	line, err := encode(e, j.now())
	if err == nil {
		_, err = j.w.Write(line)
	}
	j.err = err
}

// Err is the first failure to write, or nil.
func (j *JSONLines) Err() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.err
}

func encode(e Event, at time.Time) ([]byte, error) {
	head, err := marshal(struct {
		Type string    `json:"type"`
		Time time.Time `json:"time"`
	}{e.Type(), at.UTC().Truncate(time.Millisecond)})
	if err != nil {
		return nil, err
	}
	body, err := marshal(e)
	if err != nil {
		return nil, err
	}
	line := head
	if !bytes.Equal(body, []byte("{}")) {
		line = append(append(head[:len(head)-1], ','), body[1:]...)
	}
	return append(line, '\n'), nil
}

// marshal is json.Marshal without the escapes meant for HTML: < and > are common in logs.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}
