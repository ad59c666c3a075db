package typecheck

import (
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"go.starlark.net/syntax"
	"gopkg.in/yaml.v3"

	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/lang/source"
	"github.com/kurtosis-go/kurtosis/lang/types"
)

// CheckArgs checks the arguments of a run, a JSON or YAML object, against the parameters of the module's run
// function, or of the function with the given name: keys that it does not take, with what was probably meant;
// required ones that are missing; values of another type than is documented. The diagnostics are in the arguments'
// text. A module without such a function gives none.
func CheckArgs(info *Info, function string, args *source.File) []diag.Diagnostic {
	f := info.Func(function)
	if f == nil {
		return nil
	}
	c := &argsChecker{file: args, run: f, info: info}
	var doc yaml.Node
	if err := yaml.Unmarshal(args.Text(), &doc); err != nil {
		c.report("bad-args", c.start(), strings.TrimPrefix(firstLine(err), "yaml: "), "arguments are a JSON or YAML object")
		return c.found
	}
	if len(doc.Content) == 0 { // an empty file is an empty object
		c.object(&yaml.Node{Kind: yaml.MappingNode})
		return c.found
	}
	root := resolved(doc.Content[0])
	if root.Kind != yaml.MappingNode {
		if root.Tag != "!!null" {
			c.report("bad-args", c.place(root), fmt.Sprintf("found %s, want an object: the names of parameters and their values", kindOf(root)), "")
		}
		return c.found
	}
	c.object(root)
	return c.found
}

func firstLine(err error) string {
	var typed *yaml.TypeError
	if errors.As(err, &typed) && len(typed.Errors) > 0 {
		return typed.Errors[0]
	}
	text, _, _ := strings.Cut(err.Error(), "\n")
	return text
}

type argsChecker struct {
	file  *source.File
	run   *Func
	info  *Info
	found []diag.Diagnostic
}

// parserKey is read by Kurtosis itself: it says whether run gets a dict or a struct.
const parserKey = "_kurtosis_parser"

func (c *argsChecker) object(root *yaml.Node) {
	if p := c.whole(); p != nil {
		c.keys(root, p, true)
		return
	}
	takesAny := false
	var names []string
	for i, p := range c.run.Params {
		if p.Star == "**" {
			takesAny = true
		}
		if p.Name != nil && p.Star == "" && !(i == 0 && p.Name.Name == "plan") {
			names = append(names, p.Name.Name)
		}
	}
	given := map[string]bool{}
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], resolved(root.Content[i+1])
		given[key.Value] = true
		p := c.run.Param(key.Value)
		if p == nil || p.Star != "" || key.Value == "plan" {
			if takesAny || key.Value == parserKey {
				continue
			}
			hint := "it takes " + listed(names, 12)
			if len(names) == 0 {
				hint = "it takes no arguments"
			}
			var fixes []diag.Fix
			if near, ok := diag.Closest(key.Value, names); ok {
				hint = "did you mean " + near + "?"
				fixes = append(fixes, diag.Fix{Title: "change to " + near, Edits: []diag.Edit{{File: c.file.Name(), Range: c.place(key), NewText: near}}})
			}
			c.report("unknown-argument", c.place(key), fmt.Sprintf("%s has no parameter %s", c.run.Name, key.Value), hint, fixes...)
			continue
		}
		c.value(value, p)
		c.keys(value, p, false)
	}
	for i, p := range c.run.Params {
		if p.Name == nil || p.Star != "" || p.Default != nil || i == 0 && p.Name.Name == "plan" || given[p.Name.Name] {
			continue
		}
		c.report("missing-argument", c.start(), fmt.Sprintf("%s misses argument %s", c.run.Name, p.Name.Name), "")
	}
}

// whole is the parameter that takes all arguments in one dict: the args of run(plan, args).
func (c *argsChecker) whole() *Parm {
	if p := c.run.Params; len(p) == 2 && p[0].Name != nil && p[0].Name.Name == "plan" && p[1].Name != nil && p[1].Name.Name == "args" && p[1].Star == "" {
		return &c.run.Params[1]
	}
	return nil
}

// value checks the type of one argument.
func (c *argsChecker) value(n *yaml.Node, p *Parm) {
	t := typeOfNode(n, 0)
	want, of := p.Type, "documented as"
	if want == nil && p.Default != nil {
		want, of = types.Widen(defaultType(p.Default)), "by default"
		if want == types.None || want == types.Unknown {
			return
		}
	}
	if want == nil || t == types.None {
		return
	}
	if !possibleArgument(t, want) || mixed(t, want) {
		hint := ""
		if want == types.String && (types.Widen(t) == types.Int || t == types.Bool || t == types.Float) {
			hint = "write it in quotes"
		} else if types.Widen(t) == types.String && (want == types.Int || want == types.Bool) {
			hint = "write it without quotes"
		}
		c.reportAs("documented-type", diag.Warning, c.place(n), fmt.Sprintf("found %s, %s is %s %s", show(t), p.Name.Name, of, show(want)), hint)
	}
}

