package packages

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/lang/source"
)

// ManifestName is the file that makes a directory a package.
const ManifestName = "kurtosis.yml"

// Manifest is what a kurtosis.yml says.
type Manifest struct {
	Name        string // github.com/owner/repository[/path]
	Description string
	Replace     []Replacement // longest Package first, so that the first that fits is the one that counts
}

// Replacement puts another package, or a directory on this machine, in a package's place.
type Replacement struct {
	Package string // the locator that is replaced, with all below it
	With    string // a locator, perhaps with a version, or a path that starts with "." or "/"
	Range   source.Range
}

// IsLocal says whether the replacement is a directory on this machine.
func (r Replacement) IsLocal() bool { return isRelative(r.With) }

var manifestFields = []string{"name", "description", "replace"}

// ParseManifest reads a kurtosis.yml strictly. The manifest holds what could be understood and is never nil; it is
// to be used for running only where no diagnostic is an error.
func ParseManifest(f *source.File) (*Manifest, []diag.Diagnostic) {
	p := &manifestParser{file: f, manifest: &Manifest{}}
	var doc, more yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(f.Text()))
	err := dec.Decode(&doc)
	if err == nil {
		if err = dec.Decode(&more); err == nil {
			err = fmt.Errorf("line %d: a second document starts here", more.Line)
		}
	}
	if !errors.Is(err, io.EOF) {
		p.syntax(err)
		return p.manifest, p.diagnostics
	}
	p.document(&doc)
	sort.SliceStable(p.manifest.Replace, func(i, j int) bool {
		return len(p.manifest.Replace[i].Package) > len(p.manifest.Replace[j].Package)
	})
	return p.manifest, p.diagnostics
}

type manifestParser struct {
	file        *source.File
	manifest    *Manifest
	diagnostics []diag.Diagnostic
}

func (p *manifestParser) report(code string, at source.Range, hint, format string, args ...any) *diag.Diagnostic {
	p.diagnostics = append(p.diagnostics, diag.Diagnostic{
		Code: code, Severity: diag.Error, File: p.file.Name(), Range: at, Hint: hint, Message: fmt.Sprintf(format, args...),
	})
	return &p.diagnostics[len(p.diagnostics)-1]
}

