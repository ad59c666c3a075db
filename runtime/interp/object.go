package interp

import (
	"errors"
	"fmt"
	"slices"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/builtins"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

// object is a value of a Kurtosis type: the arguments its constructor was given, in the table's order.
type object struct {
	row         *builtins.Builtin
	args        []starlark.Value // parallel to row.Params; nil where not given
	description starlark.Value   // nil where not given
}

var (
	_ starlark.HasAttrs   = (*object)(nil)
	_ starlark.Comparable = (*object)(nil)
)

// String is what str() gives: the canonical text, as in an instruction.
func (o *object) String() string {
	v, err := convert(o)
	if err != nil {
		return o.row.Name + "(…)"
	}
	return v.String()
}

func (o *object) Type() string         { return o.row.Name }
func (o *object) Truth() starlark.Bool { return true }
func (o *object) Hash() (uint32, error) {
	return 0, errors.New("unhashable: " + o.row.Name)
}

func (o *object) Freeze() {
	for _, v := range o.args {
		if v != nil {
			v.Freeze()
		}
	}
}

// Attr gives an argument back. What can be changed is copied first: a typed object stays what it was made as.
// An argument that was not given is an absent attribute.
func (o *object) Attr(name string) (starlark.Value, error) {
	if i := o.index(name); i >= 0 && o.args[i] != nil {
		return deepCopy(o.args[i]), nil
	}
	return nil, nil
}

func (o *object) AttrNames() []string {
	var names []string
	for i, p := range o.row.Params {
		if o.args[i] != nil {
			names = append(names, p.Name)
		}
	}
	slices.Sort(names)
	return names
}

func (o *object) index(name string) int {
	for i := range o.row.Params {
		if o.row.Params[i].Name == name {
			return i
		}
	}
	return -1
}

// get returns an argument itself, nil when it was not given or is None.
func (o *object) get(name string) starlark.Value {
	if i := o.index(name); i >= 0 && o.args[i] != starlark.None {
		return o.args[i]
	}
	return nil
}

// CompareSameType compares typed objects of one type by their texts, as the reference does.
func (o *object) CompareSameType(op syntax.Token, other starlark.Value, depth int) (bool, error) {
	x, y := o, other.(*object)
	if x.row != y.row && op != syntax.EQL && op != syntax.NEQ {
		return false, fmt.Errorf("%s %s %s not implemented", x.Type(), op, y.Type())
	}
	switch op {
	case syntax.EQL:
		return x.equal(y), nil
	case syntax.NEQ:
		return !x.equal(y), nil
	}
	return false, fmt.Errorf("%s %s %s not implemented", x.Type(), op, y.Type())
}

// equal compares the texts, and what texts do not show.
func (o *object) equal(other *object) bool {
	return o.row == other.row && o.String() == other.String() && slices.Equal(o.secrets(), other.secrets())
}

func (o *object) secrets() []string {
	v, err := convert(o)
	if err != nil {
		return nil
	}
	return plan.Passwords(v)
}

// deepCopy copies lists and dicts at any depth and shares everything else.
func deepCopy(v starlark.Value) starlark.Value {
	switch v := v.(type) {
	case *starlark.List:
		items := make([]starlark.Value, v.Len())
		for i := range items {
			items[i] = deepCopy(v.Index(i))
		}
		return starlark.NewList(items)
	case *starlark.Dict:
		d := starlark.NewDict(v.Len())
		for key, value := range v.Entries() {
			// The key was hashable in v, so it is here.
			_ = d.SetKey(key, deepCopy(value))
		}
		return d
	}
	return v
}
