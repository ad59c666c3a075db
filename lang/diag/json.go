package diag

import (
	"bytes"
	"encoding/json"
	"io"

	"github.com/kurtosis-go/kurtosis/lang/source"
)

// entry is the form of a diagnostic in JSON. Lines and columns count from 1, columns in code points; the end
// is exclusive.
type entry struct {
	File      string `json:"file"`
	Line      int32  `json:"line"`
	Column    int32  `json:"column"`
	EndLine   int32  `json:"endLine"`
	EndColumn int32  `json:"endColumn"`
	Severity  string `json:"severity"`
	Code      string `json:"code"`
	Message   string `json:"message"`
	Hint      string `json:"hint"`
	URL       string `json:"url"`
}

// entryOf says 1:1 of a diagnostic about a file as a whole.
func entryOf(d Diagnostic) entry {
	if !d.Range.Start.IsValid() {
		start := source.Pos{Line: 1, Col: 1}
		d.Range = source.Range{Start: start, End: start}
	}
	return entry{
		File: d.File, Line: d.Range.Start.Line, Column: d.Range.Start.Col, EndLine: d.Range.End.Line, EndColumn: d.Range.End.Col,
		Severity: d.Severity.String(), Code: d.Code, Message: d.Message, Hint: d.Hint, URL: URL(d.Code),
	}
}

// MarshalJSON is the form that JSON writes.
func (d Diagnostic) MarshalJSON() ([]byte, error) { return encode(entryOf(d)) }

// JSON writes diagnostics as one JSON list with one of them in each line.
func JSON(w io.Writer, diagnostics []Diagnostic) error {
	var b bytes.Buffer
	b.WriteByte('[')
	for i, d := range diagnostics {
		if i > 0 {
			b.WriteByte(',')
		}
		line, err := encode(entryOf(d))
		if err != nil {
			return err
		}
		b.WriteString("\n  ")
		b.Write(line)
	}
	if len(diagnostics) > 0 {
		b.WriteByte('\n')
	}
	b.WriteString("]\n")
	_, err := w.Write(b.Bytes())
	return err
}

// encode is json.Marshal without escapes for HTML.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
