package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.lsp.dev/jsonrpc2"
)

// codeOf is the code of an error response.
func codeOf(t *testing.T, err error) int {
	t.Helper()
	var rpc *jsonrpc2.Error
	require.ErrorAs(t, err, &rpc)
	return int(rpc.Code)
}

func tempDir(t *testing.T) string {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	t.Setenv("XDG_CACHE_HOME", filepath.Join(dir, ".cache"))
	return dir
}

func write(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
}

func TestLifeCycle(t *testing.T) {
	root := tempDir(t)
	e := connect(t)
	_, err := e.try("textDocument/hover", map[string]any{})
	require.Equal(t, -32002, codeOf(t, err))
	e.notify("textDocument/didOpen", map[string]any{}) // dropped
	var r struct {
		Capabilities struct {
			PositionEncoding string `json:"positionEncoding"`
			TextDocumentSync struct {
				Change int `json:"change"`
			} `json:"textDocumentSync"`
			DiagnosticProvider any `json:"diagnosticProvider"`
		} `json:"capabilities"`
		ServerInfo struct{ Name, Version string } `json:"serverInfo"`
	}
	require.NoError(t, json.Unmarshal(e.initialize(root, `{}`), &r))
	require.Equal(t, "utf-16", r.Capabilities.PositionEncoding)
	require.Equal(t, 2, r.Capabilities.TextDocumentSync.Change)
	require.Nil(t, r.Capabilities.DiagnosticProvider, "a client that can't ask is not told to")
	require.Equal(t, "kurtosis-lsp", r.ServerInfo.Name)
	_, err = e.try("initialize", map[string]any{"capabilities": map[string]any{}})
	require.Equal(t, -32600, codeOf(t, err))
	_, err = e.try("no/such", map[string]any{})
	require.Equal(t, -32601, codeOf(t, err))
	_, err = e.try("textDocument/hover", map[string]any{"textDocument": 3})
	require.Equal(t, -32602, codeOf(t, err))
	_, err = e.try(methodPlanPreview, []int{1})
	require.Equal(t, -32602, codeOf(t, err))
	e.notify("$/unknown", map[string]any{})
	e.notify("textDocument/didChange", map[string]any{"textDocument": 5})
	e.notify("$/cancelRequest", map[string]any{"id": []int{1}})
	e.call("shutdown", nil)
	_, err = e.try("textDocument/hover", map[string]any{})
	require.Equal(t, -32600, codeOf(t, err))
	e.notify("exit", nil)
	require.Zero(t, <-e.status)

	e = start(t, root, `{}`)
	e.notify("exit", nil)
	require.Equal(t, 1, <-e.status, "exit without shutdown")

	ours, theirs := net.Pipe()
	done := make(chan int)
	go func() { done <- Serve(t.Context(), theirs, &lockedBuffer{}, Options{}) }()
	require.NoError(t, ours.Close())
	require.Equal(t, 1, <-done, "the client has gone")
}

func TestCommandLine(t *testing.T) {
	for _, c := range []struct {
		args        []string
		status      int
		out, errOut string
	}{
		{[]string{"--version"}, 0, "lsp 1.2.3\n", ""},
		{[]string{"--bad"}, 2, "", "lsp: unknown flag '--bad'\n"},
		{[]string{"more"}, 2, "", "lsp: unexpected argument 'more'\n"},
		{[]string{"--listen", "nowhere:1:2"}, 1, "", "lsp: can't listen on 'nowhere:1:2': listen tcp: address nowhere:1:2: too many colons in address\n"},
		{[]string{"--stdio"}, 1, "", ""}, // the input ends at once
		{[]string{"start"}, 1, "", ""},
	} {
		var out, errOut bytes.Buffer
		status := Main(t.Context(), c.args, Streams{In: strings.NewReader(""), Out: &out, Err: &errOut}, Options{Name: "lsp", Version: "1.2.3"})
		require.Equal(t, c.status, status, "%v", c.args)
		require.Equal(t, c.out, out.String())
		require.Equal(t, c.errOut, errOut.String())
	}
}

