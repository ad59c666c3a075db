package docker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	dockernet "github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"
	"golang.org/x/sync/errgroup"

	"github.com/kurtosis-go/kurtosis/backends"
)

// fanOut bounds how many calls of one operation are under way at once.
const fanOut = 16

// Errors of the engine that mean "not this block": another network has it, under Docker's and Podman's words.
var overlap = compiled(`(?i)overlap|conflicts with network|is already used on the host|subnet .* already`)

// Two networks of one name, under Docker's and Podman's words.
var sameName = compiled(`(?i)network with name .* already exists|network name .* already used|network already exists`)

// CreateEnclave makes the enclave's network.
func (b *Backend) CreateEnclave(ctx context.Context, spec backends.EnclaveSpec) (backends.Enclave, error) {
	if spec.UUID == "" || spec.Name == "" {
		return backends.Enclave{}, backends.Errorf(backends.Invalid, "an enclave needs a name and a uuid")
	}
	if spec.Created.IsZero() {
		spec.Created = time.Now()
	}
	doing := fmt.Sprintf("creating enclave %q", spec.Name)
	existing, err := b.client.NetworkList(ctx, dockernet.ListOptions{})
	if err != nil {
		return backends.Enclave{}, b.wrap(ctx, err, doing)
	}
	var used []netip.Prefix
	for _, n := range existing {
		if n.Name == backends.NetworkName(spec.Name) || n.Labels[backends.LabelEnclaveUUID] == spec.UUID {
			return backends.Enclave{}, enclaveExists(spec.Name)
		}
		used = append(used, subnetsOf(n)...)
	}
	routes, err := b.options.Routes()
	if err != nil {
		return backends.Enclave{}, backends.Errorf(backends.Unknown, "%s: reading the host's routes: %w", doing, err)
	}
	for _, subnet := range freeSubnets(b.options.SubnetPools, b.options.SubnetBits, append(used, routes...)) {
		if ctx.Err() != nil {
			return backends.Enclave{}, ctx.Err()
		}
		// Not to be cancelled: the engine would go on, and nobody would know of the network.
		whole, cancel := cleanupContext(ctx)
		created, err := b.client.NetworkCreate(whole, backends.NetworkName(spec.Name), dockernet.CreateOptions{
			Driver: "bridge",
			IPAM:   &dockernet.IPAM{Config: []dockernet.IPAMConfig{{Subnet: subnet.String(), Gateway: addressAt(subnet, 1).String()}}},
			Labels: enclaveLabels(spec),
		})
		cancel()
		switch {
		case err == nil:
			n := newNetwork(created.ID, spec.UUID, spec.Name, spec.Production, subnet)
			n.loaded = true // it is new, so nobody has an address on it
			b.mu.Lock()
			b.networks[spec.UUID] = n
			b.mu.Unlock()
			return backends.Enclave{
				UUID: spec.UUID, Name: spec.Name, Created: spec.Created, Production: spec.Production,
				Labels: spec.Labels, Status: backends.EnclaveEmpty, Subnet: subnet.String(),
			}, nil
		case overlap().MatchString(err.Error()):
			continue // another process was faster
		case sameName().MatchString(err.Error()):
			return backends.Enclave{}, enclaveExists(spec.Name)
		default:
			return backends.Enclave{}, b.wrap(ctx, err, doing)
		}
	}
	return backends.Enclave{}, &backends.Error{
		Kind: backends.NoNetworkSpace,
		Message: fmt.Sprintf("%s: no free /%d network is left in %s: %d networks and %d routes of the host are in the way",
			doing, b.options.SubnetBits, joinPrefixes(b.options.SubnetPools), len(existing), len(routes)),
		Hint: "remove enclaves that are not needed (kurtosis clean), or name another pool of networks in " + subnetPoolsVariable,
	}
}

func enclaveExists(name string) error {
	return backends.Errorf(backends.AlreadyExists, "there is an enclave %q already", name).
		WithHint("choose another name, or remove it with `kurtosis enclave rm %s`", name)
}

func joinPrefixes(list []netip.Prefix) string {
	var b strings.Builder
	for i, p := range list {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(p.String())
	}
	return b.String()
}

func enclaveLabels(spec backends.EnclaveSpec) map[string]string {
	labels := map[string]string{
		backends.LabelAppID:           backends.AppID,
		backends.LabelEnclaveUUID:     spec.UUID,
		backends.LabelEnclaveName:     spec.Name,
		backends.LabelEnclaveCreation: backends.FormatCreation(spec.Created),
	}
	if spec.Production {
		labels[backends.LabelProduction] = "true"
	}
	for k, v := range spec.Labels {
		labels[backends.CustomLabelPrefix+k] = v
	}
	return labels
}

