package ide

import (
	"fmt"
	"strconv"
	"strings"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/builtins"
	"github.com/kurtosis-go/kurtosis/lang/parse"
	"github.com/kurtosis-go/kurtosis/lang/types"
	"github.com/kurtosis-go/kurtosis/typecheck"
)

// expected offers what makes a value of the type that is wanted.
func (c *completer) expected(t types.Type) {
	if t == nil {
		return
	}
	for i, m := range types.Members(sure(t)) {
		m = sure(m)
		if row := rowOfType(m); row != nil {
			c.row(row, rankExpected+"5"+sortable(i))
		}
		switch m := m.(type) {
		case types.StringLit:
			c.add(Item{Label: strconv.Quote(string(m)), Kind: ItemValue, Sort: rankExpected + sortable(i)})
		case types.Basic:
			if m == types.Bool {
				c.add(Item{Label: "True", Kind: ItemConstant, Sort: rankExpected + "8"})
				c.add(Item{Label: "False", Kind: ItemConstant, Sort: rankExpected + "9"})
			}
		}
	}
}

// scope offers the variables that can be named here. Those whose type fits come first.
func (c *completer) scope(expected types.Type) {
	offset := c.f.Offset(c.at)
	for i, b := range c.m.Info.Scope(c.at) {
		if b.Name == "" || c.onlyHere(b, offset) {
			continue
		}
		rank := rankLocal
		if b.Kind == typecheck.Global {
			rank = rankGlobal
			if strings.HasPrefix(b.Name, "_") {
				rank = rankGlobal + "9"
			}
		}
		if expected != nil && fits(c.typeOfBinding(b), expected) {
			rank = rankExpected + "9" + rank
		}
		c.add(c.binding(b, rank+sortable(i)))
	}
	c.iteration()
}

// onlyHere says whether the word that is being typed is all there is of a variable.
func (c *completer) onlyHere(b *typecheck.Binding, offset int) bool {
	if len(b.Defs) != 1 {
		return false
	}
	start, end := offsets(c.f, nodeRange(b.Defs[0]))
	return start <= offset && offset <= end
}

// iteration offers the variables of the comprehensions and lambdas around the place.
func (c *completer) iteration() {
	for _, n := range c.path {
		comp, ok := n.(*syntax.Comprehension)
		if !ok {
			continue
		}
		for _, clause := range comp.Clauses {
			if f, ok := clause.(*syntax.ForClause); ok {
				for _, id := range targetsOf(f.Vars) {
					if b := c.m.Info.Binding(id); b != nil {
						c.add(c.binding(b, rankLocal))
					}
				}
			}
		}
	}
}

func (c *completer) typeOfBinding(b *typecheck.Binding) types.Type {
	if b.Kind == typecheck.Global {
		return b.Type()
	}
	// What the last assignment before the place gave.
	t := b.Type()
	for _, id := range b.Defs {
		if parse.Pos(id.NamePos).Before(c.at) {
			if known := c.m.Info.TypeOf(id); known != nil {
				t = known
			}
		}
	}
	return t
}

func fits(t, want types.Type) bool {
	t, want = sure(t), sure(want)
	if t == nil || t == types.Unknown || want == types.Unknown || want == types.Any || t == types.Any {
		return false
	}
	return types.Assignable(t, want)
}

func (c *completer) binding(b *typecheck.Binding, sort string) Item {
	t := c.typeOfBinding(b)
	item := Item{Label: b.Name, Kind: ItemVariable, Sort: sort}
	if t != nil && t != types.Unknown {
		item.Detail = shortType(t)
	}
	if def := b.Def(); def != nil && len(b.Defs) == 1 {
		if fn := c.m.Info.FuncOf(def); fn != nil {
			c.function(&item, fn)
			return item
		}
	}
	switch sure(t).(type) {
	case *types.Module:
		item.Kind = ItemModule
		item.Detail = "module"
		if b.Import != "" {
			item.Detail = b.Import
		}
	case *types.Function:
		item.Kind = ItemFunction
	default:
		if b.Kind == typecheck.Global && strings.ToUpper(b.Name) == b.Name {
			item.Kind = ItemConstant
		}
	}
	if b.Kind == typecheck.Parameter && b.Func != nil {
		if d := docArg(b.Func, b.Name); d != nil {
			item.Doc = d.Doc
		}
	}
	return item
}

// function fills in an item for a function of a module.
func (c *completer) function(item *Item, fn *typecheck.Func) {
	item.Kind = ItemFunction
	if sig := fn.Type(); sig != nil {
		item.Detail = strings.TrimPrefix(sig.Signature(""), " ")
		item.Snippet = callSnippet(fn.Name, sig)
	} else {
		item.Detail, item.Snippet = paramList(fn), fn.Name+"($1)$0"
	}
	if fn.Doc != nil {
		item.Doc = docMarkdown(fn.Doc)
	}
	if item.Snippet != "" && c.calledAlready() {
		item.Snippet = ""
	}
}

func paramList(fn *typecheck.Func) string {
	var names []string
	for _, p := range fn.Params {
		if p.Name != nil {
			names = append(names, p.Star+p.Name.Name)
		}
	}
	return "(" + strings.Join(names, ", ") + ")"
}