func TestEncodings(t *testing.T) {
	root := tempDir(t)
	path := filepath.Join(root, "main.star")
	const text = "def run(plan):\n    x = \"😀é\"; plan.prnt(x)\n"
	for _, c := range []struct {
		offered, chosen string
		column          int
	}{
		{`["utf-8", "utf-16"]`, "utf-8", 23}, {`["utf-16"]`, "utf-16", 20}, {`["utf-32"]`, "utf-32", 19}, {`["utf-7"]`, "utf-16", 20}, {`[]`, "utf-16", 20},
	} {
		e := connect(t)
		var r struct {
			Capabilities struct {
				PositionEncoding string `json:"positionEncoding"`
			} `json:"capabilities"`
		}
		require.NoError(t, json.Unmarshal(e.initialize(root, `{"general": {"positionEncodings": `+c.offered+`}, "textDocument": {"publishDiagnostics": {"versionSupport": true}}}`), &r))
		require.Equal(t, c.chosen, r.Capabilities.PositionEncoding)
		e.open(path, text, 1)
		found := e.published(path, 1)
		require.Len(t, found, 1, c.chosen)
		require.Equal(t, c.column, found[0].Range.Start.Character, c.chosen)
		// A change behind the wide character lands where it should.
		at := map[string]any{"line": 1, "character": c.column + 2}
		e.change(path, 2, map[string]any{"range": map[string]any{"start": at, "end": at}, "text": "i"})
		require.Empty(t, e.published(path, 2), c.chosen)
		require.Zero(t, e.leave())
	}
}

// TestStaleIsNotPublished sends many versions: what is told last is of the last one, and nothing of an older one
// comes behind it.
func TestStaleIsNotPublished(t *testing.T) {
	root := tempDir(t)
	path := filepath.Join(root, "main.star")
	e := start(t, root, fullCapabilities)
	e.open(path, "x = y1\n", 1)
	for v := 2; v <= 100; v++ {
		e.change(path, v, map[string]any{"text": fmt.Sprintf("x = y%d\n", v)})
	}
	require.Equal(t, "undefined: y100", strings.SplitN(e.published(path, 100)[0].Message, "\n", 2)[0])
	e.mu.Lock()
	defer e.mu.Unlock()
	last := 0
	for _, raw := range e.notes["textDocument/publishDiagnostics"] {
		var p struct{ Version int }
		require.NoError(t, json.Unmarshal(raw, &p))
		require.GreaterOrEqual(t, p.Version, last)
		last = p.Version
	}
}

// TestDependents changes a module and waits for what that does to the one that imports it.
func TestDependents(t *testing.T) {
	root := tempDir(t)
	lib, main := filepath.Join(root, "lib.star"), filepath.Join(root, "main.star")
	write(t, filepath.Join(root, "kurtosis.yml"), "name: github.com/example/shop\n")
	write(t, lib, "def f(x):\n    return x\n")
	write(t, main, "lib = import_module(\"./lib.star\")\n\ndef run(plan):\n    plan.print(lib.f(1))\n")
	e := start(t, root, fullCapabilities)
	e.open(lib, "def f(x):\n    return x\n", 1)
	e.published(lib, 1)
	about := func(text string) func(raw json.RawMessage) bool {
		return func(raw json.RawMessage) bool {
			return strings.Contains(string(raw), "main.star") && strings.Contains(string(raw), text)
		}
	}
	e.change(lib, 2, map[string]any{"text": "def f(x, y):\n    return x + y\n"})
	e.wait("textDocument/publishDiagnostics", about("misses argument y"))
	e.change(lib, 3, map[string]any{"text": "def f(x):\n    return x\n"})
	e.wait("textDocument/publishDiagnostics", about(`"diagnostics":[]`))
	// The file changes on disk, and the client says so.
	write(t, main, "lib = import_module(\"./gone.star\")\n\ndef run(plan):\n    plan.print(lib.f(1))\n")
	e.notify("workspace/didChangeWatchedFiles", map[string]any{"changes": []any{map[string]any{"uri": fileURI(main), "type": 2}}})
	e.wait("textDocument/publishDiagnostics", about("gone.star"))
	require.Zero(t, e.leave())
}

