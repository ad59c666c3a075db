package kubernetes

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kurtosis-go/kurtosis/backends"
)

// equipper is the ephemeral container that brings what Pods carry to one that was made without.
const equipper = "kurtosis-program"

// equip makes a Pod have the program of package pod. One with files or persistent directories has it from its init container; others
// get it when it is needed first, as an init container would make every Pod a second later, which is how often nodes look.
func (b *Backend) equip(ctx context.Context, enclave string, p *core.Pod) error {
	if len(p.Spec.InitContainers) > 0 {
		return nil
	}
	if done, err := equipped(p); done || err != nil {
		return err
	}
	e, err := b.enclave(ctx, enclave)
	if err != nil {
		return err
	}
	doing := fmt.Sprintf("preparing pod %s", p.Name)
	if b.options.PodImage == "" {
		return noPodImage()
	}
	v, err := b.watch(ctx, e)
	if err != nil {
		return err
	}
	changed, stop := v.changes()
	defer stop()
	if !slices.ContainsFunc(p.Spec.EphemeralContainers, func(c core.EphemeralContainer) bool { return c.Name == equipper }) {
		// Of several callers at once each asks for the same.
		patch, err := json.Marshal(map[string]any{"spec": map[string]any{"ephemeralContainers": []core.EphemeralContainer{{EphemeralContainerCommon: b.installer(equipper)}}}})
		if err != nil {
			return err
		}
		if _, err := b.client.pods(p.Namespace).Patch(ctx, p.Name, types.StrategicMergePatchType, patch, meta.PatchOptions{}, "ephemeralcontainers"); err != nil {
			return b.wrap(ctx, err, doing)
		}
	}
	for {
		now, err := v.pods.Get(p.Name) // from memory
		if apierrors.IsNotFound(err) {
			return backends.Errorf(backends.Exited, "pod %s has gone meanwhile", p.Name)
		} else if err != nil {
			return b.wrap(ctx, err, doing)
		}
		if done, err := equipped(now); done || err != nil {
			return b.failed(ctx, err, doing)
		}
		if !isRunning(now) {
			return backends.Errorf(backends.Exited, "pod %s has ended meanwhile", p.Name)
		}
		select {
		case <-changed:
		case <-v.broken:
			return b.wrap(ctx, v.err, doing)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// equipped says whether the ephemeral container has done its work, or why it cannot.
func equipped(p *core.Pod) (bool, error) {
	for _, s := range p.Status.EphemeralContainerStatuses {
		switch {
		case s.Name != equipper:
		case s.State.Terminated != nil && s.State.Terminated.ExitCode == 0:
			return true, nil
		case s.State.Terminated != nil:
			return false, backends.Errorf(backends.Unknown, "the program for it ends with code %d", s.State.Terminated.ExitCode).
				WithHint("see `kubectl logs -n %s %s -c %s`", p.Namespace, p.Name, equipper)
		case s.State.Waiting != nil:
			if t := waiting(s.Image, s.State.Waiting.Reason, s.State.Waiting.Message); t != nil {
				return false, (&backends.Error{Kind: t.kind, Message: t.message}).WithHint("%s", t.hint)
			}
		}
	}
	return false, nil
}
