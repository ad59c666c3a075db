// Package format lays out Starlark source. Its output is byte for byte that of black 23.1.0 with default
// settings, on Starlark; docs/formatting.md has what that means, and the few places where the two differ.
//
// A file goes through these stages: decode (line ends), parse (a concrete tree with all white space in it),
// protect (`# fmt: off`), generate (logical lines, blank lines), split (lines that are too long), and, when
// anything changed, a comparison of the two files' syntax trees.
package format

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// InternalError means that the layout would have changed the meaning of a file, or does not settle. The file is to
// be left alone. The known causes are black's own, and listed in docs/formatting.md.
type InternalError struct {
	File    string
	Message string
}

func (e *InternalError) Error() string {
	return fmt.Sprintf("%s: cannot format: %s", e.File, e.Message)
}

// maxPasses bounds the search for a layout that stays as it is. Two passes are the rule, three are rare.
const maxPasses = 8

// Source returns src laid out. The result is src itself when there is nothing to change. name is for errors:
// a *SyntaxError when src is not Starlark, or has something in it that black refuses, an *InternalError
// when the result cannot be trusted.
func Source(name string, src []byte) ([]byte, error) {
	text, crlf, err := decode(name, src)
	if err != nil {
		return nil, err
	}
	out, err := settle(name, text)
	if err != nil {
		return nil, err
	}
	if out == text {
		if _, err := parseStarlark(name, text); err != nil {
			return nil, err
		}
		return src, nil
	}
	if err := sameProgram(name, text, out); err != nil {
		return nil, err
	}
	if crlf {
		return bytes.ReplaceAll([]byte(out), []byte("\n"), []byte("\r\n")), nil
	}
	return []byte(out), nil
}

// Check reports whether Source would leave src as it is. It is faster: it neither looks for the final layout of a
// file to be changed nor, since whoever checks a file also parses it, for all errors that Starlark's parser has.
func Check(name string, src []byte) (bool, error) {
	text, _, err := decode(name, src)
	if err != nil {
		return false, err
	}
	out, err := pass(name, text)
	return out == text, err
}

// settle formats text until it no longer changes.
func settle(name, text string) (string, error) {
	for range maxPasses {
		out, err := pass(name, text)
		if err != nil {
			return "", err
		}
		if out == text {
			return out, nil
		}
		text = out
	}
	return "", &InternalError{name, fmt.Sprintf("the layout still changes after %d passes", maxPasses)}
}

// pass formats text once.
func pass(name, text string) (out string, err error) {
	source := text
	if !strings.HasSuffix(source, "\n") {
		source += "\n"
	}
	var a arena
	root, err := parse(source, &a)
	if err != nil {
		var syntax *SyntaxError
		if errors.As(err, &syntax) {
			syntax.File = name
		}
		return "", err
	}
	defer func() {
		if e := recover(); e != nil {
			if e != errBrackets {
				panic(e)
			}
			out, err = "", &SyntaxError{File: name, Line: 1, Col: 1, Message: errBrackets.Error()}
		}
	}()
	features := detectFeatures(root)
	if mayProtect(source) {
		a.protect(root)
	}
	result := render(root, &a, features, len(source))
	if len(result) == 0 && strings.Contains(text, "\n") {
		return "\n", nil
	}
	return string(result), nil
}

// decode checks the bytes and turns all line ends into line feeds. crlf tells that the first line ended in
// carriage return and line feed: all lines of a changed file then do.
func decode(name string, src []byte) (text string, crlf bool, err error) {
	fail := func(at int, message string) (string, bool, error) {
		before := src[:at]
		line := bytes.LastIndexByte(before, '\n') + 1
		return "", false, &SyntaxError{
			File: name, Line: bytes.Count(before, []byte("\n")) + 1, Col: utf8.RuneCount(before[line:]) + 1, Message: message,
		}
	}
	if bytes.HasPrefix(src, []byte("\xef\xbb\xbf")) {
		return fail(0, "file starts with a byte order mark")
	}
	if i := bytes.IndexByte(src, 0); i >= 0 {
		return fail(i, "file holds a NUL byte")
	}
	if !utf8.Valid(src) {
		i := 0
		for i < len(src) {
			r, n := utf8.DecodeRune(src[i:])
			if r == utf8.RuneError && n == 1 {
				break
			}
			i += n
		}
		return fail(i, "file is not UTF-8")
	}
	if bytes.IndexByte(src, '\r') < 0 {
		return string(src), false, nil
	}
	first := bytes.IndexByte(src, '\n')
	crlf = first > 0 && src[first-1] == '\r'
	text = strings.ReplaceAll(string(src), "\r\n", "\n")
	return strings.ReplaceAll(text, "\r", "\n"), crlf, nil
}
