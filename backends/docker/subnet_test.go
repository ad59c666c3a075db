package docker

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFreeSubnets(t *testing.T) {
	p := netip.MustParsePrefix
	free := freeSubnets([]netip.Prefix{p("10.0.0.0/22"), p("10.9.0.0/23")}, 24, []netip.Prefix{p("10.0.1.0/24"), p("10.0.2.128/25"), p("192.168.0.0/16")})
	require.ElementsMatch(t, []netip.Prefix{p("10.0.0.0/24"), p("10.0.3.0/24")}, free[:2], "the first pool comes first")
	require.ElementsMatch(t, []netip.Prefix{p("10.9.0.0/24"), p("10.9.1.0/24")}, free[2:])
	require.Empty(t, freeSubnets([]netip.Prefix{p("10.0.0.0/22")}, 24, []netip.Prefix{p("10.0.0.0/8")}))
	require.Empty(t, freeSubnets([]netip.Prefix{p("10.0.0.0/28")}, 24, nil), "a pool smaller than a block")
	require.GreaterOrEqual(t, len(freeSubnets(DefaultSubnetPools(), DefaultSubnetBits, nil)), 1000)
}

func TestParseRoute(t *testing.T) {
	for line, want := range map[string]string{
		"docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0": "172.17.0.0/16",
		"eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0":    "192.0.2.0/24",
		"eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0":    "",
		"Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask": "",
		"": "",
	} {
		got, ok := parseRoute(line)
		require.Equal(t, want != "", ok, line)
		if ok {
			require.Equal(t, want, got.String())
		}
	}
}

func TestAddressAt(t *testing.T) {
	require.Equal(t, "10.1.5.1", addressAt(netip.MustParsePrefix("10.1.4.0/22"), 257).String())
}
