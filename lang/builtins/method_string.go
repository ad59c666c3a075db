package builtins

import "github.com/kurtosis-go/kurtosis/lang/types"

func stringMethods() []Builtin {
	arg := func(name string, t types.Type, doc string) Param {
		return Param{Name: name, Type: t, Required: true, Positional: true, Doc: doc}
	}
	opt := func(name string, t types.Type, def, doc string) Param {
		return Param{Name: name, Type: t, Default: def, Positional: true, Doc: doc}
	}
	method := func(name, doc string, result types.Type, example string, params ...Param) Builtin {
		return Builtin{Name: name, Doc: doc, Params: params, Result: result, Example: inRun("plan.print(" + example + ")")}
	}
	span := []Param{
		opt("start", union(integer, none), "0", "Where to begin. Negative counts from the end."),
		opt("end", union(integer, none), "None", "Where to end, not included. `None` is the end of the string."),
	}
	search := func(doc string) []Param { return append([]Param{arg("sub", str, doc)}, span...) }
	ends := func(what string) []Param {
		return append([]Param{arg(what, union(str, &types.Tuple{Rest: str}), "The "+what+", or a tuple of several of which one must match.")}, span...)
	}
	cut := opt("cutset", union(str, none), "None", "The characters to remove. `None` is white space.")
	split := []Param{
		opt("sep", union(str, none), "None", "What separates the parts. `None` is any run of white space."),
		opt("maxsplit", integer, "-1", "How many splits to make at most. Negative is no limit."),
	}
	three := tuple(str, str, str)
	return []Builtin{
		method("capitalize", "Returns the string with its first letter in upper case and the rest in lower case.", str, `"hELLO".capitalize()`),
		method("codepoint_ords", "Returns the Unicode code points as ints, to iterate over.", iterable(integer), `list("aé".codepoint_ords())`),
		method("codepoints", "Returns the characters as strings, to iterate over.", iterable(str), `list("aé".codepoints())`),
		method("count", "Returns how often a text occurs, without overlap.", integer, `"banana".count("an")`, search("The text to count.")...),
		method("elem_ords", "Returns the bytes as ints, to iterate over.", iterable(integer), `list("ab".elem_ords())`),
		method("elems", "Returns the bytes as strings of length one, to iterate over. A string itself cannot be iterated over.", iterable(str), `list("abc".elems())`),
		method("endswith", "Says whether the string ends with a suffix.", boolean, `"main.star".endswith(".star")`, ends("suffix")...),
		method("find", "Returns the index of the first occurrence of a text, or -1.", integer, `"banana".find("na")`, search("The text to find.")...),
		method("format", "Returns the string with each `{}`, `{0}` and `{name}` replaced by an argument. `{{` and `}}` stand for braces. Fails when an argument is missing. "+
			"`{0!r}` inserts the argument as `repr` writes it. There are no widths and no precisions.", str, `"http://{}:{port}".format("db", port = 80)`,
			Param{Name: "args", Type: anything, Variadic: "*", Doc: "What `{}` and `{0}` stand for."}, Param{Name: "kwargs", Type: anything, Variadic: "**", Doc: "What `{name}` stands for."}),
		method("index", "Returns the index of the first occurrence of a text. Fails when there is none.", integer, `"banana".index("na")`, search("The text to find.")...),
		method("isalnum", "Says whether the string has letters and digits only, and at least one.", boolean, `"a1".isalnum()`),
		method("isalpha", "Says whether the string has letters only, and at least one.", boolean, `"ab".isalpha()`),
		method("isdigit", "Says whether the string has digits only, and at least one.", boolean, `"42".isdigit()`),
		method("islower", "Says whether all letters are lower case, and there is at least one.", boolean, `"abc".islower()`),
		method("isspace", "Says whether the string has white space only, and at least one character.", boolean, `" ".isspace()`),
		method("istitle", "Says whether each word starts with an upper-case letter and goes on in lower case.", boolean, `"Hello World".istitle()`),
		method("isupper", "Says whether all letters are upper case, and there is at least one.", boolean, `"ABC".isupper()`),
		method("join", "Returns the strings of an iterable, with this string between them. Fails when one is not a string.", str, `", ".join(["a", "b"])`,
			arg("iterable", iterable(str), "The strings.")),
		method("lower", "Returns the string in lower case.", str, `"ABC".lower()`),
		method("lstrip", "Returns the string without the characters at its start.", str, `"  a ".lstrip()`, cut),
		method("partition", "Splits the string at the first separator: what is before it, itself, what is after it. Without one: the string, and two empty ones.", three, `"key=value".partition("=")`,
			arg("sep", str, "The separator. Must not be empty.")),
		method("removeprefix", "Returns the string without a prefix, if it has it.", str, `"v1.2".removeprefix("v")`, arg("prefix", str, "The prefix.")),
		method("removesuffix", "Returns the string without a suffix, if it has it.", str, `"main.star".removesuffix(".star")`, arg("suffix", str, "The suffix.")),
		method("replace", "Returns the string with occurrences of a text replaced.", str, `"a-b-c".replace("-", "_")`,
			arg("old", str, "The text to replace."), arg("new", str, "What to put in its place."), opt("count", integer, "-1", "How many to replace at most. Negative is all.")),
		method("rfind", "Returns the index of the last occurrence of a text, or -1.", integer, `"banana".rfind("na")`, search("The text to find.")...),
		method("rindex", "Returns the index of the last occurrence of a text. Fails when there is none.", integer, `"banana".rindex("na")`, search("The text to find.")...),
		method("rpartition", "Splits the string at the last separator: what is before it, itself, what is after it. Without one: two empty strings, and the string.", three, `"a/b/c".rpartition("/")`,
			arg("sep", str, "The separator. Must not be empty.")),
		method("rsplit", "Splits the string into a list, from the end. Differs from `split` when `maxsplit` is given.", list(str), `"a.b.c".rsplit(".", 1)`, split...),
		method("rstrip", "Returns the string without the characters at its end.", str, `"a \n".rstrip()`, cut),
		method("split", "Splits the string into a list.", list(str), `"a,b,c".split(",")`, split...),
		method("splitlines", "Splits the string into its lines.", list(str), `"a\nb\n".splitlines()`, opt("keepends", boolean, "False", "Keep the line breaks.")),
		method("startswith", "Says whether the string starts with a prefix.", boolean, `"./lib.star".startswith(("./", "../"))`, ends("prefix")...),
		method("strip", "Returns the string without the characters at both ends.", str, `"  a ".strip()`, cut),
		method("title", "Returns the string with each word starting with an upper-case letter and going on in lower case.", str, `"hello world".title()`),
		method("upper", "Returns the string in upper case.", str, `"abc".upper()`),
	}
}

func bytesMethods() []Builtin {
	return []Builtin{{Name: "elems", Doc: "Returns the bytes as ints, to iterate over. Bytes themselves cannot be iterated over.", Result: iterable(integer),
		Example: inRun(`plan.print(list(b"ab".elems()))`)}}
}
