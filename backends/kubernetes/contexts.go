package kubernetes

import (
	"maps"
	"slices"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/kurtosis-go/kurtosis/backends"
)

// Context is an entry of a kubeconfig: a cluster, and who one is there.
type Context struct {
	Name    string
	Cluster string
	Current bool
}

// Contexts lists those of a kubeconfig by name; "" is $KUBECONFIG or ~/.kube/config. A file that is not there has none.
func Contexts(kubeconfig string) ([]Context, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = kubeconfig
	config, err := rules.Load()
	if err != nil {
		return nil, backends.Errorf(backends.Invalid, "%s", oneLine(err.Error()))
	}
	var list []Context
	for _, name := range slices.Sorted(maps.Keys(config.Contexts)) {
		list = append(list, Context{name, config.Contexts[name].Cluster, name == config.CurrentContext})
	}
	return list, nil
}
