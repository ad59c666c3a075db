package plan

import (
	"fmt"
	"regexp"
	"strings"
)

// Future is a reference to a value that is known only when the plan runs.
type Future struct {
	ID    string // 32 hex digits: the source's
	Field string // "ip_address", "hostname", "code", "output", "body", "extract.<name>"
}

// futurePrefix starts every future text; looked for first, as most strings hold none.
const futurePrefix = "{{kurtosis:"

var futurePattern = regexp.MustCompile(`\{\{kurtosis:([0-9a-f]{32}):([a-zA-Z0-9\-_.]+)\.runtime_value\}\}`)

// FutureID is the id of the n-th future of a plan, counting from 1.
func FutureID(n int) string { return fmt.Sprintf("%032x", n) }

// String is the text that stands for the future in Starlark values.
func (f Future) String() string { return futurePrefix + f.ID + ":" + f.Field + ".runtime_value}}" }

// ParseFuture returns the future that s is, when it is exactly one.
func ParseFuture(s string) (Future, bool) {
	if !strings.HasPrefix(s, futurePrefix) {
		return Future{}, false
	}
	m := futurePattern.FindStringSubmatch(s)
	if m == nil || len(m[0]) != len(s) {
		return Future{}, false
	}
	return Future{ID: m[1], Field: m[2]}, true
}

// Futures returns the futures in a text, in order, repeated ones once.
func Futures(s string) []Future {
	if !strings.Contains(s, futurePrefix) {
		return nil
	}
	var found []Future
	seen := map[Future]bool{}
	for _, m := range futurePattern.FindAllStringSubmatch(s, -1) {
		if f := (Future{ID: m[1], Field: m[2]}); !seen[f] {
			seen[f] = true
			found = append(found, f)
		}
	}
	return found
}

// Lookup gives the value of a future; its error says why there is none.
type Lookup func(Future) (Value, error)

// ReplaceText puts the values of futures into a text. A string value goes in as it is, another one printed
// as Starlark's str() does.
func ReplaceText(s string, lookup Lookup) (string, error) {
	if !strings.Contains(s, futurePrefix) {
		return s, nil
	}
	var failed error
	out := mapFutures(s, func(f Future) string {
		v, err := lookup(f)
		if err != nil {
			if failed == nil {
				failed = err
			}
			return f.String()
		}
		return StringOf(v)
	})
	if failed != nil {
		return "", failed
	}
	return out, nil
}

// mapFutures replaces every future in a text.
func mapFutures(s string, replace func(Future) string) string {
	if !strings.Contains(s, futurePrefix) {
		return s
	}
	return futurePattern.ReplaceAllStringFunc(s, func(text string) string {
		m := futurePattern.FindStringSubmatch(text)
		return replace(Future{ID: m[1], Field: m[2]})
	})
}

// Replace puts the values of futures into a value, at any depth. A string that is exactly one future becomes
// the future's value with its type; one embedded in other text becomes text.
func Replace(v Value, lookup Lookup) (Value, error) {
	return mapStrings(v, func(s string) (Value, error) {
		if f, ok := ParseFuture(s); ok {
			return lookup(f)
		}
		text, err := ReplaceText(s, lookup)
		return String(text), err
	})
}

// mapStrings copies v with every string that may hold a future replaced; values without one are shared.
func mapStrings(v Value, replace func(string) (Value, error)) (Value, error) {
	if !mentionsFuture(v) {
		return v, nil
	}
	switch v := v.(type) {
	case String:
		return replace(string(v))
	case *List:
		items := make([]Value, len(v.Items))
		for i, item := range v.Items {
			var err error
			if items[i], err = mapStrings(item, replace); err != nil {
				return nil, err
			}
		}
		return &List{Kind: v.Kind, Items: items}, nil
	case *Dict:
		items := make([]Item, len(v.Items))
		for i, item := range v.Items {
			key, err := mapStrings(item.Key, replace)
			if err != nil {
				return nil, err
			}
			value, err := mapStrings(item.Value, replace)
			if err != nil {
				return nil, err
			}
			items[i] = Item{Key: key, Value: value}
		}
		return &Dict{Items: items}, nil
	case *Object:
		fields := make([]Field, len(v.Fields))
		for i, f := range v.Fields {
			value, err := mapStrings(f.Value, replace)
			if err != nil {
				return nil, err
			}
			fields[i] = Field{Name: f.Name, Value: value}
		}
		return &Object{Constructor: v.Constructor, Fields: fields}, nil
	}
	return v, nil
}

func mentionsFuture(v Value) bool {
	found := false
	EachString(v, func(s string) bool {
		found = found || strings.Contains(s, futurePrefix)
		return !found
	})
	return found
}

// EachString calls visit with every string in v, keys included, until visit returns false.
func EachString(v Value, visit func(string) bool) bool {
	switch v := v.(type) {
	case String:
		return visit(string(v))
	case *List:
		for _, item := range v.Items {
			if !EachString(item, visit) {
				return false
			}
		}
	case *Dict:
		for _, item := range v.Items {
			if !EachString(item.Key, visit) || !EachString(item.Value, visit) {
				return false
			}
		}
	case *Object:
		for _, f := range v.Fields {
			if !EachString(f.Value, visit) {
				return false
			}
		}
	}
	return true
}
