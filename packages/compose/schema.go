package compose

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/kurtosis-go/kurtosis/lang/diag"
)

// specification is the JSON Schema of Compose files, as https://github.com/compose-spec/compose-spec has it under the
// Apache License 2.0. A test holds it to the one of the compose-go that is used.
//
//go:embed compose-spec.json
var specification []byte

// rule is a schema, as far as the specification makes use of what JSON Schema has.
type rule struct {
	Ref         string           `json:"$ref"`
	Type        names            `json:"type"`
	Properties  map[string]*rule `json:"properties"`
	Patterns    map[string]*rule `json:"patternProperties"`
	More        *bool            `json:"additionalProperties"`
	Items       *rule            `json:"items"`
	OneOf       []*rule          `json:"oneOf"`
	Enum        []any            `json:"enum"`
	Required    []string         `json:"required"`
	Unique      bool             `json:"uniqueItems"`
	Minimum     *float64         `json:"minimum"`
	Maximum     *float64         `json:"maximum"`
	Pattern     string           `json:"pattern"`
	Format      string           `json:"format"`
	Definitions map[string]*rule `json:"definitions"`
}

// names is one name, or several.
type names []string

func (n *names) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*n = names{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(n))
}

var composeRules = sync.OnceValues(func() (*rule, error) {
	var top rule
	err := json.Unmarshal(specification, &top)
	return &top, err
})

// misfit is what does not fit, and where.
type misfit struct {
	at    []string
	what  string
	typed bool // it is of the right type
}

func (m *misfit) Error() string {
	if len(m.at) == 0 {
		return m.what
	}
	return strings.Join(m.at, ".") + ": " + m.what
}

// depth says how much of the file fits: of several ways to read it, the one that gets furthest is what was meant.
func (m *misfit) depth() int {
	if m.typed {
		return len(m.at) + 1
	}
	return len(m.at)
}

// checkSchema refuses a model that is not a Compose file's.
func checkSchema(model map[string]any) error {
	top, err := composeRules()
	if err != nil {
		return err
	}
	if found := (schema{top.Definitions, map[string]*regexp.Regexp{}}).check(top, model, nil); found != nil {
		return found
	}
	return nil
}

type schema struct {
	definitions map[string]*rule
	patterns    map[string]*regexp.Regexp
}

func (s schema) matches(pattern, text string) bool {
	if s.patterns[pattern] == nil {
		s.patterns[pattern] = regexp.MustCompile(pattern)
	}
	return s.patterns[pattern].MatchString(text)
}

func (s schema) check(r *rule, value any, at []string) *misfit {
	wrong := func(format string, args ...any) *misfit {
		return &misfit{at: slices.Clone(at), what: fmt.Sprintf(format, args...), typed: true}
	}
	if r.Ref != "" {
		return s.check(s.definitions[strings.TrimPrefix(r.Ref, "#/definitions/")], value, at)
	}
	if r.Type != nil && !slices.ContainsFunc(r.Type, func(name string) bool { return isA(value, name) }) {
		return &misfit{at: slices.Clone(at), what: "must be " + oneOf(r.Type)}
	}
	if r.Enum != nil && !slices.Contains(r.Enum, value) {
		return wrong("must be one of %s", strings.Trim(fmt.Sprint(r.Enum), "[]"))
	}
	if r.OneOf != nil {
		if found := s.oneOf(r.OneOf, value, at); found != nil {
			return found
		}
	}
	switch value := value.(type) {
	case map[string]any:
		return s.checkMapping(r, value, at)
	case []any:
		for i, item := range value {
			if r.Unique && slices.ContainsFunc(value[:i], func(other any) bool { return reflect.DeepEqual(item, other) }) {
				return wrong("%v is there twice", item)
			}
			if r.Items == nil {
				continue
			}
			if found := s.check(r.Items, item, append(at, fmt.Sprint(i))); found != nil {
				return found
			}
		}
	case string:
		if r.Pattern != "" && !s.matches(r.Pattern, value) {
			return wrong("%q does not match %s", value, r.Pattern)
		}
		if r.Format == "duration" {
			if _, err := time.ParseDuration(value); err != nil {
				return wrong("%q is not a duration", value)
			}
		}
	default:
		number, ok := numberOf(value)
		if ok && r.Minimum != nil && number < *r.Minimum {
			return wrong("must be greater than or equal to %v", *r.Minimum)
		}
		if ok && r.Maximum != nil && number > *r.Maximum {
			return wrong("must be less than or equal to %v", *r.Maximum)
		}
	}
	return nil
}

func (s schema) checkMapping(r *rule, value map[string]any, at []string) *misfit {
	for _, key := range r.Required {
		if _, ok := value[key]; !ok {
			return &misfit{at: slices.Clone(at), what: fmt.Sprintf("the key '%s' is missing", key), typed: true}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(value)) {
		next := append(slices.Clone(at), key)
		known := false
		if property, ok := r.Properties[key]; ok {
			known = true
			if found := s.check(property, value[key], next); found != nil {
				return found
			}
		}
		for _, pattern := range slices.Sorted(maps.Keys(r.Patterns)) {
			if !s.matches(pattern, key) {
				continue
			}
			known = true
			if found := s.check(r.Patterns[pattern], value[key], next); found != nil {
				return found
			}
		}
		if !known && r.More != nil && !*r.More {
			what := fmt.Sprintf("unknown key '%s'", key)
			if near, ok := diag.Closest(key, slices.Sorted(maps.Keys(r.Properties))); ok {
				what += fmt.Sprintf(", did you mean '%s'?", near)
			}
			return &misfit{at: slices.Clone(at), what: what, typed: true}
		}
	}
	return nil
}

// oneOf says why value fits none of the rules.
func (s schema) oneOf(rules []*rule, value any, at []string) *misfit {
	var furthest *misfit
	var types names
	for _, r := range rules {
		found := s.check(r, value, at)
		if found == nil {
			return nil
		}
		if furthest == nil || found.depth() > furthest.depth() {
			furthest = found
		}
		for r.Ref != "" {
			r = s.definitions[strings.TrimPrefix(r.Ref, "#/definitions/")]
		}
		types = append(types, r.Type...)
	}
	if furthest.depth() == len(at) && !slices.ContainsFunc(types, func(name string) bool { return isA(value, name) }) {
		return &misfit{at: slices.Clone(at), what: "must be " + oneOf(types)}
	}
	return furthest
}

// oneOf words a choice of types.
func oneOf(types names) string {
	words := map[string]string{"object": "a mapping", "array": "a list", "string": "a string", "integer": "a whole number", "number": "a number", "boolean": "true or false", "null": "empty"}
	var out []string
	for _, name := range types {
		if word := words[name]; !slices.Contains(out, word) {
			out = append(out, word)
		}
	}
	if len(out) == 1 {
		return out[0]
	}
	return strings.Join(out[:len(out)-1], ", ") + " or " + out[len(out)-1]
}

func isA(value any, name string) bool {
	switch value.(type) {
	case nil:
		return name == "null"
	case map[string]any:
		return name == "object"
	case []any:
		return name == "array"
	case bool:
		return name == "boolean"
	}
	number, ok := numberOf(value)
	switch {
	case !ok:
		return name == "string"
	case name == "integer":
		return number == float64(int64(number))
	default:
		return name == "number"
	}
}

func numberOf(value any) (float64, bool) {
	v := reflect.ValueOf(value)
	switch {
	case !v.IsValid():
		return 0, false
	case v.CanInt():
		return float64(v.Int()), true
	case v.CanUint():
		return float64(v.Uint()), true
	case v.CanFloat():
		return v.Float(), true
	}
	return 0, false
}
