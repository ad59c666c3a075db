package builtins

import (
	"slices"
	"strings"

	"github.com/kurtosis-go/kurtosis/lang/types"
)

// The indexes are made once, from rows that nothing changes afterwards.
var (
	rows    = collect()
	byName  = index(rows)
	members = group(rows)
)

func collect() []*Builtin {
	var all []*Builtin
	for _, part := range []struct {
		kind     Kind   // of the rows that do not say
		receiver string // the same
		rows     []Builtin
	}{
		{Instruction, "plan", instructions()},
		{Constructor, "", constructors()},
		{Helper, "", helpers()},
		{Module, "", modules()},
		{Method, "json", jsonMembers()},
		{Method, "time", timeMembers()},
		{Method, "time.time", timeMethods()},
		{Universe, "", universe()},
		{Method, "string", stringMethods()},
		{Method, "bytes", bytesMethods()},
		{Method, "list", listMethods()},
		{Method, "dict", dictMethods()},
		{Module, "", testModules()},
		{Method, "expect", expectMembers("expect")},
		{Method, "assert", expectMembers("assert")},
		{Method, "kurtosistest", kurtosisTestMembers()},
		{Method, "mock", mockMethods()},
	} {
		for i := range part.rows {
			b := &part.rows[i]
			if b.Kind == "" {
				b.Kind = part.kind
			}
			if b.Receiver == "" {
				b.Receiver = part.receiver
			}
			all = append(all, b)
		}
	}
	return all
}

type key struct{ receiver, name string }

func index(rows []*Builtin) map[key]*Builtin {
	m := make(map[key]*Builtin, len(rows))
	for _, b := range rows {
		m[key{b.Receiver, b.Name}] = b
	}
	return m
}

func group(rows []*Builtin) map[string][]*Builtin {
	m := map[string][]*Builtin{}
	for _, b := range rows {
		m[b.Receiver] = append(m[b.Receiver], b)
	}
	for k := range m {
		m[k] = slices.Clip(m[k])
	}
	return m
}

// All lists every row: instructions, constructors, helpers, modules with their members, the universe, methods, and
// what *_test.star files have besides. Callers do not change the rows.
func All() []*Builtin { return slices.Clone(rows) }

// Lookup finds a row by receiver ("" for what stands alone) and name, or returns nil.
func Lookup(receiver, name string) *Builtin { return byName[key{receiver, name}] }

// Find finds a row by its qualified name: "plan.wait", "len", "time.time.format". It returns nil for others.
func Find(qualified string) *Builtin {
	if i := strings.LastIndexByte(qualified, '.'); i >= 0 {
		return Lookup(qualified[:i], qualified[i+1:])
	}
	return Lookup("", qualified)
}

// Members lists the rows of a receiver: "plan", "string", "time" …; of "", what stands alone.
func Members(receiver string) []*Builtin { return slices.Clone(members[receiver]) }

// Constructors lists the Kurtosis types.
func Constructors() []*Builtin { return ofKind(Constructor) }

// Instructions lists the methods of plan.
func Instructions() []*Builtin { return ofKind(Instruction) }

func ofKind(kind Kind) []*Builtin {
	var out []*Builtin
	for _, b := range rows {
		if b.Kind == kind {
			out = append(out, b)
		}
	}
	return out
}

// NamedType returns the builtin type of that name (Service, PortSpec, plan, time.duration …), or nil.
func NamedType(name string) types.Type {
	if t, ok := namedTypes[name]; ok {
		return t
	}
	return nil
}

// ParseType reads a type that may name builtin types: list[Service], dict[str, PortSpec] | None.
func ParseType(text string) (types.Type, error) { return types.ParseNamed(text, NamedType) }
