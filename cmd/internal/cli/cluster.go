package cli

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/runtime/state"
)

// Cluster is where enclaves are: the Docker of this machine, or a Kubernetes cluster.
type Cluster struct {
	Name string
	Type backends.ClusterType
	KubernetesSettings
}

// KubernetesSettings say which cluster, and how it is used. What is empty is the cluster's own default.
type KubernetesSettings struct {
	Context       string `yaml:"kubernetes-cluster-name,omitempty"` // of the kubeconfig; the reference's name for it
	Kubeconfig    string `yaml:"kubeconfig,omitempty"`              // "" is kubectl's
	StorageClass  string `yaml:"storage-class,omitempty"`
	DataMegabytes int64  `yaml:"enclave-size-in-megabytes,omitempty"` // of an enclave's own volume
	PublicPorts   string `yaml:"public-ports,omitempty"`              // NodePort or LoadBalancer
	PullPolicy    string `yaml:"image-pull-policy,omitempty"`         // IfNotPresent, Always, Never
	EngineImage   string `yaml:"engine-image,omitempty"`              // of a registry that the nodes reach
	ImageRegistry string `yaml:"image-registry,omitempty"`            // registry/path that images which are built here are pushed to
	Containerd    string `yaml:"containerd,omitempty"`                // socket of the only node's runtime, for images of this machine
}

// Context is an entry of the kubeconfig.
type Context struct {
	Name    string
	Cluster string
	Current bool
}

// clusterSettings are a cluster in the configuration file.
type clusterSettings struct {
	Type   string             `yaml:"type"`
	Config KubernetesSettings `yaml:"config,omitempty"`
}

const (
	clusterVariable = "KURTOSIS_CLUSTER"
	dockerCluster   = "docker"
	clustersKey     = "kurtosis-clusters"
)

// clusters are those that can be chosen: Docker, those of the configuration, and contexts of the kubeconfig that it does not name.
type clusters struct {
	configured map[string]clusterSettings
	contexts   []Context
	unreadable error // why there are no contexts
}

func (e Engines) clusters() (clusters, error) {
	list, err := configuredClusters()
	if err == nil && e.Contexts != nil {
		list.contexts, list.unreadable = e.Contexts()
	}
	return list, err
}

// configuredClusters are those of the configuration, without the contexts of the kubeconfig.
func configuredClusters() (clusters, error) {
	s, err := readSettings()
	if err != nil {
		return clusters{}, err
	}
	for _, name := range slices.Sorted(maps.Keys(s.Clusters)) {
		if t := s.Clusters[name].Type; t != string(backends.Docker) && t != string(backends.Kubernetes) {
			return clusters{}, &faultError{fmt.Sprintf("the configuration says of cluster '%s' that its type is '%s'", name, t), "it is docker or kubernetes"}
		}
	}
	return clusters{configured: s.Clusters}, nil
}

// origin is where a cluster is known from.
type origin string

const (
	builtIn    origin = "built-in"
	configured origin = "configuration"
	kubeconfig origin = "kubeconfig"
)

// find returns a cluster by its name.
func (l clusters) find(name string) (Cluster, origin, bool) {
	if s, ok := l.configured[name]; ok {
		return Cluster{name, backends.ClusterType(s.Type), l.resolved(s.Config)}, configured, true
	}
	if name == dockerCluster {
		return Cluster{Name: name, Type: backends.Docker}, builtIn, true
	}
	for _, c := range l.contexts {
		if c.Name == name {
			return Cluster{name, backends.Kubernetes, KubernetesSettings{Context: name}}, kubeconfig, true
		}
	}
	return Cluster{}, "", false
}

// resolved takes the name of a cluster for that of its context, as the reference does.
func (l clusters) resolved(s KubernetesSettings) KubernetesSettings {
	if s.Kubeconfig != "" || slices.ContainsFunc(l.contexts, func(c Context) bool { return c.Name == s.Context }) {
		return s
	}
	for _, c := range l.contexts {
		if c.Cluster == s.Context {
			s.Context = c.Name
			break
		}
	}
	return s
}

// names lists all clusters, Docker first.
func (l clusters) names() []string {
	set := map[string]bool{}
	for name := range l.configured {
		set[name] = true
	}
	for _, c := range l.contexts {
		if !l.taken(c.Name) {
			set[c.Name] = true
		}
	}
	delete(set, dockerCluster)
	return append([]string{dockerCluster}, slices.Sorted(maps.Keys(set))...)
}

// taken says whether a cluster of the configuration, by any name, is that of a context.
func (l clusters) taken(context string) bool {
	for _, s := range l.configured {
		if s.Type == string(backends.Kubernetes) && l.resolved(s.Config).Context == context {
			return true
		}
	}
	return false
}

