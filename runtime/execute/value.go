package execute

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"strings"

	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

// plainValue turns what encoding/json (with UseNumber) and gojq produce into a plan's value. Dicts come with their
// keys sorted, as neither keeps an order.
func plainValue(v any) plan.Value {
	switch v := v.(type) {
	case nil:
		return plan.None{}
	case bool:
		return plan.Bool(v)
	case string:
		return plan.String(v)
	case int:
		return plan.NewInt(int64(v))
	case *big.Int:
		return plan.NewBigInt(v)
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return plan.NewInt(int64(v)) // jq does not tell 1.0 from 1
		}
		return plan.Float(v)
	case json.Number: // gojq keeps what it need not calculate with as it was written
		if i, ok := new(big.Int).SetString(string(v), 10); ok {
			return plan.NewBigInt(i)
		}
		f, _ := v.Float64() // out of range is infinite
		return plainValue(f)
	case []any:
		items := make([]plan.Value, len(v))
		for i, item := range v {
			items[i] = plainValue(item)
		}
		return &plan.List{Items: items}
	case map[string]any:
		items := make([]plan.Item, 0, len(v))
		for _, key := range sortedKeys(v) {
			items = append(items, plan.Item{Key: plan.String(key), Value: plainValue(v[key])})
		}
		return &plan.Dict{Items: items}
	}
	return plan.String(fmt.Sprint(v))
}

// decodeJSON reads one JSON document for jq: integers stay exact, whatever their size.
func decodeJSON(text string) (any, error) {
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more than one document")
	}
	return v, nil
}

// templateFloat prints as the JSON that Starlark writes has it (2.0), and still compares as a float in a template.
type templateFloat float64

func (f templateFloat) String() string { return plan.Float(f).String() }

// templateData is the value as a Go template sees it after a round trip through JSON: maps, slices, strings, bools,
// nil and numbers that print as they were written.
func templateData(v plan.Value) any {
	switch v := v.(type) {
	case plan.None:
		return nil
	case plan.Bool:
		return bool(v)
	case plan.Int:
		if n, ok := v.Int64(); ok {
			return n
		}
		return v.Big()
	case plan.Float:
		return templateFloat(v)
	case *plan.List:
		items := make([]any, len(v.Items))
		for i, item := range v.Items {
			items[i] = templateData(item)
		}
		return items
	case *plan.Dict:
		m := make(map[string]any, len(v.Items))
		for _, item := range v.Items {
			m[plan.StringOf(item.Key)] = templateData(item.Value)
		}
		return m
	case *plan.Object:
		m := make(map[string]any, len(v.Fields))
		for _, f := range v.Fields {
			m[f.Name] = templateData(f.Value)
		}
		return m
	}
	return plan.StringOf(v)
}
