package docker

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	dockernet "github.com/docker/docker/api/types/network"

	"github.com/kurtosis-go/kurtosis/backends"
)

// launchAttempts bounds how often a service is made again because a port or address that looked free was not.
const launchAttempts = 5

// AddService makes a service: create, fill, start; one API call each, and one that looks for the name.
func (b *Backend) AddService(ctx context.Context, enclave string, spec backends.ServiceSpec) (backends.Service, error) {
	if err := spec.Validate(); err != nil {
		return backends.Service{}, err
	}
	n, err := b.network(ctx, enclave)
	if err != nil {
		return backends.Service{}, err
	}
	if !n.claim(spec.Name) {
		return backends.Service{}, serviceExists(n, spec.Name)
	}
	defer n.disclaim(spec.Name)
	if existing, err := b.containers(ctx, enclave, backends.LabelID+"="+spec.Name); err != nil {
		return backends.Service{}, err
	} else if len(existing) > 0 {
		return backends.Service{}, serviceExists(n, spec.Name)
	}
	if spec.UUID == "" {
		spec.UUID = backends.NewUUID()
	}
	doing := fmt.Sprintf("starting service %q", spec.Name)
	var last error
	for range launchAttempts {
		address, err := b.address(ctx, n)
		if err != nil {
			return backends.Service{}, err
		}
		l := launch{network: n, spec: spec, address: address, name: backends.ContainerName(spec.Name, spec.UUID)}
		last = b.launch(ctx, &l)
		if last == nil {
			return l.service(), nil
		}
		n.release(address)
		if isAddressTaken(last) {
			n.taken[address] = true
			n.reload()
			continue
		}
		break
	}
	return backends.Service{}, b.launchError(ctx, n, spec, last, doing)
}

func serviceExists(n *network, name string) error {
	return backends.Errorf(backends.AlreadyExists, "enclave %q has a service %q already", n.name, name)
}

// claim reserves a service name while the service is being made; false if another call is making one.
func (n *network) claim(name string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.busy[name] {
		return false
	}
	n.busy[name] = true
	return true
}

func (n *network) disclaim(name string) {
	n.mu.Lock()
	delete(n.busy, name)
	n.mu.Unlock()
}

// launch is one container on its way from a spec to running.
type launch struct {
	network *network
	spec    backends.ServiceSpec
	address netip.Addr
	name    string // of the container
	// keep has host ports to use again, by container port; an update's.
	keep map[string][]uint16

	id        string
	published map[string]backends.Endpoint
}

// launch creates, fills and starts a container. Where a host port of our choice is taken it makes the container again with
// another. After an error nothing is left.
func (b *Backend) launch(ctx context.Context, l *launch) error {
	for attempt := 1; ; attempt++ {
		err := b.create(ctx, l)
		if err == nil {
			err = b.start(ctx, l.id)
		}
		if err == nil {
			return nil
		}
		b.discard(ctx, l.id)
		port, taken := takenPort(err)
		if !taken || ctx.Err() != nil || attempt == launchAttempts || l.isFixed(port) {
			return err
		}
		l.keep = nil
	}
}

// create makes the container and fills it.
func (b *Backend) create(ctx context.Context, l *launch) error {
	l.id = ""
	ports, err := b.publish(l)
	if err != nil {
		return err
	}
	defer b.unpick(ports)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	config, host, err := b.containerConfig(l, ports)
	if err != nil {
		return err
	}
	network := backends.NetworkName(l.network.name)
	// Not to be cancelled: the engine would go on, and what it makes after we have gone nobody would remove.
	whole, cancel := cleanupContext(ctx)
	defer cancel()
	created, err := b.client.ContainerCreate(whole, config, host, &dockernet.NetworkingConfig{EndpointsConfig: map[string]*dockernet.EndpointSettings{
		network: {
			IPAMConfig: &dockernet.EndpointIPAMConfig{IPv4Address: l.address.String()},
			Aliases:    []string{l.spec.Name},
		},
	}}, nil, l.name)
	if err != nil {
		return err
	}
	l.id = created.ID
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if len(l.spec.Files) > 0 {
		return b.fill(ctx, l.id, l.spec.Files)
	}
	return nil
}

func (b *Backend) start(ctx context.Context, id string) error {
	return b.client.ContainerStart(ctx, id, container.StartOptions{})
}

// discard removes what a failed launch left.
func (b *Backend) discard(ctx context.Context, id string) {
	if id == "" {
		return
	}
	ctx, cancel := cleanupContext(ctx)
	defer cancel()
	b.removeContainer(ctx, id) // if this fails too, RemoveEnclave finds it by its labels
}

// service is what a launched container is, without asking the engine.
func (l *launch) service() backends.Service {
	return backends.Service{
		Name: l.spec.Name, UUID: l.spec.UUID, Image: l.spec.Image,
		Address: l.address.String(), Hostname: l.spec.Name,
		Ports: l.spec.Ports, Published: l.published, Labels: l.spec.Labels,
		State: backends.Running, Started: time.Now(),
	}
}

