package source_test

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"go.starlark.net/syntax"

	"github.com/kurtosis-go/kurtosis/lang/source"
)

func pos(line, col int32) source.Pos { return source.Pos{Line: line, Col: col} }

func TestLines(t *testing.T) {
	f := source.NewFile("a.star", []byte("one\r\ntwo\rthree\n\nlast"))
	require.Equal(t, 5, f.LineCount())
	for i, want := range []string{"one", "two", "three", "", "last"} {
		require.Equal(t, want, string(f.Line(i+1)))
	}
	require.Equal(t, 9, f.LineStart(3))
	require.Empty(t, f.Line(0))
	require.Empty(t, f.Line(6))
	require.Equal(t, 20, f.LineStart(6))
	require.Equal(t, pos(5, 5), f.End())
	require.Equal(t, "a.star", f.Name())

	empty := source.NewFile("", nil)
	require.Equal(t, 1, empty.LineCount())
	require.Equal(t, pos(1, 1), empty.End())
	require.Equal(t, 2, source.NewFile("", []byte("a\n")).LineCount())
	require.Equal(t, 2, source.NewFile("", []byte("a\r")).LineCount())
}

func TestOffsets(t *testing.T) {
	f := source.NewFile("", []byte("aé𝛼\tz\r\n\xff\xfe!\n"))
	for offset, want := range map[int]source.Pos{
		-1: pos(1, 1), 0: pos(1, 1), 1: pos(1, 2), 2: pos(1, 2), 3: pos(1, 3), 5: pos(1, 3), 7: pos(1, 4), 8: pos(1, 5), 9: pos(1, 6), 10: pos(1, 6),
		11: pos(2, 1), 12: pos(2, 2), 13: pos(2, 3), 14: pos(2, 4), 15: pos(3, 1), 99: pos(3, 1),
	} {
		require.Equal(t, want, f.Pos(offset), "offset %d", offset)
	}
	ascii := source.NewFile("", []byte(strings.Repeat("x", 9)+"\r\nxxx\n"))
	for p, want := range map[source.Pos]int{
		pos(1, 1): 0, pos(1, 99): 9, pos(2, 1): 11, pos(2, 3): 13, pos(2, 9): 14, pos(3, 1): 15, pos(9, 1): 15, pos(0, 0): 0, pos(-1, 5): 0, pos(1, -5): 0,
	} {
		require.Equal(t, want, f.Offset(p), "%v", p)
		require.Equal(t, want, ascii.Offset(p), "%v", p)
	}
	require.Equal(t, 7, f.Offset(pos(1, 4)))
	require.Equal(t, 3, ascii.Offset(pos(1, 4)))
}

func TestEncodings(t *testing.T) {
	f := source.NewFile("", []byte("aé𝛼z\r\n\xffb"))
	for _, c := range []struct {
		p                  source.Pos
		utf8, utf16, utf32 uint32
	}{
		{pos(1, 1), 0, 0, 0}, {pos(1, 2), 1, 1, 1}, {pos(1, 3), 3, 2, 2}, {pos(1, 4), 7, 4, 3}, {pos(1, 5), 8, 5, 4},
		{pos(2, 1), 0, 0, 0}, {pos(2, 2), 1, 1, 1}, {pos(2, 3), 2, 2, 2},
	} {
		for enc, want := range map[source.Encoding]uint32{source.UTF8: c.utf8, source.UTF16: c.utf16, source.UTF32: c.utf32} {
			line, character := f.ToEncoded(enc, c.p)
			require.Equal(t, uint32(c.p.Line-1), line)
			require.Equal(t, want, character, "%v in encoding %d", c.p, enc)
			require.Equal(t, c.p, f.FromEncoded(enc, line, character))
		}
	}
	require.Equal(t, pos(1, 3), f.FromEncoded(source.UTF16, 0, 3), "between the halves of a surrogate pair")
	require.Equal(t, pos(1, 2), f.FromEncoded(source.UTF8, 0, 2), "inside of a character")
	require.Equal(t, pos(1, 5), f.FromEncoded(source.UTF16, 0, 99), "past the end of the line")
	require.Equal(t, pos(2, 3), f.FromEncoded(source.UTF16, 99, 0), "past the end of the file")
	require.Equal(t, pos(2, 3), f.FromEncoded(source.UTF16, 1<<32-1, 1<<32-1))
	line, character := f.ToEncoded(source.UTF16, source.Pos{})
	require.Equal(t, [2]uint32{0, 0}, [2]uint32{line, character})
	line, character = f.ToEncoded(source.UTF16, pos(9, 9))
	require.Equal(t, [2]uint32{1, 2}, [2]uint32{line, character})
	line, character = f.ToEncoded(source.UTF16, pos(1, 99))
	require.Equal(t, [2]uint32{0, 5}, [2]uint32{line, character})

	ascii := source.NewFile("", []byte("abc\nd"))
	require.Equal(t, pos(1, 4), ascii.FromEncoded(source.UTF16, 0, 99))
	require.Equal(t, pos(2, 2), ascii.FromEncoded(source.UTF16, 1, 1))
	line, character = ascii.ToEncoded(source.UTF16, pos(1, 99))
	require.Equal(t, [2]uint32{0, 3}, [2]uint32{line, character})
}

