package ide

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/builtins"
	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/lang/parse"
	"github.com/kurtosis-go/kurtosis/lang/source"
	"github.com/kurtosis-go/kurtosis/lang/types"
	"github.com/kurtosis-go/kurtosis/typecheck"
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

// callAround is the call whose argument list the place is directly in, with the argument there; arg is nil where
// none has been started.
func (c *completer) callAround() (call *syntax.CallExpr, arg syntax.Expr) {
	call = callAt(c.m.Info.Tree, c.at)
	if call == nil {
		return nil, nil
	}
	// A bracket between the parenthesis and the place means that the place is not an argument of the call itself.
	for i := len(c.path) - 1; i >= 0 && c.path[i] != syntax.Node(call); i-- {
		switch n := c.path[i].(type) {
		case *syntax.ListExpr, *syntax.DictExpr, *syntax.ParenExpr, *syntax.Comprehension, *syntax.LambdaExpr:
			return nil, nil
		case *syntax.TupleExpr:
			if n.Lparen.IsValid() {
				return nil, nil
			}
		case *syntax.IndexExpr:
			if parse.Pos(n.Lbrack).Before(c.at) {
				return nil, nil
			}
		case syntax.Expr:
			arg = n
		}
	}
	if arg == nil {
		arg = c.unfinished(call)
	}
	return call, arg
}

// unfinished is the argument before the place that has a name and no value yet: its node ends before the white space
// that the place is behind.
func (c *completer) unfinished(call *syntax.CallExpr) syntax.Expr {
	for _, a := range call.Args {
		name, value := keyword(a)
		if name == nil || !parse.IsMissing(value) {
			continue
		}
		end, to := c.f.Offset(nodeRange(a).End), c.f.Offset(c.at)
		if end <= to && strings.TrimSpace(string(c.f.Text()[end:to])) == "" {
			return a
		}
	}
	return nil
}

// startsStatement says whether nothing but white space stands before the word on its line.
func (c *completer) startsStatement(start int) bool {
	text := c.f.Text()[:start]
	for i := len(text) - 1; i >= 0; i-- {
		switch text[i] {
		case ' ', '\t':
		case '\n', '\r':
			return true
		default:
			return false
		}
	}
	return true
}

// arguments offers the parameters that are not given yet.
func (c *completer) arguments(call *syntax.CallExpr, callee callee) {
	if callee.typ == nil || callee.typ.Loose {
		return
	}
	given := givenNames(call)
	position := 0
	for _, arg := range call.Args {
		if name, _ := keyword(arg); name == nil && !starred(arg) && !nodeRange(arg).Contains(c.at) {
			position++
		}
	}
	for i, p := range callee.typ.Params {
		if p.Variadic != "" || p.Positional || given[p.Name] || i < position && !p.Keyword {
			continue
		}
		item := Item{Label: p.Name + " = ", Filter: p.Name, Kind: ItemArgument, Detail: argumentDetail(p), Doc: callee.paramDoc(p.Name), Sort: rankArgument + sortable(i)}
		if p.Optional {
			item.Sort = rankArgument + "5" + sortable(i)
		} else {
			item.Detail += " (required)"
		}
		item.Insert = p.Name + " = "
		if callee.row != nil {
			if row := callee.row.Param(p.Name); row != nil {
				if row.Hidden {
					continue
				}
				item.Deprecated = row.Deprecated != ""
				item.Snippet = p.Name + " = " + placeholderOf(row)
			}
		}
		if item.Deprecated {
			item.Sort = rankOld + sortable(i)
		}
		c.add(item)
	}
}

func argumentDetail(p types.Param) string {
	detail := "any"
	if p.Type != nil && p.Type != types.Unknown {
		detail = p.Type.String()
	}
	if p.Default != "" {
		detail += " = " + p.Default
	}
	return detail
}

func sortable(i int) string { return fmt.Sprintf("%03d", i) }

// placeholderOf is what is filled in for an argument, as a snippet.
func placeholderOf(p *builtins.Param) string {
	if len(p.Enum) > 0 {
		return "\"${1|" + strings.Join(p.Enum, ",") + "|}\"$0"
	}
	switch t := types.Members(p.Type)[0].(type) {
	case types.Basic:
		if t == types.String {
			return "\"$1\"$0"
		}
		if t == types.Bool {
			other := "True"
			if p.Default == "True" {
				other = "False"
			}
			return "${1:" + other + "}$0"
		}
	case *types.List:
		return "[$1]$0"
	case *types.Dict:
		return "{$1}$0"
	case *types.Named:
		if row := rowOfType(t); row != nil {
			return t.Name + "($1)$0"
		}
	}
	return "$1"
}

// paramValues is the type that a parameter wants; the values it lists are offered.
func (c *completer) paramValues(callee callee, name string) types.Type {
	if callee.row != nil {
		if p := callee.row.Param(name); p != nil {
			for i, e := range p.Enum {
				c.add(Item{Label: strconv.Quote(e), Kind: ItemValue, Detail: "value of " + name, Sort: rankExpected + sortable(i), Preselect: i == 0})
			}
			c.madeNames(callee, p.Name, true)
			return p.Type
		}
	}
	if callee.typ != nil {
		for _, p := range callee.typ.Params {
			if p.Name == name {
				return p.Type
			}
		}
	}
	return nil
}

// madeNames offers the names of services or artifacts that were made, where a name is asked for.
func (c *completer) madeNames(callee callee, param string, quoted bool) {
	artifacts, services := wantsNames(callee.row, param)
	if !artifacts && !services {
		return
	}
	for i, made := range c.v.madeAround(c.ctx, c.m) {
		if made.artifact && !artifacts || !made.artifact && !services {
			continue
		}
		label := made.name
		if quoted {
			label = strconv.Quote(label)
		}
		c.add(Item{Label: label, Kind: ItemReference, Detail: "made by plan." + made.row.Name, Sort: rankExpected + sortable(i)})
	}
}

// wantsNames says whether a parameter takes the names of artifacts or of services that exist.
func wantsNames(row *builtins.Builtin, param string) (artifacts, services bool) {
	if row == nil {
		return false, false
	}
	switch {
	case param == "service_name":
		return false, true
	case param == "name" && row.Receiver == "plan":
		switch row.Name {
		case "get_service", "remove_service", "start_service", "stop_service", "set_service":
			return false, true
		case "get_files_artifact":
			return true, false
		}
	case param == "artifact_names", param == "files":
		return true, false
	}
	return false, false
}

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
			add("def run", "the function that a package starts with", "def run(plan, ${1:args = {}}):\n\t${0:pass}")
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
