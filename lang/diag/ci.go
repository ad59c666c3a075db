package diag

import (
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"
)

var githubCommand = map[Severity]string{Error: "error", Warning: "warning", Info: "notice", Hint: "notice"}

// GitHub writes diagnostics as workflow commands, which GitHub Actions shows beside the code. path makes the
// name of a file relative to the root of the repository, as they demand; nil leaves names as they are.
func GitHub(w io.Writer, diagnostics []Diagnostic, path func(name string) string) error {
	data := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	var b strings.Builder
	for _, d := range diagnostics {
		file := d.File
		if path != nil {
			file = path(file)
		}
		fmt.Fprintf(&b, "::%s file=%s", githubCommand[d.Severity], property.Replace(file))
		if r := d.Range; r.Start.IsValid() {
			fmt.Fprintf(&b, ",line=%d,endLine=%d", r.Start.Line, r.End.Line)
			if r.Start.Line == r.End.Line { // columns are refused otherwise
				fmt.Fprintf(&b, ",col=%d,endColumn=%d", r.Start.Col, r.End.Col)
			}
		}
		fmt.Fprintf(&b, ",title=%s::%s\n", property.Replace(d.Code), data.Replace(sentence(d)))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name      string        `xml:"name,attr"`
		ClassName string        `xml:"classname,attr"`
		File      string        `xml:"file,attr"`
		Line      int32         `xml:"line,attr,omitempty"`
		Failure   *junitFailure `xml:"failure"`
		Output    string        `xml:"system-out,omitempty"`
	}
	junitFailure struct {
		Type    string `xml:"type,attr"`
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// JUnit writes a JUnit XML report with a suite for each of files and each other file with diagnostics. An
// error or warning is a failed test, info and hints are output of a passed one, and a file without
// diagnostics is one passed test.
func JUnit(w io.Writer, files []string, diagnostics []Diagnostic) error {
	names := slices.Clone(files)
	byFile := map[string][]Diagnostic{}
	for _, d := range diagnostics {
		byFile[d.File] = append(byFile[d.File], d)
		names = append(names, d.File)
	}
	slices.Sort(names)
	var report junitSuites
	for _, name := range slices.Compact(names) {
		suite := junitSuite{Name: name}
		for _, d := range byFile[name] {
			c := junitCase{Name: d.Code, ClassName: name, File: name, Line: d.Range.Start.Line}
			text := fmt.Sprintf("%s: %s: %s", d.File, d.Severity, sentence(d))
			if at := d.Range.Start; at.IsValid() {
				c.Name = fmt.Sprintf("%s at %s", d.Code, at)
				text = fmt.Sprintf("%s:%s: %s: %s", d.File, at, d.Severity, sentence(d))
			}
			if d.Severity == Error || d.Severity == Warning {
				c.Failure = &junitFailure{Type: d.Severity.String(), Message: d.Message, Text: text}
				suite.Failures++
			} else {
				c.Output = text
			}
			suite.Cases = append(suite.Cases, c)
		}
		if len(suite.Cases) == 0 {
			suite.Cases = []junitCase{{Name: "no findings", ClassName: name, File: name}}
		}
		suite.Tests = len(suite.Cases)
		report.Tests += suite.Tests
		report.Failures += suite.Failures
		report.Suites = append(report.Suites, suite)
	}
	out, err := xml.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s%s\n", xml.Header, out)
	return err
}
