package parse_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.starlark.net/starlark"
	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/parse"
	"github.com/kurtosis-go/kurtosis/lang/source"
)

func codes(tree *parse.Tree) string {
	var out []string
	for _, d := range tree.Diagnostics {
		out = append(out, fmt.Sprintf("%v %s", d.Range.Start, d.Code))
	}
	return strings.Join(out, ", ")
}

func functions(tree *parse.Tree) []string {
	var out []string
	for _, s := range tree.Syntax.Stmts {
		if def, ok := s.(*syntax.DefStmt); ok {
			out = append(out, def.Name.Name)
		}
	}
	return out
}

// print renders a tree with missing expressions as _.
func print(n syntax.Node) string {
	list := func(xs []syntax.Expr) string {
		var out []string
		for _, x := range xs {
			out = append(out, print(x))
		}
		return strings.Join(out, ", ")
	}
	switch n := n.(type) {
	case *syntax.ExprStmt:
		return print(n.X)
	case *syntax.AssignStmt:
		return print(n.LHS) + " " + n.Op.String() + " " + print(n.RHS)
	case *syntax.ReturnStmt:
		return "return " + print(n.Result)
	case *syntax.ForStmt:
		return "for " + print(n.Vars) + " in " + print(n.X)
	case *syntax.IfStmt:
		return "if " + print(n.Cond)
	case *syntax.Ident:
		if parse.IsMissing(n) {
			return "_"
		}
		return n.Name
	case *syntax.Literal:
		return fmt.Sprintf("%#v", n.Value)
	case *syntax.CallExpr:
		return print(n.Fn) + "(" + list(n.Args) + ")"
	case *syntax.DotExpr:
		return print(n.X) + "." + print(n.Name)
	case *syntax.BinaryExpr:
		return print(n.X) + n.Op.String() + print(n.Y)
	case *syntax.ListExpr:
		return "[" + list(n.List) + "]"
	case *syntax.DictExpr:
		return "{" + list(n.List) + "}"
	case *syntax.DictEntry:
		return print(n.Key) + ": " + print(n.Value)
	case *syntax.IndexExpr:
		return print(n.X) + "[" + print(n.Y) + "]"
	case *syntax.ParenExpr:
		return "(" + print(n.X) + ")"
	case *syntax.TupleExpr:
		return list(n.List)
	}
	return fmt.Sprintf("%T", n)
}

// TestHalfTyped is what completion and signature help are asked about.
func TestHalfTyped(t *testing.T) {
	for text, want := range map[string]string{
		"plan.":                               "plan._",
		"x = plan.":                           "x = plan._",
		"foo(a, b=":                           "foo(a, b=_)",
		"foo(a, ":                             "foo(a)",
		"foo(":                                "foo()",
		"foo(a, bar(b, c":                     "foo(a, bar(b, c))",
		"foo(plan.":                           "foo(plan._)",
		"foo(plan., b = 1)":                   "foo(plan._, b=1)",
		"foo(name = \"abc":                    "foo(name=\"abc\")",
		"foo(name = \"abc, x = 1)":            "foo(name=\"abc, x = 1)\")",
		"x = {\"a\": ":                        "x = {\"a\": _}",
		"x = {\"a\"":                          "x = {\"a\": _}",
		"x = {\"a\": 1, \"b":                  "x = {\"a\": 1, \"b\": _}",
		"x = [1, 2":                           "x = [1, 2]",
		"x = a[":                              "x = a[_]",
		"x = a.b[\"c":                         "x = a.b[\"c\"]",
		"x = (":                               "x = (_)",
		"x = ":                                "x = _",
		"x = a + ":                            "x = a+_",
		"for x in ":                           "for x in _",
		"for x":                               "for x in _",
		"for ":                                "for _ in _",
		"if ":                                 "if _",
		"if a and ":                           "if aand_",
		"plan.add_service(config = Service(x": "plan.add_service(config=Service(x))",
		"import_module(\"./":                  "import_module(\"./\")",
	} {
		for _, before := range []string{"", "def f(plan):\n    ", "def f(plan):\n    if plan:\n        "} {
			for _, after := range []string{"", "\n", "\ny = 1\n", "\ndef g():\n    pass\n"} {
				tree := parseText(before + text + after)
				require.False(t, tree.OK(), text)
				first := tree.Syntax.Stmts[0]
				if before != "" {
					first = first.(*syntax.DefStmt).Body[0]
				}
				if strings.Count(before, "\n") == 2 {
					first = first.(*syntax.IfStmt).True[0]
				}
				require.Equal(t, want, print(first), "%q", before+text+after)
				last := tree.Syntax.Stmts[len(tree.Syntax.Stmts)-1]
				switch {
				case strings.Contains(after, "def"):
					require.Equal(t, "g", last.(*syntax.DefStmt).Name.Name, "%q", before+text+after)
				case strings.Contains(after, "y"):
					require.Equal(t, "y = 1", print(last), "%q", before+text+after)
				}
			}
		}
	}
}

