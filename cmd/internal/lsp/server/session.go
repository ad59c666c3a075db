package server

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/kurtosis-go/kurtosis/cmd/internal/lsp/ide"
	"github.com/kurtosis-go/kurtosis/lang/source"
)

// The life of a session.
const (
	stateNew int32 = iota
	stateReady
	stateShutdown
)

// session is one client.
type session struct {
	ctx     context.Context // of the connection, for what outlives a message
	cancel  context.CancelFunc
	conn    jsonrpc2.Conn
	log     io.Writer
	options Options

	state   atomic.Int32
	calls   calls
	stopped atomic.Bool
	bugs    atomic.Int64 // panics that were caught

	// Set by initialize, before anything else is handled.
	client   client
	encoding source.Encoding

	mu       sync.Mutex
	view     *ide.View
	docs     map[string]*document // open documents by path
	settings settings
	folders  []string
	tokens   map[string]tokenResult // the last semantic tokens of each document

	publisher  publisher
	warmed     atomic.Bool // the whole workspace was looked at once
	progressID atomic.Int32
	previews   atomic.Bool // the client has asked for a plan
	background sync.WaitGroup
}

// document is an open document. It is replaced, never changed.
type document struct {
	uri      uri.URI
	path     string
	version  int32
	language string
	text     []byte
	file     *source.File
}

func newSession(ctx context.Context, cancel context.CancelFunc, conn jsonrpc2.Conn, log io.Writer, o Options) *session {
	return &session{ctx: ctx, cancel: cancel, conn: conn, log: log, options: o, docs: map[string]*document{}, tokens: map[string]tokenResult{}}
}

// currentView is the present state of all files.
func (s *session) currentView() *ide.View {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.view
}

func (s *session) logf(format string, args ...any) {
	fmt.Fprintf(s.log, s.options.Name+": "+format+"\n", args...)
}

// run starts work that outlives the message that asked for it. The session waits for it before it ends.
func (s *session) run(what string, f func(ctx context.Context)) {
	s.background.Go(func() {
		defer func() {
			if r := recover(); r != nil {
				s.bug(what, r)
			}
		}()
		f(s.ctx)
	})
}

// tell sends a notification. Errors mean that the client has gone, which the connection notices itself.
func (s *session) tell(ctx context.Context, method string, params any) {
	_ = s.conn.Notify(ctx, method, params)
}

// ask sends a request to the client and waits for its answer. It must not be called while a message is being
// handled in order.
func (s *session) ask(ctx context.Context, method string, params, result any) error {
	_, err := s.conn.Call(ctx, method, params, result)
	return err
}

func (s *session) shutdown() {
	s.state.Store(stateShutdown)
	s.publisher.stop()
}

func (s *session) exit() { s.cancel() }

// showError tells the user that something did not work.
func (s *session) showError(ctx context.Context, message string) {
	s.tell(ctx, protocol.MethodWindowShowMessage, &protocol.ShowMessageParams{Type: protocol.MessageTypeError, Message: message})
}

func (s *session) currentSettings() settings {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.settings
}

// languageOf is what the client says an open document is written in.
func (s *session) languageOf(path string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := s.docs[path]; d != nil {
		return d.language
	}
	return ""
}
