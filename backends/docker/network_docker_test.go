//go:build docker

package docker_test

import (
	"context"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/backends/docker"
)

// Host routes and other networks are avoided; when nothing is left the error says what is in the way.
func TestNetworkSpace(t *testing.T) {
	pool := netip.MustParsePrefix("10.207.252.0/22")
	b := open(t, docker.Options{
		SubnetPools: []netip.Prefix{pool}, SubnetBits: 24,
		Routes: func() ([]netip.Prefix, error) {
			return []netip.Prefix{netip.MustParsePrefix("10.207.252.0/23"), netip.MustParsePrefix("10.207.255.128/25")}, nil
		},
	})
	create := func() (backends.Enclave, error) {
		uuid := backends.NewUUID()
		t.Cleanup(func() { require.NoError(t, b.RemoveEnclave(context.WithoutCancel(t.Context()), uuid)) })
		return b.CreateEnclave(t.Context(), backends.EnclaveSpec{UUID: uuid, Name: "space-" + backends.ShortUUID(uuid)})
	}
	e, err := create()
	require.NoError(t, err)
	require.Equal(t, "10.207.254.0/24", e.Subnet)
	_, err = create()
	require.Equal(t, backends.NoNetworkSpace, backends.KindOf(err))
	require.ErrorContains(t, err, "no free /24 network is left in 10.207.252.0/22: ")
	require.ErrorContains(t, err, "2 routes of the host are in the way")
	require.Equal(t, "remove enclaves that are not needed (kurtosis clean), or name another pool of networks in KURTOSIS_SUBNET_POOLS", backends.HintOf(err))
}
