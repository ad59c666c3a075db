// Package builtins is the one table of everything a Kurtosis module can name without defining it: universe
// functions, methods, Kurtosis types and plan instructions. Argument binding, the checker, the editor, the
// reference pages, schemas, snippets and the stub file are all made from its rows.
package builtins

import "github.com/kurtosis-go/kurtosis/lang/types"

// Kind says what a row is.
type Kind string

const (
	Universe    Kind = "universe"    // len, range, fail, True …
	Method      Kind = "method"      // a method of a Starlark value or member of a predeclared module: Receiver names it
	Constructor Kind = "constructor" // a Kurtosis type: ServiceConfig, PortSpec …
	Instruction Kind = "instruction" // a method of plan
	Helper      Kind = "helper"      // import_module, read_file, struct …
	Module      Kind = "module"      // json, time, kurtosis
)

// Builtin is one row of the table.
type Builtin struct {
	Name     string
	Kind     Kind
	Receiver string // "plan", "string", "list", "dict", "json", "time" …; "" for universe, helpers, constructors
	Doc      string // Markdown; the first sentence stands alone
	Params   []Param
	Result   types.Type // Future terms where the value is known only when the plan runs
	Example  string     // a runnable module body, type-checked and planned by a test
	Since    string     // Kurtosis version, or ""
	Refused  string     // non-empty: the name exists but a call always fails, and this says what to use instead
	Replaced string     // non-empty: deprecated, use this instead
}

// Param is one parameter of a row.
type Param struct {
	Name       string
	Type       types.Type
	Required   bool
	Default    string // Starlark literal, "" when there is none to show
	Doc        string
	Enum       []string // allowed string values
	Rule       string   // name of a rule in lang/rule that the value must satisfy, or ""
	Backends   []string // where it has an effect; nil is everywhere
	Deprecated string   // non-empty: why, and what to use instead
	Replaced   string   // the parameter that takes its place, or ""
	Hidden     bool     // accepted, never offered
	Variadic   string   // "*" or "**" for *args and **kwargs, or ""
	Positional bool     // positional only
}
