package engine_test

import (
	"context"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"

	pb "github.com/kurtosis-go/kurtosis/api/engineapi"
	"github.com/kurtosis-go/kurtosis/backends"
)

// An engine that starts has API containers running, but for those of enclaves that were stopped on purpose.
func TestRevive(t *testing.T) {
	b := serve(t, nil, nil)
	off, lost := b.create(t, "off"), b.create(t, "lost")
	_, err := b.client.StopEnclave(t.Context(), connect.NewRequest(&pb.StopEnclaveArgs{EnclaveIdentifier: "off"}))
	require.NoError(t, err)
	systems, err := b.backend.ListSystems(t.Context(), backends.ContainerTypeAPI)
	require.NoError(t, err)
	for _, s := range systems {
		require.NoError(t, b.backend.StopSystem(t.Context(), s.ID))
	}
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); b.Run(ctx) }()
	running := func() (uuids []string) {
		systems, err := b.backend.ListSystems(t.Context(), backends.ContainerTypeAPI)
		require.NoError(t, err)
		for _, s := range systems {
			if s.State == backends.Running {
				uuids = append(uuids, s.Enclave)
			}
		}
		return uuids
	}
	require.Eventually(t, func() bool { return len(running()) > 0 }, 10*time.Second, time.Millisecond)
	end()
	<-ended
	require.Equal(t, []string{lost.EnclaveUuid}, running())
	require.NoError(t, b.Start(t.Context(), "off"))
	require.ElementsMatch(t, []string{lost.EnclaveUuid, off.EnclaveUuid}, running())
}
