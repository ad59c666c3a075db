package client

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestNobodyThere: whoever ends their context is let go where the server says nothing at all.
func TestNobodyThere(t *testing.T) {
	silent := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	silent.Config.Protocols = new(http.Protocols)
	silent.Config.Protocols.SetUnencryptedHTTP2(true)
	silent.Start()
	defer silent.Close()
	e := NewEnclave(Options{Address: silent.Listener.Addr().String()})
	defer e.Close()
	e.patience = time.Millisecond
	ctx, stop := context.WithCancel(t.Context())
	stop()
	_, err := e.Run(ctx, RunOptions{Script: &Script{Text: "def run(plan):\n    pass\n"}})
	require.ErrorIs(t, err, context.Canceled)
}
