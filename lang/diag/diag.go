// Package diag defines what the front end has to say about a text, and how it is rendered.
package diag

import "github.com/kurtosis-go/kurtosis/lang/source"

// Severity orders diagnostics: Error means that the line fails when it runs, Warning that it is almost
// surely wrong, Info and Hint are advice.
type Severity uint8

const (
	Error Severity = iota + 1
	Warning
	Info
	Hint
)

func (s Severity) String() string {
	return [...]string{"", "error", "warning", "info", "hint"}[s]
}

// Tag tells an editor how to draw the range.
type Tag uint8

const (
	Unnecessary Tag = iota + 1 // unused code, drawn faded
	Deprecated                 // drawn struck through
)

// Diagnostic is one finding. Code is a stable kebab word with a page in docs/diagnostics.
type Diagnostic struct {
	Code     string
	Severity Severity
	File     string // as source.File.Name
	Range    source.Range
	Message  string // lower case, no period: what was found and what was wanted
	Hint     string // what to do about it, or ""
	Related  []Related
	Fixes    []Fix
	Tags     []Tag
}

// Related points at another place that explains the diagnostic.
type Related struct {
	File    string
	Range   source.Range
	Message string
}

// Fix is a change that resolves a diagnostic. A Safe one keeps the meaning of the program, or gives the only
// meaning it can have had, and is applied by `lint --fix`.
type Fix struct {
	Title string
	Safe  bool
	Edits []Edit
}

// Edit replaces Range of File by NewText.
type Edit struct {
	File    string
	Range   source.Range
	NewText string
}