// TestNextStatementOfTheBlock: what follows a half-typed statement in its block is read.
func TestNextStatementOfTheBlock(t *testing.T) {
	for _, half := range []string{"plan.", "foo(a, b =", "foo(a, bar(", "x = [1,", "x = {\"a\": {", "x = \"abc", "foo(\"abc)", "x =", "foo(plan."} {
		for _, next := range []string{"plan.print(1)", "y = foo(1)", "return 1", "for y in z:\n        pass", "if y:\n        pass"} {
			text := "def f(plan):\n    " + half + "\n    " + next + "\n    w = 2\n"
			tree := parseText(text)
			body := tree.Syntax.Stmts[0].(*syntax.DefStmt).Body
			require.Len(t, body, 3, "%q: %s", text, codes(tree))
			require.Equal(t, "w = 2", print(body[2]), text)
			require.Len(t, tree.Diagnostics, 1, "%q: %v", text, tree.Diagnostics)
		}
	}
}

// TestCutAnywhere: a file that is cut off keeps all the functions that end before the cut.
func TestCutAnywhere(t *testing.T) {
	text, err := os.ReadFile("testdata/bench/package.star")
	require.NoError(t, err)
	whole := parse.Parse(source.NewFile("a.star", text))
	require.True(t, whole.OK())
	for cut := range len(text) {
		tree := parse.Parse(source.NewFile("a.star", text[:cut]))
		check(t, tree)
		n := 0
		for _, s := range whole.Stmts {
			if s.End <= cut {
				n += len(s.Nodes)
			}
		}
		require.GreaterOrEqual(t, len(tree.Syntax.Stmts), n, "cut at %d", cut)
		for i := range n {
			where := difference(reflect.ValueOf(tree.Syntax.Stmts[i]), reflect.ValueOf(whole.Syntax.Stmts[i]), "")
			if where != "" && !strings.Contains(where, "commentsRef") { // a comment may go to another node
				t.Fatalf("statement %d, cut at %d: %s", i, cut, where)
			}
		}
	}
}

// TestDamage replaces random pieces of a file: every function that is not touched is still there.
func TestDamage(t *testing.T) {
	text, err := os.ReadFile("testdata/bench/package.star")
	require.NoError(t, err)
	junk := []string{"(", ")", "[", "]", "{", "}", "\"", "'", ":", "=", ",", ".", "\\", "\n", "#", " ", "def", "if", "@", "é", "lambda", "not", "in", "1", "\t"}
	random := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		var start, end int
		start = random.IntN(len(text))
		end = min(start+random.IntN(4), len(text))
		broken := string(text[:start]) + junk[random.IntN(len(junk))] + string(text[end:])
		tree := parseText(broken)
		check(t, tree)
		agree(t, []byte(broken))
		if len(functions(tree)) < 2 && !strings.Contains(broken, "\"\"\"\"") {
			t.Fatalf("%d-%d: functions %v: %s\n%s", start, end, functions(tree), codes(tree), broken)
		}
	}
}

