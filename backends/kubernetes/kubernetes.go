// Package kubernetes runs enclaves on a Kubernetes cluster. An enclave is a namespace; a service is a Job or ReplicaSet, which
// keeps one Pod, and a Service, which keeps its name and address. All that is known of them is on these objects.
package kubernetes

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/go-logr/logr"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"

	"github.com/kurtosis-go/kurtosis/backends"
)

// Options choose a cluster and how it is used. The zero value is the current context of the kubeconfig that `kubectl` reads, or the
// cluster that this process runs in.
type Options struct {
	// Kubeconfig is a file; "" is $KUBECONFIG, ~/.kube/config, or the Pod's own service account.
	Kubeconfig string
	// Context of the kubeconfig; "" is its current one.
	Context string

	// PodImage has the program of package pod as its entrypoint. Required by AddService.
	PodImage string
	// PullPolicy of all images; "" is IfNotPresent.
	PullPolicy core.PullPolicy
	// StorageClass of persistent directories; "" is the cluster's default.
	StorageClass string
	// DirectorySize of persistent directories that ask for none, in bytes; 0 is DefaultDirectorySize.
	DirectorySize int64
	// Patience is how long AddService waits for a Pod that the cluster cannot place or whose volumes do not bind yet,
	// in the hope that it scales; 0 is DefaultPatience.
	Patience time.Duration
	// RemovalPatience is how long RemoveEnclave waits for a namespace to go; 0 is DefaultRemovalPatience.
	RemovalPatience time.Duration
	// DataSize of the volumes of engines and API containers, in bytes; 0 is DefaultDataSize.
	DataSize int64
	// PublicPorts is the type of Service that public ports are published by; "" is NodePort.
	PublicPorts core.ServiceType

	// Wrap, unless nil, changes how the API server is talked to, e.g. to count requests.
	Wrap func(*rest.Config) `json:"-"`
	// Containerd is the socket of the runtime of the cluster's only node, when that is this machine: LoadImage puts images there,
	// by the command ctr.
	Containerd string

	// Namespace, of an enclave, is all that this process may see; "" is the whole cluster.
	Namespace string
	// Account, as "namespace/name", is the service account of this process, which is let into the enclaves that it makes; "" is a
	// user with rights of their own.
	Account string
	// NodeAddress is where ports of nodes are reached, for a process that may not list the nodes.
	NodeAddress string
}

const (
	DefaultDirectorySize   = 1 << 30
	DefaultDataSize        = 2 << 30
	DefaultPatience        = 30 * time.Second
	DefaultRemovalPatience = 2 * time.Minute
)

// Requests of this client to the API server: generous, since the server has its own fairness.
const (
	requestsPerSecond = 200
	requestBurst      = 400
)

// cleanupTimeout bounds what is done after a context has ended.
const cleanupTimeout = time.Minute

// Backend is a cluster.
type Backend struct {
	options Options
	config  *rest.Config
	client  *clients
	context string

	lifetime context.Context // of informers and connections, until Close
	end      context.CancelFunc

	loading  sync.Mutex
	mu       sync.Mutex
	enclaves map[string]*enclave // by UUID
}

// silence keeps the client library from writing to the terminal: what it has to say comes back as errors.
var silence = sync.OnceFunc(func() { klog.SetLogger(logr.Discard()) })

var _ backends.Backend = (*Backend)(nil)

