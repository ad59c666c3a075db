package format

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestSourceErrors(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"byte order mark", "\xef\xbb\xbfx = 1\n", `main.star:1:1: file starts with a byte order mark`},
		{"NUL", "x = 1\ny = \"\x00\"\n", `main.star:2:6: file holds a NUL byte`},
		{"not UTF-8", "x = 1\ny = \"é\xff\"\n", `main.star:2:7: file is not UTF-8`},
		{"form feed", "x = 1\n\f\ny = 2\n", `main.star:2:1: unexpected character '\f'`},
		{"character", "x = 1 ? 2\n", `main.star:1:7: unexpected character '?'`},
		{"letter", "x = €\n", `main.star:1:5: unexpected character '€'`},
		{"open bracket", "x = [1,\n", `main.star:2:1: file ends inside brackets, want ']'`},
		{"closing bracket", "x = 1)\n", `main.star:1:6: ')' closes nothing`},
		{"wrong bracket", "x = (1]\n", `main.star:1:7: got ']', want ')'`},
		{"string", "x = \"a\n", `main.star:1:5: string is not closed on its line`},
		{"triple string", "x = \"\"\"a\n", `main.star:1:5: string is not closed`},
		{"escape", "x = '\\d'\n", `main.star:1:5: invalid escape sequence \d`},
		{"escape in laid out file", "x = \"\\d\"\n", `main.star:1:5: invalid escape sequence \d`},
		{"load", "load(\"a.star\")\n", `main.star:1:5: load statement must import at least 1 symbol`},
		{"backslash", "x = 1 \\ 2\n", `main.star:1:7: stray backslash`},
		{"backslash at end", "x = 1 \\\n", `main.star:1:7: backslash at the end of the file`},
		{"octal", "x = 0755\n", `main.star:1:5: octal numbers are written 0o755`},
		{"hexadecimal", "x = 0x\n", `main.star:1:5: number without digits`},
		{"exponent", "x = 1e+\n", `main.star:1:5: number without digits in its exponent`},
		{"indent", "  x = 1\n", `main.star:1:3: got indented line, want an expression`},
		{"indent later", "x = 1\n  y = 2\n", `main.star:2:3: got indented line, want an expression`},
		{"unindent", "def f():\n    x\n  y\n", `main.star:3:3: unindent does not match any outer block`},
		{"tabs and spaces", "def f():\n        x\n\ty\n", `main.star:3:2: indentation mixes tabs and spaces`},
		{"tabs then spaces", "def f():\n\tx\n        y\n", `main.star:3:9: indentation mixes tabs and spaces`},
		{"no block", "def f():\nx = 1\n", `main.star:2:1: got "x", want an indented block`},
		{"no colon", "if x\n    y\n", `main.star:1:5: got end of line, want ":"`},
		{"end", "x =\n", `main.star:1:4: got end of line, want an expression`},
		{"keyword", "x = class\n", `main.star:1:5: got "class", want an expression`},
		{"keyword as name", "def for(): pass\n", `main.star:1:5: got the keyword "for", want a name`},
		{"assert", "plan.assert(x)\n", `main.star:1:6: "assert" is a keyword of Python: black refuses it as a name`},
		{"assert called", "assert(x)\n", `main.star:1:1: "assert" is a keyword of Python: black refuses it as a name`},
		{"None", "def f(None): pass\n", `main.star:1:7: "None" is a keyword of Python: black refuses it as a name`},
		{"None assigned", "None = 1\n", `main.star:1:6: cannot assign to None`},
		{"target", "f() = 1\n", `main.star:1:5: cannot assign to this expression`},
		{"targets", "a, b += 1\n", `main.star:1:6: cannot assign to this expression with "+="`},
		{"list target", "[a] += 1\n", `main.star:1:5: cannot assign to this expression with "+="`},
		{"empty target", "() += 1\n", `main.star:1:4: cannot assign to this expression with "+="`},
		{"adjacent strings", "x = 'a' 'b'\n", `main.star:1:9: got "'b'", want end of line`},
		{"f-string", "x = f'a'\n", `main.star:1:6: got "'a'", want end of line`},
		{"comparisons", "x = a < b < c\n", `main.star:1:11: comparisons do not chain: use parentheses or "and"`},
		{"bare tuple", "x = 1,\n", `main.star:1:6: a tuple that ends in a comma needs parentheses`},
		{"positional", "f(a=1, b)\n", `main.star:1:8: a positional argument follows a named one`},
		{"stars", "f(**a, *b)\n", `main.star:1:8: an argument with one star follows one with two`},
		{"keyword argument", "f(a.b=1)\n", `main.star:1:6: a keyword argument has the form name=value`},
		{"default", "def f(a=1, b): pass\n", `main.star:1:13: a parameter without default follows one with a default`},
		{"bare star", "def f(*): pass\n", `main.star:1:8: no named parameter follows the bare star`},
		{"two stars first", "def f(**a, b): pass\n", `main.star:1:12: no parameter can follow one with two stars`},
		{"bytes", "x = b'é'\n", `main.star:1:5: bytes beyond ASCII must be written as escapes: Python, and so black, refuses them`},
		{"bytes as docstring", "def f():\n    b'  a'\n", `main.star: cannot format: the statement at line 1 would change its meaning`},
		{"hidden bracket", "x = [\n    # fmt: off\n    f(\n    # fmt: on\n    1)\n]\n", `main.star:1:1: brackets do not match outside of the text that a fmt comment protects`},
		{"brackets", strings.Repeat("(", 20000), `main.star:1:201: brackets nested more than 200 deep`},
		{"closed brackets", strings.Repeat("(", 20000) + strings.Repeat(")", 20000), `main.star:1:201: brackets nested more than 200 deep`},
		{"minus signs", "x = " + strings.Repeat("-", 1000000) + "1\n", `main.star:1:1004: code nested more than 1000 deep`},
		{"nots", "x = " + strings.Repeat("not ", 100000) + "a\n", `main.star:1:4001: code nested more than 1000 deep`},
		{"lambdas", "x = " + strings.Repeat("lambda:", 100000) + "a\n", `main.star:1:3505: code nested more than 1000 deep`},
		{"clauses", "x = [a " + strings.Repeat("if b ", 100000) + "]\n", `main.star:1:13: got "if", want "else"`},
		{"many clauses", "x = [a for b in c " + strings.Repeat("if b ", 100000) + "]\n", `main.star:1:5019: code nested more than 1000 deep`},
		{"blocks", nestedBlocks(101), `main.star:101:101: blocks nested more than 99 deep`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			out, err := Source("main.star", []byte(test.in))
			if err == nil || err.Error() != test.want {
				t.Errorf("got %q, %v\nwant %s", out, err, test.want)
			}
		})
	}
}

