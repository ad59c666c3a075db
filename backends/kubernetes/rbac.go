package kubernetes

import (
	"context"
	"fmt"
	"strings"
	"time"

	authorization "k8s.io/api/authorization/v1"
	core "k8s.io/api/core/v1"
	rbac "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/kurtosis-go/kurtosis/backends"
)

// Names of the roles. Engines and API containers of all versions share them.
const (
	engineRole  = "kurtosis-engine"  // what an engine may everywhere
	enclaveRole = "kurtosis-enclave" // what an engine and an API container may in the namespace of an enclave
)

var (
	look = []string{"get", "list", "watch"}
	keep = []string{"get", "list", "create", "update", "delete", "deletecollection"}
	all  = []string{"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"}
)

func rule(group, resources string, verbs []string) rbac.PolicyRule {
	return rbac.PolicyRule{APIGroups: []string{group}, Resources: strings.Split(resources, ","), Verbs: verbs}
}

// EngineRules are what an engine may in all namespaces: make and remove namespaces, let itself and API containers into them as
// EnclaveRules say, and see which enclaves run.
func EngineRules() []rbac.PolicyRule {
	bind := rule(rbac.GroupName, "clusterroles", []string{"bind"})
	bind.ResourceNames = []string{enclaveRole}
	return []rbac.PolicyRule{
		rule("", "namespaces", []string{"get", "list", "watch", "create", "delete"}),
		rule("", "nodes,pods", []string{"list"}),
		rule("batch", "jobs", []string{"list"}),
		rule("apps", "replicasets", []string{"list"}),
		rule("", "serviceaccounts", []string{"list", "watch", "create", "delete"}),
		rule(rbac.GroupName, "rolebindings", []string{"create", "delete"}),
		bind,
	}
}

// EnclaveRules are what is done in the namespace of an enclave.
func EnclaveRules() []rbac.PolicyRule {
	return []rbac.PolicyRule{
		rule("", "namespaces", []string{"get"}), // its own
		rule("", "pods", []string{"get", "list", "watch", "delete", "deletecollection"}),
		rule("", "pods/log", []string{"get"}),
		rule("", "pods/exec", []string{"get", "create"}),
		rule("", "pods/ephemeralcontainers", []string{"patch"}),
		rule("", "events", look),
		rule("", "services,configmaps,secrets,persistentvolumeclaims", keep),
		rule("batch", "jobs", all),
		rule("apps", "replicasets", all),
		rule("networking.k8s.io", "networkpolicies", []string{"create"}),
	}
}

// roles makes the roles, or brings them up to date.
func (b *Backend) roles(ctx context.Context) error {
	for name, rules := range map[string][]rbac.PolicyRule{engineRole: EngineRules(), enclaveRole: EnclaveRules()} {
		roles := b.client.clusterRoles()
		role := &rbac.ClusterRole{ObjectMeta: meta.ObjectMeta{Name: name, Labels: map[string]string{labelAppID: backends.AppID}}, Rules: rules}
		present, err := roles.Get(ctx, name, meta.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
			_, err = roles.Create(ctx, role, meta.CreateOptions{})
		case err == nil && !equality.Semantic.DeepEqual(present.Rules, rules):
			present.Rules = rules
			_, err = roles.Update(ctx, present, meta.UpdateOptions{})
		}
		if err != nil && !apierrors.IsAlreadyExists(err) {
			return err
		}
	}
	return nil
}

// admit lets an account do in a namespace what is done with enclaves.
func (b *Backend) admit(ctx context.Context, namespace, name, account string) error {
	from, accountName, _ := strings.Cut(account, "/")
	_, err := b.client.roleBindings(namespace).Create(ctx, &rbac.RoleBinding{
		ObjectMeta: meta.ObjectMeta{Name: name, Labels: map[string]string{labelAppID: backends.AppID}},
		RoleRef:    rbac.RoleRef{APIGroup: rbac.GroupName, Kind: "ClusterRole", Name: enclaveRole},
		Subjects:   []rbac.Subject{{Kind: rbac.ServiceAccountKind, Namespace: from, Name: accountName}},
	}, meta.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

// A right that was given counts a moment later; the API server tells nobody when.
const (
	admissionLook = 20 * time.Millisecond
	admissionTime = 10 * time.Second
)

// enter lets this process into a namespace that it has made, and returns when it may work there.
func (b *Backend) enter(ctx context.Context, namespace string) error {
	if b.options.Account == "" {
		return nil
	}
	if err := b.admit(ctx, namespace, engineRole, b.options.Account); err != nil {
		return err
	}
	err := wait.PollUntilContextTimeout(ctx, admissionLook, admissionTime, true, func(ctx context.Context) (bool, error) {
		review, err := b.client.accessReviews().Create(ctx, &authorization.SelfSubjectAccessReview{
			Spec: authorization.SelfSubjectAccessReviewSpec{ResourceAttributes: &authorization.ResourceAttributes{
				Namespace: namespace, Verb: "create", Group: "networking.k8s.io", Resource: "networkpolicies"}},
		}, meta.CreateOptions{})
		return err == nil && review.Status.Allowed, err
	})
	if wait.Interrupted(err) && ctx.Err() == nil {
		return backends.Errorf(backends.PermissionDenied, "service account %s is not let into namespace %s", b.options.Account, namespace).
			WithHint("`kubectl describe clusterrole %s` should list what docs/kubernetes.md does", enclaveRole)
	}
	return err
}

// account makes a service account with the rights of an engine, or of an API container; both may be there already.
func (b *Backend) account(ctx context.Context, namespace string, spec *backends.SystemSpec, labels map[string]string) error {
	object := meta.ObjectMeta{Name: spec.Name, Labels: labels}
	if _, err := b.client.serviceAccounts(namespace).Create(ctx, &core.ServiceAccount{ObjectMeta: object}, meta.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	if spec.Enclave != "" {
		return b.admit(ctx, namespace, spec.Name, namespace+"/"+spec.Name)
	}
	if err := b.roles(ctx); err != nil {
		return err
	}
	_, err := b.client.clusterRoleBindings().Create(ctx, &rbac.ClusterRoleBinding{
		ObjectMeta: object,
		RoleRef:    rbac.RoleRef{APIGroup: rbac.GroupName, Kind: "ClusterRole", Name: engineRole},
		Subjects:   []rbac.Subject{{Kind: rbac.ServiceAccountKind, Namespace: namespace, Name: spec.Name}},
	}, meta.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("giving the engine its rights: %w", err)
	}
	return nil
}