// unknown says that there is no cluster of a name.
func (l clusters) unknown(name string) error {
	hint := "'kurtosis cluster ls' lists those that there are, and 'kurtosis cluster add' makes one known"
	if near, ok := diag.Closest(name, l.names()); ok {
		hint = fmt.Sprintf("did you mean '%s'?", near)
	}
	if l.unreadable != nil {
		hint += "; the kubeconfig can't be read: " + l.unreadable.Error()
	}
	return &faultError{fmt.Sprintf("there is no cluster '%s'", name), hint}
}

// chosenName is the cluster that commands work on, and whether the environment says so.
func chosenName() (name string, fromEnvironment bool, err error) {
	if name := os.Getenv(clusterVariable); name != "" {
		return name, true, nil
	}
	file, err := chosenPath()
	if err != nil {
		return dockerCluster, false, nil // no home, no file
	}
	text, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", false, &faultError{fmt.Sprintf("can't read which cluster is chosen: %s", err), ""}
	}
	return cmp.Or(strings.TrimSpace(string(text)), dockerCluster), false, nil
}

// chosenPath is beside the configuration, which is the user's to write.
func chosenPath() (string, error) {
	file, err := configPath()
	return filepath.Join(filepath.Dir(file), "cluster"), err
}

// cluster is the one that commands work on.
func (e Engines) cluster() (Cluster, error) {
	name, _, err := chosenName()
	if err != nil {
		return Cluster{}, err
	}
	if name == dockerCluster && e.Kubernetes == nil {
		return Cluster{Name: name, Type: backends.Docker}, nil
	}
	list, err := configuredClusters()
	if err != nil {
		return Cluster{}, err
	}
	if c, _, ok := list.find(name); ok && c.Type == backends.Docker {
		return c, nil // without a look at the kubeconfig
	}
	if list, err = e.clusters(); err != nil {
		return Cluster{}, err
	}
	c, _, ok := list.find(name)
	if !ok {
		return Cluster{}, list.unknown(name)
	}
	return c, nil
}

// open opens the container engine of the chosen cluster. The caller closes it.
func (e Engines) open(ctx context.Context) (backends.Backend, error) {
	if e.InPod {
		return e.Kubernetes(ctx, Cluster{Type: backends.Kubernetes})
	}
	c, err := e.cluster()
	if err != nil {
		return nil, err
	}
	open := e.Kubernetes
	if c.Type == backends.Docker {
		if e.Docker == nil {
			return nil, &faultError{"this build has no container engine", "add --dry-run"}
		}
		return e.Docker(ctx)
	}
	if open == nil {
		return nil, &faultError{fmt.Sprintf("cluster '%s' is Kubernetes, which this build does not know", c.Name), "'kurtosis cluster set docker' goes back to Docker"}
	}
	b, err := open(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("cluster '%s': %w", c.Name, err)
	}
	return b, nil
}

// configure writes a cluster into the configuration file, where all else stays as it is, comments too.
func configure(name string, s clusterSettings) error {
	file, err := configPath()
	if err != nil {
		return err
	}
	text, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return &faultError{fmt.Sprintf("can't read the configuration: %s", err), ""}
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return &faultError{fmt.Sprintf("the configuration '%s' is wrong: %s", file, err), ""}
	}
	if doc.Kind == 0 {
		doc = yaml.Node{Kind: yaml.DocumentNode, Content: []*yaml.Node{{Kind: yaml.MappingNode}}}
	}
	var value yaml.Node
	if err := value.Encode(s); err != nil {
		return err
	}
	section := child(doc.Content[0], clustersKey)
	if section == nil {
		return &faultError{fmt.Sprintf("the configuration '%s' is wrong: it is no mapping with a mapping '%s'", file, clustersKey), ""}
	}
	*child(section, name) = value
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := enc.Encode(&doc); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return &faultError{fmt.Sprintf("can't write the configuration: %s", err), ""}
	}
	return writeSettings(file, out.Bytes())
}

// child is the value of a key, made if missing; nil where the node can have none.
func child(node *yaml.Node, key string) *yaml.Node {
	if node.Kind == yaml.ScalarNode && node.Tag == "!!null" {
		*node = yaml.Node{Kind: yaml.MappingNode}
	}
	if node.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == key {
			v := node.Content[i+1]
			if v.Kind == yaml.ScalarNode && v.Tag == "!!null" {
				*v = yaml.Node{Kind: yaml.MappingNode}
			}
			return v
		}
	}
	value := &yaml.Node{Kind: yaml.MappingNode}
	node.Content = append(node.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, value)
	return value
}

func writeSettings(file string, text []byte) error {
	if err := state.WriteFile(file, text); err != nil {
		return &faultError{fmt.Sprintf("can't write the configuration: %s", err), ""}
	}
	return nil
}
