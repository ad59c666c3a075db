package typecheck

import (
	"fmt"
	"slices"

	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/types"
)

// A future is a placeholder string until the plan runs. Whatever the script decides by it, it decides by the
// placeholder.

const futureHint = "it is known only when the plan runs; until then it is a placeholder string. Use plan.verify, or decide in a task"

func (a *fn) future(e syntax.Expr, t types.Type, what string) {
	f, ok := t.(*types.Future)
	if !ok {
		return
	}
	a.c.report("future-value", rangeOf(e), fmt.Sprintf("a value of the run (%s) is %s", f, what), futureHint)
}

// futureTest reports a future that a condition is about: it is always true.
func (a *fn) futureTest(e syntax.Expr, t types.Type) { a.future(e, t, "always true here") }

func (a *fn) futureCompared(ex, ey syntax.Expr, x, y types.Type) {
	if isFuture(x) && isFuture(y) {
		return // the same future or another one: that is known
	}
	if isNone(unparen(ex)) || isNone(unparen(ey)) {
		return
	}
	if isFuture(x) {
		a.future(ex, x, "compared")
	} else {
		a.future(ey, y, "compared")
	}
}

// futureOperand reports a future in arithmetic. Joining strings is what futures are for; what fails anyway is
// reported as such.
func (a *fn) futureOperand(op syntax.Token, ex, ey syntax.Expr, x, y types.Type) {
	switch op {
	case syntax.PLUS:
		return
	case syntax.PERCENT:
		if isFuture(x) {
			a.future(ex, x, "used as a format")
		}
		return
	case syntax.IN, syntax.NOT_IN:
		if isFuture(y) {
			a.future(ey, y, "searched")
		} else {
			a.future(ex, x, "searched for")
		}
	case syntax.STAR:
		if operate(op, x, y) != nil {
			if isFuture(x) {
				a.future(ex, x, "repeated as text")
			} else {
				a.future(ey, y, "repeated as text")
			}
		}
	case syntax.LT, syntax.LE, syntax.GT, syntax.GE:
		if operate(op, x, y) != nil {
			if isFuture(x) {
				a.future(ex, x, "compared")
			} else {
				a.future(ey, y, "compared")
			}
		}
	}
}

func (a *fn) futureUse(e syntax.Expr, t types.Type, what string) { a.future(e, t, what) }

func (a *fn) futureArgument(args []argument, what string) {
	if len(args) > 0 && isFuture(args[0].typ) && args[0].star == 0 {
		f := args[0].typ.(*types.Future)
		a.c.report("future-value", rangeOf(args[0].expr), fmt.Sprintf("a value of the run (%s) is converted: %s", f, what), futureHint)
	}
}

// parsing are the methods of strings that look into them.
var parsing = []string{"split", "rsplit", "splitlines", "strip", "lstrip", "rstrip", "replace", "find", "rfind", "index", "rindex", "count",
	"startswith", "endswith", "partition", "rpartition", "isdigit", "isalpha", "isalnum", "islower", "isupper", "isspace", "istitle",
	"lower", "upper", "title", "capitalize", "elems", "codepoints", "removeprefix", "removesuffix", "elem_ords", "codepoint_ords"}

// futureMethod reports a string method that is called on a future.
func (a *fn) futureMethod(e *syntax.CallExpr, callee Callee) {
	dot, ok := unparen(e.Fn).(*syntax.DotExpr)
	if !ok || !isFuture(callee.receiver) || !slices.Contains(parsing, dot.Name.Name) {
		return
	}
	a.future(dot.X, callee.receiver, "parsed")
}
