package builtins

import (
	"slices"
	"strings"

	"github.com/kurtosis-go/kurtosis/lang/types"
)

// Summary is the first sentence of the doc.
func (b *Builtin) Summary() string { return firstSentence(b.Doc) }

// Summary is the first sentence of the parameter's doc.
func (p *Param) Summary() string { return firstSentence(p.Doc) }

func firstSentence(doc string) string {
	for at := 0; ; {
		i := strings.Index(doc[at:], ". ")
		if i < 0 {
			return doc
		}
		at += i
		// Not the end: "e.g. x", a full stop inside backquotes.
		if strings.Count(doc[:at], "`")%2 == 0 && !strings.HasSuffix(doc[:at], "e.g") {
			return doc[:at+1]
		}
		at += 2
	}
}

// Markdown is all there is to say of the row: signature, doc, parameters, result and example. Hidden parameters
// are left out.
func (b *Builtin) Markdown() string {
	var w strings.Builder
	w.WriteString("```python\n" + b.Wrapped(100) + "\n```\n\n")
	w.WriteString(b.Notice())
	w.WriteString(b.Doc + "\n")
	if params := b.ParamsMarkdown(); params != "" {
		w.WriteString("\n**Arguments**\n\n" + params)
	}
	if fields := attributes(b.Result); b.Kind == Constructor || b.Returns != "" && len(fields) == 0 {
		if b.Returns != "" {
			w.WriteString("\n**Returns** " + b.Returns + "\n")
		}
	} else if len(fields) > 0 {
		w.WriteString("\n**Returns** " + strings.TrimSuffix(b.Returns, ".") + ":\n\n")
		for _, f := range fields {
			w.WriteString("- `" + f.Name + ": " + f.Type.String() + "`")
			if f.Doc != "" {
				w.WriteString(" – " + f.Doc)
			}
			w.WriteString("\n")
		}
	}
	if b.Example != "" {
		w.WriteString("\n**Example**\n\n```python\n" + b.Example + "```\n")
	}
	return w.String()
}

// attributes lists what is worth a line each: the fields of a task's result and the keys of a recipe's.
func attributes(t types.Type) []types.Field {
	switch t := t.(type) {
	case *types.Struct:
		return t.Fields
	case *types.Dict:
		return t.Known
	}
	return nil
}

// Notice is what comes before the doc of a row that is refused, deprecated, or for tests only; "" otherwise.
func (b *Builtin) Notice() string {
	switch {
	case b.Refused != "":
		return "**Refused:** " + b.Refused + ".\n\n"
	case b.Replaced != "":
		return "**Deprecated:** use `" + b.Replaced + "`.\n\n"
	case b.TestOnly:
		return "*In `*_test.star` files only.*\n\n"
	}
	return ""
}

// ParamsMarkdown is a list with one item for each parameter, "" when there is none.
func (b *Builtin) ParamsMarkdown() string {
	var w strings.Builder
	for i := range b.Params {
		if p := &b.Params[i]; !p.Hidden {
			w.WriteString("- " + p.Markdown() + "\n")
		}
	}
	if b.Described() {
		w.WriteString("- " + Description.Markdown() + "\n")
	}
	return w.String()
}

// Markdown is one line on the parameter: its signature, whether it is required, its doc, allowed values, and the
// backends where it matters.
func (p *Param) Markdown() string {
	var w strings.Builder
	w.WriteString("`" + p.String() + "`")
	if p.Required {
		w.WriteString(", required")
	}
	w.WriteString(" – ")
	if p.Deprecated != "" {
		w.WriteString("**" + strings.ToUpper(p.Deprecated[:1]) + p.Deprecated[1:] + ".** ")
	}
	w.WriteString(p.Doc)
	if len(p.Enum) > 0 {
		w.WriteString(" One of `" + strings.Join(p.Enum, "`, `") + "`.")
	}
	if len(p.Backends) > 0 {
		w.WriteString(" *Has an effect on " + backendNames(p.Backends) + " only.*")
	}
	if p.Futures {
		w.WriteString(" Futures are replaced when the step runs.")
	}
	return w.String()
}

// String prints the parameter as in a signature.
func (p *Param) String() string {
	t := p.term()
	if t.Default == "" {
		t.Optional = false // "= ..." says nothing where the doc says what happens
	}
	return t.String()
}

func backendNames(backends []string) string {
	names := slices.Clone(backends)
	for i, n := range names {
		names[i] = strings.ToUpper(n[:1]) + n[1:]
	}
	return strings.Join(names, " and ")
}

// Wrapped is the signature, one parameter to a line when it is longer than width.
func (b *Builtin) Wrapped(width int) string {
	one := b.Signature()
	f := b.Function()
	if len([]rune(one)) <= width || f == nil || len(f.Params) == 0 {
		return one
	}
	var w strings.Builder
	w.WriteString(b.QualifiedName() + "(\n")
	star := false
	for i, p := range f.Params {
		if p.Variadic == "*" {
			star = true
		}
		if p.Keyword && !star && p.Variadic == "" {
			star = true
			w.WriteString("    *,\n")
		}
		w.WriteString("    " + p.String() + ",\n")
		if p.Positional && p.Variadic == "" && (i+1 == len(f.Params) || !f.Params[i+1].Positional) {
			w.WriteString("    /,\n")
		}
	}
	w.WriteString(")")
	if f.Result != nil && f.Result != types.None && f.Result != types.Unknown {
		w.WriteString(" -> " + f.Result.String())
	}
	return w.String()
}
