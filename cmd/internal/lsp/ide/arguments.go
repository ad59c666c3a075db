package ide

import (
	"bytes"
	"context"
	"encoding/json"
	"path/filepath"
	"strconv"
	"strings"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/source"
	"github.com/kurtosis-go/kurtosis/lang/types"
	"github.com/kurtosis-go/kurtosis/typecheck"
)

// RunParam is a parameter of the function that a package starts with.
type RunParam struct {
	Name     string
	Type     types.Type
	Required bool
	Default  string // as it is written, "" where there is none
	Doc      string
}

// TypeText is the type as people write it.
func (p RunParam) TypeText() string { return plainType(p.Type) }

// RunSignature lists what a package takes: the parameters of run, without the plan. ok is false where there is no
// such function.
func (v *View) RunSignature(ctx context.Context, path string) (params []RunParam, ok bool, err error) {
	m, err := v.Module(ctx, v.previewed(ctx, path).Main.Path)
	if err != nil {
		return nil, false, err
	}
	fn := m.Info.Func("run")
	if fn == nil {
		return nil, false, nil
	}
	for i, p := range fn.Params {
		if p.Name == nil || p.Star != "" || i == 0 && p.Name.Name == "plan" {
			continue
		}
		out := RunParam{Name: p.Name.Name, Type: runParamType(m, &p), Required: p.Default == nil}
		if p.Default != nil {
			out.Default = oneLine(m.File(), p.Default, 200)
		}
		if d := docArg(fn, p.Name.Name); d != nil {
			out.Doc = d.Doc
		}
		params = append(params, out)
	}
	return params, true, nil
}

func runParamType(m *Module, p *typecheck.Parm) types.Type {
	if p.Type != nil {
		return p.Type
	}
	if t := m.Info.TypeOf(p.Name); t != nil {
		return sure(t)
	}
	return types.Unknown
}

// Schema is the JSON Schema of a file with these arguments.
func Schema(params []RunParam) map[string]any {
	properties := map[string]any{}
	required := []string{}
	for _, p := range params {
		s := schemaOf(p.Type)
		if p.Doc != "" {
			s["description"] = p.Doc
		}
		if value, ok := literalValue(p.Default); ok {
			s["default"] = value
		}
		properties[p.Name] = s
		if p.Required {
			required = append(required, p.Name)
		}
	}
	return map[string]any{
		"$schema": "http://json-schema.org/draft-07/schema#", "type": "object",
		"properties": properties, "required": required, "additionalProperties": false,
	}
}

func schemaOf(t types.Type) map[string]any {
	switch t := sure(t).(type) {
	case types.StringLit, *types.Future:
		return map[string]any{"type": "string"}
	case types.IntLit:
		return map[string]any{"type": "integer"}
	case types.Basic:
		if name := map[types.Basic]string{types.String: "string", types.Int: "integer", types.Float: "number", types.Bool: "boolean", types.None: "null"}[t]; name != "" {
			return map[string]any{"type": name}
		}
	case *types.List:
		return map[string]any{"type": "array", "items": schemaOf(t.Elem)}
	case *types.Dict:
		out := map[string]any{"type": "object"}
		if len(t.Known) > 0 {
			known := map[string]any{}
			for _, f := range t.Known {
				known[f.Name] = schemaOf(f.Type)
			}
			out["properties"] = known
		} else if t.Value != types.Never {
			out["additionalProperties"] = schemaOf(t.Value)
		}
		return out
	case *types.Struct:
		return map[string]any{"type": "object"}
	case *types.Union:
		var choices []map[string]any
		for _, m := range t.Members {
			choices = append(choices, schemaOf(m))
		}
		return map[string]any{"anyOf": choices}
	}
	return map[string]any{}
}

// literalValue is the value of a Starlark literal that is one of JSON, too, but for its spelling.
func literalValue(text string) (any, bool) {
	switch text {
	case "":
		return nil, false
	case "True":
		return true, true
	case "False":
		return false, true
	case "None":
		return nil, true
	}
	var out any
	if json.Unmarshal([]byte(text), &out) == nil {
		return out, true
	}
	return nil, false
}