func TestRanges(t *testing.T) {
	r := source.Range{Start: pos(1, 3), End: pos(2, 2)}
	for p, want := range map[source.Pos]bool{pos(1, 2): false, pos(1, 3): true, pos(1, 99): true, pos(2, 2): true, pos(2, 3): false} {
		require.Equal(t, want, r.Contains(p), "%v", p)
	}
	require.False(t, source.Pos{}.IsValid())
	require.Equal(t, "1:3", r.Start.String())
}

// FuzzPositions: positions survive the round trip through offsets and through each encoding, agree with the
// standard library on UTF-16, and are those of go.starlark.net.
func FuzzPositions(f *testing.F) {
	for _, s := range []string{"", "a", "é\t𝛼 x\r\ny\rz\n", "\xff\xfe\n\r\n\n\r", "\ufeffx", "\t\xf0\x9d x", "# é\n  𝛼𝛼 = 1"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		file := source.NewFile("f", text)
		last := source.Pos{}
		for offset := 0; offset <= len(text); {
			p := file.Pos(offset)
			if p.Before(last) {
				t.Fatalf("offset %d is at %v, before %v", offset, p, last)
			}
			inBreak := offset > 0 && offset < len(text) && text[offset-1] == '\r' && text[offset] == '\n'
			if back := file.Offset(p); back != offset && !inBreak {
				t.Fatalf("offset %d → %v → %d in %q", offset, p, back, text)
			}
			for _, enc := range []source.Encoding{source.UTF8, source.UTF16, source.UTF32} {
				line, character := file.ToEncoded(enc, p)
				if back := file.FromEncoded(enc, line, character); back != p {
					t.Fatalf("%v → %d:%d → %v in encoding %d of %q", p, line, character, back, enc, text)
				}
			}
			_, units := file.ToEncoded(source.UTF16, p)
			before := []rune(string(file.Line(int(p.Line))))[:p.Col-1]
			if want := len(utf16.Encode(before)); int(units) != want {
				t.Fatalf("%v is %d UTF-16 units into its line of %q, want %d", p, units, text, want)
			}
			last = p
			if offset == len(text) {
				break
			}
			_, size := utf8.DecodeRune(text[offset:])
			offset += size
		}
		agreeWithStarlark(t, text)
	})
}

// agreeWithStarlark compares the place of a token behind the text with go.starlark.net's. The text is made a
// string, so that anything goes.
func agreeWithStarlark(t *testing.T, text []byte) {
	if bytes.ContainsAny(text, `'\`) {
		return
	}
	whole := append(append([]byte("r'''"), text...), "''';x"...)
	tree, err := (&syntax.FileOptions{}).Parse("f", whole, 0)
	if err != nil {
		t.Fatalf("%q: %v", whole, err)
	}
	start, _ := tree.Stmts[1].Span()
	if got := source.NewFile("f", whole).Pos(len(whole) - 1); got != pos(start.Line, start.Col) {
		t.Fatalf("the last token of %q is at %v, go.starlark.net says %v", whole, got, start)
	}
}