// callSnippet is a call with a placeholder for each required argument.
func callSnippet(name string, sig *types.Function) string {
	var args []string
	stop := 0
	for i, p := range sig.Params {
		switch {
		case p.Variadic != "" || p.Optional:
			continue
		case p.Name == "plan" && i == 0:
			args = append(args, "plan")
		default:
			stop++
			args = append(args, fmt.Sprintf("${%d:%s}", stop, p.Name))
		}
	}
	switch {
	case len(args) > 0:
		return name + "(" + strings.Join(args, ", ") + ")$0"
	case len(sig.Params) == 0:
		return name + "()$0"
	}
	return name + "($1)$0"
}

// calledAlready says whether a parenthesis follows the word: then its name alone is inserted.
func (c *completer) calledAlready() bool {
	_, end := word(c.f, c.f.Offset(c.at))
	t := c.f.Text()
	return end < len(t) && t[end] == '('
}

func shortType(t types.Type) string {
	s := shownType(t)
	if i := strings.IndexByte(s, '\n'); i >= 0 {
		s = t.String()
	}
	if r := []rune(s); len(r) > 60 {
		return string(r[:59]) + "…"
	}
	return s
}

// builtinNames offers what is predeclared.
func (c *completer) builtinNames() {
	test := strings.HasSuffix(c.m.Path(), "_test.star")
	for i, row := range builtins.Members("") {
		if row.TestOnly && !test {
			continue
		}
		rank := rankBuiltin
		if row.Kind == builtins.Universe || row.Kind == builtins.Constant {
			rank = rankKeyword
		}
		c.row(row, rank+sortable(i))
	}
}

// row offers a row of the table, as a call with its required arguments.
func (c *completer) row(row *builtins.Builtin, sort string) {
	item := Item{Label: row.Name, Sort: sort, Key: row.QualifiedName(), Deprecated: row.Replaced != "" || row.Refused != ""}
	switch row.Kind {
	case builtins.Constructor:
		item.Kind = ItemConstructor
	case builtins.Module:
		item.Kind = ItemModule
	case builtins.Constant:
		item.Kind = ItemConstant
	case builtins.Method, builtins.Instruction:
		item.Kind = ItemMethod
	default:
		item.Kind = ItemFunction
	}
	if item.Kind == ItemConstant && (row.Name == "True" || row.Name == "False" || row.Name == "None") {
		item.Kind = ItemKeyword
	}
	item.Detail = rowDetail(row)
	if row.Callable() && !c.calledAlready() {
		item.Snippet = row.Snippet()
	}
	if item.Deprecated {
		item.Sort = rankOld + sort
	}
	c.add(item)
}

func rowDetail(row *builtins.Builtin) string {
	s := strings.TrimPrefix(row.Signature(), row.QualifiedName())
	if r := []rune(s); len(r) > 100 {
		s = string(r[:99]) + "…"
	}
	return strings.TrimPrefix(s, ": ")
}

// Docs is the documentation of an item that has a Key.
func Docs(key string) string {
	row := builtins.Find(key)
	if row == nil {
		return ""
	}
	return describeRow(row)
}

var expressionWords = []string{"and", "else", "if", "for", "in", "lambda", "not", "or"}

// keywords offers those that can start or continue what is typed.
func (c *completer) keywords(statement bool) {
	words := expressionWords
	if statement {
		words = []string{"def", "for", "if", "load", "pass", "return"}
		for _, n := range c.path {
			switch n.(type) {
			case *syntax.ForStmt:
				words = append(words, "break", "continue")
			case *syntax.IfStmt:
				words = append(words, "elif", "else")
			}
		}
		words = append(words, "lambda", "not")
	}
	for _, w := range words {
		c.add(Item{Label: w, Kind: ItemKeyword, Sort: rankKeyword + w})
	}
}

// statements offers what whole statements look like.
func (c *completer) statements() {
	top := innermost[*syntax.DefStmt](c.path) == nil && indentOf(c.f.Line(int(c.at.Line))) == ""
	add := func(label, detail, snippet string) {
		c.add(Item{Label: label, Kind: ItemSnippet, Detail: detail, Snippet: snippet, Sort: rankKeyword + "~" + label})
	}
	if top {
		if c.m.Info.Global("run") == nil {
			add("def run", "the function that a package starts with", "def run(plan, ${1:args={}}):\n\t${0:pass}")
		}
		add("def …", "a function with a documented parameter", "def ${1:name}(plan, ${2:param}):\n\t\"\"\"${3:What it does.}\n\n\tArgs:\n\t\t${2:param} (${4:string}): ${5:what it is}\n\t\"\"\"\n\t${0:pass}")
		add("import_module …", "the exports of another module", "${1:name} = import_module(\"${2:./${1:name}.star}\")$0")
		return
	}
	add("if …", "run only where a condition holds", "if ${1:condition}:\n\t${0:pass}")
	add("for …", "once for each element", "for ${1:x} in ${2:list}:\n\t${0:pass}")
	add("for … enumerate", "with index", "for ${1:i}, ${2:x} in enumerate(${3:list}):\n\t${0:pass}")
}

// Brief is Docs cut to what an editor shows beside a list that it can't ask more about.
func Brief(key string) string {
	row := builtins.Find(key)
	if row == nil {
		return ""
	}
	return row.Notice() + row.Doc
}
