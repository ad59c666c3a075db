package plan

import (
	"math"
	"math/big"
	"sort"
	"strconv"
)

// Value is an argument or a result after interpretation. It is one of None, Bool, Int, Float, String, Bytes,
// *List, *Dict, *Object or Opaque. Values are immutable by convention: whoever holds one does not change it.
type Value interface {
	// Type is the Starlark type name: "NoneType", "bool", "int", "string", "list", "ServiceConfig" …
	Type() string
	// String prints the value as a plan instruction shows it: Starlark syntax, dict items and struct
	// fields sorted by key.
	String() string
}

type (
	// None is Starlark's None.
	None struct{}
	// Bool is True or False.
	Bool bool
	// Float is a Starlark float.
	Float float64
	// String is a text; futures stand in it as `{{kurtosis:…}}`.
	String string
	// Bytes is a Starlark bytes value.
	Bytes string
)

// Int is an integer of any size.
type Int struct {
	small int64
	big   *big.Int // non-nil only when the value does not fit in small
}

// NewInt makes an Int of a machine integer.
func NewInt(n int64) Int { return Int{small: n} }

// NewBigInt makes an Int of any integer; n is copied when it is large.
func NewBigInt(n *big.Int) Int {
	if n.IsInt64() {
		return Int{small: n.Int64()}
	}
	return Int{big: new(big.Int).Set(n)}
}

// Int64 returns the value and whether it fits.
func (i Int) Int64() (int64, bool) { return i.small, i.big == nil }

// Big returns the value as a new big integer.
func (i Int) Big() *big.Int {
	if i.big != nil {
		return new(big.Int).Set(i.big)
	}
	return big.NewInt(i.small)
}

// List is a Starlark list, tuple or set: Kind says which.
type List struct {
	Kind  ListKind
	Items []Value
}

// ListKind tells the sequences apart; they print and compare differently.
type ListKind uint8

const (
	Sequence ListKind = iota // [1, 2]
	Tuple                    // (1, 2)
	Set                      // set([1, 2])
)

// Dict is a dict in insertion order.
type Dict struct{ Items []Item }

// Item is one entry of a Dict.
type Item struct{ Key, Value Value }

// Get returns the value stored under a string key.
func (d *Dict) Get(key string) (Value, bool) {
	for _, item := range d.Items {
		if s, ok := item.Key.(String); ok && string(s) == key {
			return item.Value, true
		}
	}
	return nil, false
}

// Object is a struct or a Kurtosis typed object such as ServiceConfig. Of a typed object only the arguments
// that were given are fields, in declaration order; a struct's fields are sorted.
type Object struct {
	Constructor string // "struct", "ServiceConfig", "PortSpec" …
	Fields      []Field
}

// Field is a named value: a field of an Object or an argument of a Step.
type Field struct {
	Name  string
	Value Value
}

// Field returns a field by name.
func (o *Object) Field(name string) (Value, bool) { return field(o.Fields, name) }

func field(fields []Field, name string) (Value, bool) {
	for _, f := range fields {
		if f.Name == name {
			return f.Value, true
		}
	}
	return nil, false
}

// Opaque is a value that has no form outside the interpreter (a function, a module): only its type and
// printed text are kept.
type Opaque struct{ Kind, Text string }

func (None) Type() string   { return "NoneType" }
func (Bool) Type() string   { return "bool" }
func (Int) Type() string    { return "int" }
func (Float) Type() string  { return "float" }
func (String) Type() string { return "string" }
func (Bytes) Type() string  { return "bytes" }
func (l *List) Type() string {
	return [...]string{"list", "tuple", "set"}[l.Kind]
}
func (*Dict) Type() string     { return "dict" }
func (o *Object) Type() string { return o.Constructor }
func (o Opaque) Type() string  { return o.Kind }

