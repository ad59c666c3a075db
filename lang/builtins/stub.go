package builtins

import (
	"slices"
	"strings"
	"sync"

	"github.com/kurtosis-go/kurtosis/lang/types"
)

// Stub is Starlark text that stands for a part of the table, for an editor to show where there is no source.
// It parses, documents itself in docstrings, and does nothing.
type Stub struct {
	Name string // plan.star, types.star, string.star …
	Text string
	Rows []StubRow
}

// StubRow is where a row is in the text of its stub. Lines and columns count from 1, columns in code points.
type StubRow struct {
	Builtin   *Builtin
	Line, Col int            // of the name
	Params    map[string]int // line of each parameter's name, which starts in column ParamCol
}

// ParamCol is the column where the names of parameters start in a stub.
const ParamCol = 9

// The stubs are made when the first is asked for: most programs never do.
var stubs = sync.OnceValue(makeStubs)

// Stubs lists the stubs by name.
func Stubs() []Stub { return slices.Clone(stubs()) }

// FindStub returns the stub that a row is in, and its place there; ok is false for a row that is not in the table.
func FindStub(b *Builtin) (stub Stub, row StubRow, ok bool) {
	for _, s := range stubs() {
		for _, r := range s.Rows {
			if r.Builtin == b {
				return s, r, true
			}
		}
	}
	return Stub{}, StubRow{}, false
}

// stubName says which stub holds a row.
func stubName(b *Builtin) string {
	switch {
	case b.Receiver != "":
		return b.Receiver + ".star"
	case b.TestOnly:
		return "testing.star"
	case b.Kind == Constructor:
		return "types.star"
	case b.Kind == Helper || b.Kind == Module:
		return "kurtosis.star"
	}
	return "universe.star"
}

func makeStubs() []Stub {
	parts := map[string]*stubWriter{}
	var names []string
	for _, b := range rows {
		name := stubName(b)
		w := parts[name]
		if w == nil {
			w = &stubWriter{line: 1}
			w.write("# What Kurtosis predeclares. Made from its table of builtins; editing it has no effect.\n")
			parts[name] = w
			names = append(names, name)
		}
		w.row(b)
	}
	slices.Sort(names)
	out := make([]Stub, len(names))
	for i, name := range names {
		out[i] = Stub{Name: name, Text: parts[name].text.String(), Rows: parts[name].rows}
	}
	return out
}

type stubWriter struct {
	text strings.Builder
	line int
	rows []StubRow
}

func (w *stubWriter) write(s string) {
	w.text.WriteString(s)
	w.line += strings.Count(s, "\n")
}

func (w *stubWriter) row(b *Builtin) {
	w.write("\n")
	if !b.Callable() {
		w.value(b)
		return
	}
	w.write("\n")
	at := StubRow{Builtin: b, Line: w.line, Col: len("def ") + 1, Params: map[string]int{}}
	w.write("def " + b.Name + "(")
	params := stubParams(b)
	if len(params) > 0 {
		w.write("\n")
	}
	optional, star := false, false
	for _, p := range params {
		if p.Keyword && !star && p.Variadic == "" {
			w.write("        *,\n")
			star = true
		}
		star = star || p.Variadic == "*"
		at.Params[p.Name] = w.line
		line := "        " + p.Variadic + p.Name
		note := p.Type.String()
		if p.Variadic == "" {
			switch {
			case p.Default != "":
				line += " = " + p.Default
				optional = true
			case !p.Required:
				line += " = None"
				optional = true
			case optional: // Starlark wants a default after one that has it
				line += " = None"
				note += ", required"
			}
		}
		w.write(line + ",  # " + note + "\n")
	}
	w.write("):\n" + stubDoc(b) + "    pass\n")
	w.rows = append(w.rows, at)
}

// stubParams are the parameters in an order that Starlark allows: *args before keyword-only ones, **kwargs last.
func stubParams(b *Builtin) []Param {
	var out []Param
	for _, p := range b.Params {
		if !p.Hidden {
			out = append(out, p)
		}
	}
	if b.Described() {
		out = append(out, Description)
		if n := len(out); n > 1 && out[n-2].Variadic == "**" {
			out[n-2], out[n-1] = out[n-1], out[n-2]
		}
	}
	return out
}

// value writes a constant or module: an assignment, or a comment where the name is a keyword of sorts.
func (w *stubWriter) value(b *Builtin) {
	w.write("# " + b.Doc + "\n")
	switch b.Name {
	case "None", "True", "False":
		w.rows = append(w.rows, StubRow{Builtin: b, Line: w.line, Col: 3})
		w.write("# " + b.Name + "\n")
		return
	}
	w.rows = append(w.rows, StubRow{Builtin: b, Line: w.line, Col: 1})
	note := ""
	if _, module := b.Result.(*types.Module); !module {
		note = "  # type: " + b.Result.String()
	}
	w.write(b.Name + " = None" + note + "\n")
}

// stubDoc is the docstring, in the syntax that Kurtosis documents for packages.
func stubDoc(b *Builtin) string {
	var w strings.Builder
	w.WriteString(`    """` + b.Doc + "\n")
	if b.Refused != "" {
		w.WriteString("\n    Refused: " + b.Refused + ".\n")
	}
	params := stubParams(b)
	if len(params) > 0 {
		w.WriteString("\n    Args:\n")
		for _, p := range params {
			w.WriteString("        " + p.Variadic + p.Name + " (" + p.Type.String() + "): " + p.Doc + "\n")
		}
	}
	if b.Result != types.None && b.Result != types.Never {
		w.WriteString("\n    Returns:\n        " + b.Result.String())
		if b.Returns != "" {
			w.WriteString(": " + b.Returns)
		}
		w.WriteString("\n")
	}
	w.WriteString("    \"\"\"\n")
	return strings.ReplaceAll(w.String(), `\`, `\\`)
}
