package execute

import (
	"fmt"

	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

// assert checks value against target. Both must have one type, except for IN and NOT_IN, whose target is a
// collection. The error says what was compared.
func assert(value plan.Value, assertion string, target plan.Value) error {
	switch assertion {
	case "IN", "NOT_IN":
		items, ok := elements(target)
		if !ok {
			return fmt.Errorf("%s wants a list, a tuple, a set or a dict to look in, not %s", assertion, target.Type())
		}
		found := false
		for _, item := range items {
			found = found || plan.Equal(item, value)
		}
		if found != (assertion == "IN") {
			return mismatch(value, assertion, target)
		}
		return nil
	}
	if value.Type() != target.Type() {
		return fmt.Errorf("the value is %s of type %s, but the target is %s of type %s: %s compares values of one type",
			value, value.Type(), target, target.Type(), assertion)
	}
	var holds bool
	switch assertion {
	case "==":
		holds = plan.Equal(value, target)
	case "!=":
		holds = !plan.Equal(value, target)
	default:
		order, ok := plan.Compare(value, target)
		if !ok {
			return fmt.Errorf("values of type %s have no order: %s cannot compare them", value.Type(), assertion)
		}
		switch assertion {
		case ">=":
			holds = order >= 0
		case ">":
			holds = order > 0
		case "<=":
			holds = order <= 0
		case "<":
			holds = order < 0
		default:
			return fmt.Errorf("unknown assertion %q", assertion)
		}
	}
	if !holds {
		return mismatch(value, assertion, target)
	}
	return nil
}

func mismatch(value plan.Value, assertion string, target plan.Value) error {
	return fmt.Errorf("%s %s %s does not hold", value, assertion, target)
}

func elements(v plan.Value) ([]plan.Value, bool) {
	switch v := v.(type) {
	case *plan.List:
		return v.Items, true
	case *plan.Dict:
		keys := make([]plan.Value, len(v.Items))
		for i, item := range v.Items {
			keys[i] = item.Key
		}
		return keys, true
	}
	return nil, false
}
