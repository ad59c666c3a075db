package ide

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/lang/parse"
	"github.com/kurtosis-go/kurtosis/lang/source"
	"github.com/kurtosis-go/kurtosis/lang/types"
)

// ItemKind says what a completion is.
type ItemKind uint8

const (
	ItemVariable ItemKind = iota + 1
	ItemConstant
	ItemFunction
	ItemMethod
	ItemConstructor
	ItemModule
	ItemField
	ItemKeyword
	ItemSnippet
	ItemArgument
	ItemValue
	ItemFile
	ItemFolder
	ItemReference
)

// Item is one completion. Snippet and Insert replace Completion.Range; Insert is for editors without snippets.
type Item struct {
	Label      string
	Kind       ItemKind
	Detail     string // type or signature
	Doc        string // Markdown; see Docs for what is looked up later
	Insert     string // plain text, Label when ""
	Snippet    string // with placeholders, "" when there are none
	Filter     string // what the typed text is compared with, Label when ""
	Sort       string
	Deprecated bool
	Preselect  bool
	Again      bool        // completion goes on behind it: a directory
	Edits      []diag.Edit // elsewhere in the file: an import
	Key        string      // for Docs
}

// Completion is what can stand at a place. Each item replaces Range.
type Completion struct {
	Range source.Range
	Items []Item
}

// completer collects items.
type completer struct {
	v     *View
	ctx   context.Context
	m     *Module
	f     *source.File
	at    source.Pos
	path  []syntax.Node
	items []Item
	seen  map[string]bool
}

// Completion lists what can be written at a place, best first by Sort. Half-typed text is expected.
func (v *View) Completion(ctx context.Context, path string, at source.Pos) (*Completion, error) {
	switch {
	case isManifest(path):
		return v.manifestCompletion(ctx, path, at)
	case !v.isStarlark(path):
		return v.argumentsCompletion(ctx, path, at)
	}
	m, err := v.Around(ctx, path, at)
	if err != nil {
		return nil, err
	}
	f := m.File()
	c := &completer{v: v, ctx: ctx, m: m, f: f, at: at, path: nodesAt(m.Info.Tree, at), seen: map[string]bool{}}
	offset := f.Offset(at)
	start, _ := word(f, offset)
	r := rangeAt(f, start, offset)
	switch lexicalContext(m.Info.Tree, offset) {
	case inComment:
		return &Completion{Range: r}, nil
	case inString:
		return c.inString(offset)
	}
	before := strings.TrimRight(string(f.Text()[:start]), " \t")
	switch {
	case strings.HasSuffix(before, "."):
		if isNumber(before) {
			return &Completion{Range: r}, nil
		}
		c.attributes(start)
	case followsDef(before):
		// The name of a new function is the author's.
	default:
		c.names(start)
	}
	c.finish()
	return &Completion{Range: r, Items: c.items}, nil
}

// followsDef says whether a new name stands behind the text.
func followsDef(before string) bool {
	line := before[strings.LastIndexAny(before, "\n\r")+1:]
	line = strings.TrimLeft(line, " \t")
	return line == "def"
}

// isNumber says whether the text ends in a number with a point.
func isNumber(before string) bool {
	s := strings.TrimSuffix(before, ".")
	i := len(s)
	for i > 0 && identByte(s[i-1]) {
		i--
	}
	return i < len(s) && s[i] >= '0' && s[i] <= '9'
}

func (c *completer) finish() {
	slices.SortStableFunc(c.items, func(a, b Item) int { return strings.Compare(a.Sort+a.Label, b.Sort+b.Label) })
	for i := range c.items {
		c.items[i].Sort = fmt.Sprintf("%04d", i)
	}
}

// Ranks: what fits the place best comes first.
const (
	rankExpected = "0"
	rankArgument = "1"
	rankLocal    = "2"
	rankGlobal   = "3"
	rankBuiltin  = "5"
	rankKeyword  = "6"
	rankPrivate  = "8"
	rankOld      = "9"
)

func (c *completer) add(i Item) {
	if i.Label == "" || c.seen[i.Label] {
		return
	}
	c.seen[i.Label] = true
	c.items = append(c.items, i)
}

// names offers everything that can stand where an expression or statement starts.
func (c *completer) names(start int) {
	call, arg := c.callAround()
	var expected types.Type
	valueOnly := false
	if call != nil {
		callee := c.v.calleeOf(c.ctx, c.m, call)
		name, value := keyword(arg)
		switch {
		case name != nil && arg != nil && parse.Pos(arg.(*syntax.BinaryExpr).OpPos).Before(c.at):
			valueOnly = true
			expected = c.paramValues(callee, name.Name)
		case arg == nil || value != nil && name == nil && isNameOrMissing(value):
			if i := activeParam(orLoose(callee.typ), c.m.Info.Tree, call, c.at); callee.typ != nil && i >= 0 && i < len(callee.typ.Params) {
				if p := callee.typ.Params[i]; p.Variadic == "" && !p.Keyword {
					expected = c.paramValues(callee, p.Name)
				}
			}
			c.arguments(call, callee)
		}
	} else {
		expected = c.inside(start)
	}
	c.expected(expected)
	statement := !valueOnly && call == nil && c.startsStatement(start)
	c.scope(expected)
	c.builtinNames()
	c.keywords(statement)
	if statement {
		c.statements()
	}
}

func orLoose(t *types.Function) *types.Function {
	if t == nil {
		return types.Callable
	}
	return t
}

func isNameOrMissing(e syntax.Expr) bool {
	_, ok := e.(*syntax.Ident)
	return ok
}