func TestPullDiagnostics(t *testing.T) {
	root := tempDir(t)
	path := filepath.Join(root, "main.star")
	write(t, filepath.Join(root, "other.star"), "x = undefined_too\n")
	e := start(t, root, `{"textDocument": {"diagnostic": {}}}`)
	e.open(path, "x = y\n", 1)
	ask := func(previous string) (r struct {
		Kind     string
		ResultID string `json:"resultId"`
		Items    []wireDiagnostic
	}) {
		raw := e.call("textDocument/diagnostic", map[string]any{"textDocument": map[string]any{"uri": fileURI(path)}, "previousResultId": previous})
		require.NoError(t, json.Unmarshal(raw, &r))
		return r
	}
	first := ask("")
	require.Equal(t, "full", first.Kind)
	require.Len(t, first.Items, 1)
	require.Equal(t, "unchanged", ask(first.ResultID).Kind)
	e.change(path, 2, map[string]any{"text": "x = 1\n"})
	second := ask(first.ResultID)
	require.Equal(t, "full", second.Kind)
	require.Empty(t, second.Items)
	var all struct {
		Items []struct {
			URI      string
			Kind     string
			ResultID string `json:"resultId"`
			Items    []wireDiagnostic
		}
	}
	require.NoError(t, json.Unmarshal(e.call("workspace/diagnostic", map[string]any{"previousResultIds": []any{}}), &all))
	require.Len(t, all.Items, 2)
	require.Equal(t, fileURI(filepath.Join(root, "other.star")), all.Items[1].URI)
	require.Len(t, all.Items[1].Items, 1)
	previous := []any{map[string]any{"uri": all.Items[1].URI, "value": all.Items[1].ResultID}}
	require.NoError(t, json.Unmarshal(e.call("workspace/diagnostic", map[string]any{"previousResultIds": previous}), &all))
	require.Equal(t, "unchanged", all.Items[1].Kind)
	e.mu.Lock()
	require.Empty(t, e.notes["textDocument/publishDiagnostics"], "nothing is pushed to a client that pulls")
	e.mu.Unlock()
	require.Zero(t, e.leave())
}

// TestCancel cancels a preview that would take long: the answer comes at once.
func TestCancel(t *testing.T) {
	root := tempDir(t)
	path := filepath.Join(root, "main.star")
	e := start(t, root, fullCapabilities)
	e.open(path, "def run(plan):\n    n = 0\n    for i in range(1000000000):\n        n = n + 1\n", 1)
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	go func() {
		_, err := e.conn.Call(ctx, methodPlanPreview, map[string]any{"uri": fileURI(path)}, nil)
		failed <- err
	}()
	// The client's library does not send $/cancelRequest itself; ids count from one. The request may be sent later
	// than the first of these.
	begin := time.Now()
	var err error
	for answered := false; !answered; {
		for id := 1; id < 6; id++ {
			e.notify("$/cancelRequest", map[string]any{"id": id})
		}
		select {
		case err = <-failed:
			answered = true
		case <-time.After(10 * time.Millisecond):
		}
	}
	cancel()
	require.Equal(t, -32800, codeOf(t, err))
	require.Less(t, time.Since(begin), 5*time.Second)
	require.Zero(t, e.leave())
}

