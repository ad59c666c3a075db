package rpc

import (
	"context"
	"errors"

	"connectrpc.com/connect"

	pb "github.com/kurtosis-go/kurtosis/api/kurtosisv1"
	"github.com/kurtosis-go/kurtosis/backends"
)

// Error is an error as callers get it: a status code by its kind, its text with the hint, and, for those who know
// about it, an ErrorDetail.
func Error(err error) error {
	if err == nil {
		return nil
	}
	var already *connect.Error
	if errors.As(err, &already) {
		return err
	}
	info := Detail(err)
	text := err.Error()
	if info.Hint != "" {
		text += " (" + info.Hint + ")"
	}
	out := connect.NewError(code(err), errors.New(text))
	if detail, err := connect.NewErrorDetail(info); err == nil { // else the text has to do
		out.AddDetail(detail)
	}
	return out
}

// Detail is an error as a message: all of a *backends.Error but the container engine's own words, text and hint of
// any other.
func Detail(err error) *pb.ErrorDetail {
	m := &pb.ErrorDetail{Message: err.Error()}
	var known *backends.Error
	if errors.As(err, &known) {
		m.Kind, m.Hint, m.ExitCode, m.Log, m.Step = string(known.Kind), known.Hint, int32(known.ExitCode), known.Log, known.Step
		if err == error(known) {
			m.Message, m.Tried = known.Message, known.Tried
		}
	}
	var hinted interface{ Hint() string }
	if errors.As(err, &hinted) {
		m.Hint = hinted.Hint()
	}
	return m
}

// FromDetail is the reverse of Detail.
func FromDetail(m *pb.ErrorDetail) *backends.Error {
	return &backends.Error{
		Kind: backends.Kind(m.Kind), Message: m.Message, Hint: m.Hint, Tried: m.Tried, ExitCode: int(m.ExitCode), Log: m.Log, Step: m.Step,
	}
}

// Received is an error of a call as its caller gets it: the *backends.Error that the server had, or one that says why
// the server could not be reached. The *connect.Error stays in its chain.
func Received(err error) error {
	var wire *connect.Error
	if err == nil || !errors.As(err, &wire) {
		return err
	}
	switch wire.Code() {
	case connect.CodeCanceled:
		return context.Canceled
	case connect.CodeDeadlineExceeded:
		return context.DeadlineExceeded
	}
	for _, detail := range wire.Details() {
		value, err := detail.Value()
		if m, ok := value.(*pb.ErrorDetail); err == nil && ok {
			out := FromDetail(m)
			out.Err = wire
			return out
		}
	}
	out := &backends.Error{Message: wire.Message(), Err: wire}
	if !connect.IsWireError(err) && wire.Code() != connect.CodeUnavailable {
		out.Kind, out.Message = backends.EngineUnreachable, "the connection broke: "+wire.Message()
		return out
	}
	switch wire.Code() {
	case connect.CodeUnavailable:
		out.Kind = backends.EngineUnreachable
	case connect.CodeUnauthenticated:
		out.Kind = backends.AuthNeeded
	case connect.CodeUnimplemented:
		out.Kind = backends.Unsupported
	case connect.CodeNotFound:
		out.Kind = backends.NotFound
	case connect.CodeInvalidArgument:
		out.Kind = backends.Invalid
	}
	return out
}
