package builtins

import "github.com/kurtosis-go/kurtosis/lang/types"

// Type variables: T, K and V are the element, key and value types of receivers and arguments, D that of a default.
var (
	varT = &types.Var{Name: "T"}
	varK = &types.Var{Name: "K"}
	varV = &types.Var{Name: "V"}
	varD = &types.Var{Name: "D"}
)

func universe() []Builtin {
	x := func(t types.Type, doc string) Param {
		return Param{Name: "x", Type: t, Required: true, Positional: true, Doc: doc}
	}
	items := func(t types.Type, doc string) Param {
		return Param{Name: "iterable", Type: iterable(t), Required: true, Positional: true, Doc: doc}
	}
	key := Param{Name: "key", Type: union(types.Callable, none), Default: "None", Keyword: true, Doc: "Function of one element whose results are compared instead of the elements."}
	several := Param{Name: "args", Type: anything, Variadic: "*", Doc: "Several values, or one iterable of them."}
	return []Builtin{
		{Name: "None", Kind: Constant, Doc: "The value that stands for nothing. A function without `return` returns it. Compare with `== None`.", Result: none,
			Example: inRun("port = None\nif port == None:\n    plan.print(\"no port\")")},
		{Name: "True", Kind: Constant, Doc: "The true bool.", Result: boolean, Example: inRun("plan.print(True)")},
		{Name: "False", Kind: Constant, Doc: "The false bool.", Result: boolean, Example: inRun("plan.print(False)")},
		{Name: "abs", Doc: "Returns the absolute value of a number.", Params: []Param{x(union(integer, float), "The number.")}, Result: union(integer, float),
			Example: inRun("plan.print(abs(-3))")},
		{Name: "all", Doc: "Says whether all elements are true. True for none at all.", Params: []Param{items(types.Unknown, "The elements.")}, Result: boolean,
			Example: inRun("plan.print(all([1, 2, 0]))")},
		{Name: "any", Doc: "Says whether any element is true. False for none at all.", Params: []Param{items(types.Unknown, "The elements.")}, Result: boolean,
			Example: inRun("plan.print(any([0, 0, 1]))")},
		{Name: "bool", Doc: "Returns the truth value of a value. None, zero, and empty strings and containers are false.",
			Params: []Param{{Name: "x", Type: anything, Default: "False", Positional: true, Doc: "The value."}}, Result: boolean,
			Example: inRun("plan.print(bool([]))")},
		{Name: "bytes", Doc: "Makes bytes of a string (in UTF-8) or of numbers from 0 to 255.",
			Params: []Param{x(union(str, bytes, iterable(integer)), "The string or numbers.")}, Result: bytes,
			Example: inRun("plan.print(len(bytes(\"é\")))")},
		{Name: "chr", Doc: "Returns the character with the given Unicode code point.", Params: []Param{{Name: "i", Type: integer, Required: true, Positional: true, Doc: "The code point."}}, Result: str,
			Example: inRun("plan.print(chr(65))")},
		{Name: "dict", Doc: "Makes a dict of pairs and of keyword arguments.",
			Params: []Param{
				{Name: "pairs", Type: union(dict(varK, varV), iterable(types.Unknown)), Default: "[]", Positional: true, Doc: "A dict to copy, or pairs of key and value."},
				{Name: "kwargs", Type: anything, Variadic: "**", Doc: "Entries with string keys."},
			}, Result: dict(varK, varV), Example: inRun(`plan.print(dict([("a", 1)], b = 2))`)},
		{Name: "dir", Doc: "Returns the names of a value's attributes and methods, sorted.", Params: []Param{x(anything, "The value.")}, Result: list(str),
			Example: inRun("plan.print(dir(struct(a = 1)))")},
		{Name: "enumerate", Doc: "Returns pairs of index and element.",
			Params: []Param{items(varT, "The elements."), {Name: "start", Type: integer, Default: "0", Positional: true, Doc: "The first index."}},
			Result: list(tuple(integer, varT)), Example: inRun("for i, name in enumerate([\"a\", \"b\"]):\n    plan.print(name + str(i))")},
		{Name: "fail", Doc: "Ends the interpretation with an error. Nothing of the plan is executed then.",
			Params: []Param{
				{Name: "args", Type: anything, Variadic: "*", Doc: "What the message is made of."},
				{Name: "sep", Type: str, Default: `" "`, Keyword: true, Doc: "What goes between them."},
			}, Result: types.Never, Example: "def run(plan, count = 1):\n    if count < 1:\n        fail(\"count must be at least 1, not\", count)\n    plan.print(count)\n"},
		{Name: "float", Doc: "Converts a number, a bool or a string to a float.",
			Params: []Param{{Name: "x", Type: union(float, integer, boolean, str), Default: "0.0", Positional: true, Doc: "What to convert. A string must be a number, or fails."}}, Result: float,
			Example: inRun("plan.print(float(\"1.5\"))")},
		{Name: "getattr", Doc: "Returns the attribute of a value by name. Fails when there is none, unless a default is given.",
			Params: []Param{x(anything, "The value."), {Name: "name", Type: str, Required: true, Positional: true, Doc: "The attribute's name."},
				{Name: "default", Type: anything, Positional: true, Doc: "What to return when there is no such attribute."}},
			Result: anything, Example: inRun("plan.print(getattr(struct(a = 1), \"b\", 0))")},
		{Name: "hasattr", Doc: "Says whether a value has an attribute or method of that name.",
			Params: []Param{x(anything, "The value."), {Name: "name", Type: str, Required: true, Positional: true, Doc: "The attribute's name."}},
			Result: boolean, Example: inRun("plan.print(hasattr(struct(a = 1), \"a\"))")},
		{Name: "hash", Doc: "Returns a number made from a string or bytes, always the same for the same text.",
			Params: []Param{x(union(str, bytes), "The string or bytes.")}, Result: integer, Example: inRun("plan.print(hash(\"a\"))")},
		{Name: "int", Doc: "Converts a number, a bool or a string to an int. A float loses its fraction.",
			Params: []Param{{Name: "x", Type: union(integer, float, boolean, str), Required: true, Doc: "What to convert. A string must be an int in the base, or fails."},
				{Name: "base", Type: integer, Doc: "Base of a string: 2 to 36, or 0 to go by its prefix (`0x`, `0o`, `0b`). Default 10."}},
			Result: integer, Example: inRun("plan.print(int(\"ff\", 16))")},
		{Name: "len", Doc: "Returns the number of elements: bytes of a string, entries of a dict.",
			Params: []Param{x(union(iterable(types.Unknown), str, bytes), "A string, bytes, list, tuple, dict or range.")}, Result: integer,
			Example: inRun("plan.print(len([1, 2, 3]))")},
		{Name: "list", Doc: "Makes a list of the elements of an iterable.",
			Params: []Param{{Name: "iterable", Type: iterable(varT), Default: "[]", Positional: true, Doc: "The elements."}}, Result: list(varT),
			Example: inRun("plan.print(list({\"a\": 1}))")},
		{Name: "max", Doc: "Returns the largest element. Fails when there is none.", Params: []Param{several, key}, Result: anything, Example: inRun("plan.print(max([3, 1, 2]))")},
		{Name: "min", Doc: "Returns the smallest element. Fails when there is none.", Params: []Param{several, key}, Result: anything, Example: inRun("plan.print(min(3, 1, 2))")},
		{Name: "ord", Doc: "Returns the Unicode code point of a character, or the number of a byte.", Params: []Param{x(union(str, bytes), "A string of one character, or bytes of length one.")}, Result: integer,
			Example: inRun("plan.print(ord(\"A\"))")},
		{Name: "range", Doc: "Returns the ints from `start` up to, but not including, `stop`. With one argument it is `stop`, and the range starts at 0.",
			Params: []Param{
				{Name: "start_or_stop", Type: integer, Required: true, Positional: true, Doc: "The end, when it is the only argument; otherwise the first int."},
				{Name: "stop", Type: integer, Positional: true, Doc: "The end, not included."},
				{Name: "step", Type: integer, Default: "1", Positional: true, Doc: "Distance between two ints. Negative counts down; 0 fails."},
			}, Result: rangeType, Example: inRun("for i in range(3):\n    plan.print(\"node-\" + str(i))")},
		{Name: "repr", Doc: "Returns a value as Starlark would write it: strings in quotes.", Params: []Param{x(anything, "The value.")}, Result: str, Example: inRun("plan.print(repr(\"a\"))")},
		{Name: "reversed", Doc: "Returns the elements in reverse order.", Params: []Param{items(varT, "The elements.")}, Result: list(varT), Example: inRun("plan.print(reversed([1, 2, 3]))")},
		{Name: "sorted", Doc: "Returns the elements in ascending order. Elements that compare equal keep their order. Fails when they cannot be compared.",
			Params: []Param{
				{Name: "iterable", Type: iterable(varT), Required: true, Doc: "The elements."},
				byPosition(key), {Name: "reverse", Type: boolean, Default: "False", Doc: "Descending order."},
			}, Result: list(varT), Example: inRun("plan.print(sorted([\"bb\", \"a\"], key = len))")},
		{Name: "str", Doc: "Returns a value as text. A string is returned as it is.", Params: []Param{{Name: "x", Type: anything, Default: `""`, Positional: true, Doc: "The value."}}, Result: str,
			Example: inRun("plan.print(\"port \" + str(8080))")},
		{Name: "tuple", Doc: "Makes a tuple of the elements of an iterable.",
			Params: []Param{{Name: "iterable", Type: iterable(varT), Default: "()", Positional: true, Doc: "The elements."}}, Result: &types.Tuple{Rest: varT},
			Example: inRun("plan.print(tuple([1, 2]))")},
		{Name: "type", Doc: "Returns the name of a value's type: `\"int\"`, `\"string\"`, `\"list\"`, `\"NoneType\"`, `\"struct\"`, and so on.", Params: []Param{x(anything, "The value.")}, Result: str,
			Example: inRun("if type(1) == \"int\":\n    plan.print(\"an int\")")},
		{Name: "zip", Doc: "Returns tuples of the elements at the same place in several iterables. As many as the shortest has.",
			Params: []Param{{Name: "iterables", Type: iterable(types.Unknown), Variadic: "*", Doc: "The iterables."}}, Result: list(&types.Tuple{Rest: types.Unknown}),
			Example: inRun("for name, port in zip([\"a\", \"b\"], [80, 81]):\n    plan.print(name + str(port))")},
	}
}

func byPosition(p Param) Param {
	p.Keyword = false
	return p
}
