package parse

import "strings"

// Code describes a kind of diagnostic that this package reports.
type Code struct {
	Name    string // as diag.Diagnostic.Code
	Summary string // one sentence
	Bad     string // text that has it
	Good    string // the same, mended
}

const (
	codeToken           = "unexpected-token"
	codeExpression      = "missing-expression"
	codeAttribute       = "missing-attribute"
	codeComma           = "missing-comma"
	codeColon           = "missing-colon"
	codeBody            = "missing-block"
	codeValue           = "missing-value"
	codeBracket         = "unmatched-bracket"
	codeUnclosedBracket = "unclosed-bracket"
	codeUnclosedString  = "unclosed-string"
	codeEscape          = "bad-escape"
	codeNumber          = "bad-number"
	codeCharacter       = "bad-character"
	codeIndentation     = "bad-indentation"
	codeNesting         = "nested-too-deeply"
	codeReserved        = "reserved-word"
	codeChained         = "chained-comparison"
	codeConditional     = "conditional-without-else"
	codeKeywordArgument = "bad-keyword-argument"
	codeTupleComma      = "tuple-comma"
	codeLoad            = "bad-load"
	codeElse            = "else-without-if"
	codeByteOrderMark   = "byte-order-mark"
	codeNUL             = "nul-byte"
	codeUTF8            = "invalid-utf8"
	codeTooMany         = "too-many-errors"
	codeForeignOperator = "foreign-operator"
	codeFString         = "python-f-string"
	codeStringPrefix    = "python-string-prefix"
	codeAnnotation      = "python-annotation"
	codeWalrus          = "python-walrus"
	codeSet             = "python-set"
	codeIs              = "python-is"
	codeDel             = "python-del"
	codeConcatenation   = "python-implicit-concatenation"
	codeClass           = "python-class"
	codeTry             = "python-try"
	codeWith            = "python-with"
	codeRaise           = "python-raise"
	codeImport          = "python-import"
	codeGlobal          = "python-global"
	codeYield           = "python-yield"
	codeAsync           = "python-async"
	codeAssert          = "python-assert"
	codePrint           = "python-print"
	codeDecorator       = "python-decorator"
	codePower           = "python-power"
	codeUnpack          = "python-unpack"
)