var yamlLine = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(?:yaml: )?(?:line (\d+): )?(.*)$`) })

// syntax reports YAML that cannot be read. The library gives a line at most, so the whole line is the place.
func (p *manifestParser) syntax(err error) {
	text := strings.ReplaceAll(err.Error(), "\n", " ")
	m := yamlLine().FindStringSubmatch(text)
	line, message := 1, text
	if m != nil {
		message = m[2]
		if n, err := strconv.Atoi(m[1]); err == nil {
			line = min(max(n, 1), p.file.LineCount())
		}
	}
	width := int32(utf8.RuneCount(p.file.Line(line)))
	at := source.Range{Start: source.Pos{Line: int32(line), Col: 1}, End: source.Pos{Line: int32(line), Col: width + 1}}
	p.report("manifest-yaml", at, "", "this is not YAML: %s", message)
}

func nodeRange(n *yaml.Node) source.Range {
	start := source.Pos{Line: int32(max(n.Line, 1)), Col: int32(max(n.Column, 1))}
	width := utf8.RuneCountInString(n.Value)
	if n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0 {
		width += 2
	}
	return source.Range{Start: start, End: source.Pos{Line: start.Line, Col: start.Col + int32(max(width, 1))}}
}

var fileStart = source.Range{Start: source.Pos{Line: 1, Col: 1}, End: source.Pos{Line: 1, Col: 1}}

func (p *manifestParser) document(doc *yaml.Node) {
	if len(doc.Content) == 0 {
		p.report("manifest-name", fileStart, nameHint, "kurtosis.yml is empty, and needs a name")
		return
	}
	root := doc.Content[0]
	if root.Kind != yaml.MappingNode {
		p.report("manifest-type", nodeRange(root), nameHint, "kurtosis.yml must be a mapping, not %s", kind(root))
		return
	}
	named := false
	p.fields(root, func(key, value *yaml.Node) {
		switch key.Value {
		case "name":
			named = true
			p.name(value)
		case "description":
			p.manifest.Description, _ = p.text("description", value)
		case "replace":
			p.replace(value)
		default:
			hint := "the fields are " + strings.Join(manifestFields, ", ")
			near, ok := diag.Closest(key.Value, manifestFields)
			if ok {
				hint = fmt.Sprintf("did you mean '%s'?", near)
			}
			d := p.report("manifest-field", nodeRange(key), hint, "unknown field '%s'", key.Value)
			if ok {
				d.Fixes = []diag.Fix{{
					Title: fmt.Sprintf("Change to '%s'", near), Safe: true,
					Edits: []diag.Edit{{File: p.file.Name(), Range: nodeRange(key), NewText: near}},
				}}
			}
		}
	})
	if !named {
		p.report("manifest-name", nodeRange(root), nameHint, "the field 'name' is missing")
	}
}

const nameHint = "name: github.com/<owner>/<repository>[/<path>]"

// fields calls visit for each pair of a mapping, and reports keys that come twice.
func (p *manifestParser) fields(n *yaml.Node, visit func(key, value *yaml.Node)) {
	seen := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		for value.Kind == yaml.AliasNode {
			value = value.Alias
		}
		if first, twice := seen[key.Value]; twice {
			p.report("manifest-duplicate", nodeRange(key), "", "'%s' is there twice", key.Value).Related =
				[]diag.Related{{File: p.file.Name(), Range: nodeRange(first), Message: "first here"}}
			continue
		}
		seen[key.Value] = key
		visit(key, value)
	}
}

func (p *manifestParser) text(field string, n *yaml.Node) (string, bool) {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" && field != "name" {
		return "", true
	}
	if n.Kind != yaml.ScalarNode || n.Tag != "!!str" {
		p.report("manifest-type", nodeRange(n), "", "'%s' must be a string, not %s", field, kind(n))
		return "", false
	}
	return n.Value, true
}

func (p *manifestParser) name(n *yaml.Node) {
	name, ok := p.text("name", n)
	if !ok {
		return
	}
	p.manifest.Name = name
	p.locator("name", name, n, false)
}

// locator checks a package's locator and says whether it is one.
func (p *manifestParser) locator(what, text string, n *yaml.Node, version bool) bool {
	switch {
	case strings.TrimSpace(text) == "":
		p.report("manifest-name", nodeRange(n), nameHint, "'%s' is empty", what)
		return false
	case strings.HasSuffix(text, "/"):
		p.report("manifest-name", nodeRange(n), fmt.Sprintf("write '%s'", strings.TrimRight(text, "/")), "'%s' must not end in a slash", what)
		return false
	}
	l, err := ParseLocator(text)
	if err != nil {
		hint := "it is github.com/<owner>/<repository>[/<path>]"
		if version {
			hint += "[@<version>], or a path that starts with '.' or '/'"
		}
		p.report("manifest-name", nodeRange(n), hint, "%s", badName(what, text, err))
		return false
	}
	if l.Version != "" && !version {
		p.report("manifest-name", nodeRange(n), fmt.Sprintf("write '%s'", l.Absolute()), "'%s' must not have a version", what)
		return false
	}
	return true
}

// badName says why text names no package; what is the field, or text itself.
func badName(what, text string, err error) string {
	if !strings.HasPrefix(text, host+"/") {
		if what == text {
			return fmt.Sprintf("'%s' doesn't start with '%s/'", text, host)
		}
		return fmt.Sprintf("'%s' must start with '%s/', and '%s' doesn't", what, host, text)
	}
	return strings.TrimPrefix(err.Error(), "locator ")
}

func (p *manifestParser) replace(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return
	}
	if n.Kind != yaml.MappingNode {
		p.report("manifest-type", nodeRange(n), "replace: {github.com/owner/repository: github.com/other/repository@version}",
			"'replace' must be a mapping, not %s", kind(n))
		return
	}
	p.fields(n, func(key, value *yaml.Node) {
		with, ok := p.text(key.Value, value)
		if !ok || !p.locator(key.Value, key.Value, key, false) {
			return
		}
		r := Replacement{Package: key.Value, With: with, Range: nodeRange(value)}
		if with == "" {
			p.report("manifest-replace", nodeRange(value), "a locator, or a path that starts with '.' or '/'", "'%s' is replaced with nothing", key.Value)
			return
		}
		if !r.IsLocal() && !p.locator(with, with, value, true) {
			return
		}
		p.manifest.Replace = append(p.manifest.Replace, r)
	})
}

func kind(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	switch n.Tag {
	case "!!null":
		return "nothing"
	case "!!int", "!!float":
		return "a number"
	case "!!bool":
		return "a boolean"
	case "!!timestamp":
		return "a date"
	}
	return "a string"
}
