package rpc

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/backends"
)

type hinted struct{ error }

func (hinted) Hint() string { return "try this" }

// overTheWire is an error as a client of connect has it: its parts alone.
func overTheWire(t *testing.T, err error) error {
	t.Helper()
	var sent *connect.Error
	require.ErrorAs(t, Error(err), &sent)
	got := connect.NewError(sent.Code(), errors.New(sent.Message()))
	for _, d := range sent.Details() {
		value, err := d.Value()
		require.NoError(t, err)
		again, err := connect.NewErrorDetail(value)
		require.NoError(t, err)
		got.AddDetail(again)
	}
	return Received(got)
}

func TestErrorsRoundTrip(t *testing.T) {
	full := &backends.Error{
		Kind: backends.OutOfMemory, Message: "it grew", Hint: "make room", Tried: []string{"a", "b"}, ExitCode: 137, Log: []string{"l1", "l2"}, Step: "RUN make",
	}
	for _, kind := range []backends.Kind{
		backends.Unknown, backends.NotFound, backends.AlreadyExists, backends.Ambiguous, backends.Invalid, backends.Unsupported, backends.Conflict,
		backends.PortTaken, backends.PortClosed, backends.ImageNotFound, backends.AuthNeeded, backends.RateLimited, backends.RegistryUnreachable,
		backends.BuildFailed, backends.NoNetworkSpace, backends.NoDiskSpace, backends.EngineUnreachable, backends.PermissionDenied,
		backends.OutOfMemory, backends.Exited, backends.Unschedulable,
	} {
		sent := *full
		sent.Kind = kind
		var got *backends.Error
		require.ErrorAs(t, overTheWire(t, &sent), &got)
		got.Err = nil
		require.Equal(t, &sent, got)
		require.EqualError(t, got, sent.Error())
	}
	wrapped := fmt.Errorf("removing enclave %q: %w", "e", full)
	got := overTheWire(t, wrapped)
	require.EqualError(t, got, wrapped.Error())
	require.Equal(t, backends.OutOfMemory, backends.KindOf(got))
	require.Equal(t, "make room", backends.HintOf(got))

	got = overTheWire(t, hinted{errors.New("odd")})
	require.EqualError(t, got, "odd")
	require.Equal(t, "try this", backends.HintOf(got))
	require.EqualError(t, Error(hinted{errors.New("odd")}), "unknown: odd (try this)", "who knows no details reads the hint")

	require.ErrorIs(t, overTheWire(t, context.Canceled), context.Canceled)
	require.NoError(t, Error(nil))
	require.NoError(t, Received(nil))
	plain := errors.New("not of the wire")
	require.Equal(t, plain, Received(plain))
}
