package interp

import (
	"fmt"
	"slices"
	"strings"

	"go.starlark.net/starlark"

	"github.com/kurtosis-go/kurtosis/lang/builtins"
	"github.com/kurtosis-go/kurtosis/lang/rule"
	"github.com/kurtosis-go/kurtosis/lang/types"
)

// satisfies checks a value that has the right type against the rules of its parameter that hold when the call is
// made. Those that are marked as late hold when the plan is validated, so that a package that breaks them still
// has a plan to show.
func satisfies(p *builtins.Param, v starlark.Value) (message string, ok bool) {
	if !p.Late {
		if message, ok := holds(p.Rule, p.Name, v); !ok {
			return message, false
		}
	}
	if len(p.Enum) > 0 && p.Rule == "" {
		if s, isString := v.(starlark.String); isString && !slices.Contains(p.Enum, string(s)) {
			return fmt.Sprintf("Invalid value for '%s': '%s' is none of %s", p.Name, string(s), strings.Join(p.Enum, ", ")), false
		}
	}
	if p.Late {
		return "", true
	}
	switch v := v.(type) {
	case *starlark.List:
		for item := range v.Elements() {
			if message, ok := holds(p.ElemRule, p.Name, item); !ok {
				return message, false
			}
		}
	case *starlark.Dict:
		for key, value := range v.Entries() {
			if message, ok := holds(p.KeyRule, p.Name, key); !ok {
				return message, false
			}
			if message, ok := holds(p.ElemRule, p.Name, value); !ok {
				return message, false
			}
		}
	}
	return "", true
}

func holds(name, param string, v starlark.Value) (message string, ok bool) {
	if name == "" {
		return "", true
	}
	switch v := v.(type) {
	case starlark.String:
		if name == "non-empty" {
			if v == "" {
				return fmt.Sprintf("Value for '%s' can't be an empty string", param), false
			}
			return "", true
		}
		message, ok = rule.Check(name, string(v))
	case starlark.Int:
		n, fits := v.Int64()
		if !fits {
			return fmt.Sprintf("Value for '%s' is out of range: %s", param, v), false
		}
		message, ok = rule.CheckInt(name, n)
	default:
		return "", true
	}
	if !ok {
		message = fmt.Sprintf("Value for '%s': %s", param, message)
	}
	return message, ok
}

// inspect checks what is inside a value against its type, in the words of the reference. path names the value
// in the message.
func inspect(path string, t types.Type, v starlark.Value) error {
	switch t := t.(type) {
	case types.Basic:
		if want := noun(t); want != "" && !matches(t, v) {
			return notA(path, want, v)
		}
	case *types.List:
		list, ok := v.(*starlark.List)
		if !ok {
			return &fault{message: fmt.Sprintf("'%s' argument is expected to be a list. Got %s", path, goTypeOf(v))}
		}
		for i := range list.Len() {
			if err := inspect(fmt.Sprintf("%s[%d]", path, i), t.Elem, list.Index(i)); err != nil {
				return err
			}
		}
	case *types.Dict:
		dict, ok := v.(*starlark.Dict)
		if !ok {
			return &fault{message: fmt.Sprintf("'%s' argument is expected to be a dict. Got %s", path, goTypeOf(v))}
		}
		for key, value := range dict.Entries() {
			s, ok := key.(starlark.String)
			if !ok {
				return notA(fmt.Sprintf("%s.key:%v", path, key), "string", key)
			}
			if err := inspect(fmt.Sprintf("%s[%q]", path, string(s)), t.Value, value); err != nil {
				return err
			}
		}
	case *types.Named:
		o, ok := v.(*object)
		if !ok || o.row.Name != t.Name {
			return notA(path, t.Name, v)
		}
		return o.inspect()
	case *types.Union:
		return inspectUnion(path, t, v)
	}
	return nil
}

// inspect checks the arguments of a typed object, which are named by themselves.
func (o *object) inspect() error { return inspectArgs(o.row.Params, o.args) }

func inspectArgs(params []builtins.Param, args []starlark.Value) error {
	for i := range params {
		if v := args[i]; v != nil && (v != starlark.None || params[i].Required) {
			if err := inspect(params[i].Name, params[i].Type, v); err != nil {
				return err
			}
		}
	}
	return nil
}

func inspectUnion(path string, t *types.Union, v starlark.Value) error {
	fallback := ""
	for _, m := range t.Members {
		if m == types.None && v == starlark.None || m == types.Unknown || m == types.Any {
			return nil
		}
		if goType(m) != "" && matches(m, v) {
			return inspect(path, m, v)
		}
		if n := noun(m); n != "" && fallback == "" {
			fallback = n
		}
		if _, future := m.(*types.Future); future {
			if _, ok := v.(starlark.String); ok {
				return nil
			}
		}
	}
	if fallback == "" {
		var names []string
		for _, m := range t.Members {
			names = append(names, m.String())
		}
		fallback = strings.Join(names, " or ")
	}
	return notA(path, fallback, v)
}

func noun(t types.Type) string {
	switch t {
	case types.String:
		return "string"
	case types.Int:
		return "int"
	case types.Bool:
		return "bool"
	case types.Float:
		return "float"
	}
	return ""
}

func notA(path, want string, v starlark.Value) error {
	return &fault{message: fmt.Sprintf("'%s' is expected to be a %s. Got %s", path, want, goTypeOf(v))}
}