// keys looks in an object for slips of the keys that the parameter's default, or its docstring, has. Other keys
// are nothing to be sure of: the package may read them.
func (c *argsChecker) keys(n *yaml.Node, p *Parm, whole bool) {
	if n.Kind != yaml.MappingNode {
		return
	}
	known := defaultKeys(p.Default)
	if whole && c.run.Doc != nil {
		for _, d := range c.run.Doc.Args {
			if c.run.Param(d.Name) == nil {
				known = append(known, d.Name)
			}
		}
	}
	if len(known) == 0 {
		return
	}
	given := map[string]bool{}
	for i := 0; i < len(n.Content); i += 2 {
		given[n.Content[i].Value] = true
	}
	for i := 0; i < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Value == parserKey || contains(known, key.Value) {
			continue
		}
		near, ok := diag.Closest(key.Value, known)
		if !ok || given[near] {
			continue
		}
		c.reportAs("unknown-argument", diag.Warning, c.place(key), fmt.Sprintf("%s has no key %s", p.Name.Name, key.Value), "did you mean "+near+"?",
			diag.Fix{Title: "change to " + near, Edits: []diag.Edit{{File: c.file.Name(), Range: c.place(key), NewText: near}}})
	}
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// defaultKeys are the constant keys of a dict that is a parameter's default.
func defaultKeys(e syntax.Expr) []string {
	d, ok := e.(*syntax.DictExpr)
	if !ok {
		return nil
	}
	var keys []string
	for _, entry := range d.List {
		if entry, ok := entry.(*syntax.DictEntry); ok {
			if lit, ok := unparen(entry.Key).(*syntax.Literal); ok {
				if s, ok := lit.Value.(string); ok {
					keys = append(keys, s)
				}
			}
		}
	}
	return keys
}

// defaultType is the type of a default that is a literal.
func defaultType(e syntax.Expr) types.Type {
	switch e := unparen(e).(type) {
	case *syntax.Literal:
		return literalType(e)
	case *syntax.Ident:
		switch e.Name {
		case "True", "False":
			return types.Bool
		case "None":
			return types.None
		}
	case *syntax.ListExpr:
		return types.ListOf(types.Unknown)
	case *syntax.DictExpr:
		return types.DictOf(types.Unknown, types.Unknown)
	}
	return types.Unknown
}

func resolved(n *yaml.Node) *yaml.Node {
	for i := 0; n.Kind == yaml.AliasNode && n.Alias != nil && i < 100; i++ {
		n = n.Alias
	}
	return n
}

func typeOfNode(n *yaml.Node, depth int) types.Type {
	if depth > 20 {
		return types.Unknown
	}
	n = resolved(n)
	switch n.Kind {
	case yaml.SequenceNode:
		var elem types.Type
		for _, e := range n.Content {
			elem = types.Join(elem, types.Widen(typeOfNode(e, depth+1)))
		}
		return types.ListOf(orNever(elem))
	case yaml.MappingNode:
		d := &types.Dict{Key: types.Never, Value: types.Never, Exact: true}
		for i := 0; i+1 < len(n.Content); i += 2 {
			out, ok := withElement(d, types.StringLit(n.Content[i].Value), typeOfNode(n.Content[i+1], depth+1)).(*types.Dict)
			if ok {
				d = out
			}
		}
		return d
	case yaml.ScalarNode:
		switch n.Tag {
		case "!!null":
			return types.None
		case "!!bool":
			return types.Bool
		case "!!int":
			if i, err := strconv.ParseInt(n.Value, 0, 64); err == nil {
				return types.IntLit(i)
			}
			return types.Int
		case "!!float":
			if f, ok := new(big.Float).SetString(n.Value); ok && f.IsInt() {
				return types.Unknown // JSON's 1.0 may be taken for an int
			}
			return types.Float
		case "!!str":
			return types.StringLit(n.Value)
		}
	}
	return types.Unknown
}

func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.SequenceNode:
		return "a list"
	case yaml.ScalarNode:
		return "a single value"
	}
	return "an object"
}

func (c *argsChecker) start() source.Range {
	return source.Range{Start: source.Pos{Line: 1, Col: 1}, End: source.Pos{Line: 1, Col: 1}}
}

// place is where a node stands; yaml counts columns in code points, as we do.
func (c *argsChecker) place(n *yaml.Node) source.Range {
	start := source.Pos{Line: int32(n.Line), Col: int32(n.Column)}
	if n.Line == 0 {
		return c.start()
	}
	width := int32(1)
	if n.Kind == yaml.ScalarNode {
		width = int32(max(1, len([]rune(n.Value))))
		if n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0 {
			width += 2
		}
	}
	line := int32(len([]rune(string(c.file.Line(n.Line))))) + 1
	return source.Range{Start: start, End: source.Pos{Line: start.Line, Col: max(start.Col, min(start.Col+width, line))}}
}

func (c *argsChecker) report(code string, at source.Range, message, hint string, fixes ...diag.Fix) {
	c.reportAs(code, diag.Error, at, message, hint, fixes...)
}

func (c *argsChecker) reportAs(code string, severity diag.Severity, at source.Range, message, hint string, fixes ...diag.Fix) {
	var related []diag.Related
	if def, ok := c.run.Node.(*syntax.DefStmt); ok {
		related = append(related, diag.Related{File: c.info.Tree.File.Name(), Range: rangeOf(def.Name), Message: c.run.Name + " is defined here"})
	}
	for i, f := range fixes {
		for j, e := range f.Edits {
			if text := c.file.Text()[c.file.Offset(e.Range.Start):c.file.Offset(e.Range.End)]; len(text) > 1 && (text[0] == '"' || text[0] == '\'') {
				fixes[i].Edits[j].NewText = string(text[0]) + e.NewText + string(text[0])
			}
		}
	}
	c.found = append(c.found, diag.Diagnostic{Code: code, Severity: severity, File: c.file.Name(), Range: at, Message: message, Hint: hint, Related: related, Fixes: fixes})
}
