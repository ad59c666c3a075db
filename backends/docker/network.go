package docker

import (
	"context"
	"fmt"
	"net/netip"
	"sync"

	"github.com/docker/docker/api/types/container"
	dockernet "github.com/docker/docker/api/types/network"

	"github.com/kurtosis-go/kurtosis/backends"
)

// network is an enclave's network: what never changes about it, and the addresses given out. The latter is a copy of what
// the containers' labels say, plus addresses that are being given out right now.
type network struct {
	id, uuid, name string // name is the enclave's
	production     bool
	subnet         netip.Prefix

	mu     sync.Mutex
	loaded bool
	taken  map[netip.Addr]bool
	next   uint32          // where to look first, so that addresses are not reused at once
	busy   map[string]bool // names of services being made or replaced
}

// firstAddress leaves the network's own and the gateway's.
const firstAddress = 2

func newNetwork(id, uuid, name string, production bool, subnet netip.Prefix) *network {
	return &network{id: id, uuid: uuid, name: name, production: production, subnet: subnet, taken: map[netip.Addr]bool{}, busy: map[string]bool{}, next: firstAddress}
}

// network returns the enclave's network, from memory if it was seen before: its id, name and subnet never change.
func (b *Backend) network(ctx context.Context, enclave string) (*network, error) {
	b.mu.Lock()
	n := b.networks[enclave]
	b.mu.Unlock()
	if n != nil {
		return n, nil
	}
	list, err := b.client.NetworkList(ctx, dockernet.ListOptions{Filters: enclaveFilter(enclave)})
	if err != nil {
		return nil, b.wrap(ctx, err, "looking for the enclave")
	}
	if len(list) == 0 || enclave == "" {
		return nil, noEnclave(enclave)
	}
	subnets := subnetsOf(list[0])
	if len(subnets) == 0 {
		return nil, backends.Errorf(backends.Invalid, "network %q of the enclave has no subnet", list[0].Name)
	}
	labels := list[0].Labels
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.networks[enclave] == nil {
		b.networks[enclave] = newNetwork(list[0].ID, enclave, labels[backends.LabelEnclaveName], labels[backends.LabelProduction] == "true", subnets[0])
	}
	return b.networks[enclave], nil
}

func noEnclave(uuid string) error {
	return backends.Errorf(backends.NotFound, "there is no enclave %q", uuid).WithHint("`kurtosis enclave ls` lists them")
}

// forget drops what is remembered of an enclave: another process has changed it.
func (b *Backend) forget(enclave string) {
	b.mu.Lock()
	delete(b.networks, enclave)
	b.mu.Unlock()
}

// address reserves a free address on the network.
func (b *Backend) address(ctx context.Context, n *network) (netip.Addr, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.loaded {
		if err := b.loadAddresses(ctx, n); err != nil {
			return netip.Addr{}, err
		}
		n.loaded = true
	}
	size := uint32(1) << (32 - n.subnet.Bits())
	for range size {
		if n.next >= size-1 { // the last one is for broadcast
			n.next = firstAddress
		}
		a := addressAt(n.subnet, n.next)
		n.next++
		if !n.taken[a] {
			n.taken[a] = true
			return a, nil
		}
	}
	return netip.Addr{}, backends.Errorf(backends.NoNetworkSpace, "enclave %q has no free address left in %s", n.name, n.subnet).
		WithHint("remove services, or configure larger subnets")
}

// loadAddresses adds the addresses of existing containers, stopped ones too, and of what people connected by hand.
func (b *Backend) loadAddresses(ctx context.Context, n *network) error {
	list, err := b.client.ContainerList(ctx, container.ListOptions{All: true, Filters: enclaveFilter(n.uuid)})
	if err != nil {
		return b.wrap(ctx, err, "reading the enclave's addresses")
	}
	for _, c := range list {
		if a, err := netip.ParseAddr(c.Labels[backends.LabelPrivateIP]); err == nil {
			n.taken[a] = true
		}
	}
	info, err := b.client.NetworkInspect(ctx, n.id, dockernet.InspectOptions{})
	if err != nil {
		return b.wrap(ctx, err, fmt.Sprintf("reading the addresses of network %q", backends.NetworkName(n.name)))
	}
	for _, c := range info.Containers {
		if p, err := netip.ParsePrefix(c.IPv4Address); err == nil {
			n.taken[p.Addr()] = true
		}
	}
	return nil
}

// reload reads the addresses anew before the next is given out; what is taken stays so.
func (n *network) reload() {
	n.mu.Lock()
	n.loaded = false
	n.mu.Unlock()
}

// release gives an address back.
func (n *network) release(a netip.Addr) {
	n.mu.Lock()
	delete(n.taken, a)
	n.mu.Unlock()
}
