package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/cmd/internal/ui"
)

func (a *app) clusterCommand() *cobra.Command {
	cmd := a.group(&cobra.Command{
		Use:   "cluster",
		Short: "Choose where enclaves are: Docker, or a Kubernetes cluster",
		Long: `Choose where enclaves are: Docker, or a Kubernetes cluster.

Every context of the kubeconfig can be chosen. 'kurtosis cluster add' gives one a name and settings. The environment
variable ` + clusterVariable + ` chooses for one command. Enclaves of a cluster stay when another one is chosen.`,
	})
	cmd.AddCommand(a.clusterListCommand(), a.clusterGetCommand(), a.clusterSetCommand(), a.clusterAddCommand())
	return cmd
}

// clusterDocument is a cluster as JSON.
type clusterDocument struct {
	Name    string `json:"name"`
	Type    string `json:"type"`
	Context string `json:"context,omitempty"`
	Source  origin `json:"source"`
	Chosen  bool   `json:"chosen"`
}

func (a *app) clusterListCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "ls", Short: "List the clusters that can be chosen", Args: operands(0),
		Example: "  kurtosis cluster ls\n  kurtosis cluster ls -o json",
		RunE: func(*cobra.Command, []string) error {
			list, err := a.engines.clusters()
			if err != nil {
				return err
			}
			chosen, _, err := chosenName()
			if err != nil {
				return err
			}
			docs := []clusterDocument{}
			for _, name := range list.names() {
				c, from, _ := list.find(name)
				docs = append(docs, clusterDocument{name, string(c.Type), c.Context, from, name == chosen})
			}
			if a.output == formatJSON {
				a.printJSON(docs)
			} else {
				table := ui.Table{Head: []string{"", "Name", "Type", "Context", "Known From"}}
				for _, d := range docs {
					mark := ""
					if d.Chosen {
						mark = "*"
					}
					table.Rows = append(table.Rows, []string{mark, d.Name, d.Type, d.Context, string(d.Source)})
				}
				if err := table.Write(a.Out, a.outStyle()); err != nil {
					return err
				}
			}
			if list.unreadable != nil {
				a.warn("the kubeconfig can't be read: "+list.unreadable.Error(), "")
			}
			return nil
		},
	}
	a.outputFlag(cmd, formatJSON)
	return cmd
}

func (a *app) clusterGetCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "get", Short: "Print the name of the cluster that commands work on", Args: operands(0),
		Example: "  kurtosis cluster get",
		RunE: func(*cobra.Command, []string) error {
			list, err := a.engines.clusters()
			if err != nil {
				return err
			}
			name, _, err := chosenName()
			if err != nil {
				return err
			}
			c, from, ok := list.find(name)
			if !ok {
				return list.unknown(name)
			}
			if a.output == formatJSON {
				a.printJSON(clusterDocument{name, string(c.Type), c.Context, from, true})
				return nil
			}
			_, err = fmt.Fprintln(a.Out, name)
			return err
		},
	}
	a.outputFlag(cmd, formatJSON)
	return cmd
}

func (a *app) clusterSetCommand() *cobra.Command {
	registry := ""
	cmd := &cobra.Command{
		Use: "set CLUSTER", Short: "Have commands work on a cluster from now on", Args: operands(1, "the cluster"),
		Long: `Have commands work on a cluster from now on.

A cluster builds no images: those that packages build are built on this machine and pushed to the registry that
--image-registry names, from which the nodes pull. The configuration file remembers it for the cluster. The login, for both,
is what 'docker login' stored.`,
		Example:           "  kurtosis cluster set my-cluster\n  kurtosis cluster set my-cluster --image-registry registry.example.com/team\n  kurtosis cluster set docker",
		ValidArgsFunction: a.completeClusters,
		RunE: func(cmd *cobra.Command, args []string) error {
			list, err := a.engines.clusters()
			if err != nil {
				return err
			}
			c, from, ok := list.find(args[0])
			if !ok {
				return list.unknown(args[0])
			}
			if cmd.Flags().Changed("image-registry") {
				if from, err = c.pushTo(registry); err != nil {
					return err
				}
			}
			file, err := chosenPath()
			if err != nil {
				return err
			}
			if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
				return &faultError{fmt.Sprintf("can't write the configuration: %s", err), ""}
			}
			if err := writeSettings(file, []byte(c.Name+"\n")); err != nil {
				return err
			}
			if over, ok, _ := chosenName(); ok && over != c.Name {
				a.warn(fmt.Sprintf("%s says '%s', which counts here", clusterVariable, over), "")
			}
			if a.output == formatJSON {
				a.printJSON(clusterDocument{c.Name, string(c.Type), c.Context, from, true})
				return nil
			}
			_, err = fmt.Fprintf(a.Out, "commands work on cluster '%s' from now on\n", c.Name)
			return err
		},
	}
	cmd.Flags().StringVar(&registry, "image-registry", "", "where images that packages build are pushed to, as registry.example.com/team")
	a.outputFlag(cmd, formatJSON)
	return cmd
}

