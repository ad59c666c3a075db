package plan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strconv"
)

// Values are stored as JSON with nothing lost: null, booleans, strings, integers and lists stand for themselves,
// everything else is an object with one key that says what it is:
//
//	{"float": "1.5"} {"bytes": "…"} {"tuple": […]} {"set": […]} {"dict": [[key, value], …]}
//	{"object": "PortSpec", "fields": [[name, value], …]} {"opaque": "function", "text": "<function f>"}

// MarshalValue writes a value for storage.
func MarshalValue(v Value) ([]byte, error) { return appendStored(nil, v), nil }

func appendStored(out []byte, v Value) []byte {
	quote := func(s string) []byte {
		text, err := json.Marshal(s)
		if err != nil { // strings always encode
			panic(err)
		}
		return text
	}
	list := func(items []Value) {
		out = append(out, '[')
		for i, item := range items {
			if i > 0 {
				out = append(out, ',')
			}
			out = appendStored(out, item)
		}
		out = append(out, ']')
	}
	switch v := v.(type) {
	case nil, None:
		return append(out, "null"...)
	case Bool:
		return strconv.AppendBool(out, bool(v))
	case Int:
		return appendValue(out, v)
	case Float:
		return append(append(append(out, `{"float":`...), quote(strconv.FormatFloat(float64(v), 'g', -1, 64))...), '}')
	case String:
		return append(out, quote(string(v))...)
	case Bytes:
		return append(append(append(out, `{"bytes":`...), quote(latin1(string(v)))...), '}')
	case *List:
		switch v.Kind {
		case Tuple, Set:
			out = append(append(append(out, '{', '"'), v.Type()...), '"', ':')
			list(v.Items)
			return append(out, '}')
		}
		list(v.Items)
		return out
	case *Dict:
		out = append(out, `{"dict":[`...)
		for i, item := range v.Items {
			if i > 0 {
				out = append(out, ',')
			}
			list([]Value{item.Key, item.Value})
		}
		return append(out, `]}`...)
	case *Object:
		out = append(append(append(out, `{"object":`...), quote(v.Constructor)...), `,"fields":[`...)
		for i, f := range withoutSecrets(v.Constructor, v.Fields) {
			if i > 0 {
				out = append(out, ',')
			}
			list([]Value{String(f.Name), f.Value})
		}
		return append(out, `]}`...)
	case Opaque:
		out = append(append(out, `{"opaque":`...), quote(v.Kind)...)
		return append(append(append(out, `,"text":`...), quote(v.Text)...), '}')
	}
	return append(out, "null"...)
}

// latin1 makes a text of bytes that JSON carries unharmed.
func latin1(s string) string {
	runes := make([]rune, len(s))
	for i := range len(s) {
		runes[i] = rune(s[i])
	}
	return string(runes)
}

var errStored = errors.New("a stored value is malformed")

// UnmarshalValue reads what MarshalValue wrote.
func UnmarshalValue(data []byte) (Value, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var raw any
	if err := decoder.Decode(&raw); err != nil {
		return nil, err
	}
	return stored(raw)
}

func stored(raw any) (Value, error) {
	switch raw := raw.(type) {
	case nil:
		return None{}, nil
	case bool:
		return Bool(raw), nil
	case string:
		return String(raw), nil
	case json.Number:
		n, ok := new(big.Int).SetString(raw.String(), 10)
		if !ok {
			return nil, errStored
		}
		return NewBigInt(n), nil
	case []any:
		items, err := storedItems(raw)
		return &List{Items: items}, err
	case map[string]any:
		return storedObject(raw)
	}
	return nil, errStored
}

func storedItems(raw any) ([]Value, error) {
	list, ok := raw.([]any)
	if !ok {
		return nil, errStored
	}
	items := make([]Value, len(list))
	for i, item := range list {
		var err error
		if items[i], err = stored(item); err != nil {
			return nil, err
		}
	}
	return items, nil
}

func storedPairs(raw any) ([]Item, error) {
	list, ok := raw.([]any)
	if !ok {
		return nil, errStored
	}
	items := make([]Item, len(list))
	for i, pair := range list {
		values, err := storedItems(pair)
		if err != nil || len(values) != 2 {
			return nil, errStored
		}
		items[i] = Item{Key: values[0], Value: values[1]}
	}
	return items, nil
}

