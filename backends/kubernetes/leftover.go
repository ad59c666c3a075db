package kubernetes

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kurtosis-go/kurtosis/backends"
)

var _ backends.Leftovers = (*Backend)(nil)

// Leftovers finds namespaces whose removal takes longer than RemovalPatience, and the rights of engines that were removed by other
// means than ours. All else of an enclave goes with its namespace. Nothing is found by who may not see it.
func (b *Backend) Leftovers(ctx context.Context) ([]backends.Leftover, error) {
	const doing = "looking for what is left over"
	var left []backends.Leftover
	namespaces, err := b.client.namespaces().List(ctx, ours())
	if err != nil {
		return nil, b.unlessForbidden(ctx, err, doing)
	}
	for _, n := range namespaces.Items {
		if n.DeletionTimestamp != nil && time.Since(n.DeletionTimestamp.Time) >= b.options.RemovalPatience {
			left = append(left, backends.Leftover{Kind: backends.LeftoverNamespace, ID: n.Name, Name: n.Name, Enclave: n.Labels[labelEnclave]})
		}
	}
	bindings, err := b.client.clusterRoleBindings().List(ctx, ours())
	if err != nil {
		return left, b.unlessForbidden(ctx, err, doing)
	}
	// Looked at after the bindings, which are made first and removed last.
	of := labels.SelectorFromSet(labels.Set{labelAppID: backends.AppID, labelResource: backends.ContainerTypeEngine}).String()
	engines, err := b.client.replicaSets(EngineNamespace).List(ctx, meta.ListOptions{LabelSelector: of})
	if err != nil {
		return left, b.unlessForbidden(ctx, err, doing)
	}
	there := map[string]bool{}
	for _, e := range engines.Items {
		there[e.Name] = true
	}
	for _, r := range bindings.Items {
		if !there[r.Name] && time.Since(r.CreationTimestamp.Time) > startTime {
			left = append(left, backends.Leftover{Kind: backends.LeftoverBinding, ID: r.Name, Name: r.Name})
		}
	}
	return left, nil
}

// startTime is how long the rights of an engine may be there without the engine, which is made next.
const startTime = 10 * time.Second

// RemoveLeftover removes one. A namespace that does not go says what holds it.
func (b *Backend) RemoveLeftover(ctx context.Context, l backends.Leftover) error {
	var err error
	switch l.Kind {
	case backends.LeftoverNamespace:
		err = b.removeNamespace(ctx, l.ID)
	case backends.LeftoverBinding:
		if err = b.client.clusterRoleBindings().Delete(ctx, l.ID, meta.DeleteOptions{}); apierrors.IsNotFound(err) {
			err = nil
		}
	}
	return b.wrap(ctx, err, fmt.Sprintf("removing %s %s", l.Kind, l.Name))
}