func TestOddInput(t *testing.T) {
	deep := strings.Repeat("(", 20000)
	for name, c := range map[string]struct{ text, want string }{
		"empty":              {"", ""},
		"only comments":      {"# a\n\n  # b\n", ""},
		"byte order mark":    {"\ufeffx = 1\n", "1:1 byte-order-mark"},
		"mark and error":     {"\ufeffx =\n", "1:1 byte-order-mark, 1:5 missing-expression"},
		"nul":                {"x = 1\x00\ny = \x002\nz = \"\x00\" # \x00\n", "1:6 nul-byte"},
		"nul in comment":     {"# \x00\nx = 1\n", "1:3 nul-byte"},
		"nul in string":      {"x = \"\x00\"\n", ""},
		"invalid in string":  {"x = \"\xff\xfe\"\n", "1:6 invalid-utf8"},
		"invalid in comment": {"x = 1 # \xff\n", "1:9 invalid-utf8"},
		"invalid outside":    {"x = \xff\n", "1:5 invalid-utf8, 1:5 bad-character"},
		"carriage returns":   {"x = 1\r\ny = 2\rz = (\r\n1)\r\nw =\r\n", "5:4 missing-expression"},
		"mixed tabs":         {"def f():\n\tx = 1\n        y = 2\n", ""},
		"tabs do not match":  {"def f():\n  \tx = 1\n    y = 2\n", "3:1 bad-indentation"},
		"deep":               {deep, "1:77 nested-too-deeply, 1:20000 unclosed-bracket"},
		"deep and closed":    {deep + strings.Repeat(")", 20000) + "\nx = 1\n", "1:77 nested-too-deeply"},
		"deep minus":         {"x = " + strings.Repeat("-", 20000) + "1\n", "1:993 nested-too-deeply"},
		"deep not":           {"x = " + strings.Repeat("not ", 20000) + "1\n", "1:3957 nested-too-deeply"},
		"deep lambda":        {"x = " + strings.Repeat("lambda: ", 20000) + "1\n", "1:4005 nested-too-deeply"},
		"deep else":          {"x = " + strings.Repeat("1 if 1 else ", 20000) + "1\n", "1:11861 nested-too-deeply"},
		"invisible":          {"x\u00a0= 1\n", "1:2 bad-character"},
		"binary":             {"\x7fELF\x02\x01\x01\x00", "1:1 bad-character, 1:5 bad-character, 1:6 bad-character, 1:7 bad-character, 1:8 nul-byte"},
	} {
		t.Run(name, func(t *testing.T) {
			tree := parseText(c.text)
			require.Equal(t, c.want, codes(tree))
			agree(t, []byte(c.text))
		})
	}
	const plain, mixed = "indent it as the statements of its block are",
		"tabs and blanks are mixed: a tab reaches to the next column that is a multiple of 8; indent with blanks alone"
	for text, hint := range map[string]string{
		"def f():\n  \tx = 1\n    y = 2\n":                           mixed,
		"def f():\n\tx = 1\n    y = 2\n":                             mixed,
		"def f():\n\tif x:\n\t\ty = 2\n\n            z = 3\n":        mixed,
		"def f():\n    if x:\n        y = 2\n      z = 3\n":          plain,
		"def g():\n\tx = 1\n\ndef f():\n    if x:\n        y\n  z\n": plain,
	} {
		found := parseText(text).Diagnostics
		require.NotEmpty(t, found, text)
		require.Equal(t, "bad-indentation", found[0].Code, text)
		require.Equal(t, "indentation matches no block around this line", found[0].Message, text)
		require.Equal(t, hint, found[0].Hint, text)
	}
	tree := parseText("\ufeffx = 1\n")
	require.Len(t, tree.Syntax.Stmts, 1)
	tree = parseText("x = 1\x00\ny = 2\n")
	require.Len(t, tree.Syntax.Stmts, 2, "a NUL byte does not end the file")
	tree = parseText(strings.Repeat("x = )\n", 150))
	require.Len(t, tree.Diagnostics, 101)
	require.Equal(t, "50 more syntax errors are not shown", tree.Diagnostics[100].Message)
}