// Codes lists all kinds of diagnostics of this package, for their documentation.
func Codes() []Code {
	return []Code{
		{codeToken, "something stands where the grammar has no place for it", "x = 1 2", "x = 1"},
		{codeExpression, "an expression is missing, as after an operator or `=`", "x =", "x = 1"},
		{codeAttribute, "the name after a dot is missing", "plan.", "plan.print(\"hello\")"},
		{codeComma, "two elements of a list, call or dict have no comma between them", "x = [1 2]", "x = [1, 2]"},
		{codeColon, "the head of a compound statement does not end with a colon", "def f()\n    pass", "def f():\n    pass"},
		{codeBody, "a compound statement has no indented block", "def f():", "def f():\n    pass"},
		{codeValue, "an entry of a dict has no value", "x = {\"a\": 1, \"b\"}", "x = {\"a\": 1, \"b\": 2}"},
		{codeBracket, "a closing bracket belongs to no open one, or to one of another kind", "x = (1]", "x = (1)"},
		{codeUnclosedBracket, "a bracket is never closed", "x = f(1", "x = f(1)"},
		{codeUnclosedString, "a string is never closed", "x = \"a", "x = \"a\""},
		{codeEscape, "a backslash in a string starts no known escape sequence", "x = \"\\d\"", "x = \"\\\\d\""},
		{codeNumber, "a number is malformed", "x = 0755", "x = 0o755"},
		{codeCharacter, "a character that no Starlark text contains outside of strings and comments", "x = $y", "x = y"},
		{codeIndentation, "a line is indented as no block around it is", "x = 1\n  y = 2", "x = 1\ny = 2"},
		{codeNesting, "expressions or blocks are nested more deeply than Starlark allows", "x = " + strings.Repeat("(", 80) + "1" + strings.Repeat(")", 80), "x = 1"},
		{codeReserved, "a keyword, or a word reserved because it is one in Python, is used as a name", "class = 1", "class_ = 1"},
		{codeChained, "comparisons are chained", "x = 1 < y < 3", "x = 1 < y and y < 3"},
		{codeConditional, "a conditional expression has no else", "x = 1 if y", "x = 1 if y else None"},
		{codeKeywordArgument, "what stands before the `=` of a keyword argument is not a name", "f(a.b=1)", "f(b=1)"},
		{codeTupleComma, "a tuple without parentheses ends with a comma", "x = 1, 2,", "x = (1, 2,)"},
		{codeLoad, "a load statement is malformed", "load(\"a.star\")", "load(\"a.star\", \"f\")"},
		{codeElse, "an else or elif belongs to no if", "else:\n    pass", "if x:\n    pass\nelse:\n    pass"},
		{codeByteOrderMark, "the file starts with a byte order mark", "\ufeffx = 1", "x = 1"},
		{codeNUL, "the file contains a NUL byte", "x = 1\x00", "x = 1"},
		{codeUTF8, "the file is not valid UTF-8", "x = \"\xff\"", "x = \"ÿ\""},
		{codeTooMany, "the file has more syntax errors than are shown", "", ""},
		{codeForeignOperator, "an operator of another language", "x = a && b", "x = a and b"},
		{codeFString, "f-strings do not exist in Starlark", "x = f\"{a}\"", "x = \"{}\".format(a)"},
		{codeStringPrefix, "a string has a prefix that does not exist in Starlark", "x = u\"a\"", "x = \"a\""},
		{codeAnnotation, "type annotations do not exist in Starlark", "def f(a: int):\n    pass", "def f(a):\n    pass"},
		{codeWalrus, "`:=` does not exist in Starlark", "f((x := 1))", "x = 1\nf(x)"},
		{codeSet, "set literals do not exist in Starlark", "x = {1, 2}", "x = [1, 2]"},
		{codeIs, "`is` does not exist in Starlark", "x = a is None", "x = a == None"},
		{codeDel, "`del` does not exist in Starlark", "del x[\"a\"]", "x.pop(\"a\")"},
		{codeConcatenation, "strings that stand side by side are not joined", "x = \"a\" \"b\"", "x = \"a\" + \"b\""},
		{codeClass, "classes do not exist in Starlark", "class A:\n    pass", "a = struct(b = 1)"},
		{codeTry, "exceptions do not exist in Starlark", "try:\n    f()\nexcept:\n    pass", "f()"},
		{codeWith, "`with` does not exist in Starlark", "with f() as x:\n    pass", "x = f()"},
		{codeRaise, "exceptions do not exist in Starlark", "raise Error(\"a\")", "fail(\"a\")"},
		{codeImport, "modules are not imported as in Python", "import a", "a = import_module(\"./a.star\")"},
		{codeGlobal, "`global` and `nonlocal` do not exist in Starlark", "global x", ""},
		{codeYield, "generators do not exist in Starlark", "yield x", "return [x]"},
		{codeAsync, "`async` and `await` do not exist in Starlark", "await x", "x"},
		{codeAssert, "`assert` is not a statement in Starlark", "assert x == 1", "if x != 1:\n    fail(\"x is not 1\")"},
		{codePrint, "`print` is a function", "print \"a\"", "plan.print(\"a\")"},
		{codeDecorator, "decorators do not exist in Starlark", "@a\ndef f():\n    pass", "def f():\n    pass"},
		{codePower, "`**` is not an operator in Starlark", "x = 2 ** 8", "x = 1 << 8"},
		{codeUnpack, "lists and dicts cannot be unpacked into others", "x = [*a, 1]", "x = a + [1]"},
	}
}
