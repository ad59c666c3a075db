package interp

import (
	"errors"
	"strings"

	"go.starlark.net/resolve"
	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/builtins"
	"github.com/kurtosis-go/kurtosis/lang/source"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

// Error is why a package gives no plan. Its text is the reference's: the message, what caused it, and where.
type Error struct {
	Code    string   // kebab word for diagnostics: "evaluation", "syntax", "limit", "entry-point", "cancelled" …
	Message string   // what is wrong, with the reference's prefix
	Causes  []string // what is below it
	Stack   []Frame  // outermost call first
	Hint    string   // what to do about it, or ""
	At      Frame    // where to look, where that is not the innermost place of Stack
}

// Frame is one call that was in progress.
type Frame struct {
	Position plan.Position // the zero place in a builtin
	Path     string        // the module on disk, "" in a builtin
	Function string        // "run", "<toplevel>", "add_service" …; for syntax errors the message
}

// Error gives the text in the reference's form.
func (e *Error) Error() string {
	var out strings.Builder
	out.WriteString(e.Message)
	for _, cause := range e.Causes {
		out.WriteString("\n\tCaused by: ")
		out.WriteString(cause)
	}
	for _, f := range e.Stack {
		out.WriteString("\n\tat [")
		if f.Position.Module != "" {
			out.WriteString(f.Position.Module)
			out.WriteByte(':')
		}
		out.WriteString(f.Position.Pos.String())
		out.WriteString("]: ")
		out.WriteString(f.Function)
	}
	return out.String()
}

// Where is the innermost place in a module, and that module's path; ok is false where there is none.
func (e *Error) Where() (frame Frame, ok bool) {
	if e.At.Position.IsValid() {
		return e.At, true
	}
	for i := len(e.Stack) - 1; i >= 0; i-- {
		if e.Stack[i].Position.IsValid() {
			return e.Stack[i], true
		}
	}
	return Frame{}, false
}

// fault is an error of a builtin: the reference's words, and a hint of ours.
type fault struct {
	code    string
	message string
	causes  []string
	hint    string
}

func (f *fault) Error() string {
	if len(f.causes) == 0 {
		return f.message
	}
	return f.message + "\n\tCaused by: " + strings.Join(f.causes, "\n\tCaused by: ")
}

// hinted is an error with a hint.
type hinted struct{ message, hint string }

func (h *hinted) Error() string { return h.message }

func hintOf(err error) string {
	var h *hinted
	if errors.As(err, &h) {
		return h.hint
	}
	var f *fault
	if errors.As(err, &f) {
		return f.hint
	}
	return ""
}

const (
	evaluationPrefix = "Evaluation error: "
	staticHeader     = "Multiple errors caught interpreting the Starlark script. Listing each of them below."
	syntaxHeader     = "/!\\ Errors interpreting Starlark script"
)

// explain turns whatever stopped the run into an *Error.
func (r *run) explain(err error) *Error {
	var mine *Error
	if errors.As(err, &mine) {
		return mine
	}
	if stopped := r.limits.stopped(); stopped != nil {
		e := &Error{Code: stopped.code, Message: evaluationPrefix + stopped.message, Hint: stopped.hint}
		var eval *starlark.EvalError
		if errors.As(err, &eval) {
			e.Stack = r.stack(eval.CallStack)
		}
		return e
	}
	if r.ctx.Err() != nil { // while a file was read
		return &Error{Code: "cancelled", Message: "interpretation was cancelled"}
	}
	var list resolve.ErrorList
	if errors.As(err, &list) {
		e := &Error{Code: "syntax", Message: staticHeader}
		for _, one := range list {
			e.Stack = append(e.Stack, r.staticFrame(one.Pos, one.Msg))
		}
		return e
	}
	var malformed syntax.Error
	if errors.As(err, &malformed) {
		return &Error{Code: "syntax", Message: syntaxHeader, Stack: []Frame{r.staticFrame(malformed.Pos, malformed.Msg)}}
	}
	var eval *starlark.EvalError
	if errors.As(err, &eval) {
		e := &Error{Code: "evaluation", Message: evaluationPrefix + eval.Msg, Stack: r.stack(eval.CallStack), Hint: attributeHint(eval.Msg)}
		var f *fault
		if errors.As(eval.Unwrap(), &f) {
			e.Message, e.Causes, e.Hint = evaluationPrefix+f.message, f.causes, f.hint
			if f.code != "" {
				e.Code = f.code
			}
		}
		return e
	}
	var f *fault
	if errors.As(err, &f) {
		code := f.code
		if code == "" {
			code = "evaluation"
		}
		return &Error{Code: code, Message: f.message, Causes: f.causes, Hint: f.hint}
	}
	return &Error{Code: "evaluation", Message: err.Error(), Hint: hintOf(err)}
}

// attributeHint explains a missing attribute of a typed object: the argument was not given, or there is none such.
func attributeHint(message string) string {
	name, rest, ok := strings.Cut(message, " has no .")
	row := builtins.Lookup("", name)
	if !ok || row == nil || row.Kind != builtins.Constructor {
		return ""
	}
	attribute, _, _ := strings.Cut(rest, " ")
	for i := range row.Params {
		if row.Params[i].Name == attribute {
			return "it was not given, which makes it absent: ask with hasattr(…, \"" + attribute + "\") first"
		}
	}
	return ""
}

func (r *run) staticFrame(pos syntax.Position, message string) Frame {
	position, path := r.position(pos)
	// Messages that name another place have it with the path on disk.
	message = strings.ReplaceAll(message, pos.Filename()+":", strings.TrimPrefix(position.Module+":", ":"))
	return Frame{Position: position, Path: path, Function: message}
}

// stack lists the calls in progress, outermost first. import_module is left out: the module that it runs
// follows at once.
func (r *run) stack(calls starlark.CallStack) []Frame {
	frames := make([]Frame, 0, len(calls))
	for _, c := range calls {
		if c.Name == "import_module" && c.Pos.Filename() == "<builtin>" {
			continue
		}
		f := Frame{Function: c.Name}
		if c.Pos.Filename() != "<builtin>" {
			f.Position, f.Path = r.position(c.Pos)
		}
		frames = append(frames, f)
	}
	return frames
}

// position translates a place in a program to the module's locator.
func (r *run) position(pos syntax.Position) (plan.Position, string) {
	path := pos.Filename()
	p := plan.Position{Pos: source.Pos{Line: pos.Line, Col: pos.Col}}
	if m := r.modules[path]; m != nil {
		if m.target.Package != "" {
			p.Module = m.shown
		}
		return p, m.target.Path
	}
	p.Module = path
	return p, path
}
