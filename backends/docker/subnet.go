package docker

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io/fs"
	"math/bits"
	"math/rand/v2"
	"net/netip"
	"os"
	"strings"

	"github.com/kurtosis-go/kurtosis/backends"
)

// DefaultSubnetBits gives an enclave 1,021 addresses.
const DefaultSubnetBits = 22

// DefaultSubnetPools have room for more than a thousand enclaves: the reference's pool first, then one that
// neither Docker's own defaults nor Kubernetes' touch.
func DefaultSubnetPools() []netip.Prefix {
	return []netip.Prefix{netip.MustParsePrefix("172.16.0.0/16"), netip.MustParsePrefix("10.208.0.0/12")}
}

// subnetPoolsVariable holds pools as CIDR prefixes with commas between them.
const subnetPoolsVariable = "KURTOSIS_SUBNET_POOLS"

// configuredPools reads the variable; empty is the default.
func configuredPools(text string) ([]netip.Prefix, error) {
	if text == "" {
		return DefaultSubnetPools(), nil
	}
	var pools []netip.Prefix
	for part := range strings.SplitSeq(text, ",") {
		pool, err := netip.ParsePrefix(strings.TrimSpace(part))
		if err != nil || !pool.Addr().Is4() || pool.Bits() > DefaultSubnetBits {
			return nil, backends.Errorf(backends.Invalid, "%s has the pool %q", subnetPoolsVariable, strings.TrimSpace(part)).
				WithHint("a pool is an IPv4 network of /%d or larger, such as 10.208.0.0/12; commas separate several", DefaultSubnetBits)
		}
		pools = append(pools, pool)
	}
	return pools, nil
}

// freeSubnets returns the blocks of size bits in pools that overlap nothing used, pool by pool. Within a pool they are in
// random order, so that two processes seldom choose the same one at the same time.
func freeSubnets(pools []netip.Prefix, size int, used []netip.Prefix) []netip.Prefix {
	var free []netip.Prefix
	for _, pool := range pools {
		pool = pool.Masked()
		if !pool.Addr().Is4() || pool.Bits() > size {
			continue
		}
		base := binary.BigEndian.Uint32(pool.Addr().AsSlice())
		start := len(free)
		for i := range uint32(1) << (size - pool.Bits()) {
			var a [4]byte
			binary.BigEndian.PutUint32(a[:], base+i<<(32-size))
			block := netip.PrefixFrom(netip.AddrFrom4(a), size)
			if !overlapsAny(block, used) {
				free = append(free, block)
			}
		}
		rand.Shuffle(len(free)-start, func(i, j int) { free[start+i], free[start+j] = free[start+j], free[start+i] })
	}
	return free
}

func overlapsAny(p netip.Prefix, others []netip.Prefix) bool {
	for _, o := range others {
		if p.Overlaps(o) {
			return true
		}
	}
	return false
}

// hostRoutes reads the kernel's IPv4 routes but the default one. Elsewhere than on Linux there are none to see: the
// engine is in a virtual machine with networks of its own.
func hostRoutes() ([]netip.Prefix, error) {
	// In a container of ours the host's table is beside our own.
	f, err := os.Open(hostNetwork + "/route")
	if errors.Is(err, fs.ErrNotExist) {
		f, err = os.Open("/proc/net/route")
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	defer f.Close()
	var routes []netip.Prefix
	for s := bufio.NewScanner(f); s.Scan(); {
		if p, ok := parseRoute(s.Text()); ok {
			routes = append(routes, p)
		}
	}
	return routes, nil
}

// parseRoute reads a line of /proc/net/route: destination and mask are in host byte order, in hexadecimal.
func parseRoute(line string) (netip.Prefix, bool) {
	fields := strings.Fields(line)
	if len(fields) < 8 {
		return netip.Prefix{}, false
	}
	destination, err1 := hex.DecodeString(fields[1])
	mask, err2 := hex.DecodeString(fields[7])
	if err1 != nil || err2 != nil || len(destination) != 4 || len(mask) != 4 {
		return netip.Prefix{}, false // the heading
	}
	ones := bits.OnesCount32(binary.LittleEndian.Uint32(mask))
	if ones == 0 {
		return netip.Prefix{}, false // the default route covers everything and forbids nothing
	}
	// The kernel prints the address, which lies in memory in network order, as a native integer.
	var a [4]byte
	binary.NativeEndian.PutUint32(a[:], binary.BigEndian.Uint32(destination))
	return netip.PrefixFrom(netip.AddrFrom4(a), ones), true
}

// addressAt is the n-th address of a block.
func addressAt(p netip.Prefix, n uint32) netip.Addr {
	var a [4]byte
	binary.BigEndian.PutUint32(a[:], binary.BigEndian.Uint32(p.Masked().Addr().AsSlice())+n)
	return netip.AddrFrom4(a)
}
