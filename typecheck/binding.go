package typecheck

import (
	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/builtins"
	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/lang/types"
)

// BindingKind says what a name stands for.
type BindingKind uint8

const (
	Global      BindingKind = iota + 1 // bound at the top level of the module
	Local                              // bound in a function, by assignment, for, def or load
	Parameter                          // a parameter of a function or lambda
	Iteration                          // the variable of a comprehension
	Predeclared                        // a row of the builtin table
)

// Binding is one name in one scope, with all places that bind it.
type Binding struct {
	Name    string
	Kind    BindingKind
	Func    *Func           // the function, or the module's top level, whose variable it is; nil when predeclared
	Defs    []*syntax.Ident // every place that binds it, in order; none when predeclared
	Reads   int             // how many places read it
	Builtin *builtins.Builtin
	Import  string // the locator when it is bound once, to import_module of a constant

	slot     int32
	captured bool       // an inner function reads it
	open     bool       // a global that a function changes, which it may do while the module loads
	changed  bool       // something is called on it or stored in it that changes a list or dict
	typ      types.Type // what a global, or a captured variable, can be
	def      *syntax.DefStmt
	calls    int  // reads that call it
	effect   bool // bound to the result of a call, which may be all it is for
	loose    bool // bound by a loop, or with others by a tuple: nobody minds when it is not read
}

// Func is a function of the module, a lambda, or the module's top level.
type Func struct {
	Name     string
	Node     syntax.Node // *syntax.DefStmt, *syntax.LambdaExpr or *syntax.File
	Parent   *Func       // nil for the top level
	Bindings []*Binding  // parameters first
	Params   []Parm
	Doc      *Docstring // nil when it has none

	scope     map[string]*Binding
	body      []syntax.Stmt
	loops     map[syntax.Stmt]*loop
	signature *types.Function
	result    *result
	state     inferState
	leaks     []bool // by parameter: the function keeps or changes the value it is given
	sites     []types.Type
	binding   *Binding
	recursive bool       // it calls itself, if by way of others
	early     bool       // it was walked before all globals had their values
	ranEarly  bool       // it is called while the module loads
	closed    bool       // all calls of it are seen, and their arguments known
	comment   *signature // its type comment, or nil

	// What the walk over it found.
	found []diag.Diagnostic
	exprs []typed
	calls []Call
}

// typed is the type of an expression.
type typed struct {
	expr syntax.Expr
	typ  types.Type
}

// Call is a call and what it calls.
type Call struct {
	Expr   *syntax.CallExpr
	Callee Callee
}

// Parm is one parameter as it is written.
type Parm struct {
	Name    *syntax.Ident // nil for a bare *
	Default syntax.Expr   // nil when required
	Star    string        // "*" or "**", or ""
	Keyword bool          // after a *
	Comment string        // the end-of-line comment beside it
	Type    types.Type    // declared in the docstring or a type comment; nil when not
}

type loop struct {
	assigned []*Binding
	changed  []*Binding
}

type inferState uint8

const (
	notInferred inferState = iota
	inferring
	inferred
)
