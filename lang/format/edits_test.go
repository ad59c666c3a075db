package format

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/lang/source"
)

// apply makes the edits, which are in order and do not overlap.
func apply(text string, edits []diag.Edit) string {
	f := source.NewFile("main.star", []byte(text))
	var b strings.Builder
	done := 0
	for _, e := range edits {
		b.WriteString(text[done:f.Offset(e.Range.Start)])
		b.WriteString(e.NewText)
		done = f.Offset(e.Range.End)
	}
	return b.String() + text[done:]
}

func show(edits []diag.Edit) string {
	var parts []string
	for _, e := range edits {
		parts = append(parts, fmt.Sprintf("%v-%v %q", e.Range.Start, e.Range.End, e.NewText))
	}
	return strings.Join(parts, "\n")
}

func TestEdits(t *testing.T) {
	tests := []struct{ name, before, after, want string }{
		{"nothing", "a\nb\n", "a\nb\n", ""},
		{"one line", "a\nb\nc\n", "a\nB\nc\n", `2:1-3:1 "B\n"`},
		{"line taken", "a\nb\nc\n", "a\nc\n", `2:1-3:1 ""`},
		{"line added", "a\nc\n", "a\nb\nc\n", `2:1-2:1 "b\n"`},
		{"two places", "a\nb\nc\nd\ne\n", "A\nb\nc\nd\nE\n", "1:1-2:1 \"A\\n\"\n5:1-6:1 \"E\\n\""},
		{"repeated lines", "x\nx\nx\n", "x\nx\n", `3:1-4:1 ""`},
		{"no final newline", "a\né", "a\né\n", `2:1-2:2 "é\n"`},
		{"from empty", "", "a\n", `1:1-1:1 "a\n"`},
		{"to empty", "a\nb\n", "", `1:1-3:1 ""`},
		{"carriage returns", "a\r\nb\r\n", "a\r\nB\r\n", `2:1-3:1 "B\r\n"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			edits := Edits("main.star", []byte(test.before), []byte(test.after))
			if got := show(edits); got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

// TestEditsApply checks on random texts that the edits make one of the other and are not many more than needed.
func TestEditsApply(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		var before, after strings.Builder
		changes := 0
		for range r.IntN(60) {
			l := fmt.Sprintf("line %d\n", r.IntN(12))
			switch r.IntN(8) {
			case 0:
				before.WriteString(l)
				changes++
			case 1:
				after.WriteString(l)
				changes++
			default:
				before.WriteString(l)
				after.WriteString(l)
			}
		}
		edits := Edits("main.star", []byte(before.String()), []byte(after.String()))
		if got := apply(before.String(), edits); got != after.String() {
			t.Fatalf("from\n%s\ngot\n%s\nwant\n%s", before.String(), got, after.String())
		}
		if len(edits) > 2*changes {
			t.Errorf("%d edits for %d changed lines", len(edits), changes)
		}
	}
}

func TestEditsFarApart(t *testing.T) {
	before := strings.Repeat("a\n", 5000)
	after := strings.Repeat("b\n", 6000)
	if got := apply(before, Edits("main.star", []byte(before), []byte(after))); got != after {
		t.Error("the edits do not make the second text of the first")
	}
}

const rangeSource = `x = [1,2]
y = [3,4]


def f( a ):
  if a:
    b( )
  c( )


z = [5,6]
`

func TestRange(t *testing.T) {
	tests := []struct {
		name        string
		first, last int
		want        string
	}{
		{"first statement", 1, 1, `1:1-2:1 "x = [1, 2]\n"`},
		{"second statement", 2, 2, `2:1-3:1 "y = [3, 4]\n"`},
		{"both", 1, 2, `1:1-3:1 "x = [1, 2]\ny = [3, 4]\n"`},
		{"inside a def", 7, 7, `5:1-9:1 "def f(a):\n    if a:\n        b()\n    c()\n"`},
		{"last", 11, 11, `11:1-12:1 "z = [5, 6]\n"`},
		{"beyond the end", 11, 99, `11:1-12:1 "z = [5, 6]\n"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			edits, err := Range("main.star", []byte(rangeSource), test.first, test.last)
			if err != nil {
				t.Fatal(err)
			}
			if got := show(edits); got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
	if edits, err := Range("main.star", []byte("x = 1\n"), 1, 1); err != nil || edits != nil {
		t.Errorf("got %v, %v on a file without changes", edits, err)
	}
}

// TestRangeGenerated checks that formatting a part of a program keeps its meaning, and that all parts together
// are the whole.
func TestRangeGenerated(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for seed := range 300 {
		src := randomProgram(uint64(3_000_000+seed), false)
		whole, err := Source("main.star", []byte(src))
		if err != nil {
			continue
		}
		count := strings.Count(src, "\n") + 1
		first := 1 + r.IntN(count)
		edits, err := Range("main.star", []byte(src), first, first+r.IntN(4))
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		part := apply(src, edits)
		if !sameText("main.star", []byte(src), []byte(part)) {
			t.Errorf("seed %d: meaning changed: from\n%s\ngot\n%s", seed, src, part)
		}
		edits, err = Range("main.star", []byte(src), 1, count)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if got := apply(src, edits); got != string(whole) {
			t.Errorf("seed %d: all lines give\n%s\nwant\n%s", seed, got, whole)
		}
	}
}
