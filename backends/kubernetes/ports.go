package kubernetes

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kurtosis-go/kurtosis/backends"
)

// Ports of nodes that clusters give out unless configured otherwise. A public port outside of it gets one that the cluster chooses.
const (
	firstNodePort = 30000
	lastNodePort  = 32767
)

// noPort stands in a Service without ports, which the API does not take.
const noPort = 9

func publicName(uuid string) string { return "public-" + backends.ShortUUID(uuid) }

func portName(p backends.Port) string { return strings.ReplaceAll(p.String(), "/", "-") }

// service is the name and address of a service. Names resolve from the moment the process runs, whatever listens.
func service(e *enclave, spec *backends.ServiceSpec) *core.Service {
	labels := serviceLabels(e.info.UUID, spec.Name, spec.UUID)
	s := &core.Service{
		ObjectMeta: meta.ObjectMeta{Name: spec.Name, Labels: labels},
		Spec:       core.ServiceSpec{Selector: map[string]string{labelUUID: spec.UUID}, PublishNotReadyAddresses: true, Ports: servicePorts(spec.Ports)},
	}
	if len(s.Spec.Ports) == 0 {
		s.Spec.Ports = []core.ServicePort{{Name: "none", Port: noPort}}
	}
	return s
}

// servicePorts lists ports; several ids of one port are one.
func servicePorts(ports map[string]backends.Port) (list []core.ServicePort) {
	seen := map[string]bool{}
	for _, id := range slices.Sorted(maps.Keys(ports)) {
		p := ports[id]
		if !seen[p.String()] {
			seen[p.String()] = true
			list = append(list, core.ServicePort{Name: portName(p), Port: int32(p.Number), Protocol: protocol(p)})
		}
	}
	return list
}

// public publishes ports on the nodes, or on a load balancer of the cluster's; nil if there are none to publish.
func (b *Backend) public(e *enclave, spec *backends.ServiceSpec) *core.Service {
	if len(spec.PublicPorts) == 0 || spec.Unpublished {
		return nil
	}
	s := &core.Service{
		ObjectMeta: meta.ObjectMeta{Name: publicName(spec.UUID), Labels: serviceLabels(e.info.UUID, spec.Name, spec.UUID)},
		Spec:       core.ServiceSpec{Type: b.options.PublicPorts, Selector: map[string]string{labelUUID: spec.UUID}, PublishNotReadyAddresses: true},
	}
	for _, id := range slices.Sorted(maps.Keys(spec.PublicPorts)) {
		outside := spec.PublicPorts[id]
		inside, ok := spec.Ports[id]
		if !ok {
			inside = outside
		}
		port := core.ServicePort{Name: portName(outside), Port: int32(outside.Number), TargetPort: intstr.FromInt32(int32(inside.Number)), Protocol: protocol(outside)}
		if b.options.PublicPorts == core.ServiceTypeNodePort && outside.Number >= firstNodePort && outside.Number <= lastNodePort {
			port.NodePort = int32(outside.Number)
		}
		s.Spec.Ports = append(s.Spec.Ports, port)
	}
	return s
}

// published are the ports of nodes, at the address of one of them, or those of a load balancer once it has an address.
func published(s *core.Service, declared map[string]backends.Port, ids map[string]backends.Port, node string) map[string]backends.Endpoint {
	if s == nil {
		return nil
	}
	list := map[string]backends.Endpoint{}
	if s.Spec.Type == core.ServiceTypeLoadBalancer {
		for _, balancer := range s.Status.LoadBalancer.Ingress {
			for id, p := range ids {
				list[id] = backends.Endpoint{Address: cmp.Or(balancer.IP, balancer.Hostname), Port: backends.Port{Number: p.Number, Transport: p.Protocol(), Application: declared[id].Application}}
			}
		}
		return list
	}
	for id, p := range ids {
		for _, port := range s.Spec.Ports {
			if port.Name == portName(p) && port.NodePort > 0 {
				list[id] = backends.Endpoint{Address: node, Port: backends.Port{Number: uint16(port.NodePort), Transport: p.Protocol(), Application: declared[id].Application}}
			}
		}
	}
	return list
}

// node is the address of some node, "" where nodes may not be seen.
func (b *Backend) node(ctx context.Context) (string, error) {
	if b.options.NodeAddress != "" {
		return b.options.NodeAddress, nil
	}
	nodes, err := b.client.nodes().List(ctx, meta.ListOptions{Limit: 1})
	if err != nil {
		return "", b.unlessForbidden(ctx, err, "listing the nodes")
	}
	for _, kind := range []core.NodeAddressType{core.NodeExternalIP, core.NodeInternalIP} {
		for _, n := range nodes.Items {
			for _, a := range n.Status.Addresses {
				if a.Type == kind {
					return a.Address, nil
				}
			}
		}
	}
	return "", nil
}
