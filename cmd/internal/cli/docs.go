package cli

import (
	"fmt"
	"sort"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kurtosis-go/kurtosis/cmd/internal/ui"
	"github.com/kurtosis-go/kurtosis/lang/builtins"
	"github.com/kurtosis-go/kurtosis/lang/diag"
)

func (a *app) docsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "docs [NAME]",
		Short: "Say what a function, type or instruction takes and gives",
		Long:  "Say what a function, type or instruction takes and gives. Without a name, list all there are.",
		Example: `  kurtosis docs
  kurtosis docs plan.wait
  kurtosis docs ServiceConfig
  kurtosis docs string.split -o json`,
		Args: operands(0, "the name"),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return builtinNames(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return a.listBuiltins()
			}
			b, err := findBuiltin(args[0])
			if err != nil {
				return err
			}
			if a.output == formatJSON {
				a.printJSON(builtinJSON(b))
				return nil
			}
			_, err = fmt.Fprint(a.Out, builtinText(b, ui.StyleOf(a.Out, a.env)))
			return err
		},
	}
	a.outputFlag(cmd, formatJSON)
	return cmd
}

func builtinNames() []string {
	var names []string
	for _, b := range builtins.All() {
		if !b.TestOnly {
			names = append(names, b.QualifiedName())
		}
	}
	return names
}

// findBuiltin takes plan.wait, and wait where only one receiver has it.
func findBuiltin(name string) (*builtins.Builtin, error) {
	var candidates []*builtins.Builtin
	for _, b := range builtins.All() {
		if b.QualifiedName() == name {
			return b, nil
		}
		if b.Name == name {
			candidates = append(candidates, b)
		}
	}
	if len(candidates) == 1 {
		return candidates[0], nil
	}
	if len(candidates) > 1 {
		var names []string
		for _, c := range candidates {
			names = append(names, c.QualifiedName())
		}
		return nil, &usageError{fmt.Sprintf("there are several called '%s'", name), "one of " + strings.Join(names, ", ")}
	}
	hint := "'kurtosis docs' lists what there is"
	among, full := []string{}, map[string]string{}
	for _, n := range builtinNames() {
		short := n[strings.LastIndex(n, ".")+1:]
		if strings.Contains(name, ".") {
			short = n
		}
		if full[short] == "" { // of several the first, which is an instruction where there is one
			among, full[short] = append(among, short), n
		}
	}
	near, ok := diag.Closest(name, among)
	near = full[near]
	if ok {
		hint = fmt.Sprintf("did you mean '%s'?", near)
	}
	return nil, &usageError{fmt.Sprintf("there is nothing called '%s'", name), hint}
}

var kindTitles = []struct {
	kind  builtins.Kind
	title string
}{
	{builtins.Instruction, "Instructions"}, {builtins.Constructor, "Types"}, {builtins.Helper, "Helpers"},
	{builtins.Module, "Modules"}, {builtins.Universe, "Functions of the language"}, {builtins.Constant, "Constants"}, {builtins.Method, "Methods and members"},
}

func (a *app) listBuiltins() error {
	all := builtins.All()
	if a.output == formatJSON {
		list := []builtinDocument{}
		for _, b := range all {
			if !b.TestOnly {
				list = append(list, builtinJSON(b))
			}
		}
		a.printJSON(list)
		return nil
	}
	style := ui.StyleOf(a.Out, a.env)
	for i, k := range kindTitles {
		table := ui.Table{Head: []string{k.title, ""}}
		for _, b := range all {
			if b.Kind == k.kind && !b.TestOnly {
				table.Rows = append(table.Rows, []string{b.QualifiedName(), firstSentence(b.Doc)})
			}
		}
		if len(table.Rows) == 0 {
			continue
		}
		sort.SliceStable(table.Rows, func(x, y int) bool { return table.Rows[x][0] < table.Rows[y][0] })
		if i > 0 {
			fmt.Fprintln(a.Out)
		}
		if err := table.Write(a.Out, style); err != nil {
			return err
		}
	}
	return nil
}

func firstSentence(doc string) string {
	doc = strings.ReplaceAll(strings.TrimSpace(doc), "\n", " ")
	if i := strings.Index(doc, ". "); i >= 0 {
		doc = doc[:i]
	}
	return plainMarkdown(strings.TrimSuffix(doc, "."))
}

// plainMarkdown takes the marks off that a terminal does not show.
func plainMarkdown(text string) string {
	return strings.NewReplacer("`", "", "**", "").Replace(text)
}

func signature(b *builtins.Builtin) string {
	if !b.Callable() {
		return b.QualifiedName()
	}
	var params []string
	for _, p := range b.Params {
		if p.Hidden {
			continue
		}
		switch {
		case p.Variadic != "":
			params = append(params, p.Variadic+p.Name)
		case p.Required:
			params = append(params, p.Name)
		case p.Default != "":
			params = append(params, p.Name+"="+p.Default)
		default:
			params = append(params, p.Name+"=…")
		}
	}
	out := b.QualifiedName() + "(" + strings.Join(params, ", ") + ")"
	if b.Result != nil {
		out += " -> " + b.Result.String()
	}
	return out
}

