package backends

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPorts(t *testing.T) {
	ports := map[string]Port{"http": {Number: 80, Transport: TCP, Application: "http"}, "a": {Number: 9, Transport: UDP}}
	text := FormatPorts(ports)
	require.Equal(t, "a:9/UDP,http:80/TCP/http", text)
	back, err := ParsePorts(text)
	require.NoError(t, err)
	require.Equal(t, ports, back)
	back, err = ParsePorts("")
	require.NoError(t, err)
	require.Empty(t, back)
	for _, bad := range []string{"a", "a:1", ":1/TCP", "a:x/TCP", "a:0/TCP", "a:70000/TCP"} {
		_, err := ParsePorts(bad)
		require.Equal(t, Invalid, KindOf(err), bad)
	}
}

func TestMatchEnclave(t *testing.T) {
	list := []Enclave{{UUID: "abc1", Name: "one"}, {UUID: "abc2", Name: "abc1"}, {UUID: "fff0", Name: "three"}}
	for identifier, want := range map[string]string{"abc1": "abc1", "abc2": "abc2", "one": "abc1", "ff": "fff0"} {
		got, err := MatchEnclave(list, identifier)
		require.NoError(t, err)
		require.Equal(t, want, got.UUID, identifier)
	}
	_, err := MatchEnclave(list, "ab")
	require.EqualError(t, err, `"ab" means several enclaves: one (abc1), abc1 (abc2)`)
	require.Equal(t, Ambiguous, KindOf(err))
	_, err = MatchEnclave(list, "")
	require.EqualError(t, err, "an empty enclave identifier")
}

func TestError(t *testing.T) {
	err := error(Errorf(NotFound, "there is no %q: %w", "x", io.EOF).WithHint("make %s", "one"))
	require.EqualError(t, err, `there is no "x": EOF`)
	wrapped := fmt.Errorf("outer: %w", err)
	require.ErrorIs(t, wrapped, io.EOF)
	require.True(t, errors.Is(wrapped, &Error{Kind: NotFound}))
	require.False(t, errors.Is(wrapped, &Error{Kind: Conflict}))
	require.Equal(t, NotFound, KindOf(wrapped))
	require.Equal(t, "make one", HintOf(wrapped))
	require.Equal(t, Unknown, KindOf(io.EOF))
	require.EqualError(t, &Error{Message: "no engine", Tried: []string{"a", "b"}}, "no engine (tried a, b)")
}

func TestAuthIsMasked(t *testing.T) {
	auth := RegistryAuth{Registry: "r", Username: "u", Password: "secret"}
	spec := ServiceSpec{ImageAuth: &auth}
	require.Equal(t, "u:***@r", fmt.Sprint(auth))
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		require.NotContains(t, fmt.Sprintf(format, auth), "secret")
		require.NotContains(t, fmt.Sprintf(format, &auth), "secret")
		require.NotContains(t, fmt.Sprintf(format, spec), "secret")
	}
}
