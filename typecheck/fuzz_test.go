package typecheck_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kurtosis-go/kurtosis/lang/parse"
	"github.com/kurtosis-go/kurtosis/lang/source"
	"github.com/kurtosis-go/kurtosis/lang/workspace"
	"github.com/kurtosis-go/kurtosis/typecheck"
)

func checkText(text []byte) *typecheck.Info {
	tree := parse.Parse(source.NewFile("main.star", text))
	info, found := typecheck.Check(context.Background(), typecheck.Input{
		Target: workspace.Target{Locator: "main.star", Path: "main.star"}, Tree: tree, Types: true, Main: true,
		Options: typecheck.Options{Select: []string{"all"}, Reveal: true},
	})
	end := tree.File.End()
	for _, d := range found {
		if d.Range.End.Before(d.Range.Start) || end.Before(d.Range.Start) {
			panic(d.Code + ": its range is not in the text: " + d.Message)
		}
		if d.Message == "" || strings.HasSuffix(d.Message, ".") {
			panic(d.Code + ": bad message " + d.Message)
		}
	}
	return info
}

// No text makes the checker panic, or take long.
func FuzzCheck(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.star")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, chunk := range strings.Split(string(text), "\n---\n") {
			f.Add([]byte(chunk))
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		start := time.Now()
		checkText(text)
		if d := time.Since(start); d > 5*time.Second {
			t.Errorf("took %s", d)
		}
	})
}

// What nests, loops or repeats without end costs no more than its size.
func TestHostile(t *testing.T) {
	nest := func(n int, open, middle, close string) string {
		return strings.Repeat(open, n) + middle + strings.Repeat(close, n)
	}
	var loops, branches, calls strings.Builder
	loops.WriteString("def run(plan, xs):\n    a = b = c = None\n")
	for i := range 40 {
		loops.WriteString(strings.Repeat("    ", i+1) + "for i in xs:\n")
	}
	loops.WriteString(strings.Repeat("    ", 42) + "a, b, c = b, c, [a]\n")
	branches.WriteString("def run(plan, x):\n")
	for i := range 3000 {
		branches.WriteString("    if x == " + strings.Repeat("1", i%7+1) + ":\n        a = {\"k\": [1]}\n    else:\n        b = a\n")
	}
	for i := range 3000 {
		calls.WriteString("def f" + strings.Repeat("x", i%9) + string(rune('a'+i%26)) + "():\n    return [f" + strings.Repeat("x", (i+1)%9) + string(rune('a'+(i+1)%26)) + "()]\n")
	}
	grow := "def run(plan):\n    x = (1,)\n" + strings.Repeat("    x = (x, x)\n", 2000)
	structs := "def run(plan):\n    x = 1\n" + strings.Repeat("    x = struct(a = x, b = x)\n", 2000) + "    plan.print(x.a.c)\n"
	dicts := "def run(plan, c):\n    x = {}\n" + strings.Repeat("    if c:\n        x = {\"a\": x, \"b\": [x]}\n", 500)
	unions := "def run(plan, c):\n    x = 1\n" + strings.Repeat("    if c:\n        x = [x]\n", 500)
	for name, text := range map[string]string{
		"parentheses": "x = " + nest(20000, "(", "1", ")"), "lists": "x = " + nest(900, "[", "", "]"), "calls": "x = " + nest(900, "f(", "", ")"),
		"sum": "x = " + strings.Repeat("1 + ", 50000) + "1", "and": "def f(a):\n    return " + strings.Repeat("a and ", 900) + "a", "lambda": "x = " + strings.Repeat("lambda: ", 900) + "1",
		"loops": loops.String(), "branches": branches.String(), "functions": calls.String(), "tuples": grow, "structs": structs, "dicts": dicts, "unions": unions,
		"binary": strings.Repeat("\x00\xff\xfe", 10000), "defs": nestDefs(80), "elif": "def f(x):\n    if x:\n        pass\n" + strings.Repeat("    elif x == 1:\n        y = 1\n", 2000),
		"arguments": "x = dict(" + strings.Repeat("aa = 1, ab = 2, ", 20000) + ")", "parameters": "def f(" + strings.Repeat("a, b = 1, ", 20000) + "):\n    pass",
		"entries": "x = {" + strings.Repeat("\"a\": 1, ", 50000) + "}",
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			checkText([]byte(text))
			if d := time.Since(start); d > 4*time.Second {
				t.Errorf("took %s", d)
			}
		})
	}
}

func nestDefs(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "def f(a):\n")
	}
	b.WriteString(strings.Repeat(" ", n) + "return a\n")
	return b.String()
}
