package plan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"sort"
	"strconv"
	"unicode/utf8"
)

// EncodeJSON writes a value as Starlark's json.encode does: keys sorted, typed objects and structs as objects.
// It fails on what JSON cannot hold: functions, keys that are not strings, infinities.
func EncodeJSON(v Value) ([]byte, error) { return appendJSON(nil, v) }

func appendJSON(out []byte, v Value) ([]byte, error) {
	switch v := v.(type) {
	case None:
		return append(out, "null"...), nil
	case Bool:
		return strconv.AppendBool(out, bool(v)), nil
	case Int:
		return appendValue(out, v), nil
	case Float:
		if math.IsInf(float64(v), 0) || math.IsNaN(float64(v)) {
			return nil, fmt.Errorf("cannot encode non-finite float %s", v)
		}
		return appendFloat(out, float64(v)), nil
	case String:
		return appendJSONString(out, string(v)), nil
	case *List:
		out = append(out, '[')
		for i, item := range v.Items {
			if i > 0 {
				out = append(out, ',')
			}
			var err error
			if out, err = appendJSON(out, item); err != nil {
				return nil, fmt.Errorf("at %s index %d: %w", v.Type(), i, err)
			}
		}
		return append(out, ']'), nil
	case *Dict:
		for _, item := range v.Items {
			if _, ok := item.Key.(String); !ok {
				return nil, fmt.Errorf("%s has %s key, want string", v.Type(), item.Key.Type())
			}
		}
		out = append(out, '{')
		for i, item := range sortedItems(v.Items) {
			if i > 0 {
				out = append(out, ',')
			}
			out = append(appendJSONString(out, string(item.Key.(String))), ':')
			var err error
			if out, err = appendJSON(out, item.Value); err != nil {
				return nil, fmt.Errorf("in %s key %s: %w", v.Type(), item.Key, err)
			}
		}
		return append(out, '}'), nil
	case *Object:
		fields := append([]Field(nil), masked(v.Constructor, v.Fields)...)
		sort.Slice(fields, func(i, j int) bool { return fields[i].Name < fields[j].Name })
		out = append(out, '{')
		for i, f := range fields {
			if i > 0 {
				out = append(out, ',')
			}
			out = append(appendJSONString(out, f.Name), ':')
			var err error
			if out, err = appendJSON(out, f.Value); err != nil {
				return nil, fmt.Errorf("in field .%s: %w", f.Name, err)
			}
		}
		return append(out, '}'), nil
	}
	return nil, fmt.Errorf("cannot encode %s as JSON", v.Type())
}

// appendJSONString quotes as Starlark does: plainly where the text is printable ASCII, and as Go's encoding/json
// does otherwise.
func appendJSONString(out []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f {
			quoted, err := json.Marshal(s)
			if err != nil { // strings always encode
				panic(err)
			}
			return append(out, quoted...)
		}
	}
	return strconv.AppendQuote(out, s)
}

// ResultText is what run returned as the command line shows it: indented JSON, or as Starlark prints it where
// JSON cannot hold it. "" when it returned nothing.
func (p *Plan) ResultText() string { return FormatResult(p.Result) }

// FormatResult is ResultText for any value: the executor formats the result once futures are replaced.
func FormatResult(v Value) string {
	if _, none := v.(None); none || v == nil {
		return ""
	}
	text, err := EncodeJSON(v)
	if err != nil {
		return v.String()
	}
	var out bytes.Buffer
	if err := json.Indent(&out, text, "", "\t"); err != nil || !utf8.Valid(out.Bytes()) {
		return v.String()
	}
	return out.String()
}