// Open reads the kubeconfig and asks the cluster for its version. EngineUnreachable, AuthNeeded or Invalid if that fails. The
// backend's watches and connections end with Close, not with ctx.
func Open(ctx context.Context, options Options) (*Backend, error) {
	if options.PullPolicy == "" {
		options.PullPolicy = core.PullIfNotPresent
	}
	if options.DirectorySize == 0 {
		options.DirectorySize = DefaultDirectorySize
	}
	if options.Patience == 0 {
		options.Patience = DefaultPatience
	}
	if options.RemovalPatience == 0 {
		options.RemovalPatience = DefaultRemovalPatience
	}
	if options.PublicPorts == "" {
		options.PublicPorts = core.ServiceTypeNodePort
	}
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = options.Kubeconfig
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: options.Context})
	config, err := loader.ClientConfig()
	if err != nil {
		return nil, (&backends.Error{Kind: backends.Invalid, Message: "the kubeconfig names no cluster: " + oneLine(err.Error()), Err: err}).
			WithHint("see `kubectl config get-contexts`, and choose one with KUBECONFIG or a context")
	}
	config.QPS, config.Burst = requestsPerSecond, requestBurst
	config.UserAgent = "kurtosis"
	config.WarningHandlerWithContext = rest.NoWarnings{}
	if options.Wrap != nil {
		options.Wrap(config)
	}
	silence()
	set, err := newClients(config)
	if err != nil {
		return nil, backends.Errorf(backends.Invalid, "the kubeconfig cannot be used: %w", err)
	}
	b := &Backend{options: options, config: config, client: set, enclaves: map[string]*enclave{}}
	b.context = options.Context
	if raw, err := loader.RawConfig(); err == nil && b.context == "" {
		b.context = raw.CurrentContext
	}
	if _, err := b.version(ctx); err != nil {
		return nil, b.wrap(ctx, err, "asking the cluster for its version")
	}
	b.lifetime, b.end = context.WithCancel(context.WithoutCancel(ctx))
	return b, nil
}

// Config is how the cluster's API is reached, for what goes beyond a Backend.
func (b *Backend) Config() *rest.Config { return rest.CopyConfig(b.config) }

// Close ends watches and connections.
func (b *Backend) Close() error {
	b.end()
	return nil
}

func (b *Backend) version(ctx context.Context) (string, error) {
	raw, err := b.client.core.Get().AbsPath("/version").Do(ctx).Raw()
	if err != nil {
		return "", err
	}
	return versionOf(raw), nil
}

// Info adds the nodes up. Without the right to see nodes or all Pods, what they would say is 0.
func (b *Backend) Info(ctx context.Context) (backends.Info, error) {
	version, err := b.version(ctx)
	if err != nil {
		return backends.Info{}, b.wrap(ctx, err, "asking the cluster for its version")
	}
	info := backends.Info{ClusterType: backends.Kubernetes, Name: "Kubernetes", Version: version, Endpoint: b.config.Host, Platform: "linux/amd64"}
	nodes, err := b.client.nodes().List(ctx, meta.ListOptions{})
	if err != nil {
		return info, b.unlessForbidden(ctx, err, "listing the nodes")
	}
	for _, node := range nodes.Items {
		info.TotalCPU += node.Status.Allocatable.Cpu().MilliValue()
		info.TotalMemory += node.Status.Allocatable.Memory().Value()
		if i := node.Status.NodeInfo; i.OperatingSystem != "" {
			info.Platform = i.OperatingSystem + "/" + i.Architecture
		}
	}
	pods, err := b.client.pods("").List(ctx, meta.ListOptions{FieldSelector: "status.phase!=Succeeded,status.phase!=Failed"})
	if err != nil {
		return info, b.unlessForbidden(ctx, err, "listing the pods")
	}
	info.FreeCPU, info.FreeMemory = info.TotalCPU, info.TotalMemory
	for _, pod := range pods.Items {
		for _, c := range pod.Spec.Containers {
			info.FreeCPU -= c.Resources.Requests.Cpu().MilliValue()
			info.FreeMemory -= c.Resources.Requests.Memory().Value()
		}
	}
	info.FreeCPU, info.FreeMemory = max(info.FreeCPU, 0), max(info.FreeMemory, 0)
	return info, nil
}

func (b *Backend) unsupported(what, hint string) error {
	return (&backends.Error{Kind: backends.Unsupported, Message: fmt.Sprintf("%s on Kubernetes", what)}).WithHint("%s", hint)
}
