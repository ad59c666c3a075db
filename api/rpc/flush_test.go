package rpc

import (
	"bufio"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

// What is flushed arrives although the handler goes on, alone or in a burst, whole and in order.
func TestCoalesce(t *testing.T) {
	const burst = 1000
	goOn := make(chan struct{})
	server := httptest.NewServer(coalesce(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		line := func(i int) {
			fmt.Fprintln(w, i)
			w.(http.Flusher).Flush()
		}
		line(0)
		<-goOn
		for i := range burst {
			line(i + 1)
		}
		<-goOn
		line(burst + 1)
	})))
	t.Cleanup(server.Close)
	resp, err := http.Get(server.URL)
	require.NoError(t, err)
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	next := func(want int) {
		require.True(t, lines.Scan())
		require.Equal(t, fmt.Sprint(want), lines.Text())
	}
	next(0)
	goOn <- struct{}{}
	for i := range burst {
		next(i + 1)
	}
	goOn <- struct{}{}
	next(burst + 1)
	require.False(t, lines.Scan())
	require.NoError(t, lines.Err())
}
