package server

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"sync"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"

	"github.com/kurtosis-go/kurtosis/cmd/internal/lsp/ide"
)

// codec is the protocol's own marshalling: it knows the unions.
type codec struct{}

func (codec) Marshal(v any) ([]byte, error) {
	if raw, ok := v.(jsonrpc2.RawMessage); ok {
		return raw, nil
	}
	return protocol.Marshal(v)
}

func (codec) Unmarshal(data []byte, v any) error {
	if raw, ok := v.(*jsonrpc2.RawMessage); ok {
		*raw = append(jsonrpc2.RawMessage(nil), data...)
		return nil
	}
	return protocol.Unmarshal(data, v)
}

// asked is a request with the view that it is about.
type asked struct {
	*session
	view *ide.View
}

type (
	requestHandler      func(ctx context.Context, s *session, params []byte) (func(ctx context.Context) (any, error), error)
	notificationHandler func(ctx context.Context, s *session, params []byte) error
)

// request makes a handler of a function. Parameters are decoded and the view is taken in the order in which messages
// arrive; the function itself may run beside others.
func request[P, R any](f func(ctx context.Context, a *asked, params *P) (R, error)) requestHandler {
	return func(_ context.Context, s *session, raw []byte) (func(context.Context) (any, error), error) {
		params := new(P)
		if err := decode(raw, params); err != nil {
			return nil, err
		}
		a := &asked{s, s.currentView()}
		return func(ctx context.Context) (any, error) { return f(ctx, a, params) }, nil
	}
}

func notification[P any](f func(ctx context.Context, s *session, params *P) error) notificationHandler {
	return func(ctx context.Context, s *session, raw []byte) error {
		params := new(P)
		if err := decode(raw, params); err != nil {
			return err
		}
		return f(ctx, s, params)
	}
}

func decode(raw []byte, params any) error {
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	if err := protocol.Unmarshal(raw, params); err != nil {
		return invalid(err)
	}
	return nil
}

func invalid(err error) error {
	return jsonrpc2.NewError(jsonrpc2.InvalidParams, "these parameters don't fit the method: "+err.Error())
}

// jsonParams are parameters of a method that is not the protocol's.
func jsonParams(v any) jsonrpc2.RawMessage { return jsonrpc2.RawMessage(raw(v)) }

// Error codes of the protocol that the library has no name for.
const codeNotInitialized jsonrpc2.Code = -32002

// handle is the way of every message: order, life cycle, cancellation, panics. Contexts are made from the session's,
// not from the message's, which the library takes back as soon as its handler returns.
func (s *session) handle(message context.Context, req *jsonrpc2.Request) (any, error) {
	if !req.IsCall() {
		s.notify(s.ctx, req)
		return nil, nil // an error would end the connection
	}
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	id := req.ID()
	s.calls.add(id, cancel)
	defer s.calls.remove(id)
	return s.call(ctx, message, req)
}

// calls are the requests that are being answered.
type calls struct {
	mu     sync.Mutex
	cancel map[jsonrpc2.ID]context.CancelFunc
}

func (c *calls) add(id jsonrpc2.ID, cancel context.CancelFunc) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cancel == nil {
		c.cancel = map[jsonrpc2.ID]context.CancelFunc{}
	}
	c.cancel[id] = cancel
}

func (c *calls) remove(id jsonrpc2.ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.cancel, id)
}

func (c *calls) stop(id jsonrpc2.ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if cancel := c.cancel[id]; cancel != nil {
		cancel()
	}
}

func cancelled(raw []byte) (id jsonrpc2.ID, ok bool) {
	var params protocol.CancelParams
	if err := protocol.Unmarshal(raw, &params); err != nil {
		return id, false
	}
	switch n := params.ID.(type) {
	case protocol.Integer:
		return jsonrpc2.NewNumberID(int64(n)), true
	case protocol.String:
		return jsonrpc2.NewStringID(strings.Clone(string(n))), true
	}
	return id, false
}

func (s *session) notify(ctx context.Context, req *jsonrpc2.Request) {
	method := req.Method()
	defer func() {
		if r := recover(); r != nil {
			s.bug(method, r)
		}
	}()
	switch method {
	case protocol.MethodExit:
		s.exit()
		return
	case protocol.MethodCancelRequest:
		if id, ok := cancelled(req.Params()); ok {
			s.calls.stop(id)
		}
		return
	}
	if s.state.Load() != stateReady {
		return // dropped, as the protocol says
	}
	h, ok := notifications[method]
	if !ok {
		return // optional, or of a newer protocol
	}
	if err := h(ctx, s, req.Params()); err != nil {
		s.logf("%s: %s", method, err)
	}
}

// call answers one request. Its result or error is the response.
func (s *session) call(ctx, message context.Context, req *jsonrpc2.Request) (result any, err error) {
	method := strings.Clone(req.Method())
	switch state := s.state.Load(); {
	case method == protocol.MethodInitialize && state == stateNew:
		return s.guarded(ctx, method, func(ctx context.Context) (any, error) {
			params := new(protocol.InitializeParams)
			if err := decode(req.Params(), params); err != nil {
				return nil, err
			}
			return s.initialize(ctx, params)
		})
	case method == protocol.MethodInitialize:
		return nil, jsonrpc2.NewError(jsonrpc2.InvalidRequest, "the server is initialized already")
	case state == stateNew:
		return nil, jsonrpc2.NewError(codeNotInitialized, "the server is not initialized yet")
	case state == stateShutdown:
		return nil, jsonrpc2.NewError(jsonrpc2.InvalidRequest, "the server is shut down")
	case method == protocol.MethodShutdown:
		s.shutdown()
		return nil, nil
	}
	h, ok := requests[method]
	if !ok {
		return nil, jsonrpc2.NewError(jsonrpc2.MethodNotFound, fmt.Sprintf("there is no method '%s'", method))
	}
	run, err := h(ctx, s, req.Params())
	if err != nil {
		return nil, err
	}
	jsonrpc2.Async(message)
	// The answer to a cancelled request does not wait for the work to notice.
	type answer struct {
		result any
		err    error
	}
	done := make(chan answer, 1)
	go func() {
		result, err := s.guarded(ctx, method, run)
		done <- answer{result, err}
	}()
	select {
	case a := <-done:
		if ctx.Err() != nil {
			return nil, protocol.ErrRequestCancelled
		}
		return a.result, a.err
	case <-ctx.Done():
		return nil, protocol.ErrRequestCancelled
	}
}

// guarded runs f; a panic becomes an error of this request alone.
func (s *session) guarded(ctx context.Context, method string, f func(context.Context) (any, error)) (result any, err error) {
	defer func() {
		if r := recover(); r != nil {
			s.bug(method, r)
			result, err = nil, jsonrpc2.NewError(jsonrpc2.InternalError, fmt.Sprintf("%s failed: %v; this is a bug in the language server", method, r))
		}
	}()
	result, err = f(ctx)
	if err == nil {
		return result, nil
	}
	var rpc *jsonrpc2.Error
	switch {
	case errors.As(err, &rpc):
		return nil, err
	case errors.Is(err, context.Canceled):
		return nil, protocol.ErrRequestCancelled
	}
	return nil, jsonrpc2.NewError(codeRequestFailed, err.Error())
}

const codeRequestFailed jsonrpc2.Code = -32803

func (s *session) bug(method string, r any) {
	s.bugs.Add(1)
	s.logf("%s: panic: %v\n%s", method, r, debug.Stack())
}
