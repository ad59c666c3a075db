package typecheck

import (
	"strings"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/builtins"
	"github.com/kurtosis-go/kurtosis/lang/types"
)

// Docstring is a function's docstring in the form that Kurtosis documents:
//
//	Description.
//
//	Args:
//	    name (list[string]): what it is
//	Returns:
//	    dict[string, int]: what it is
type Docstring struct {
	Literal *syntax.Literal // the string in the source
	Text    string          // the whole text, without the indentation of its lines
	Summary string          // what stands before Args and Returns
	Args    []DocArg
	HasArgs bool // there is an Args section
	Returns string
	Result  types.Type // what Returns says, nil when it names no type

	argIndent int
}

// DocArg is one entry of the Args section.
type DocArg struct {
	Name     string
	TypeText string     // as written, "" when there is none
	Type     types.Type // nil when TypeText is "" or names no type
	Fault    string     // why TypeText names no type, or ""
	Optional bool
	Doc      string
	Line     int32 // line of the entry in the file
}

// docstringOf reads the docstring at the start of a function's body, or of a module.
func docstringOf(body []syntax.Stmt) *Docstring {
	if len(body) == 0 {
		return nil
	}
	stmt, ok := body[0].(*syntax.ExprStmt)
	if !ok {
		return nil
	}
	lit, ok := stmt.X.(*syntax.Literal)
	if !ok || lit.Token != syntax.STRING {
		return nil
	}
	text, ok := lit.Value.(string)
	if !ok {
		return nil
	}
	d := &Docstring{Literal: lit}
	d.parse(text, lit.TokenPos.Line)
	return d
}

// namedType finds a Kurtosis type for the parser of types.
func namedType(name string) types.Type {
	if name == "plan" || name == "Plan" {
		return planType
	}
	if row := builtins.Lookup("", name); row != nil && row.Kind == builtins.Constructor {
		return row.Result
	}
	return nil
}

var sections = map[string]string{
	"Args:": "Args", "Arguments:": "Args", "Parameters:": "Args", "Params:": "Args",
	"Returns:": "Returns", "Return:": "Returns", "Raises:": "Other", "Example:": "Other", "Examples:": "Other",
	"Note:": "Other", "Notes:": "Other", "Yields:": "Other",
}

func (d *Docstring) parse(text string, line int32) {
	lines := strings.Split(text, "\n")
	margin := -1
	for _, l := range lines[1:] {
		if t := strings.TrimSpace(l); t != "" {
			if n := indentOf(l); margin < 0 || n < margin {
				margin = n
			}
		}
	}
	var summary, returns []string
	section, indent := "", -1
	for i, l := range lines {
		if i > 0 && len(l) >= margin && margin > 0 {
			l = l[margin:]
		}
		l = strings.TrimRight(l, " \t\r")
		lines[i] = l
		trimmed := strings.TrimSpace(l)
		if s, ok := sections[trimmed]; ok && (section == "" || indentOf(l) <= indent) {
			section, indent = s, indentOf(l)
			d.HasArgs = d.HasArgs || s == "Args"
			continue
		}
		switch section {
		case "":
			summary = append(summary, trimmed)
		case "Args":
			if trimmed != "" {
				d.arg(trimmed, indentOf(l), line+int32(i))
			}
		case "Returns":
			returns = append(returns, trimmed)
		}
	}
	d.Text = strings.TrimSpace(strings.Join(lines, "\n"))
	d.Summary = strings.TrimSpace(strings.Join(summary, "\n"))
	d.Returns = strings.TrimSpace(strings.Join(returns, "\n"))
	head, _, found := strings.Cut(d.Returns, ":")
	if !found {
		head = d.Returns
	}
	if head = strings.Trim(strings.TrimSpace(head), "()"); head != "" && len(head) < 200 {
		if t, err := types.ParseNamed(head, namedType); err == nil {
			d.Result = t
		}
	}
	for i := range d.Args {
		d.Args[i].Doc = strings.TrimSpace(d.Args[i].Doc)
	}
}

func indentOf(l string) int { return len(l) - len(strings.TrimLeft(l, " \t")) }

// arg reads one line of the Args section: the start of an entry, or more text of the last one, which is
// indented deeper than the first entry.
func (d *Docstring) arg(text string, indent int, line int32) {
	name, rest := text, ""
	if i := strings.IndexAny(text, " (:"); i >= 0 {
		name, rest = text[:i], strings.TrimLeft(text[i:], " ")
	}
	name = strings.TrimLeft(name, "*`-")
	name = strings.TrimRight(name, "`")
	entry := isName(name) && rest != "" && (len(d.Args) == 0 || indent <= d.argIndent)
	var a DocArg
	if entry {
		a = DocArg{Name: name, Line: line}
		switch {
		case strings.HasPrefix(rest, "("):
			end := closing(rest)
			if end < 0 {
				entry = false
				break
			}
			a.TypeText = strings.TrimSpace(rest[1:end])
			after := strings.TrimSpace(rest[end+1:])
			if !strings.HasPrefix(after, ":") {
				entry = false
				break
			}
			a.Doc = strings.TrimSpace(after[1:])
		case strings.HasPrefix(rest, ":"):
			a.Doc = strings.TrimSpace(rest[1:])
		default:
			entry = false
		}
	}
	if !entry {
		if n := len(d.Args); n > 0 {
			d.Args[n-1].Doc += "\n" + text
		}
		return
	}
	if a.TypeText != "" {
		written := a.TypeText
		for _, suffix := range []string{", optional", ",optional", " optional"} {
			if s, ok := strings.CutSuffix(written, suffix); ok {
				written, a.Optional = strings.TrimSpace(s), true
			}
		}
		t, err := types.ParseNamed(written, namedType)
		if err != nil {
			a.Fault = err.Error()
		} else {
			a.Type = t
		}
	}
	if len(d.Args) == 0 {
		d.argIndent = indent
	}
	d.Args = append(d.Args, a)
}

func closing(s string) int {
	depth := 0
	for i, r := range s {
		switch r {
		case '(', '[':
			depth++
		case ')', ']':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

func isName(s string) bool {
	for i, r := range s {
		if !(r == '_' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || i > 0 && '0' <= r && r <= '9') {
			return false
		}
	}
	return s != ""
}