func builtinText(b *builtins.Builtin, style ui.Style) string {
	width := style.Width()
	if width == 0 || width > 100 {
		width = 100
	}
	var out strings.Builder
	out.WriteString(style.Bold(ui.Wrap(signature(b), "", width)) + "\n")
	paragraphs := func(text, indent string) {
		for i, p := range strings.Split(strings.TrimSpace(text), "\n\n") {
			if i > 0 {
				out.WriteString("\n")
			}
			if strings.Contains(p, "```") || strings.HasPrefix(p, "    ") || strings.HasPrefix(p, "- ") {
				out.WriteString(indent + strings.ReplaceAll(plainMarkdown(p), "\n", "\n"+indent) + "\n")
				continue
			}
			out.WriteString(ui.Wrap(plainMarkdown(strings.ReplaceAll(p, "\n", " ")), indent, width) + "\n")
		}
	}
	if b.Refused != "" {
		out.WriteString("\n" + style.Yellow(ui.Wrap("A call always fails: "+plainMarkdown(b.Refused), "  ", width)) + "\n")
	}
	if b.Replaced != "" {
		out.WriteString("\n" + style.Yellow(ui.Wrap("Deprecated: use "+plainMarkdown(b.Replaced), "  ", width)) + "\n")
	}
	if b.Doc != "" {
		out.WriteString("\n")
		paragraphs(b.Doc, "  ")
	}
	if params := visibleParams(b); len(params) > 0 {
		out.WriteString("\n" + style.Bold("Arguments") + "\n")
		for _, p := range params {
			line := "  " + style.Cyan(p.Variadic+p.Name)
			if p.Type != nil {
				line += "  " + p.Type.String()
			}
			switch {
			case p.Required:
				line += ", required"
			case p.Default != "":
				line += ", default " + p.Default
			}
			out.WriteString(line + "\n")
			for _, note := range paramNotes(p) {
				paragraphs(note, "      ")
			}
		}
	}
	if b.Returns != "" {
		out.WriteString("\n" + style.Bold("Returns") + "\n")
		paragraphs(b.Returns, "  ")
	}
	if b.Example != "" {
		out.WriteString("\n" + style.Bold("Example") + "\n")
		for line := range strings.SplitSeq(strings.TrimSpace(b.Example), "\n") {
			out.WriteString(strings.TrimRight("  "+line, " ") + "\n")
		}
	}
	return out.String()
}

func visibleParams(b *builtins.Builtin) []builtins.Param {
	var out []builtins.Param
	for _, p := range b.Params {
		if !p.Hidden {
			out = append(out, p)
		}
	}
	if b.Described() {
		out = append(out, builtins.Description)
	}
	return out
}

func paramNotes(p builtins.Param) []string {
	var notes []string
	if p.Deprecated != "" {
		notes = append(notes, "Deprecated: "+p.Deprecated)
	}
	if p.Doc != "" {
		notes = append(notes, p.Doc)
	}
	if len(p.Enum) > 0 {
		notes = append(notes, "One of "+strings.Join(p.Enum, ", ")+".")
	}
	if len(p.Backends) > 0 {
		notes = append(notes, "Has an effect on "+strings.Join(p.Backends, ", ")+" only.")
	}
	return notes
}

type builtinDocument struct {
	Name       string          `json:"name"`
	Kind       string          `json:"kind"`
	Doc        string          `json:"doc"`
	Parameters []paramDocument `json:"parameters,omitempty"`
	Result     string          `json:"result,omitempty"`
	Returns    string          `json:"returns,omitempty"`
	Example    string          `json:"example,omitempty"`
	Since      string          `json:"since,omitempty"`
	Refused    string          `json:"refused,omitempty"`
	Replaced   string          `json:"replaced,omitempty"`
}

type paramDocument struct {
	Name       string   `json:"name"`
	Type       string   `json:"type,omitempty"`
	Required   bool     `json:"required"`
	Default    string   `json:"default,omitempty"`
	Doc        string   `json:"doc,omitempty"`
	Enum       []string `json:"enum,omitempty"`
	Backends   []string `json:"backends,omitempty"`
	Deprecated string   `json:"deprecated,omitempty"`
}

func builtinJSON(b *builtins.Builtin) builtinDocument {
	doc := builtinDocument{
		Name: b.QualifiedName(), Kind: string(b.Kind), Doc: b.Doc, Returns: b.Returns, Example: b.Example,
		Since: b.Since, Refused: b.Refused, Replaced: b.Replaced,
	}
	if b.Result != nil {
		doc.Result = b.Result.String()
	}
	for _, p := range visibleParams(b) {
		one := paramDocument{
			Name: p.Variadic + p.Name, Required: p.Required, Default: p.Default, Doc: p.Doc,
			Enum: p.Enum, Backends: p.Backends, Deprecated: p.Deprecated,
		}
		if p.Type != nil {
			one.Type = p.Type.String()
		}
		doc.Parameters = append(doc.Parameters, one)
	}
	return doc
}
