// Package builtins is the one table of everything a Kurtosis module can name without defining it: universe
// functions, methods, Kurtosis types and plan instructions. Argument binding, the checker, the editor, the
// reference pages, schemas, snippets and the stub file are all made from its rows.
package builtins

import "github.com/kurtosis-go/kurtosis/lang/types"

//go:generate go run ./gen ../..

// Kind says what a row is.
type Kind string

const (
	Universe    Kind = "universe"    // len, range, fail …: a function of the language
	Constant    Kind = "constant"    // True, False, None, and values of modules such as time.hour: Result is the type, no call
	Method      Kind = "method"      // a method of a Starlark value or member of a predeclared module: Receiver names it
	Constructor Kind = "constructor" // a Kurtosis type: ServiceConfig, PortSpec …
	Instruction Kind = "instruction" // a method of plan
	Helper      Kind = "helper"      // import_module, read_file, struct …
	Module      Kind = "module"      // json, time, kurtosis; Members(Name) lists what is in it
)

// Builtin is one row of the table.
type Builtin struct {
	Name     string
	Kind     Kind
	Receiver string     // "plan", "string", "list", "dict", "json", "time" …; "" for universe, helpers, constructors
	Doc      string     // Markdown; the first sentence stands alone
	Params   []Param    // in positional order, which is the order of the canonical call text, too
	Result   types.Type // Future terms where the value is known only when the plan runs; see Function for the variables in it
	Returns  string     // Markdown: what the result is, or ""
	Example  string     // a runnable module body, type-checked and planned by a test
	Files    []File     // what the example needs beside it
	Since    string     // Kurtosis version, or ""
	Refused  string     // non-empty: the name exists but a call always fails, and this says what to use instead
	Replaced string     // non-empty: deprecated, use this instead
	TestOnly bool       // predeclared in *_test.star files only
}

// File is a companion of an example.
type File struct{ Path, Text string }

// Param is one parameter of a row.
type Param struct {
	Name       string
	Type       types.Type
	Required   bool
	Default    string // Starlark literal, "" when there is none to show
	Doc        string
	Enum       []string // string values to offer; all that are allowed, unless Rule allows more
	Rule       string   // name of a rule in lang/rule that the value must satisfy, or ""
	KeyRule    string   // the same for the keys of a dict
	ElemRule   string   // the same for the elements of a list or the values of a dict
	Late       bool     // Rule, KeyRule and ElemRule hold when the plan is validated, not when the call is made
	Backends   []string // where it has an effect; nil is everywhere
	Deprecated string   // non-empty: why, and what to use instead
	Replaced   string   // the parameter that takes its place, or ""
	Former     []string // names it had once: refused today, but known for hints and fixes
	Futures    bool     // futures inside are replaced when the step runs; elsewhere they stay placeholders
	Hidden     bool     // accepted, never offered
	Variadic   string   // "*" or "**" for *args and **kwargs, or ""
	Positional bool     // positional only
	Keyword    bool     // by keyword only
}

// Description is the parameter that every Kurtosis builtin (constructors, instructions, helpers) takes besides its
// own, last; by position it works, too, but nobody should. It is part of the canonical call text.
var Description = Param{
	Name:    "description",
	Type:    types.String,
	Default: `""`,
	Doc:     "What the step is shown as while the plan runs, instead of the text Kurtosis makes up. Must not be empty when given.",
	Rule:    "non-empty",
	Keyword: true,
}

// Described says whether the row takes Description.
func (b *Builtin) Described() bool {
	switch b.Kind {
	case Constructor, Instruction:
		return true
	case Helper:
		return b.Name == "import_module" || b.Name == "read_file"
	}
	return false
}

// QualifiedName is plan.add_service, string.join, time.hour, len.
func (b *Builtin) QualifiedName() string {
	if b.Receiver == "" {
		return b.Name
	}
	return b.Receiver + "." + b.Name
}

// Callable says whether the row can be called at all.
func (b *Builtin) Callable() bool {
	switch b.Kind {
	case Constant, Module:
		return false
	}
	return true
}

// Param returns the parameter of that name, Description included where the row takes it, or nil.
func (b *Builtin) Param(name string) *Param {
	for i := range b.Params {
		if b.Params[i].Name == name {
			return &b.Params[i]
		}
	}
	if name == Description.Name && b.Described() {
		return &Description
	}
	return nil
}

// Backend names, as Param.Backends has them.
const (
	docker     = "docker"
	kubernetes = "kubernetes"
)
