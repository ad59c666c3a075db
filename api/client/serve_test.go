package client_test

import (
	"context"
	"net"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/api/rpc"
)

// listen serves on a port of its own, as containers do, until the test ends.
func listen(t *testing.T, life context.Context, handler http.Handler) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(life)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = rpc.Serve(ctx, listener, handler)
	}()
	t.Cleanup(func() { stop(); <-ended })
	return listener.Addr().String()
}