// pushTo remembers the registry that images for a cluster are pushed to; "" is none.
func (c Cluster) pushTo(registry string) (origin, error) {
	if c.Type != backends.Kubernetes {
		return "", &faultError{fmt.Sprintf("cluster '%s' is Docker, which has the images that it builds", c.Name), "--image-registry is for Kubernetes clusters"}
	}
	if registry != "" && !imageRegistry(registry) {
		return "", noImageRegistry(registry)
	}
	c.ImageRegistry = registry
	return configured, configure(c.Name, clusterSettings{string(c.Type), c.KubernetesSettings})
}

func noImageRegistry(text string) error {
	return &usageError{fmt.Sprintf("--image-registry can't be '%s'", text), "it looks like registry.example.com/team"}
}

// completeClusters offers the clusters for the first operand.
func (a *app) completeClusters(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	list, err := a.engines.clusters()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return list.names(), cobra.ShellCompDirectiveNoFileComp
}

var clusterName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@:/-]*$`)

func (a *app) clusterAddCommand() *cobra.Command {
	var (
		s       KubernetesSettings
		replace bool
	)
	cmd := &cobra.Command{
		Use: "add CLUSTER", Short: "Give a Kubernetes cluster a name and settings, in the configuration file", Args: operands(1, "the cluster"),
		Example: "  kurtosis cluster add work --context admin@work --storage-class fast\n  kurtosis cluster set work",
		RunE: func(cmd *cobra.Command, args []string) error {
			list, err := a.engines.clusters()
			if err != nil {
				return err
			}
			name := args[0]
			if s.Context == "" {
				s.Context = name
			}
			names := make([]string, len(list.contexts))
			for i, c := range list.contexts {
				names[i] = c.Name
			}
			_, there := list.configured[name]
			switch {
			case !clusterName.MatchString(name) || name == dockerCluster:
				return &usageError{fmt.Sprintf("a cluster can't be called '%s'", name), "a name has letters, digits and . _ @ : / -, and docker is taken"}
			case there && !replace:
				return &faultError{fmt.Sprintf("there is a cluster '%s' already", name), "--replace writes its settings anew"}
			case s.ImageRegistry != "" && !imageRegistry(s.ImageRegistry):
				return noImageRegistry(s.ImageRegistry)
			case s.DataMegabytes < 0:
				return &usageError{"--data-size can't be negative", ""}
			case s.Kubeconfig == "" && !slices.Contains(names, s.Context):
				hint := "--context names one of: " + strings.Join(names, ", ")
				if len(names) == 0 {
					hint = "the kubeconfig has none: set KUBECONFIG, or give --kubeconfig"
				}
				if list.unreadable != nil {
					hint = "the kubeconfig can't be read: " + list.unreadable.Error()
				}
				return &faultError{fmt.Sprintf("the kubeconfig has no context '%s'", s.Context), hint}
			}
			if err := configure(name, clusterSettings{string(backends.Kubernetes), s}); err != nil {
				return err
			}
			if a.output == formatJSON {
				chosen, _, err := chosenName()
				a.printJSON(clusterDocument{name, string(backends.Kubernetes), s.Context, configured, name == chosen})
				return err
			}
			_, err = fmt.Fprintf(a.Out, "cluster '%s' is known; 'kurtosis cluster set %s' chooses it\n", name, name)
			return err
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&s.Context, "context", "", "the context of the kubeconfig (default the cluster's name)")
	flags.StringVar(&s.Kubeconfig, "kubeconfig", "", "a kubeconfig of its own, instead of kubectl's")
	flags.StringVar(&s.StorageClass, "storage-class", "", "the storage class of volumes (default the cluster's)")
	flags.Int64Var(&s.DataMegabytes, "data-size", 0, "the size of an enclave's own volume in megabytes (default 2048)")
	flags.StringVar(&s.EngineImage, "engine-image", "", "the engine's image, of a registry that the nodes reach ('kurtosis engine image push' sets it, too)")
	flags.StringVar(&s.ImageRegistry, "image-registry", "", "where images that packages build are pushed to, as registry.example.com/team")
	flags.StringVar(&s.Containerd, "containerd", "", "the socket of the containerd of a cluster whose only node is this machine: images are loaded there")
	ports := choose(cmd, "public-ports", "", "how public_ports are published", "NodePort", "LoadBalancer")
	pull := choose(cmd, "pull-policy", "", "when nodes pull images", "IfNotPresent", "Always", "Never")
	flags.BoolVar(&replace, "replace", false, "write the settings of a cluster that is there anew")
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error {
		if cmd.Flags().Changed("public-ports") {
			s.PublicPorts = *ports
		}
		if cmd.Flags().Changed("pull-policy") {
			s.PullPolicy = *pull
		}
		return nil
	}
	_ = cmd.RegisterFlagCompletionFunc("context", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		var names []string
		if list, err := a.engines.clusters(); err == nil {
			for _, c := range list.contexts {
				names = append(names, c.Name)
			}
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	})
	a.outputFlag(cmd, formatJSON)
	return cmd
}
