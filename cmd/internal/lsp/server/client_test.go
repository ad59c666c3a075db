package server

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.lsp.dev/jsonrpc2"
)

// editor is a client over real JSON-RPC.
type editor struct {
	t      testing.TB
	conn   jsonrpc2.Conn
	status chan int
	log    *lockedBuffer
	texts  map[string]string // of open documents
	parent *int              // the process that the server is to end with

	mu     sync.Mutex
	notes  map[string][]json.RawMessage
	wake   chan struct{}
	config json.RawMessage
}

type lockedBuffer struct {
	mu   sync.Mutex
	text []byte
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.text = append(b.text, p...)
	return len(p), nil
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return string(b.text)
}

// keptNotes is how many notifications of a method an editor remembers.
const keptNotes = 500

// fullCapabilities are those of an editor that can do everything that the server makes use of, but pull diagnostics.
const fullCapabilities = `{
	"general": {"positionEncodings": ["utf-16"]},
	"workspace": {"applyEdit": true, "configuration": true, "workspaceEdit": {"documentChanges": true}, "workspaceFolders": true},
	"textDocument": {
		"publishDiagnostics": {"versionSupport": true, "relatedInformation": true},
		"completion": {"completionItem": {"snippetSupport": true, "documentationFormat": ["markdown"], "tagSupport": {"valueSet": [1]}, "resolveSupport": {"properties": ["documentation"]}}},
		"hover": {"contentFormat": ["markdown"]},
		"signatureHelp": {"signatureInformation": {"documentationFormat": ["markdown"], "parameterInformation": {"labelOffsetSupport": true}, "activeParameterSupport": true}},
		"documentSymbol": {"hierarchicalDocumentSymbolSupport": true},
		"codeAction": {"codeActionLiteralSupport": {"codeActionKind": {"valueSet": ["quickfix", "refactor", "source"]}}}
	}
}`

// extensionSettings make the server take the client for the project's extension.
const extensionSettings = `{"preview": {}, "codeLens": {"enable": true}}`

// connect starts a server and a client of it.
func connect(t testing.TB) *editor {
	t.Helper()
	ours, theirs := net.Pipe()
	e := speak(t, ours)
	go func() { e.status <- Serve(t.Context(), theirs, e.log, Options{Name: "test", Version: "1"}) }()
	return e
}

// speak is a client of the server at the other end of a stream.
func speak(t testing.TB, ours net.Conn) *editor {
	t.Helper()
	e := &editor{t: t, status: make(chan int, 1), log: &lockedBuffer{}, notes: map[string][]json.RawMessage{}, texts: map[string]string{}, wake: make(chan struct{}, 1), config: json.RawMessage(extensionSettings)}
	e.conn = jsonrpc2.NewConn(jsonrpc2.NewHeaderStream(ours))
	e.conn.Go(context.WithoutCancel(t.Context()), e.handle)
	t.Cleanup(func() { ours.Close() })
	return e
}

func (e *editor) handle(_ context.Context, req *jsonrpc2.Request) (any, error) {
	if req.IsCall() {
		if req.Method() == "workspace/configuration" {
			return []json.RawMessage{e.config}, nil
		}
		return nil, nil
	}
	e.mu.Lock()
	method := string(append([]byte(nil), req.Method()...))
	if len(e.notes[method]) > keptNotes {
		e.notes[method] = append([]json.RawMessage(nil), e.notes[method][keptNotes/2:]...)
	}
	e.notes[method] = append(e.notes[method], append(json.RawMessage(nil), req.Params()...))
	e.mu.Unlock()
	select {
	case e.wake <- struct{}{}:
	default:
	}
	return nil, nil
}

// start connects and initializes.
func start(t testing.TB, root, capabilities string) *editor {
	t.Helper()
	e := connect(t)
	e.initialize(root, capabilities)
	return e
}

func (e *editor) initialize(root, capabilities string) json.RawMessage {
	params := map[string]any{
		"processId": e.parent, "rootUri": fileURI(root), "capabilities": json.RawMessage(capabilities), "initializationOptions": json.RawMessage(extensionSettings),
		"workspaceFolders": []any{map[string]string{"uri": fileURI(root), "name": "root"}},
	}
	result := e.call("initialize", params)
	e.notify("initialized", map[string]any{})
	return result
}

func (e *editor) call(method string, params any) json.RawMessage {
	e.t.Helper()
	result, err := e.try(method, params)
	require.NoError(e.t, err, method)
	return result
}

func (e *editor) try(method string, params any) (json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(e.t.Context()), 60*time.Second)
	defer cancel()
	var result json.RawMessage
	_, err := e.conn.Call(ctx, method, params, &result)
	return result, err
}

func (e *editor) notify(method string, params any) {
	e.t.Helper()
	require.NoError(e.t, e.conn.Notify(e.t.Context(), method, params))
}

// wait returns the first notification of a method that is accepted, now or later.
func (e *editor) wait(method string, accept func(json.RawMessage) bool) json.RawMessage {
	e.t.Helper()
	deadline := time.After(60 * time.Second)
	for seen := 0; ; {
		e.mu.Lock()
		notes := e.notes[method]
		e.mu.Unlock()
		if seen > len(notes) { // older ones were dropped
			seen = 0
		}
		for ; seen < len(notes); seen++ {
			if accept(notes[seen]) {
				return notes[seen]
			}
		}
		select {
		case <-e.wake:
		case <-deadline:
			e.t.Fatalf("no %s came that is accepted; %d others did\n%s", method, len(notes), e.log)
		}
	}
}

func (e *editor) open(path, text string, version int) {
	e.texts[path] = text
	language := "starlark"
	e.notify("textDocument/didOpen", map[string]any{"textDocument": map[string]any{"uri": fileURI(path), "languageId": language, "version": version, "text": text}})
}

func (e *editor) change(path string, version int, changes ...any) {
	e.notify("textDocument/didChange", map[string]any{"textDocument": map[string]any{"uri": fileURI(path), "version": version}, "contentChanges": changes})
}

// published waits for the diagnostics of a version of a document.
func (e *editor) published(path string, version int) (found []wireDiagnostic) {
	e.t.Helper()
	e.eventually(path, version, func(list []wireDiagnostic) bool {
		found = list
		return true
	})
	return found
}

// eventually waits for diagnostics of a version of a document that are accepted.
func (e *editor) eventually(path string, version int, accept func([]wireDiagnostic) bool) {
	e.t.Helper()
	e.wait("textDocument/publishDiagnostics", func(raw json.RawMessage) bool {
		var p struct {
			URI         string           `json:"uri"`
			Version     *int             `json:"version"`
			Diagnostics []wireDiagnostic `json:"diagnostics"`
		}
		require.NoError(e.t, json.Unmarshal(raw, &p))
		return p.URI == fileURI(path) && p.Version != nil && *p.Version == version && accept(p.Diagnostics)
	})
}

// leave ends the session in order and gives the exit status.
func (e *editor) leave() int {
	e.call("shutdown", nil)
	e.notify("exit", nil)
	return <-e.status
}

var _ io.Writer = (*lockedBuffer)(nil)
