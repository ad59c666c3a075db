package interp

import (
	"errors"
	"fmt"
	"strconv"

	starlarktime "go.starlark.net/lib/time"
	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"

	"time"

	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

// maxDepth bounds nesting: a list can contain itself, and a plan cannot.
const maxDepth = 500

var errNesting = errors.New("the value contains itself, or is nested too deeply")

// convert turns a Starlark value into its form in a plan.
func convert(v starlark.Value) (plan.Value, error) { return convertAt(v, 0) }

func convertAt(v starlark.Value, depth int) (plan.Value, error) {
	if depth > maxDepth {
		return nil, errNesting
	}
	switch v := v.(type) {
	case starlark.String:
		return plan.String(v), nil
	case starlark.Int:
		if n, ok := v.Int64(); ok {
			return plan.NewInt(n), nil
		}
		return plan.NewBigInt(v.BigInt()), nil
	case starlark.Bool:
		return plan.Bool(v), nil
	case starlark.NoneType, nil:
		return plan.None{}, nil
	case starlark.Float:
		return plan.Float(v), nil
	case starlark.Bytes:
		return plan.Bytes(v), nil
	case *starlark.List:
		return convertItems(plan.Sequence, v, v.Len(), depth)
	case starlark.Tuple:
		return convertItems(plan.Tuple, v, v.Len(), depth)
	case *starlark.Set:
		return convertItems(plan.Set, v, v.Len(), depth)
	case *starlark.Dict:
		items := make([]plan.Item, 0, v.Len())
		for key, value := range v.Entries() {
			k, err := convertAt(key, depth+1)
			if err != nil {
				return nil, err
			}
			x, err := convertAt(value, depth+1)
			if err != nil {
				return nil, err
			}
			items = append(items, plan.Item{Key: k, Value: x})
		}
		return &plan.Dict{Items: items}, nil
	case *starlarkstruct.Struct:
		constructor := "struct"
		if s, ok := v.Constructor().(starlark.String); ok {
			constructor = string(s)
		}
		fields := make([]plan.Field, 0, v.Len())
		for name, value := range v.Entries() {
			x, err := convertAt(value, depth+1)
			if err != nil {
				return nil, err
			}
			fields = append(fields, plan.Field{Name: name, Value: x})
		}
		return &plan.Object{Constructor: constructor, Fields: fields}, nil
	case *object:
		fields, err := convertArgs(v.row.Params, v.args, depth)
		if err != nil {
			return nil, err
		}
		if v.description != nil {
			x, err := convertAt(v.description, depth+1)
			if err != nil {
				return nil, err
			}
			fields = append(fields, plan.Field{Name: "description", Value: x})
		}
		return &plan.Object{Constructor: v.row.Name, Fields: fields}, nil
	case starlarktime.Time:
		return plan.Opaque{Kind: v.Type(), Text: "time.from_timestamp(" + strconv.FormatInt(time.Time(v).Unix(), 10) + ")"}, nil
	}
	return plan.Opaque{Kind: v.Type(), Text: v.String()}, nil
}

func convertItems(kind plan.ListKind, v starlark.Iterable, n, depth int) (plan.Value, error) {
	items := make([]plan.Value, 0, n)
	for item := range starlark.Elements(v) {
		x, err := convertAt(item, depth+1)
		if err != nil {
			return nil, err
		}
		items = append(items, x)
	}
	return &plan.List{Kind: kind, Items: items}, nil
}

// starlarkValue turns a plan's value (an argument of the run) into a Starlark one.
func starlarkValue(v plan.Value) (starlark.Value, error) {
	switch v := v.(type) {
	case nil, plan.None:
		return starlark.None, nil
	case plan.Bool:
		return starlark.Bool(v), nil
	case plan.Int:
		if n, ok := v.Int64(); ok {
			return starlark.MakeInt64(n), nil
		}
		return starlark.MakeBigInt(v.Big()), nil
	case plan.Float:
		return starlark.Float(v), nil
	case plan.String:
		return starlark.String(v), nil
	case *plan.List:
		items := make([]starlark.Value, len(v.Items))
		for i, item := range v.Items {
			x, err := starlarkValue(item)
			if err != nil {
				return nil, err
			}
			items[i] = x
		}
		return starlark.NewList(items), nil
	case *plan.Dict:
		d := starlark.NewDict(len(v.Items))
		for _, item := range v.Items {
			key, err := starlarkValue(item.Key)
			if err != nil {
				return nil, err
			}
			value, err := starlarkValue(item.Value)
			if err != nil {
				return nil, err
			}
			if err := d.SetKey(key, value); err != nil {
				return nil, err
			}
		}
		return d, nil
	}
	return nil, fmt.Errorf("a %s cannot be an argument", v.Type())
}