var (
	addressTaken  = compiled(`(?i)(^|: )address already in use$|requested ip address \S+ is already allocated`)
	portTaken     = compiled(`(?i)port is already allocated|bind: address already in use|ports are not available|cannot listen on the TCP port|already in use by another process`)
	portInMessage = compiled(`(?:Bind for|listen \w+) \S*:(\d{1,5})\b`)
	noCommand     = compiled(`(?:exec:|executable file|crun:|runc:)[^"` + "`" + `]*["` + "`" + `]?([^"` + "`" + `:]+)["` + "`" + `]?: ?(executable file .*not found|stat .*no such file or directory|no such file or directory|permission denied|not found in \$PATH)`)
)

func isAddressTaken(err error) bool {
	text := engineText(err)
	return addressTaken().MatchString(text) && !portTaken().MatchString(text)
}

// takenPort tells whether an engine's error is a host port that is taken, and which; 0 if it does not say.
func takenPort(err error) (port string, taken bool) {
	text := err.Error()
	if !portTaken().MatchString(text) {
		return "", false
	}
	if m := portInMessage().FindStringSubmatch(text); m != nil {
		return m[1], true
	}
	return "", true
}

// isFixed tells whether the user chose a host port, so that no other will do.
func (l *launch) isFixed(port string) bool {
	for _, p := range l.spec.PublicPorts {
		if port == "" || fmt.Sprint(p.Number) == port {
			return true
		}
	}
	return false
}

// launchError tells a person why a container could not be made or started.
func (b *Backend) launchError(ctx context.Context, n *network, spec backends.ServiceSpec, err error, doing string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var typed *backends.Error
	if errors.As(err, &typed) {
		return err
	}
	text := engineText(err)
	if port, taken := takenPort(err); taken {
		e := &backends.Error{Kind: backends.PortTaken, Message: doing + ": a port is taken on the host", Err: err,
			Hint: "free it (`docker ps` and `ss -tulpn` show who has it), or choose another in public_ports"}
		if port != "" {
			e.Message = fmt.Sprintf("%s: port %s is taken on the host", doing, port)
		}
		return e
	}
	if cerrdefs.IsNotFound(err) && strings.Contains(strings.ToLower(text), "no such image") || strings.Contains(text, "image not known") {
		return &backends.Error{Kind: backends.ImageNotFound, Message: fmt.Sprintf("%s: the engine has no image %q", doing, spec.Image), Hint: "pull or build it first", Err: err}
	}
	if strings.Contains(text, "network") && cerrdefs.IsNotFound(err) {
		b.forget(n.uuid)
		return noEnclave(n.uuid)
	}
	if m := noCommand().FindStringSubmatch(text); m != nil {
		why := "is not in the image"
		if strings.Contains(m[2], "permission") {
			why = "may not be executed"
		}
		return &backends.Error{Kind: backends.Invalid, Message: fmt.Sprintf("%s: command %q %s", doing, strings.TrimSpace(m[1]), why), Hint: "check entrypoint and cmd against the image", Err: err}
	}
	return b.wrap(ctx, err, doing)
}

// find returns the container of a service.
func (b *Backend) find(ctx context.Context, enclave, service string) (container.Summary, error) {
	list, err := b.containers(ctx, enclave, backends.LabelID+"="+service)
	if err != nil {
		return container.Summary{}, err
	}
	if len(list) == 0 {
		n, err := b.network(ctx, enclave)
		if err != nil {
			return container.Summary{}, err
		}
		return container.Summary{}, backends.Errorf(backends.NotFound, "enclave %q has no service %q", n.name, service)
	}
	return list[0], nil
}

// StartService starts a stopped service.
func (b *Backend) StartService(ctx context.Context, enclave, service string) (backends.Service, error) {
	c, err := b.find(ctx, enclave, service)
	if err != nil {
		return backends.Service{}, err
	}
	if !isRunning(c.State) {
		if err := b.start(ctx, c.ID); err != nil {
			n, nerr := b.network(ctx, enclave)
			if nerr != nil {
				return backends.Service{}, nerr
			}
			return backends.Service{}, b.launchError(ctx, n, backends.ServiceSpec{Name: service, Image: c.Image}, err, fmt.Sprintf("starting service %q", service))
		}
	}
	return b.InspectService(ctx, enclave, service)
}

// StopService stops a service; its grace is part of the container.
func (b *Backend) StopService(ctx context.Context, enclave, service string) error {
	c, err := b.find(ctx, enclave, service)
	if err != nil {
		return err
	}
	return b.wrap(ctx, b.client.ContainerStop(ctx, c.ID, container.StopOptions{}), fmt.Sprintf("stopping service %q", service))
}

// RemoveService removes the container and its anonymous volumes, which are its files.
func (b *Backend) RemoveService(ctx context.Context, enclave, service string) error {
	c, err := b.find(ctx, enclave, service)
	if err != nil {
		return err
	}
	if err := b.removeContainer(ctx, c.ID); err != nil {
		return b.wrap(ctx, err, fmt.Sprintf("removing service %q", service))
	}
	if a, err := netip.ParseAddr(c.Labels[backends.LabelPrivateIP]); err == nil {
		if n, err := b.network(ctx, enclave); err == nil {
			n.release(a)
		}
	}
	return nil
}