// argumentFile says whether a file holds the arguments of a package: JSON or YAML beside one, or below it.
func (v *View) argumentFile(ctx context.Context, path string) bool {
	switch filepath.Ext(path) {
	case ".json", ".yaml", ".yml":
	default:
		return false
	}
	root, ok := v.PackageRoot(ctx, path)
	if !ok {
		return false
	}
	rel, err := filepath.Rel(root, path)
	return err == nil && !strings.HasPrefix(rel, ".") && !strings.Contains(filepath.Base(path), "package-lock")
}

// argumentsCompletion offers, in a file of arguments, the parameters of run that it does not give yet, the known keys
// of those that are dicts, and values.
func (v *View) argumentsCompletion(ctx context.Context, path string, at source.Pos) (*Completion, error) {
	if !v.argumentFile(ctx, path) {
		return nil, nil
	}
	f, err := v.files.File(ctx, path)
	if err != nil {
		return nil, err
	}
	params, ok, err := v.RunSignature(ctx, path)
	if err != nil || !ok {
		return nil, ctx.Err()
	}
	where := dataContext(f, at, filepath.Ext(path) == ".json")
	if where.kind == dataNone {
		return nil, nil
	}
	fields := make([]types.Field, len(params))
	for i, p := range params {
		fields[i] = types.Field{Name: p.Name, Type: p.Type, Doc: p.Doc, Optional: !p.Required}
	}
	for _, key := range where.path {
		next := fieldsOf(fields, key)
		if where.kind == dataValue && len(where.path) > 0 && key == where.path[len(where.path)-1] {
			break
		}
		fields = next
	}
	c := &Completion{Range: where.word}
	if where.kind == dataValue {
		if len(where.path) > 0 {
			c.Items = dataValues(fields, where.path[len(where.path)-1])
		}
		return c, nil
	}
	for i, field := range fields {
		if where.given[field.Name] {
			continue
		}
		item := Item{Label: field.Name, Kind: ItemField, Detail: field.Type.String(), Doc: field.Doc, Sort: sortable(i)}
		if !field.Optional && len(where.path) == 0 {
			item.Detail += " (required)"
		} else {
			item.Sort = "5" + item.Sort
		}
		switch {
		case where.json && !where.quoted:
			item.Insert = strconv.Quote(field.Name) + ": "
			item.Filter = strconv.Quote(field.Name)
		case !where.json:
			item.Insert = field.Name + ": "
		}
		c.Items = append(c.Items, item)
	}
	return c, nil
}

func fieldsOf(fields []types.Field, key string) []types.Field {
	for _, f := range fields {
		if f.Name == key {
			if d, ok := sure(f.Type).(*types.Dict); ok {
				return d.Known
			}
		}
	}
	return nil
}

func dataValues(fields []types.Field, key string) []Item {
	for _, f := range fields {
		if f.Name != key {
			continue
		}
		var items []Item
		for _, t := range types.Members(sure(f.Type)) {
			switch t := sure(t).(type) {
			case types.StringLit:
				items = append(items, Item{Label: string(t), Kind: ItemValue})
			case types.Basic:
				if t == types.Bool {
					items = append(items, Item{Label: "true", Kind: ItemValue}, Item{Label: "false", Kind: ItemValue})
				}
			}
		}
		return items
	}
	return nil
}

type dataKind string

const (
	dataNone  dataKind = ""
	dataKey   dataKind = "key"
	dataValue dataKind = "value"
)

// dataPlace is a place in a JSON or YAML text.
type dataPlace struct {
	kind   dataKind
	path   []string // the keys around it; of a value, its own last
	word   source.Range
	given  map[string]bool // the keys beside it
	json   bool
	quoted bool // it stands in quotes
}

