package server

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/cmd/internal/lsp/ide"
	"github.com/kurtosis-go/kurtosis/internal/tools/genpkg"
	"github.com/kurtosis-go/kurtosis/lang/workspace"
)

// TestSoak types, renames and asks at random, and then compares every answer with that of a server that has seen the
// final texts only.
func TestSoak(t *testing.T) { soak(t, 400, 1) }

// soaker is an editor with random hands.
type soaker struct {
	t     testing.TB
	r     *rand.Rand
	e     *editor
	root  string
	paths []string
	texts map[string]string
	saved map[string]string
	open  map[string]bool
	last  map[string]int // the last version of a document; it never comes again
}

func soak(t *testing.T, steps int, seed uint64) {
	root, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	t.Setenv("XDG_CACHE_HOME", filepath.Join(root, ".cache"))
	require.NoError(t, genpkg.Write(root, 8, 700))
	s := &soaker{t: t, r: rand.New(rand.NewPCG(seed, 7)), root: root, texts: map[string]string{}, saved: map[string]string{}, open: map[string]bool{}, last: map[string]int{}}
	for name, text := range genpkg.Files(8, 700) {
		if filepath.Ext(name) == ".star" {
			path := filepath.Join(root, filepath.FromSlash(name))
			s.paths = append(s.paths, path)
			s.texts[path], s.saved[path] = text, text
		}
	}
	slices.Sort(s.paths)
	s.e = start(t, root, fullCapabilities)
	var early uint64
	for i := range steps {
		s.step(i)
		if i == steps/4 {
			early = heap()
		}
	}
	late := heap()
	require.NotContains(t, s.e.log.String(), "panic")
	require.Less(t, late, early+early/2+(24<<20), "the heap grows: %d MB, later %d MB", early>>20, late>>20)
	s.compare()
	require.Zero(t, s.e.leave())
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// scraps are what somebody types.
var scraps = []string{
	"\n", " ", "    ", "(", ")", "[", "]", "{", "}", "\"", "'", "#", ":", "=", ",", ".", "plan.", "plan.add_service(", "def f(x):\n    return x\n", "if True:\n", "x = 1\n",
	"import_module(\"./", "lib", "run", "name = \"a\"", "for x in y:\n", "lambda x: x", "\"\"\"", "struct(a = 1)", "é", "😀", "\t", "\r\n", "return ", "None", "else:\n", "**", "@", "0x", "'''",
}

func (s *soaker) pick() string { return s.paths[s.r.IntN(len(s.paths))] }

func (s *soaker) step(i int) {
	path := s.pick()
	switch n := s.r.IntN(100); {
	case !s.open[path] && n < 90:
		s.show(path)
	case n < 45:
		s.edit(path)
	case n < 52: // back to what was saved, so that there is sense in the texts
		s.replaceAll(path, s.saved[path])
	case n < 57:
		s.rename(path)
	case n < 60 && s.open[path]:
		s.e.notify("textDocument/didClose", map[string]any{"textDocument": map[string]any{"uri": fileURI(path)}})
		s.open[path] = false
		s.texts[path] = s.saved[path]
	default:
		s.question(path)
	}
}

// show opens a document.
func (s *soaker) show(path string) {
	s.open[path] = true
	s.last[path]++
	s.e.open(path, s.texts[path], s.last[path])
}

// at is a random place of a text, as the protocol counts.
func (s *soaker) at(text string) (offset int, position map[string]any) {
	runes := 0
	for range text {
		runes++
	}
	n := s.r.IntN(runes + 1)
	for i := range text {
		if n == 0 {
			offset = i
			break
		}
		n--
		offset = len(text)
	}
	return offset, encoded(text, offset)
}

// encoded converts a byte offset as an editor would: a line ends with \n, \r\n or \r.
func encoded(text string, offset int) map[string]any {
	line, start := 0, 0
	for i := 0; i < offset; i++ {
		if text[i] == '\n' || text[i] == '\r' && (i+1 == len(text) || text[i+1] != '\n') {
			line, start = line+1, i+1
		}
	}
	return map[string]any{"line": line, "character": len(utf16.Encode([]rune(text[start:offset])))}
}

func (s *soaker) edit(path string) {
	text := s.texts[path]
	var changes []any
	for range 1 + s.r.IntN(3) {
		from, start := s.at(text)
		to, end := from, start
		if s.r.IntN(3) == 0 { // delete some, never within a line break
			to = min(len(text), from+s.r.IntN(30))
			for to < len(text) && text[to]&0xC0 == 0x80 {
				to++
			}
			end = encoded(text, to)
		}
		if strings.Contains(text, "\r") { // a place between \r and \n is none
			changes = append(changes, map[string]any{"text": strings.ReplaceAll(text, "\r", "")})
			text = strings.ReplaceAll(text, "\r", "")
			continue
		}
		scrap := scraps[s.r.IntN(len(scraps))]
		changes = append(changes, map[string]any{"range": map[string]any{"start": start, "end": end}, "text": scrap})
		text = text[:from] + scrap + text[to:]
	}
	s.texts[path] = text
	s.last[path]++
	s.e.change(path, s.last[path], changes...)
}

func (s *soaker) replaceAll(path, text string) {
	if !s.open[path] {
		return
	}
	s.texts[path] = text
	s.last[path]++
	s.e.change(path, s.last[path], map[string]any{"text": text})
}

// rename asks for one at a random place and does what the answer says.
func (s *soaker) rename(path string) {
	_, position := s.at(s.texts[path])
	raw, err := s.e.try("textDocument/rename", map[string]any{
		"textDocument": map[string]any{"uri": fileURI(path)}, "position": position, "newName": fmt.Sprintf("renamed_%d", s.r.IntN(1000)),
	})
	if err != nil || string(raw) == "null" {
		return
	}
	var e wireWorkspaceEdit
	require.NoError(s.t, json.Unmarshal(raw, &e))
	for _, c := range e.DocumentChanges {
		path := filepath.Join(s.root, filepath.FromSlash(shortPath(s.root, c.TextDocument.URI)))
		text := applyEdits(s.texts[path], c.Edits)
		if !s.open[path] {
			s.texts[path] = text
			s.show(path)
			continue
		}
		s.replaceAll(path, text)
	}
}

// applyEdits applies edits that do not overlap, from the last one on.
func applyEdits(text string, edits []wireEdit) string {
	edits = slices.Clone(edits)
	slices.SortStableFunc(edits, func(a, b wireEdit) int {
		if a.Range.Start.Line != b.Range.Start.Line {
			return b.Range.Start.Line - a.Range.Start.Line
		}
		return b.Range.Start.Character - a.Range.Start.Character
	})
	for _, e := range edits {
		start, end := decoded(text, e.Range.Start), decoded(text, e.Range.End)
		text = text[:start] + e.NewText + text[end:]
	}
	return text
}

func decoded(text string, p wirePosition) int {
	line, i := 0, 0
	for line < p.Line && i < len(text) {
		if text[i] == '\n' || text[i] == '\r' && (i+1 == len(text) || text[i+1] != '\n') {
			line++
		}
		i++
	}
	units := 0
	for _, r := range text[i:] {
		if units >= p.Character {
			break
		}
		units += len(utf16.Encode([]rune{r}))
		i += len(string(r))
	}
	return i
}

// questions are the requests about one place, or one file.
var questions = []string{
	"textDocument/hover", "textDocument/definition", "textDocument/typeDefinition", "textDocument/completion", "textDocument/signatureHelp", "textDocument/references",
	"textDocument/documentHighlight", "textDocument/documentSymbol", "textDocument/foldingRange", "textDocument/semanticTokens/full", "textDocument/codeLens",
	"textDocument/documentLink", "textDocument/prepareCallHierarchy", "textDocument/linkedEditingRange",
}

func (s *soaker) params(method, path string, position map[string]any) map[string]any {
	p := map[string]any{"textDocument": map[string]any{"uri": fileURI(path)}, "position": position}
	if method == "textDocument/references" {
		p["context"] = map[string]any{"includeDeclaration": true}
	}
	return p
}

func (s *soaker) question(path string) {
	_, position := s.at(s.texts[path])
	method := questions[s.r.IntN(len(questions))]
	if _, err := s.e.try(method, s.params(method, path, position)); err != nil {
		require.NotContains(s.t, err.Error(), "bug", method)
	}
}

// compare asks a fresh server the same as the one that has been through everything.
func (s *soaker) compare() {
	fresh := start(s.t, s.root, fullCapabilities)
	view := ide.NewView(workspace.Disk(), []string{s.root}, ide.Settings{})
	for _, path := range s.paths {
		if s.open[path] {
			fresh.open(path, s.texts[path], s.last[path])
			view = view.WithText(s.t.Context(), path, []byte(s.texts[path]))
		}
	}
	for _, path := range s.paths {
		for range 12 {
			_, position := s.at(s.texts[path])
			for _, method := range questions {
				params := s.params(method, path, position)
				got, gotErr := s.e.try(method, params)
				want, wantErr := fresh.try(method, params)
				require.Equal(s.t, fmt.Sprint(wantErr), fmt.Sprint(gotErr), "%s of %s at %v", method, path, position)
				require.Equal(s.t, withoutResult(want), withoutResult(got), "%s of %s at %v", method, path, position)
			}
		}
	}
	for _, path := range s.paths {
		if !s.open[path] {
			continue
		}
		found, err := view.Diagnostics(s.t.Context(), path)
		require.NoError(s.t, err)
		var want []string
		for _, d := range found {
			want = append(want, d.Code+" "+d.Message)
		}
		for _, e := range []*editor{fresh, s.e} {
			var got []string
			e.eventually(path, s.last[path], func(list []wireDiagnostic) bool {
				got = nil
				for _, d := range list {
					message, _, _ := strings.Cut(d.Message, "\n")
					got = append(got, d.Code+" "+message)
				}
				return slices.Equal(want, got)
			})
		}
	}
	require.Zero(s.t, fresh.leave())
}

// withoutResult takes the identity of an answer out of it.
func withoutResult(raw json.RawMessage) string {
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return string(raw)
	}
	if m, ok := v.(map[string]any); ok {
		delete(m, "resultId")
	}
	out, err := json.Marshal(v)
	if err != nil {
		return string(raw)
	}
	return string(out)
}