// TestPlainClient has none of the abilities that newer clients have.
func TestPlainClient(t *testing.T) {
	root := tempDir(t)
	path := filepath.Join(root, "main.star")
	const text = "def helper():\n    \"\"\"Helps with `x`.\"\"\"\n\ndef run(plan):\n    helper()\n    plan.prnt()\n    \n"
	e := connect(t)
	params := map[string]any{"processId": os.Getpid(), "rootPath": root, "rootUri": nil, "capabilities": map[string]any{}}
	e.call("initialize", params)
	e.notify("initialized", map[string]any{})
	e.open(path, text, 1)
	doc := map[string]any{"uri": fileURI(path)}
	ask := func(method string, line, character int, result any) {
		raw := e.call(method, map[string]any{"textDocument": doc, "position": map[string]any{"line": line, "character": character}, "newName": "other",
			"context": map[string]any{"diagnostics": []any{}}, "range": map[string]any{"start": map[string]any{"line": line, "character": character}, "end": map[string]any{"line": line, "character": character}}})
		require.NoError(t, json.Unmarshal(raw, result))
	}
	var hover struct{ Contents wireMarkup }
	ask("textDocument/hover", 4, 6, &hover)
	require.Equal(t, wireMarkup{"plaintext", "def helper() -> None\n\nHelps with x."}, hover.Contents)
	var flat []struct {
		Name     string
		Location *wireLocation
	}
	ask("textDocument/documentSymbol", 0, 0, &flat)
	require.Len(t, flat, 2)
	require.NotNil(t, flat[0].Location)
	var list struct{ Items []wireItem }
	ask("textDocument/completion", 6, 4, &list)
	for _, i := range list.Items {
		require.NotEqual(t, 2, i.InsertTextFormat, i.Label)
		require.NotContains(t, i.TextEdit.NewText, "$")
	}
	var edit struct{ Changes map[string][]wireEdit }
	ask("textDocument/rename", 4, 6, &edit)
	require.Len(t, edit.Changes[fileURI(path)], 2)
	var commands []struct {
		Title, Command string
		Arguments      []json.RawMessage
	}
	ask("textDocument/codeAction", 5, 11, &commands)
	require.Equal(t, "Change to print", commands[0].Title)
	require.Equal(t, commandApply, commands[0].Command)
	_, err := e.try("workspace/executeCommand", map[string]any{"command": commands[0].Command, "arguments": commands[0].Arguments})
	require.ErrorContains(t, err, "the editor can't apply edits that the server sends")
	_, err = e.try("workspace/executeCommand", map[string]any{"command": "kurtosis.nothing"})
	require.ErrorContains(t, err, "there is no command 'kurtosis.nothing'")
	_, err = e.try("workspace/executeCommand", map[string]any{"command": commandFetch})
	require.ErrorContains(t, err, "the command 'kurtosis.fetchDependency' takes one argument")
	for _, method := range []string{"kurtosis/planPreview", "kurtosis/runSignature", "kurtosis/documentContent"} {
		_, err = e.try(method, map[string]any{})
		require.ErrorContains(t, err, "these parameters don't fit the method: the uri is missing")
	}
	// Builtins open in a file of their own.
	var places []wireLocation
	ask("textDocument/definition", 3, 0, &places)
	require.Empty(t, places)
	e.change(path, 2, map[string]any{"text": "def run(plan):\n    plan.print(1)\n"})
	ask("textDocument/definition", 1, 11, &places)
	require.Len(t, places, 1)
	require.True(t, strings.HasSuffix(places[0].URI, "/kurtosis/builtins/plan.star"), places[0].URI)
	stub := filepath.Join(stubDir(), "plan.star")
	info, err := os.Stat(stub)
	require.NoError(t, err)
	require.Zero(t, info.Mode().Perm()&0o222, "it is read-only")
	content, err := os.ReadFile(stub)
	require.NoError(t, err)
	require.Contains(t, strings.Split(string(content), "\n")[places[0].Range.Start.Line], "def print(")
	e.open(stub, string(content), 1) // and nothing is found wrong with it
	require.Zero(t, e.leave())
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, raw := range e.notes["textDocument/publishDiagnostics"] {
		require.NotContains(t, string(raw), "builtins/plan.star\",\"diagnostics\":[{")
	}
}

func TestSettings(t *testing.T) {
	root := tempDir(t)
	path := filepath.Join(root, "main.star")
	const text = "def run(plan):\n    unused = 1\n"
	// Pushed, by a client that can't be asked.
	e := start(t, root, `{"textDocument": {"publishDiagnostics": {"versionSupport": true}}}`)
	e.open(path, text, 1)
	require.Len(t, e.published(path, 1), 1)
	e.notify("workspace/didChangeConfiguration", map[string]any{"settings": map[string]any{"kurtosis": map[string]any{"lint": map[string]any{"ignore": []string{"unused-variable"}}, "vendorDir": 7}}})
	e.wait("textDocument/publishDiagnostics", func(raw json.RawMessage) bool { return strings.Contains(string(raw), `"diagnostics":[]`) })
	require.Zero(t, e.leave())
	// Pulled.
	e = connect(t)
	e.config = json.RawMessage(`{"lint": {"ignore": ["unused-variable"]}}`)
	e.initialize(root, fullCapabilities)
	e.open(path, text, 1)
	e.eventually(path, 1, func(found []wireDiagnostic) bool { return len(found) == 0 })
	require.Zero(t, e.leave())
}

