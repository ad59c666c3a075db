package interp

import (
	"fmt"

	"go.starlark.net/starlark"
)

// construct makes a value of a Kurtosis type.
func (r *run) construct(thread *starlark.Thread, c *call) (starlark.Value, error) {
	o := &object{row: c.row, args: c.args, description: c.description}
	if message := r.wrong(thread, o); message != "" {
		return nil, cannotConstruct(c.row, message, "")
	}
	return o, nil
}

// wrong says what is wrong with the arguments of a typed object taken together, "" when nothing is.
func (r *run) wrong(thread *starlark.Thread, o *object) string {
	switch o.row.Name {
	case "Directory":
		names, key := o.get("artifact_names"), o.get("persistent_key")
		if (names == nil) == (key == nil) {
			return "exactly one of 'artifact_names' and 'persistent_key' must be given"
		}
	case "Toleration":
		return wrongToleration(o)
	case "ReadyCondition":
		return wrongTarget(textOf(o.get("assertion")), o.get("target_value"))
	case "NixBuildSpec":
		if m := r.caller(thread); m != nil && m.target.Package == "" {
			return "NixBuildSpec cannot be used in a standalone script: an image is built from a directory of a package"
		}
	}
	return ""
}

func wrongToleration(o *object) string {
	operator := textOf(o.get("operator"))
	if o.get("key") == nil && operator != "Exists" {
		return "'key' can be left out only when 'operator' is 'Exists'"
	}
	if operator == "Exists" && textOf(o.get("value")) != "" {
		return "'value' must be empty when 'operator' is 'Exists'"
	}
	return ""
}

// wrongTarget says why a value cannot be the target of an assertion.
func wrongTarget(assertion string, target starlark.Value) string {
	if assertion != "IN" && assertion != "NOT_IN" {
		return ""
	}
	switch target.(type) {
	case *starlark.List, starlark.Tuple:
		return ""
	}
	return fmt.Sprintf("'%s' assertion requires an iterable for target values, got '%s'", assertion, target.Type())
}

func textOf(v starlark.Value) string {
	s, _ := starlark.AsString(v)
	return s
}