// customLabels are the user's own among an object's labels.
func customLabels(labels map[string]string) map[string]string {
	custom := map[string]string{}
	for k, v := range labels {
		if name, ok := strings.CutPrefix(k, backends.CustomLabelPrefix); ok {
			custom[name] = v
		}
	}
	return custom
}

func enclaveFilter(uuid string, more ...string) filters.Args {
	f := filters.NewArgs(filters.Arg("label", backends.LabelEnclaveUUID+"="+uuid))
	for _, label := range more {
		f.Add("label", label)
	}
	return f
}

func subnetsOf(n dockernet.Summary) []netip.Prefix {
	var list []netip.Prefix
	for _, c := range n.IPAM.Config {
		if p, err := netip.ParsePrefix(c.Subnet); err == nil {
			list = append(list, p.Masked())
		}
	}
	return list
}

// ListEnclaves reads networks and containers, one call each.
func (b *Backend) ListEnclaves(ctx context.Context) ([]backends.Enclave, error) {
	networks, err := b.client.NetworkList(ctx, dockernet.ListOptions{Filters: filters.NewArgs(
		filters.Arg("label", backends.LabelAppID+"="+backends.AppID), filters.Arg("label", backends.LabelEnclaveUUID))})
	if err != nil {
		return nil, b.wrap(ctx, err, "listing enclaves")
	}
	containers, err := b.client.ContainerList(ctx, container.ListOptions{All: true, Filters: filters.NewArgs(
		filters.Arg("label", backends.LabelContainerType+"="+backends.ContainerTypeService))})
	if err != nil {
		return nil, b.wrap(ctx, err, "listing enclaves")
	}
	status := map[string]backends.EnclaveStatus{}
	for _, c := range containers {
		uuid := c.Labels[backends.LabelEnclaveUUID]
		if isRunning(c.State) {
			status[uuid] = backends.EnclaveRunning
		} else if status[uuid] == "" {
			status[uuid] = backends.EnclaveStopped
		}
	}
	enclaves := make([]backends.Enclave, 0, len(networks))
	for _, n := range networks {
		e := backends.Enclave{
			UUID:       n.Labels[backends.LabelEnclaveUUID],
			Name:       n.Labels[backends.LabelEnclaveName],
			Production: n.Labels[backends.LabelProduction] == "true",
			Labels:     customLabels(n.Labels),
			Status:     cmp.Or(status[n.Labels[backends.LabelEnclaveUUID]], backends.EnclaveEmpty),
		}
		// A label that cannot be read is not ours, or damaged: the network's own time is as good.
		if e.Created, err = backends.ParseCreation(n.Labels[backends.LabelEnclaveCreation]); err != nil {
			e.Created = n.Created
		}
		if s := subnetsOf(n); len(s) > 0 {
			e.Subnet = s[0].String()
		}
		enclaves = append(enclaves, e)
	}
	slices.SortFunc(enclaves, func(a, b backends.Enclave) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.UUID, b.UUID))
	})
	return enclaves, nil
}

// InspectEnclave finds an enclave by identifier.
func (b *Backend) InspectEnclave(ctx context.Context, identifier string) (backends.Enclave, error) {
	enclaves, err := b.ListEnclaves(ctx)
	if err != nil {
		return backends.Enclave{}, err
	}
	return backends.MatchEnclave(enclaves, identifier)
}

// StopEnclave stops all services side by side.
func (b *Backend) StopEnclave(ctx context.Context, enclave string) error {
	return b.eachContainer(ctx, enclave, "stopping", func(ctx context.Context, c container.Summary) error {
		if !isRunning(c.State) {
			return nil
		}
		return b.client.ContainerStop(ctx, c.ID, container.StopOptions{})
	})
}

// StartEnclave starts all services side by side.
func (b *Backend) StartEnclave(ctx context.Context, enclave string) error {
	return b.eachContainer(ctx, enclave, "starting", func(ctx context.Context, c container.Summary) error {
		if isRunning(c.State) {
			return nil
		}
		return b.client.ContainerStart(ctx, c.ID, container.StartOptions{})
	})
}

// eachContainer does something with every container of an enclave and returns all errors.
func (b *Backend) eachContainer(ctx context.Context, enclave, doing string, do func(context.Context, container.Summary) error) error {
	if _, err := b.network(ctx, enclave); err != nil {
		return err
	}
	list, err := b.containers(ctx, enclave)
	if err != nil {
		return err
	}
	return parallel(list, func(c container.Summary) error {
		return b.wrap(ctx, do(ctx, c), fmt.Sprintf("%s service %q", doing, c.Labels[backends.LabelID]))
	})
}