func TestSemanticTokenDifferences(t *testing.T) {
	root := tempDir(t)
	path := filepath.Join(root, "main.star")
	e := start(t, root, fullCapabilities)
	e.open(path, "a = 1\nb = a\n", 1)
	doc := map[string]any{"textDocument": map[string]any{"uri": fileURI(path)}}
	var full struct {
		ResultID string `json:"resultId"`
		Data     []int
	}
	require.NoError(t, json.Unmarshal(e.call("textDocument/semanticTokens/full", doc), &full))
	require.Len(t, full.Data, 15)
	e.change(path, 2, map[string]any{"range": map[string]any{"start": map[string]any{"line": 2, "character": 0}, "end": map[string]any{"line": 2, "character": 0}}, "text": "c = b\n"})
	doc["previousResultId"] = full.ResultID
	var delta struct {
		Data  []int
		Edits []struct {
			Start, DeleteCount int
			Data               []int
		}
	}
	require.NoError(t, json.Unmarshal(e.call("textDocument/semanticTokens/full/delta", doc), &delta))
	require.Nil(t, delta.Data)
	require.Len(t, delta.Edits, 1)
	require.Equal(t, 0, delta.Edits[0].DeleteCount)
	require.Len(t, delta.Edits[0].Data, 10)
	doc["previousResultId"] = "unknown"
	delta.Data = nil
	require.NoError(t, json.Unmarshal(e.call("textDocument/semanticTokens/full/delta", doc), &delta))
	require.Len(t, delta.Data, 25)
	doc["range"] = map[string]any{"start": map[string]any{"line": 1, "character": 0}, "end": map[string]any{"line": 1, "character": 5}}
	require.NoError(t, json.Unmarshal(e.call("textDocument/semanticTokens/range", doc), &full))
	require.Len(t, full.Data, 10)
	require.Zero(t, e.leave())
}

// TestFolders adds a folder of the workspace and takes it away again.
func TestFolders(t *testing.T) {
	root := tempDir(t)
	one, two := filepath.Join(root, "one"), filepath.Join(root, "two")
	write(t, filepath.Join(one, "a.star"), "def first(): pass\n")
	write(t, filepath.Join(two, "b.star"), "def second(): pass\n")
	e := start(t, one, fullCapabilities)
	find := func() string { return string(e.call("workspace/symbol", map[string]any{"query": "second"})) }
	require.Equal(t, "[]", find())
	folder := []any{map[string]any{"uri": fileURI(two), "name": "two"}}
	e.notify("workspace/didChangeWorkspaceFolders", map[string]any{"event": map[string]any{"added": folder, "removed": []any{}}})
	require.Contains(t, find(), "b.star")
	e.notify("workspace/didChangeWorkspaceFolders", map[string]any{"event": map[string]any{"added": []any{}, "removed": folder}})
	require.Equal(t, "[]", find())
	require.Zero(t, e.leave())
}

func TestDocuments(t *testing.T) {
	root := tempDir(t)
	path := filepath.Join(root, "main.star")
	e := start(t, root, fullCapabilities)
	e.open(path, "def run(plan):\n    plan.print(\"hello\")\n", 1)
	text := func(method string, params any) string {
		var r struct{ Text string }
		require.NoError(t, json.Unmarshal(e.call(method, params), &r))
		return r.Text
	}
	require.Contains(t, text("workspace/textDocumentContent", map[string]any{"uri": "kurtosis-builtin:/plan.star"}), "def add_service(")
	plan := text("workspace/textDocumentContent", map[string]any{"uri": "kurtosis-plan:" + path + ".plan?" + fileURI(path)})
	require.Contains(t, plan, `plan.print(msg = "hello")`)
	require.Equal(t, plan, text(methodDocumentContent, map[string]any{"uri": fileURI(path), "kind": "plan"}))
	_, err := e.try("workspace/textDocumentContent", map[string]any{"uri": "kurtosis-builtin:/nothing.star"})
	require.EqualError(t, errors.Unwrap(fmt.Errorf("%w", err)), "there is no document 'kurtosis-builtin:/nothing.star'")
	// Whoever has seen a plan is told when it may be another one.
	e.change(path, 2, map[string]any{"text": "def run(plan):\n    plan.print(\"bye\")\n"})
	e.wait(methodPlanChanged, func(raw json.RawMessage) bool { return strings.Contains(string(raw), "main.star") })
	require.Zero(t, e.leave())
}
