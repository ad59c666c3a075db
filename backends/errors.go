package backends

import (
	"errors"
	"fmt"
	"strings"
)

// Kind is what went wrong, for callers that decide by it.
type Kind string

const (
	Unknown             Kind = ""
	NotFound            Kind = "not-found"
	AlreadyExists       Kind = "already-exists"
	Ambiguous           Kind = "ambiguous"
	Invalid             Kind = "invalid" // the spec is wrong
	Unsupported         Kind = "unsupported"
	Conflict            Kind = "conflict"   // the object is busy or changing
	PortTaken           Kind = "port-taken" // on the host
	PortClosed          Kind = "port-closed"
	ImageNotFound       Kind = "image-not-found"
	AuthNeeded          Kind = "auth-needed"
	RateLimited         Kind = "rate-limited"
	RegistryUnreachable Kind = "registry-unreachable"
	BuildFailed         Kind = "build-failed"
	NoNetworkSpace      Kind = "no-network-space"
	NoDiskSpace         Kind = "no-disk-space"
	EngineUnreachable   Kind = "engine-unreachable"
	PermissionDenied    Kind = "permission-denied" // on the engine's socket
	OutOfMemory         Kind = "out-of-memory"
	Exited              Kind = "exited"        // the service does not run
	Unschedulable       Kind = "unschedulable" // no node can take it
)

// Error is a failure told to a person: Message is a sentence in lower case without a period, Hint what to do about it.
type Error struct {
	Kind    Kind
	Message string
	Hint    string
	// Tried lists what was attempted before giving up, e.g. the sockets of EngineUnreachable.
	Tried []string
	// ExitCode and Log (last lines, oldest first) of a service that ended: Exited, OutOfMemory.
	ExitCode int
	Log      []string
	// Step of a build that failed, as the builder names it, e.g. "RUN make".
	Step string
	// Err is the engine's own error; Message already says what matters of it.
	Err error
}

// Error is Message alone, followed by what was tried.
func (e *Error) Error() string {
	if len(e.Tried) == 0 {
		return e.Message
	}
	return e.Message + " (tried " + strings.Join(e.Tried, ", ") + ")"
}

func (e *Error) Unwrap() error { return e.Err }

// Is makes errors.Is(err, &Error{Kind: k}) true for any error of that kind.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Kind == e.Kind && t.Message == "" && t.Err == nil
}

// KindOf returns the kind of the first *Error in err's chain, Unknown if there is none.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Unknown
}

// HintOf returns the hint of the first *Error in err's chain, "" if there is none.
func HintOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Hint
	}
	return ""
}

// Errorf makes an *Error; a %w operand is kept as Err.
func Errorf(kind Kind, format string, args ...any) *Error {
	wrapped := fmt.Errorf(format, args...)
	return &Error{Kind: kind, Message: wrapped.Error(), Err: errors.Unwrap(wrapped)}
}

// WithHint returns a copy of e with a hint.
func (e *Error) WithHint(format string, args ...any) *Error {
	c := *e
	c.Hint = fmt.Sprintf(format, args...)
	return &c
}

// NotRunning explains that a service does not run: how it ended. memory is its limit in bytes, 0 for none. Callers add Log.
func NotRunning(s Service, memory int64) *Error {
	e := &Error{Kind: Exited, ExitCode: s.ExitCode}
	switch {
	case s.OutOfMemory:
		e.Kind = OutOfMemory
		e.Message = fmt.Sprintf("service %q was killed for its memory", s.Name)
		e.Hint = "raise max_memory, or remove it"
		if memory > 0 {
			e.Message += fmt.Sprintf(": more than %d MB", memory>>20)
		}
	case s.Started.IsZero():
		e.Message = fmt.Sprintf("service %q was never started", s.Name)
	default:
		e.Message = fmt.Sprintf("service %q does not run: it exited with code %d", s.Name, s.ExitCode)
		if s.ExitCode == 0 {
			e.Hint = "its command came to its end; a service runs until it is stopped"
		}
	}
	return e
}