func storedObject(raw map[string]any) (Value, error) {
	text := func(key string) string { s, _ := raw[key].(string); return s }
	if name, ok := raw["object"]; ok {
		pairs, err := storedPairs(raw["fields"])
		if err != nil {
			return nil, err
		}
		o := &Object{Constructor: fmt.Sprint(name), Fields: make([]Field, len(pairs))}
		for i, p := range pairs {
			o.Fields[i] = Field{Name: StringOf(p.Key), Value: p.Value}
		}
		return o, nil
	}
	if pairs, ok := raw["dict"]; ok {
		items, err := storedPairs(pairs)
		return &Dict{Items: items}, err
	}
	if items, ok := raw["tuple"]; ok {
		values, err := storedItems(items)
		return &List{Kind: Tuple, Items: values}, err
	}
	if items, ok := raw["set"]; ok {
		values, err := storedItems(items)
		return &List{Kind: Set, Items: values}, err
	}
	if _, ok := raw["float"]; ok {
		f, err := strconv.ParseFloat(text("float"), 64)
		return Float(f), err
	}
	if _, ok := raw["bytes"]; ok {
		var b []byte
		for _, r := range text("bytes") {
			b = append(b, byte(r))
		}
		return Bytes(b), nil
	}
	if _, ok := raw["opaque"]; ok {
		return Opaque{Kind: text("opaque"), Text: text("text")}, nil
	}
	return nil, errStored
}

// jsonStep is the stored form of a Step.
type jsonStep struct {
	ID          string            `json:"id"`
	Name        string            `json:"name"`
	Position    jsonPosition      `json:"position"`
	Args        []json.RawMessage `json:"args,omitempty"`  // [name, value]
	Shown       []json.RawMessage `json:"shown,omitempty"` // the same
	Description string            `json:"description"`
	Described   bool              `json:"described,omitempty"`
	Returns     json.RawMessage   `json:"returns,omitempty"`
	Futures     []Source          `json:"futures,omitempty"`
	Needs       []Edge            `json:"needs,omitempty"`
	Locators    []Resolved        `json:"locators,omitempty"`
}

type jsonPosition struct {
	Module string `json:"module,omitempty"`
	Line   int32  `json:"line"`
	Col    int32  `json:"col"`
}

// MarshalJSON writes the position as an object of module, line and col.
func (p Position) MarshalJSON() ([]byte, error) {
	return json.Marshal(jsonPosition{p.Module, p.Line, p.Col})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (p *Position) UnmarshalJSON(data []byte) error {
	var j jsonPosition
	if err := json.Unmarshal(data, &j); err != nil {
		return err
	}
	p.Module, p.Line, p.Col = j.Module, j.Line, j.Col
	return nil
}

// MarshalJSON writes the step for storage; UnmarshalJSON gives an equal one back.
func (s *Step) MarshalJSON() ([]byte, error) {
	j := jsonStep{
		ID: s.ID, Name: s.Name, Position: jsonPosition{s.Position.Module, s.Position.Line, s.Position.Col},
		Description: s.Description, Described: s.Described, Futures: s.Futures, Needs: s.Needs, Locators: s.Locators,
	}
	j.Args, j.Shown = storeFields(s.Args), storeFields(s.Shown)
	if s.Returns != nil {
		j.Returns = appendStored(nil, s.Returns)
	}
	return json.Marshal(j)
}

// UnmarshalJSON reads a stored step.
func (s *Step) UnmarshalJSON(data []byte) error {
	var j jsonStep
	if err := json.Unmarshal(data, &j); err != nil {
		return err
	}
	*s = Step{
		ID: j.ID, Name: j.Name, Description: j.Description, Described: j.Described,
		Futures: j.Futures, Needs: j.Needs, Locators: j.Locators,
	}
	s.Position.Module, s.Position.Line, s.Position.Col = j.Position.Module, j.Position.Line, j.Position.Col
	var err error
	if s.Args, err = storedFields(j.Args); err != nil {
		return err
	}
	if s.Shown, err = storedFields(j.Shown); err != nil {
		return err
	}
	if j.Returns != nil {
		s.Returns, err = UnmarshalValue(j.Returns)
	}
	return err
}

func storeFields(fields []Field) []json.RawMessage {
	var out []json.RawMessage
	for _, f := range fields {
		out = append(out, appendStored(nil, &List{Items: []Value{String(f.Name), f.Value}}))
	}
	return out
}

func storedFields(raw []json.RawMessage) ([]Field, error) {
	var fields []Field
	for _, r := range raw {
		v, err := UnmarshalValue(r)
		if err != nil {
			return nil, err
		}
		pair, ok := v.(*List)
		if !ok || len(pair.Items) != 2 {
			return nil, errStored
		}
		fields = append(fields, Field{Name: StringOf(pair.Items[0]), Value: pair.Items[1]})
	}
	return fields, nil
}

// plainPlan is Plan without its methods.
type plainPlan Plan

// MarshalJSON writes the plan for storage; UnmarshalJSON gives an equal one back.
func (p *Plan) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		*plainPlan
		Result json.RawMessage `json:"result"`
	}{(*plainPlan)(p), appendStored(nil, p.Result)})
}

// UnmarshalJSON reads a stored plan.
func (p *Plan) UnmarshalJSON(data []byte) error {
	in := struct {
		*plainPlan
		Result json.RawMessage `json:"result"`
	}{plainPlan: (*plainPlan)(p)}
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	if in.Result == nil {
		p.Result = None{}
		return nil
	}
	var err error
	p.Result, err = UnmarshalValue(in.Result)
	return err
}