// TestLinear parses texts of a megabyte, some of ten, each of which would take many minutes if any part of the
// work were done again for each line.
func TestLinear(t *testing.T) {
	for name, unit := range map[string]string{
		"sound":            "def f(x):\n    return [x, {\"a\": g(x)}]  # c\n",
		"unclosed call":    "x = f(\n",
		"unclosed list":    "x = [\n1,\n",
		"unclosed string":  "x = \"\n",
		"unclosed triples": "def f():\n  \"\"\" a\n",
		"mixed":            "f(x, [\n\"\"\"\n",
		"keyword lines":    "f(\na = 1,\n",
		"indented":         "  x\n x\n",
		"comments":         "x # c\n# d\n",
		"open brackets":    "(",
		"close brackets":   ")",
		"one line":         "x,",
		"binary":           "\x00\xff\x01",
		"quotes":           "'\"",
		"backslashes":      "\\\n",
		"colons":           "if x:\n",
	} {
		t.Run(name, func(t *testing.T) {
			const size = 1 << 20
			large := strings.Repeat(unit, size/len(unit))
			small := strings.Repeat(unit, size/len(unit)/10)
			// Ten times the text may take ten times as long, with room for noise; quadratic is a hundred times.
			const most = 40
			var ratio float64
			for range 3 {
				first, took := timed(small)
				second, long := timed(large)
				require.Equal(t, first.OK(), second.OK())
				if ratio = float64(long) / float64(max(took, time.Millisecond)); ratio < most {
					return
				}
			}
			t.Errorf("ten times the text takes %.0f times as long", ratio)
		})
	}
}

// timed parses text and says how much processor time that took, which other processes do not add to.
func timed(text string) (*parse.Tree, time.Duration) {
	used := func() time.Duration {
		var usage syscall.Rusage
		_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
		return time.Duration(usage.Utime.Nano())
	}
	before := used()
	tree := parseText(text)
	return tree, used() - before
}

// TestLong parses what is longer than anybody writes.
func TestLong(t *testing.T) {
	for _, unit := range []string{"def f(x):\n    return [x, {\"a\": g(x)}]  # c\n", "x = f(\n", "\x00\xff\x01"} {
		tree := parseText(strings.Repeat(unit, 10<<20/len(unit)))
		require.NotNil(t, tree.Syntax)
	}
}

func TestCompiles(t *testing.T) {
	tree := parseText("load(\"m\", \"y\")\ndef f(a, *, b = 2):\n    return [a * x for x in range(b)] # c\nr = f(21)[1] + y\n")
	require.True(t, tree.OK())
	program, err := starlark.FileProgram(tree.Syntax, func(string) bool { return false })
	require.NoError(t, err)
	thread := &starlark.Thread{Load: func(*starlark.Thread, string) (starlark.StringDict, error) {
		return starlark.StringDict{"y": starlark.MakeInt(21)}, nil
	}}
	globals, err := program.Init(thread, nil)
	require.NoError(t, err)
	require.Equal(t, "42", globals["r"].String())
}

func TestRange(t *testing.T) {
	for text, want := range map[string]string{
		"a[1]": "{1:1 1:5}", "a[1:2]": "{1:1 1:7}", "x = (\n1, 2)": "{1:1 2:6}", "()": "{1:1 1:3}", "x = ()": "{1:1 1:7}", "load(\"a\", \"b\")": "{1:1 1:15}",
		"a.b": "{1:1 1:4}", "def f(): return a[1]": "{1:1 1:21}", "if a: pass\nelse: b[0]": "{1:1 2:11}", "x, y[0] = 1, y[1]": "{1:1 1:18}", "f(a)": "{1:1 1:5}",
	} {
		require.Equal(t, want, fmt.Sprint(parse.Range(parseText(text).Syntax.Stmts[0])), text)
	}
}

func TestStmts(t *testing.T) {
	tree := parseText("# head\nx = 1; y = 2\n\n# f\ndef f():\n    pass\n  # in f\n\nz = (\n# tail")
	var got []string
	for _, s := range tree.Stmts {
		got = append(got, fmt.Sprintf("%d %q %d %v", s.Line, tree.File.Text()[s.Start:s.End], len(s.Nodes), s.Broken))
	}
	require.Equal(t, []string{`1 "# head\nx = 1; y = 2\n" 2 false`, `3 "\n# f\ndef f():\n    pass\n" 1 false`, `7 "  # in f\n\nz = (\n# tail" 1 true`}, got)
	require.Equal(t, 0, tree.StmtAt(0))
	require.Equal(t, 1, tree.StmtAt(tree.Stmts[1].Start))
	require.Equal(t, -1, tree.StmtAt(len(tree.File.Text())))
	moved := parseText("w = 0\n" + string(tree.File.Text()[tree.Stmts[1].Start:]))
	require.Equal(t, tree.Stmts[1].Hash, moved.Stmts[1].Hash)
	require.NotEqual(t, tree.Stmts[0].Hash, moved.Stmts[0].Hash)
}
