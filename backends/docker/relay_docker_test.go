//go:build docker

package docker_test

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/backends/backendtest"
	"github.com/kurtosis-go/kurtosis/backends/docker"
)

// Engines whose networks cannot be reached are dialled through a relay.
func TestRelay(t *testing.T) {
	b := open(t, docker.Options{})
	toolbox := backendtest.Toolbox(t, b)
	far := open(t, docker.Options{ForceRelay: true, Relay: docker.Relay{
		Image:   func(context.Context, backends.Images) (string, error) { return toolbox, nil },
		Command: []string{"/toolbox", "relay"},
	}})
	without := open(t, docker.Options{ForceRelay: true})
	enclave := backends.NewUUID()
	e, err := far.CreateEnclave(t.Context(), backends.EnclaveSpec{UUID: enclave, Name: "relay-" + backends.ShortUUID(enclave)})
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
		defer cancel()
		require.NoError(t, far.RemoveEnclave(ctx, enclave))
		left, err := leftovers(b)(ctx, enclave)
		require.NoError(t, err)
		require.Empty(t, left)
	})
	_, err = far.AddService(t.Context(), enclave, backends.ServiceSpec{Name: "web", Image: toolbox, Cmd: []string{"tcp", "7000", "+", "udp", "7001"}})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, backendtest.Retry(ctx, func() error {
		c, err := far.Dial(ctx, enclave, "web", backends.Port{Number: 7000})
		if err != nil {
			return err
		}
		defer c.Close()
		_, err = io.WriteString(c, "over there")
		require.NoError(t, err)
		back := make([]byte, 10)
		_, err = io.ReadFull(c, back)
		require.NoError(t, err)
		require.Equal(t, "over there", string(back))
		require.NoError(t, c.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
		_, err = c.Read(back)
		require.ErrorContains(t, err, "i/o timeout", "deadlines work")
		require.NoError(t, c.SetReadDeadline(time.Time{}))
		_, err = io.WriteString(c, "afterwards")
		require.NoError(t, err)
		_, err = io.ReadFull(c, back)
		require.NoError(t, err)
		require.Equal(t, "afterwards", string(back))
		return nil
	}))
	_, err = far.Dial(ctx, enclave, "web", backends.Port{Number: 7999})
	require.EqualError(t, err, `port 7999/tcp of service "web" is not open: nobody listens on it`)
	_, err = without.Dial(ctx, enclave, "web", backends.Port{Number: 7000})
	require.Equal(t, backends.Unsupported, backends.KindOf(err))
	require.ErrorContains(t, err, `the network of enclave "`+e.Name+`" cannot be reached from here`)
	list, err := far.ListServices(ctx, enclave)
	require.NoError(t, err)
	require.Len(t, list, 1, "the relay is no service")
}
