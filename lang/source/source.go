// Package source holds file texts and converts positions in them. It is the only place that converts
// between byte offsets, (line, code point column) pairs as go.starlark.net counts them, and the
// UTF-8, UTF-16 and UTF-32 columns that editors use.
package source

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"sort"
	"unicode/utf8"
	"unsafe"
)

// Pos is a place in a file: Line and Col count from 1, Col in code points, as go.starlark.net does.
// The zero Pos is "no place".
type Pos struct{ Line, Col int32 }

// IsValid reports whether p is a place at all.
func (p Pos) IsValid() bool { return p.Line > 0 }

// Before reports whether p comes before q.
func (p Pos) Before(q Pos) bool { return p.Line < q.Line || p.Line == q.Line && p.Col < q.Col }

func (p Pos) String() string { return fmt.Sprintf("%d:%d", p.Line, p.Col) }

// Range is half-open: Start is its first place, End the place after its last.
type Range struct{ Start, End Pos }

// Contains reports whether p lies in r or at its end; the end counts, since an editor's cursor stands there.
func (r Range) Contains(p Pos) bool { return !p.Before(r.Start) && !r.End.Before(p) }

// Encoding is the unit in which an editor counts columns.
type Encoding uint8

const (
	UTF16 Encoding = iota // the Language Server Protocol's default
	UTF8
	UTF32
)

// Hash names a text by its content (SHA-256).
type Hash [sha256.Size]byte

// File is one immutable version of a text. The caller must not change the bytes it handed over.
//
// A line ends with \n, \r\n or a lone \r, as go.starlark.net and the Language Server Protocol have it. A byte
// that is not valid UTF-8 counts as one code point.
type File struct {
	name  string
	text  []byte
	hash  Hash
	lines []int32 // byte offset of each line's start; lines[0] == 0
	ascii bool    // all bytes are: columns are byte counts
}

// NewFile indexes text. name is what diagnostics show: a path or a locator.
func NewFile(name string, text []byte) *File {
	f := &File{name: name, text: text, hash: sha256.Sum256(text), ascii: true}
	f.lines = make([]int32, 1, bytes.Count(text, []byte{'\n'})+1)
	for i, b := range text {
		switch {
		case b == '\n', b == '\r' && (i+1 == len(text) || text[i+1] != '\n'):
			f.lines = append(f.lines, int32(i+1))
		case b >= utf8.RuneSelf:
			f.ascii = false
		}
	}
	return f
}

func (f *File) Name() string { return f.name }
func (f *File) Text() []byte { return f.text }
func (f *File) Hash() Hash   { return f.hash }

// Content is Text as a string that shares its bytes, which never change.
func (f *File) Content() string { return unsafe.String(unsafe.SliceData(f.text), len(f.text)) }

// LineCount counts lines; the text after the last line break is a line even when empty.
func (f *File) LineCount() int { return len(f.lines) }

// Line returns line n (from 1) without its line break.
func (f *File) Line(n int) []byte {
	start, end := f.lineBounds(n)
	return f.text[start:end]
}

// LineStart returns the byte offset at which line n (from 1) starts, clamped to the file.
func (f *File) LineStart(n int) int {
	start, _ := f.lineBounds(n)
	return start
}

func (f *File) lineBounds(n int) (start, end int) {
	if n < 1 {
		return 0, 0
	}
	if n > len(f.lines) {
		return len(f.text), len(f.text)
	}
	start = int(f.lines[n-1])
	if n == len(f.lines) {
		return start, len(f.text)
	}
	end = int(f.lines[n]) - 1
	if f.text[end] == '\n' && end > start && f.text[end-1] == '\r' {
		end--
	}
	return start, end
}

// Offset returns the byte offset of p, clamped to p's line and to the file.
func (f *File) Offset(p Pos) int {
	start, end := f.lineBounds(int(p.Line))
	if f.ascii {
		return min(start+max(int(p.Col)-1, 0), end)
	}
	for col := int32(1); col < p.Col && start < end; col++ {
		start += runeLen(f.text[start:end])
	}
	return start
}

// runeLen is the size of the code point, or invalid byte, that b starts with.
func runeLen(b []byte) int {
	if b[0] < utf8.RuneSelf {
		return 1
	}
	_, n := utf8.DecodeRune(b)
	return n
}

// Pos returns the place of a byte offset, clamped to the file. An offset inside of a code point is the place
// of that code point, one inside of a line break the end of its line.
func (f *File) Pos(offset int) Pos {
	offset = max(0, min(offset, len(f.text)))
	line := sort.Search(len(f.lines), func(i int) bool { return int(f.lines[i]) > offset })
	start, end := f.lineBounds(line)
	offset = min(offset, end)
	if f.ascii {
		return Pos{Line: int32(line), Col: int32(offset-start) + 1}
	}
	col := int32(1)
	for start < offset {
		if start += runeLen(f.text[start:end]); start > offset {
			break
		}
		col++
	}
	return Pos{Line: int32(line), Col: col}
}

// End is the place after the last byte.
func (f *File) End() Pos { return f.Pos(len(f.text)) }

// FromEncoded converts an editor's position (line and character count from 0, character in enc's units).
// A character past the end of its line means the end of the line, as the protocol demands.
func (f *File) FromEncoded(enc Encoding, line, character uint32) Pos {
	if int64(line) >= int64(len(f.lines)) {
		return f.End()
	}
	start, end := f.lineBounds(int(line) + 1)
	if f.ascii {
		return Pos{Line: int32(line) + 1, Col: int32(min(uint64(character), uint64(end-start))) + 1}
	}
	col, units := int32(1), uint32(0)
	for start < end && units < character {
		r, n := utf8.DecodeRune(f.text[start:end])
		units += width(enc, r, n)
		if units > character { // inside a character: the place before it
			break
		}
		start += n
		col++
	}
	return Pos{Line: int32(line) + 1, Col: col}
}

// ToEncoded converts p to an editor's position, the reverse of FromEncoded.
func (f *File) ToEncoded(enc Encoding, p Pos) (line, character uint32) {
	if !p.IsValid() {
		return 0, 0
	}
	if int(p.Line) > len(f.lines) {
		p = f.End()
	}
	start, end := f.lineBounds(int(p.Line))
	if f.ascii {
		return uint32(p.Line) - 1, uint32(max(0, min(int(p.Col)-1, end-start)))
	}
	for col := int32(1); col < p.Col && start < end; col++ {
		r, n := utf8.DecodeRune(f.text[start:end])
		character += width(enc, r, n)
		start += n
	}
	return uint32(p.Line) - 1, character
}

// width is the size of rune r, n bytes long in the text, in enc's units.
func width(enc Encoding, r rune, n int) uint32 {
	switch {
	case enc == UTF8:
		return uint32(n)
	case enc == UTF16 && r >= 0x10000:
		return 2
	}
	return 1
}