// dataContext finds out where in the structure a place is, going by the text, which is half typed: YAML by
// indentation, JSON by brackets.
func dataContext(f *source.File, at source.Pos, isJSON bool) dataPlace {
	offset := f.Offset(at)
	t := f.Text()
	start := offset
	for start > 0 && (identByte(t[start-1]) || t[start-1] == '-') {
		start--
	}
	p := dataPlace{word: rangeAt(f, start, offset), given: map[string]bool{}, json: isJSON, quoted: start > 0 && t[start-1] == '"'}
	if isJSON || bytes.HasPrefix(bytes.TrimSpace(t), []byte("{")) {
		p.json = true
		jsonContext(t, start, &p)
		return p
	}
	yamlContext(f, at, &p)
	return p
}

func yamlContext(f *source.File, at source.Pos, p *dataPlace) {
	line := string(f.Line(int(at.Line)))
	before := line[:min(len(line), f.Offset(at)-f.LineStart(int(at.Line)))]
	indent := len(indentOf([]byte(before)))
	if strings.Contains(before, "#") {
		return
	}
	p.kind = dataKey
	depth := indent
	if key, _, isValue := strings.Cut(strings.TrimSpace(before), ":"); isValue {
		p.kind = dataValue
		p.path = []string{strings.Trim(key, `"'`)}
	} else if strings.HasPrefix(strings.TrimSpace(before), "- ") {
		p.kind = dataNone
		return
	}
	sibling := indent
	for n := int(at.Line) - 1; n >= 1; n-- {
		key, in, ok := yamlKey(string(f.Line(n)))
		if !ok {
			continue
		}
		if in == sibling && depth == indent {
			p.given[key] = true
		}
		if in < depth {
			p.path = append([]string{key}, p.path...)
			depth = in
		}
	}
	for n := int(at.Line) + 1; n <= f.LineCount(); n++ {
		key, in, ok := yamlKey(string(f.Line(n)))
		if !ok {
			continue
		}
		if in < sibling {
			break
		}
		if in == sibling {
			p.given[key] = true
		}
	}
}

func yamlKey(line string) (key string, indent int, ok bool) {
	trimmed := strings.TrimLeft(line, " ")
	if trimmed == "" || trimmed[0] == '#' || trimmed[0] == '-' {
		return "", 0, false
	}
	key, _, found := strings.Cut(trimmed, ":")
	return strings.Trim(key, `"'`), len(line) - len(trimmed), found
}

func jsonContext(t []byte, offset int, p *dataPlace) {
	type level struct {
		object bool
		key    string
		keys   map[string]bool
		value  bool // behind the colon
	}
	var stack []level
	for i := 0; i < offset; i++ {
		switch c := t[i]; c {
		case '{', '[':
			stack = append(stack, level{object: c == '{', keys: map[string]bool{}})
		case '}', ']':
			if len(stack) > 0 {
				stack = stack[:len(stack)-1]
			}
		case ',':
			if n := len(stack); n > 0 {
				stack[n-1].value = false
			}
		case ':':
			if n := len(stack); n > 0 {
				stack[n-1].value = true
			}
		case '"':
			end := i + 1
			for end < len(t) && t[end] != '"' && t[end] != '\n' {
				if t[end] == '\\' {
					end++
				}
				end++
			}
			if end >= offset {
				i = offset
				break
			}
			if n := len(stack); n > 0 && stack[n-1].object && !stack[n-1].value {
				stack[n-1].key = string(t[i+1 : min(end, len(t))])
				stack[n-1].keys[stack[n-1].key] = true
			}
			i = end
		}
	}
	if len(stack) == 0 {
		return
	}
	top := stack[len(stack)-1]
	if !top.object {
		return
	}
	p.kind = dataKey
	for _, l := range stack[:len(stack)-1] {
		p.path = append(p.path, l.key)
	}
	p.given = top.keys
	if top.value {
		p.kind = dataValue
		p.path = append(p.path, top.key)
	}
}

// calledNode is the called expression of a call, or nil.
func calledNode(n syntax.Node) syntax.Expr {
	if call, ok := n.(*syntax.CallExpr); ok {
		return call.Fn
	}
	return nil
}
