package diag

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kurtosis-go/kurtosis/lang/source"
)

// Tool names the program in SARIF.
type Tool struct{ Name, Version string }

// The part of SARIF 2.1.0 that is written.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool       sarifTool     `json:"tool"`
		ColumnKind string        `json:"columnKind"`
		Results    []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		Version        string      `json:"version,omitempty"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID      string `json:"id"`
		HelpURI string `json:"helpUri"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		RuleIndex int             `json:"ruleIndex"`
		Level     string          `json:"level"`
		Message   sarifMessage    `json:"message"`
		Locations []sarifLocation `json:"locations"`
		Related   []sarifLocation `json:"relatedLocations,omitempty"`
		Fixes     []sarifFix      `json:"fixes,omitempty"`
	}
	sarifMessage struct {
		Text string `json:"text"`
	}
	sarifLocation struct {
		Physical sarifPhysical `json:"physicalLocation"`
		Message  *sarifMessage `json:"message,omitempty"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   *sarifRegion  `json:"region,omitempty"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine   int32 `json:"startLine"`
		StartColumn int32 `json:"startColumn"`
		EndLine     int32 `json:"endLine"`
		EndColumn   int32 `json:"endColumn"`
	}
	sarifFix struct {
		Description sarifMessage  `json:"description"`
		Changes     []sarifChange `json:"artifactChanges"`
	}
	sarifChange struct {
		Artifact     sarifArtifact      `json:"artifactLocation"`
		Replacements []sarifReplacement `json:"replacements"`
	}
	sarifReplacement struct {
		Deleted  sarifRegion  `json:"deletedRegion"`
		Inserted sarifMessage `json:"insertedContent"`
	}
)

var sarifLevel = map[Severity]string{Error: "error", Warning: "warning", Info: "note", Hint: "note"}

// SARIF writes diagnostics as a SARIF 2.1.0 log.
func SARIF(w io.Writer, diagnostics []Diagnostic, tool Tool) error {
	run := sarifRun{ColumnKind: "unicodeCodePoints", Results: []sarifResult{}}
	run.Tool.Driver = sarifDriver{Name: tool.Name, Version: tool.Version, InformationURI: "https://github.com/kurtosis-go/kurtosis", Rules: []sarifRule{}}
	rules := &run.Tool.Driver.Rules
	for _, d := range diagnostics {
		index := slices.IndexFunc(*rules, func(r sarifRule) bool { return r.ID == d.Code })
		if index < 0 {
			index = len(*rules)
			*rules = append(*rules, sarifRule{ID: d.Code, HelpURI: URL(d.Code)})
		}
		r := sarifResult{RuleID: d.Code, RuleIndex: index, Level: sarifLevel[d.Severity], Message: sarifMessage{sentence(d)},
			Locations: []sarifLocation{{Physical: physical(d.File, d.Range)}}}
		for _, related := range d.Related {
			r.Related = append(r.Related, sarifLocation{Physical: physical(related.File, related.Range), Message: &sarifMessage{related.Message}})
		}
		for _, f := range d.Fixes {
			r.Fixes = append(r.Fixes, sarifFixOf(f))
		}
		run.Results = append(run.Results, r)
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(sarifLog{Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{run}})
}

// sentence is the message with its hint.
func sentence(d Diagnostic) string {
	if d.Hint == "" {
		return d.Message
	}
	return d.Message + "\nhint: " + d.Hint
}

func sarifFixOf(f Fix) sarifFix {
	out := sarifFix{Description: sarifMessage{f.Title}, Changes: []sarifChange{}}
	for _, e := range f.Edits {
		uri := fileURI(e.File)
		i := slices.IndexFunc(out.Changes, func(c sarifChange) bool { return c.Artifact.URI == uri })
		if i < 0 {
			i = len(out.Changes)
			out.Changes = append(out.Changes, sarifChange{Artifact: sarifArtifact{uri}})
		}
		out.Changes[i].Replacements = append(out.Changes[i].Replacements, sarifReplacement{Deleted: *region(e.Range), Inserted: sarifMessage{e.NewText}})
	}
	return out
}

func physical(file string, r source.Range) sarifPhysical {
	return sarifPhysical{Artifact: sarifArtifact{fileURI(file)}, Region: region(r)}
}

// region is nil for no place: the whole file is meant.
func region(r source.Range) *sarifRegion {
	if !r.Start.IsValid() {
		return nil
	}
	return &sarifRegion{r.Start.Line, r.Start.Col, r.End.Line, r.End.Col}
}

// fileURI makes a URI of a path: file://… of an absolute, a relative reference of another.
func fileURI(path string) string {
	slashed := filepath.ToSlash(path)
	var b strings.Builder
	if filepath.IsAbs(path) {
		b.WriteString("file://")
		if !strings.HasPrefix(slashed, "/") {
			b.WriteByte('/') // a drive letter
		}
	}
	for _, c := range []byte(slashed) {
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~/:@", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
