// Command cluster is a whole single-node Kubernetes in one static binary, for tests: the upstream components,
// and the few things around them that a cluster needs and that come from elsewhere otherwise.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"
	kubectl "k8s.io/kubectl/pkg/cmd"
	kubectlutil "k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"

	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
)

// upstream are the components as they are published. The kubelet's command installs the handler of signals by itself.
var upstream = map[string]func() *cobra.Command{
	"apiserver":          apiserver.NewAPIServerCommand,
	"controller-manager": controllers.NewControllerManagerCommand,
	"scheduler":          func() *cobra.Command { return scheduler.NewSchedulerCommand() },
	"kubelet":            func() *cobra.Command { return kubelet.NewKubeletCommand(context.Background()) },
	"proxy":              proxy.NewProxyCommand,
}

// program is a component of ours: it takes its own flags and runs until ctx ends.
type program func(ctx context.Context, name string, args []string) error

var ours = map[string]program{
	"etcd":      runEtcd,
	"certs":     writeCerts,
	"image":     writeImage,
	"sandboxes": removeSandboxes,
	"dns":       serveDNS,
	"policies":  enforcePolicies,
	"volumes":   provisionVolumes,
}

func main() {
	if len(os.Args) < 2 {
		usage()
	}
	name := os.Args[1]
	os.Args = os.Args[1:]
	if name == "kubectl" {
		kubectlutil.CheckErr(cli.RunNoErrOutput(kubectl.NewDefaultKubectlCommand()))
		return
	}
	if command, ok := upstream[name]; ok {
		os.Exit(cli.Run(command()))
	}
	run, ok := ours[name]
	if !ok {
		usage()
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, name, os.Args[1:]); err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintf(os.Stderr, "cluster %s: %v\n", name, err)
		os.Exit(1)
	}
}

func usage() {
	names := []string{"kubectl"}
	for name := range upstream {
		names = append(names, name)
	}
	for name := range ours {
		names = append(names, name)
	}
	slices.Sort(names)
	fmt.Fprintf(os.Stderr, "usage: cluster %s [flags]\n", strings.Join(names, "|"))
	os.Exit(2)
}