// Equal reports whether two values are equal as Starlark's == has it: 1 == 1.0, dicts regardless of order,
// lists and tuples never equal to each other.
func Equal(a, b Value) bool {
	switch a := a.(type) {
	case Int:
		switch b := b.(type) {
		case Int:
			return compareInts(a, b) == 0
		case Float:
			return compareIntFloat(a, b) == 0
		}
		return false
	case Float:
		switch b := b.(type) {
		case Float:
			return a == b || math.IsNaN(float64(a)) && math.IsNaN(float64(b))
		case Int:
			return compareIntFloat(b, a) == 0
		}
		return false
	case *List:
		b, ok := b.(*List)
		if !ok || a.Kind != b.Kind || len(a.Items) != len(b.Items) {
			return false
		}
		if a.Kind == Set {
			for _, item := range a.Items {
				if !contains(b.Items, item) {
					return false
				}
			}
			return true
		}
		for i := range a.Items {
			if !Equal(a.Items[i], b.Items[i]) {
				return false
			}
		}
		return true
	case *Dict:
		b, ok := b.(*Dict)
		if !ok || len(a.Items) != len(b.Items) {
			return false
		}
		for _, item := range a.Items {
			other, ok := lookup(b, item.Key)
			if !ok || !Equal(item.Value, other) {
				return false
			}
		}
		return true
	case *Object:
		b, ok := b.(*Object)
		if !ok || a.Constructor != b.Constructor || len(a.Fields) != len(b.Fields) {
			return false
		}
		for _, f := range a.Fields {
			other, ok := b.Field(f.Name)
			if !ok || !Equal(f.Value, other) {
				return false
			}
		}
		return true
	}
	return a == b // None, Bool, String, Bytes, Opaque are comparable
}

func contains(items []Value, v Value) bool {
	for _, item := range items {
		if Equal(item, v) {
			return true
		}
	}
	return false
}

func lookup(d *Dict, key Value) (Value, bool) {
	for _, item := range d.Items {
		if Equal(item.Key, key) {
			return item.Value, true
		}
	}
	return nil, false
}

func compareInts(a, b Int) int {
	if a.big == nil && b.big == nil {
		switch {
		case a.small < b.small:
			return -1
		case a.small > b.small:
			return 1
		}
		return 0
	}
	return a.Big().Cmp(b.Big())
}

// compareIntFloat orders an int and a float exactly; NaN is larger than everything, as Starlark has it.
func compareIntFloat(i Int, f Float) int {
	switch {
	case math.IsNaN(float64(f)), math.IsInf(float64(f), 1):
		return -1
	case math.IsInf(float64(f), -1):
		return 1
	}
	return new(big.Rat).SetInt(i.Big()).Cmp(new(big.Rat).SetFloat64(float64(f)))
}

// Compare orders two values as Starlark's < has it: numbers, strings, bools and sequences of one kind.
// ok is false where Starlark refuses to order them.
func Compare(a, b Value) (order int, ok bool) {
	switch a := a.(type) {
	case Int:
		switch b := b.(type) {
		case Int:
			return compareInts(a, b), true
		case Float:
			return compareIntFloat(a, b), true
		}
	case Float:
		switch b := b.(type) {
		case Float:
			switch {
			case a < b:
				return -1, true
			case a > b:
				return 1, true
			case a == b || math.IsNaN(float64(a)) && math.IsNaN(float64(b)):
				return 0, true
			case math.IsNaN(float64(a)):
				return 1, true
			}
			return -1, true
		case Int:
			return -compareIntFloat(b, a), true
		}
	case String:
		if b, ok := b.(String); ok {
			return compareOrdered(a, b), true
		}
	case Bytes:
		if b, ok := b.(Bytes); ok {
			return compareOrdered(a, b), true
		}
	case Bool:
		if b, ok := b.(Bool); ok {
			return compareOrdered(boolRank(a), boolRank(b)), true
		}
	case *List:
		b, ok := b.(*List)
		if !ok || a.Kind != b.Kind || a.Kind == Set {
			return 0, false
		}
		for i := 0; i < len(a.Items) && i < len(b.Items); i++ {
			if Equal(a.Items[i], b.Items[i]) {
				continue
			}
			return Compare(a.Items[i], b.Items[i])
		}
		return compareOrdered(len(a.Items), len(b.Items)), true
	}
	return 0, false
}

func boolRank(b Bool) int {
	if b {
		return 1
	}
	return 0
}

func compareOrdered[T int | String | Bytes](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// sortedItems returns the items ordered by the printed form of their keys; strings sort by their text.
func sortedItems(items []Item) []Item {
	text := func(v Value) string {
		if s, ok := v.(String); ok {
			return string(s)
		}
		return v.String()
	}
	if sort.SliceIsSorted(items, func(i, j int) bool { return text(items[i].Key) < text(items[j].Key) }) {
		return items
	}
	sorted := append([]Item(nil), items...)
	sort.SliceStable(sorted, func(i, j int) bool { return text(sorted[i].Key) < text(sorted[j].Key) })
	return sorted
}

// StringOf returns the text of a String, and the printed form of anything else, as Starlark's str() does.
func StringOf(v Value) string {
	if s, ok := v.(String); ok {
		return string(s)
	}
	return v.String()
}

func (i Int) String() string {
	if i.big != nil {
		return i.big.String()
	}
	return strconv.FormatInt(i.small, 10)
}