func nestedBlocks(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "if a:\n")
	}
	b.WriteString(strings.Repeat(" ", n) + "b\n")
	return b.String()
}

// TestSourceLarge formats files that are long in every direction, in time that grows with their size.
func TestSourceLarge(t *testing.T) {
	tests := []struct{ name, unit, head, tail string }{
		{"statements", "x = f(a, b)\n", "", ""},
		{"elements", "    f(a,),\n", "x = [\n", "]\n"},
		{"elements with comments", "    a, # c\n", "x = [\n", "]\n"},
		{"operands", "a + ", "x = ", "b\n"},
		{"calls", ".f(a)", "x = a", "\n"},
		{"skips", "x = [1,2] # fmt: skip\n", "", ""},
		{"comments", "#c\n", "", ""},
		{"blank lines", "\n", "x = 1\n", "y = 2\n"},
		{"blocks", "if a:\n  b\n", "", ""},
		{"text", "words and words\n", "x = '''\n", "'''\n"},
		{"docstring", "\twords and words\n", "def f():\n\t'''\n", "\t'''\n"},
		{"quotes", `"`, "x = '", "'\n"},
		{"keys", "'key': {'a': 1},\n", "x = {\n", "}\n"},
	}
	const size = 100_000
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			timed := func(size int) time.Duration {
				src := test.head + strings.Repeat(test.unit, size/len(test.unit)) + test.tail
				start := time.Now()
				if _, err := Source("main.star", []byte(src)); err != nil {
					t.Fatal(err)
				}
				return time.Since(start)
			}
			small, large := timed(size/8), timed(size)
			if large > 60*small && large > 2*time.Second {
				t.Errorf("%d bytes took %v, 8 times as many %v", size/8, small, large)
			}
		})
	}
}

func TestErrorTypes(t *testing.T) {
	_, err := Source("main.star", []byte("x =\n"))
	var syntax *SyntaxError
	if !errors.As(err, &syntax) || syntax.Line != 1 || syntax.Col != 4 || syntax.File != "main.star" {
		t.Errorf("got %#v", err)
	}
	if _, err := Check("main.star", []byte("x =\n")); !errors.As(err, &syntax) {
		t.Errorf("Check: got %#v", err)
	}
	if _, err := Range("main.star", []byte("x =\n"), 1, 1); !errors.As(err, &syntax) {
		t.Errorf("Range: got %#v", err)
	}
}
