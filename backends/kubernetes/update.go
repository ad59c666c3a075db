package kubernetes

import (
	"context"
	"fmt"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kurtosis-go/kurtosis/backends"
)

// UpdateService replaces the controller: its Pod ends before the next begins, since they share volumes and the name.
func (b *Backend) UpdateService(ctx context.Context, uuid string, spec backends.ServiceSpec) (backends.Service, error) {
	if err := spec.Validate(); err != nil {
		return backends.Service{}, err
	}
	if err := b.refuse(&spec); err != nil {
		return backends.Service{}, err
	}
	e, old, err := b.find(ctx, uuid, spec.Name)
	if err != nil {
		return backends.Service{}, err
	}
	spec.UUID = old.Labels[labelUUID]
	doing := fmt.Sprintf("updating service %q", spec.Name)
	services, err := b.client.services(e.namespace).List(ctx, of(spec.Name))
	if err != nil {
		return backends.Service{}, b.wrap(ctx, err, doing)
	}
	svc, open := pair(services.Items, old)
	if svc == nil {
		return backends.Service{}, backends.Errorf(backends.Conflict, "%s: its address is gone", doing).WithHint("remove the service and add it again")
	}
	s, err := b.relaunch(ctx, e, &spec, old, svc, open)
	if err != nil {
		back, cancel := cleanupContext(ctx)
		defer cancel()
		if undo := b.restore(back, e, old, svc, open); undo != nil {
			err = fmt.Errorf("%w; and the old one could not be brought back: %w", err, undo)
		}
		return backends.Service{}, b.failed(ctx, err, doing)
	}
	return s, b.forgetFiles(ctx, e, spec.Name, old.Labels[labelLaunch])
}

func (b *Backend) relaunch(ctx context.Context, e *enclave, spec *backends.ServiceSpec, old *controller, svc, open *core.Service) (backends.Service, error) {
	packed, err := pack(ctx, spec.Files)
	if err != nil {
		return backends.Service{}, err
	}
	v, err := b.watch(ctx, e)
	if err != nil {
		return backends.Service{}, err
	}
	if err := b.retire(ctx, v, old); err != nil {
		return backends.Service{}, err
	}
	if svc, err = b.changePorts(ctx, svc, service(e, spec).Spec.Ports); err != nil {
		return backends.Service{}, err
	}
	want := b.public(e, spec)
	switch {
	case open != nil && want != nil:
		for i, p := range want.Spec.Ports { // those that stay keep the node's
			for _, before := range open.Spec.Ports {
				if before.Name == p.Name && p.NodePort == 0 {
					want.Spec.Ports[i].NodePort = before.NodePort
				}
			}
		}
		open, err = b.changePorts(ctx, open, want.Spec.Ports)
	case open != nil:
		err = b.client.services(e.namespace).Delete(ctx, open.Name, meta.DeleteOptions{})
		open = nil
	default:
		open, err = b.publish(ctx, e, spec)
	}
	if err != nil {
		return backends.Service{}, err
	}
	return b.run(ctx, e, v, spec, packed, svc, open)
}

// restore puts back what relaunch has changed.
func (b *Backend) restore(ctx context.Context, e *enclave, old *controller, svc, open *core.Service) error {
	v, err := b.watch(ctx, e)
	if err != nil {
		return err
	}
	present, err := b.controllerNamed(ctx, e, old.Name)
	if err == nil && present.UID == old.UID {
		return nil // nothing was changed yet
	}
	if err == nil {
		if err := b.retire(ctx, v, present); err != nil {
			return err
		}
		if err := b.forgetFiles(ctx, e, old.Name, present.Labels[labelLaunch]); err != nil {
			return err
		}
	} else if !apierrors.IsNotFound(err) {
		return err
	}
	for _, s := range []*core.Service{svc, open} {
		if s == nil {
			continue
		}
		if _, err := b.changePorts(ctx, s, s.Spec.Ports); err != nil {
			return err
		}
	}
	again, err := b.create(ctx, e.namespace, old.fresh())
	if err != nil {
		return err
	}
	_, err = b.await(ctx, v, again)
	return err
}

// changePorts writes the present object with other ports; one that has gone is made again.
func (b *Backend) changePorts(ctx context.Context, s *core.Service, ports []core.ServicePort) (*core.Service, error) {
	services := b.client.services(s.Namespace)
	present, err := services.Get(ctx, s.Name, meta.GetOptions{})
	if apierrors.IsNotFound(err) {
		again := &core.Service{ObjectMeta: meta.ObjectMeta{Name: s.Name, Labels: s.Labels}, Spec: s.Spec}
		again.Spec.Ports = ports
		return services.Create(ctx, again, meta.CreateOptions{})
	} else if err != nil {
		return nil, err
	}
	present.Spec.Ports = ports
	return services.Update(ctx, present, meta.UpdateOptions{})
}

// forgetFiles removes the files of one launch.
func (b *Backend) forgetFiles(ctx context.Context, e *enclave, service, launch string) error {
	selector := labels.SelectorFromSet(labels.Set{labelAppID: backends.AppID, labelResource: resourceFiles, labelName: service, labelLaunch: launch}).String()
	err := b.client.configMaps(e.namespace).DeleteCollection(ctx, meta.DeleteOptions{}, meta.ListOptions{LabelSelector: selector})
	return b.wrap(ctx, err, fmt.Sprintf("removing the old files of service %q", service))
}
