package backendtest

import (
	"context"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/backends"
)

func testLogs(e *env) {
	enclave := e.enclave()
	e.add(enclave, e.toolbox("web", "print", "one", "", "three", "+", "complain", "four", "+", "sleep", "1100ms", "+", "print", "five", "+", "sleep"))
	e.eventually("five lines", func() bool { return len(e.log(enclave, "web", backends.LogOptions{})) == 5 })
	lines := e.log(enclave, "web", backends.LogOptions{})
	var out, errOut []string
	for _, l := range lines {
		require.WithinDuration(e, time.Now(), l.Time, timeout)
		if l.Stderr || e.OneStream && l.Text == "four" {
			errOut = append(errOut, l.Text)
		} else {
			out = append(out, l.Text)
		}
	}
	require.Equal(e, []string{"one", "", "three", "five"}, out)
	require.Equal(e, []string{"four"}, errOut)
	require.Equal(e, []string{"five"}, texts(e.log(enclave, "web", backends.LogOptions{Tail: 1})))
	require.Len(e, e.log(enclave, "web", backends.LogOptions{Tail: 3}), 3)
	require.Equal(e, []string{"five"}, texts(e.log(enclave, "web", backends.LogOptions{Since: lines[4].Time.Add(-500 * time.Millisecond)})))
	require.Empty(e, e.log(enclave, "web", backends.LogOptions{Since: lines[4].Time.Add(time.Hour)}))
	require.NoError(e, e.Backend.StopService(e.ctx, enclave, "web"))
	if e.Forgets {
		require.Empty(e, e.log(enclave, "web", backends.LogOptions{}))
		return
	}
	require.Len(e, e.log(enclave, "web", backends.LogOptions{}), 5, "of a stopped service too")
	for range e.Backend.Logs(e.ctx, enclave, "web", backends.LogOptions{}) {
		break // and reading may end early
	}
}

func testLogsFollow(e *env) {
	enclave := e.enclave()
	e.add(enclave, e.toolbox("counter", "count", "5", "50ms"))
	var got []string
	for line, err := range e.Backend.Logs(e.ctx, enclave, "counter", backends.LogOptions{Follow: true}) {
		require.NoError(e, err)
		got = append(got, line.Text)
	}
	require.Equal(e, []string{"1", "2", "3", "4", "5"}, got, "to the service's end")

	e.add(enclave, e.toolbox("endless", "count", "1000000", "20ms"))
	ctx, cancel := context.WithCancel(e.ctx)
	defer cancel()
	var last error
	n := 0
	for _, err := range e.Backend.Logs(ctx, enclave, "endless", backends.LogOptions{Follow: true}) {
		if last = err; err == nil {
			if n++; n == 3 {
				cancel()
			}
		}
	}
	require.ErrorIs(e, last, context.Canceled)
	require.GreaterOrEqual(e, n, 3)
	n = 0
	for range e.Backend.Logs(e.ctx, enclave, "endless", backends.LogOptions{Follow: true, Tail: 1}) {
		if n++; n == 3 {
			break
		}
	}
	require.Equal(e, 3, n)
}

// Engines cut long lines into pieces of 16 KiB; a line is still one.
func testLogsLongLine(e *env) {
	enclave := e.enclave()
	long := strings.Repeat("abcdefghij", 5000)
	e.add(enclave, e.toolbox("web", "print", long, "short"))
	e.stopped(enclave, "web")
	got := texts(e.log(enclave, "web", backends.LogOptions{}))
	require.Len(e, got, 2)
	require.True(e, got[0] == long, "%d bytes", len(got[0]))
	require.Equal(e, "short", got[1])
}

func testWatch(e *env) {
	enclave, other := e.enclave(), e.enclave()
	ctx, cancel := context.WithCancel(e.ctx)
	defer cancel()
	events, err := e.Backend.Watch(ctx, enclave)
	require.NoError(e, err)
	next := func(want backends.EventType) backends.Event {
		e.Helper()
		for {
			select {
			case event, ok := <-events:
				require.True(e, ok, "the watch ended")
				require.NoError(e, event.Err)
				require.NotEqual(e, "elsewhere", event.Service)
				if event.Type == want {
					return event
				}
			case <-e.ctx.Done():
				e.Fatalf("no event %s", want)
			}
		}
	}
	e.add(other, e.toolbox("elsewhere", "sleep"))
	s := e.add(enclave, e.toolbox("web", "sleep", "200ms", "+", "exit", "5"))
	event := next(backends.ServiceStarted)
	require.Equal(e, "web", event.Service)
	require.Equal(e, s.UUID, event.UUID)
	require.WithinDuration(e, time.Now(), event.Time, timeout)
	event = next(backends.ServiceEnded)
	require.Equal(e, "web", event.Service)
	require.Equal(e, 5, event.ExitCode)
	require.NoError(e, e.Backend.RemoveService(e.ctx, enclave, "web"))
	require.Equal(e, "web", next(backends.ServiceRemoved).Service)
	cancel()
	for {
		select {
		case event, ok := <-events:
			if !ok {
				return
			}
			require.NoError(e, event.Err)
		case <-e.ctx.Done():
			e.Fatal("a cancelled watch goes on")
		}
	}
}
