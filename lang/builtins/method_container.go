package builtins

import "github.com/kurtosis-go/kurtosis/lang/types"

// The methods of lists (of T) and dicts (of K and V). All that change the receiver fail once it is frozen, as the
// globals of a module are when it has been loaded, and while it is iterated over.

func listMethods() []Builtin {
	x := func(doc string) Param {
		return Param{Name: "x", Type: varT, Required: true, Positional: true, Doc: doc}
	}
	return []Builtin{
		{Name: "append", Doc: "Adds an element at the end.", Params: []Param{{Name: "x", Type: anything, Required: true, Positional: true, Doc: "The element."}}, Result: none,
			Example: inRun("names = [\"a\"]\nnames.append(\"b\")\nplan.print(names)")},
		{Name: "clear", Doc: "Removes all elements.", Result: none,
			Example: inRun("names = [\"a\"]\nnames.clear()\nplan.print(names)")},
		{Name: "extend", Doc: "Adds the elements of an iterable at the end.", Params: []Param{{Name: "x", Type: iterable(types.Unknown), Required: true, Positional: true, Doc: "The elements."}}, Result: none,
			Example: inRun("names = [\"a\"]\nnames.extend([\"b\", \"c\"])\nplan.print(names)")},
		{Name: "index", Doc: "Returns the index of the first element that equals a value. Fails when there is none.",
			Params: []Param{x("The value."),
				{Name: "start", Type: union(integer, none), Default: "0", Positional: true, Doc: "Where to begin. Negative counts from the end."},
				{Name: "end", Type: union(integer, none), Default: "None", Positional: true, Doc: "Where to end, not included."}},
			Result: integer, Example: inRun("plan.print([\"a\", \"b\"].index(\"b\"))")},
		{Name: "insert", Doc: "Inserts an element before an index. Beyond the end it is added at the end.",
			Params: []Param{{Name: "i", Type: integer, Required: true, Positional: true, Doc: "The index. Negative counts from the end."},
				{Name: "x", Type: anything, Required: true, Positional: true, Doc: "The element."}},
			Result: none, Example: inRun("names = [\"b\"]\nnames.insert(0, \"a\")\nplan.print(names)")},
		{Name: "pop", Doc: "Removes an element and returns it. Fails when there is none at the index.",
			Params: []Param{{Name: "i", Type: integer, Default: "-1", Positional: true, Doc: "Its index. Negative counts from the end."}},
			Result: varT, Example: inRun("names = [\"a\", \"b\"]\nplan.print(names.pop())")},
		{Name: "remove", Doc: "Removes the first element that equals a value. Fails when there is none.", Params: []Param{x("The value.")}, Result: none,
			Example: inRun("names = [\"a\", \"b\"]\nnames.remove(\"a\")\nplan.print(names)")},
	}
}

func dictMethods() []Builtin {
	key := Param{Name: "key", Type: varK, Required: true, Positional: true, Doc: "The key."}
	return []Builtin{
		{Name: "clear", Doc: "Removes all entries.", Result: none, Example: inRun("d = {\"a\": 1}\nd.clear()\nplan.print(d)")},
		{Name: "get", Doc: "Returns the value of a key, or a default.",
			Params: []Param{key, {Name: "default", Type: varD, Default: "None", Positional: true, Doc: "What to return when there is no such key."}},
			Result: &types.Union{Members: []types.Type{varV, varD}}, Example: inRun("plan.print({\"a\": 1}.get(\"b\", 0))")},
		{Name: "items", Doc: "Returns the entries as pairs of key and value, in the order in which they were added.", Result: list(tuple(varK, varV)),
			Example: inRun("for name, port in {\"http\": 80}.items():\n    plan.print(name + str(port))")},
		{Name: "keys", Doc: "Returns the keys, in the order in which they were added.", Result: list(varK), Example: inRun("plan.print({\"a\": 1}.keys())")},
		{Name: "pop", Doc: "Removes an entry and returns its value. Fails when there is no such key, unless a default is given.",
			Params: []Param{key, {Name: "default", Type: varD, Positional: true, Doc: "What to return when there is no such key."}},
			Result: &types.Union{Members: []types.Type{varV, varD}}, Example: inRun("d = {\"a\": 1}\nplan.print(d.pop(\"a\"))")},
		{Name: "popitem", Doc: "Removes the first entry and returns it as a pair. Fails when there is none.", Result: tuple(varK, varV),
			Example: inRun("d = {\"a\": 1}\nplan.print(d.popitem())")},
		{Name: "setdefault", Doc: "Returns the value of a key, after adding the key with a default when it is missing.",
			Params: []Param{key, {Name: "default", Type: varD, Default: "None", Positional: true, Doc: "The value to add."}},
			Result: &types.Union{Members: []types.Type{varV, varD}}, Example: inRun("d = {}\nd.setdefault(\"ports\", []).append(80)\nplan.print(d)")},
		{Name: "update", Doc: "Adds entries, replacing those with the same keys.",
			Params: []Param{
				{Name: "pairs", Type: union(dict(types.Unknown, types.Unknown), iterable(types.Unknown)), Default: "[]", Positional: true, Doc: "A dict, or pairs of key and value."},
				{Name: "kwargs", Type: anything, Variadic: "**", Doc: "Entries with string keys."},
			}, Result: none, Example: inRun("d = {\"a\": 1}\nd.update({\"b\": 2})\nplan.print(d)")},
		{Name: "values", Doc: "Returns the values, in the order in which their keys were added.", Result: list(varV), Example: inRun("plan.print({\"a\": 1}.values())")},
	}
}
