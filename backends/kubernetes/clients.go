package kubernetes

import (
	apps "k8s.io/api/apps/v1"
	authorization "k8s.io/api/authorization/v1"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	rbac "k8s.io/api/rbac/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/gentype"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/flowcontrol"
)

// clients are those of the API groups that the backend uses, with a scheme of these alone. client-go's own set knows all
// groups there are: a third of the program, and milliseconds of every start.
type clients struct {
	parameters runtime.ParameterCodec
	core       rest.Interface
	apps       rest.Interface
	batch      rest.Interface
	networking rest.Interface
	rbac       rest.Interface
	reviews    rest.Interface
}

// newClients makes clients that share connections and the limit of requests.
func newClients(config *rest.Config) (*clients, error) {
	scheme := runtime.NewScheme()
	meta.AddToGroupVersion(scheme, schema.GroupVersion{Version: "v1"})
	for _, add := range []func(*runtime.Scheme) error{
		core.AddToScheme, apps.AddToScheme, batch.AddToScheme, networking.AddToScheme, rbac.AddToScheme, authorization.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	shared := rest.CopyConfig(config)
	shared.RateLimiter = flowcontrol.NewTokenBucketRateLimiter(shared.QPS, shared.Burst)
	shared.NegotiatedSerializer = rest.CodecFactoryForGeneratedClient(scheme, serializer.NewCodecFactory(scheme)).WithoutConversion()
	connections, err := rest.HTTPClientFor(shared)
	if err != nil {
		return nil, err
	}
	c := &clients{parameters: runtime.NewParameterCodec(scheme)}
	for _, group := range []struct {
		version schema.GroupVersion
		client  *rest.Interface
	}{
		{core.SchemeGroupVersion, &c.core}, {apps.SchemeGroupVersion, &c.apps}, {batch.SchemeGroupVersion, &c.batch},
		{networking.SchemeGroupVersion, &c.networking}, {rbac.SchemeGroupVersion, &c.rbac}, {authorization.SchemeGroupVersion, &c.reviews},
	} {
		own := rest.CopyConfig(shared)
		own.GroupVersion, own.APIPath = &group.version, "/apis"
		if group.version.Group == "" {
			own.APIPath = "/api"
		}
		if *group.client, err = rest.RESTClientForConfigAndClient(own, connections); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// kind is the client of one kind of objects.
func kind[T, L any, O interface {
	*T
	runtime.Object
	meta.Object
}, OL interface {
	*L
	runtime.Object
}](c *clients, group rest.Interface, resource, namespace string) *gentype.ClientWithList[O, OL] {
	return gentype.NewClientWithList(resource, group, c.parameters, namespace, func() O { return new(T) }, func() OL { return new(L) })
}

func (c *clients) pods(namespace string) *gentype.ClientWithList[*core.Pod, *core.PodList] {
	return kind[core.Pod, core.PodList](c, c.core, "pods", namespace)
}

func (c *clients) services(namespace string) *gentype.ClientWithList[*core.Service, *core.ServiceList] {
	return kind[core.Service, core.ServiceList](c, c.core, "services", namespace)
}

func (c *clients) secrets(namespace string) *gentype.ClientWithList[*core.Secret, *core.SecretList] {
	return kind[core.Secret, core.SecretList](c, c.core, "secrets", namespace)
}

func (c *clients) configMaps(namespace string) *gentype.ClientWithList[*core.ConfigMap, *core.ConfigMapList] {
	return kind[core.ConfigMap, core.ConfigMapList](c, c.core, "configmaps", namespace)
}

func (c *clients) serviceAccounts(namespace string) *gentype.ClientWithList[*core.ServiceAccount, *core.ServiceAccountList] {
	return kind[core.ServiceAccount, core.ServiceAccountList](c, c.core, "serviceaccounts", namespace)
}

func (c *clients) persistentVolumeClaims(namespace string) *gentype.ClientWithList[*core.PersistentVolumeClaim, *core.PersistentVolumeClaimList] {
	return kind[core.PersistentVolumeClaim, core.PersistentVolumeClaimList](c, c.core, "persistentvolumeclaims", namespace)
}

func (c *clients) namespaces() *gentype.ClientWithList[*core.Namespace, *core.NamespaceList] {
	return kind[core.Namespace, core.NamespaceList](c, c.core, "namespaces", "")
}

func (c *clients) nodes() *gentype.ClientWithList[*core.Node, *core.NodeList] {
	return kind[core.Node, core.NodeList](c, c.core, "nodes", "")
}

func (c *clients) replicaSets(namespace string) *gentype.ClientWithList[*apps.ReplicaSet, *apps.ReplicaSetList] {
	return kind[apps.ReplicaSet, apps.ReplicaSetList](c, c.apps, "replicasets", namespace)
}

func (c *clients) jobs(namespace string) *gentype.ClientWithList[*batch.Job, *batch.JobList] {
	return kind[batch.Job, batch.JobList](c, c.batch, "jobs", namespace)
}

func (c *clients) networkPolicies(namespace string) *gentype.ClientWithList[*networking.NetworkPolicy, *networking.NetworkPolicyList] {
	return kind[networking.NetworkPolicy, networking.NetworkPolicyList](c, c.networking, "networkpolicies", namespace)
}

func (c *clients) roleBindings(namespace string) *gentype.ClientWithList[*rbac.RoleBinding, *rbac.RoleBindingList] {
	return kind[rbac.RoleBinding, rbac.RoleBindingList](c, c.rbac, "rolebindings", namespace)
}

func (c *clients) clusterRoles() *gentype.ClientWithList[*rbac.ClusterRole, *rbac.ClusterRoleList] {
	return kind[rbac.ClusterRole, rbac.ClusterRoleList](c, c.rbac, "clusterroles", "")
}

func (c *clients) clusterRoleBindings() *gentype.ClientWithList[*rbac.ClusterRoleBinding, *rbac.ClusterRoleBindingList] {
	return kind[rbac.ClusterRoleBinding, rbac.ClusterRoleBindingList](c, c.rbac, "clusterrolebindings", "")
}

// accessReviews ask what one may do.
func (c *clients) accessReviews() *gentype.Client[*authorization.SelfSubjectAccessReview] {
	return gentype.NewClient("selfsubjectaccessreviews", c.reviews, c.parameters, "", func() *authorization.SelfSubjectAccessReview { return &authorization.SelfSubjectAccessReview{} })
}