// parallel calls do for each item, some at once, and joins the errors in the order of items.
func parallel[T any](items []T, do func(T) error) error {
	errs := make([]error, len(items))
	var group errgroup.Group
	group.SetLimit(fanOut)
	for i, item := range items {
		group.Go(func() error {
			errs[i] = do(item)
			return nil
		})
	}
	group.Wait() // its functions return nil
	return errors.Join(errs...)
}

// containers lists an enclave's services of any state, by name. More labels narrow the list.
func (b *Backend) containers(ctx context.Context, enclave string, labels ...string) ([]container.Summary, error) {
	labels = append(labels, backends.LabelContainerType+"="+backends.ContainerTypeService)
	list, err := b.client.ContainerList(ctx, container.ListOptions{All: true, Filters: enclaveFilter(enclave, labels...)})
	if err != nil {
		return nil, b.wrap(ctx, err, "listing services")
	}
	list = withoutHalves(list)
	slices.SortFunc(list, func(a, b container.Summary) int {
		return cmp.Compare(a.Labels[backends.LabelID], b.Labels[backends.LabelID])
	})
	return list, nil
}

// RemoveEnclave removes everything that carries the enclave's label: containers, then what they hold on to.
func (b *Backend) RemoveEnclave(ctx context.Context, enclave string) error {
	b.mu.Lock()
	delete(b.networks, enclave)
	delete(b.relays, enclave)
	b.mu.Unlock()
	const doing = "removing the enclave"
	containers, err := b.client.ContainerList(ctx, container.ListOptions{All: true, Filters: enclaveFilter(enclave)})
	if err != nil {
		return b.wrap(ctx, err, doing)
	}
	err = parallel(containers, func(c container.Summary) error { return b.removeContainer(ctx, c.ID) })
	if err != nil {
		return b.wrap(ctx, err, doing)
	}
	volumes, err := b.client.VolumeList(ctx, volume.ListOptions{Filters: enclaveFilter(enclave)})
	if err != nil {
		return b.wrap(ctx, err, doing)
	}
	for _, v := range volumes.Volumes {
		if err := b.client.VolumeRemove(ctx, v.Name, true); err != nil && !cerrdefs.IsNotFound(err) {
			return b.wrap(ctx, err, doing)
		}
	}
	networks, err := b.client.NetworkList(ctx, dockernet.ListOptions{Filters: enclaveFilter(enclave)})
	if err != nil {
		return b.wrap(ctx, err, doing)
	}
	for _, n := range networks {
		if err := b.removeNetwork(ctx, n.ID); err != nil {
			return b.wrap(ctx, err, doing)
		}
	}
	return nil
}

// removeNetwork removes a network, cutting off containers that people connected to it by hand.
func (b *Backend) removeNetwork(ctx context.Context, id string) error {
	err := b.client.NetworkRemove(ctx, id)
	if err == nil || cerrdefs.IsNotFound(err) {
		return nil
	}
	info, inspectErr := b.client.NetworkInspect(ctx, id, dockernet.InspectOptions{})
	if inspectErr != nil || len(info.Containers) == 0 {
		return err
	}
	for c := range info.Containers {
		if err := b.client.NetworkDisconnect(ctx, id, c, true); err != nil && !cerrdefs.IsNotFound(err) {
			return err
		}
	}
	if err := b.client.NetworkRemove(ctx, id); err != nil && !cerrdefs.IsNotFound(err) {
		return err
	}
	return nil
}

// removeContainer kills and removes a container with its anonymous volumes; one that is gone or going is no error.
func (b *Backend) removeContainer(ctx context.Context, id string) error {
	err := b.client.ContainerRemove(ctx, id, container.RemoveOptions{Force: true, RemoveVolumes: true})
	if err == nil || cerrdefs.IsNotFound(err) {
		return nil
	}
	if strings.Contains(err.Error(), "already in progress") {
		// Someone else removes it: the network cannot go before it is gone.
		gone, errs := b.client.ContainerWait(ctx, id, container.WaitConditionRemoved)
		select {
		case <-gone:
			return nil
		case err := <-errs:
			if cerrdefs.IsNotFound(err) {
				return nil
			}
			return err
		}
	}
	return err
}

// cleanupTimeout bounds the removal of what a cancelled operation left.
const cleanupTimeout = 30 * time.Second

// cleanupContext outlives ctx, to undo what ctx's operation began.
func cleanupContext(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
}

func isRunning(state container.ContainerState) bool {
	return state == container.StateRunning || state == container.StateRestarting || state == container.StatePaused
}
