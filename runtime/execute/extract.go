package execute

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/itchyny/gojq"

	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// extract runs jq expressions on one input and adds their results to values as extract.<name>. No match is an
// error, one is the value, several are a list. what names the input in errors.
func extract(ctx context.Context, expressions plan.Map[string], input any, what string, values map[string]plan.Value) error {
	for name, expression := range expressions.All() {
		query, err := gojq.Parse(expression)
		if err != nil {
			return fmt.Errorf("extract %q: the jq expression %q is not valid: %w", name, expression, err)
		}
		code, err := gojq.Compile(query)
		if err != nil {
			return fmt.Errorf("extract %q: the jq expression %q is not valid: %w", name, expression, err)
		}
		var found []plan.Value
		for results := code.RunWithContext(ctx, input); ; {
			result, more := results.Next()
			if !more {
				break
			}
			if err, failed := result.(error); failed {
				return fmt.Errorf("extract %q: the jq expression %q failed on the %s: %w", name, expression, what, err)
			}
			found = append(found, plainValue(result))
		}
		switch len(found) {
		case 0:
			return fmt.Errorf("extract %q: the jq expression %q matches nothing in the %s", name, expression, what)
		case 1:
			values["extract."+name] = found[0]
		default:
			values["extract."+name] = &plan.List{Items: found}
		}
	}
	return nil
}
