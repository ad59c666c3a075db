package cli

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/engine"
	"github.com/kurtosis-go/kurtosis/engine/image"
)

// engineImageDocument is an image as JSON.
type engineImageDocument struct {
	Image   string `json:"image"`
	Cluster string `json:"cluster"`
}

func (a *app) engineImageCommand() *cobra.Command {
	cmd := a.group(&cobra.Command{
		Use:   "image",
		Short: "Put the engine's image where a cluster finds it",
		Long: `Put the engine's image where a cluster finds it.

The image holds this program, and nothing is pulled to make it. On Docker it is made when an engine starts. The nodes of a
Kubernetes cluster need it from a registry (push), or, where the only node is this machine, in its containerd (load).`,
	})
	cmd.AddCommand(a.engineImagePushCommand(), a.engineImageLoadCommand())
	return cmd
}

func (a *app) engineImagePushCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "push REPOSITORY",
		Short: "Push the engine's image to a registry, for the engines of the chosen cluster",
		Long: `Push the engine's image to a registry, for the engines of the chosen cluster.

The login is what 'docker login' stored. Without a tag the image gets one by its content. The configuration remembers the
image for the cluster.`,
		Example: "  kurtosis engine image push registry.example.com/team/kurtosis",
		Args:    operands(1, "the repository"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withEngineImage(cmd.Context(), func(c Cluster, _ engine.Backend, own image.Image) error {
				ref := args[0]
				if last := ref[strings.LastIndexByte(ref, '/')+1:]; !strings.Contains(last, ":") {
					ref += own.Ref[strings.LastIndexByte(own.Ref, ':'):]
				}
				a.progress("pushing " + ref)
				if err := own.Push(cmd.Context(), ref); err != nil {
					return err
				}
				c.EngineImage = ref
				if err := configure(c.Name, clusterSettings{string(c.Type), c.KubernetesSettings}); err != nil {
					return err
				}
				return a.showImage(engineImageDocument{ref, c.Name}, "engines of cluster '%s' are made of %s\n")
			})
		},
	}
	a.outputFlag(cmd, formatJSON)
	return cmd
}

func (a *app) engineImageLoadCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "load",
		Short: "Load the engine's image into the containerd of the chosen cluster's only node, this machine",
		Long: `Load the engine's image into the containerd of the chosen cluster's only node, this machine.

The socket is what 'kurtosis cluster add --containerd' says. 'engine start' does the same where it is needed.`,
		Example: "  kurtosis cluster add test --containerd /run/containerd/containerd.sock\n  kurtosis engine image load",
		Args:    operands(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withEngineImage(cmd.Context(), func(c Cluster, b engine.Backend, own image.Image) error {
				if err := own.Ensure(cmd.Context(), b); err != nil {
					return err
				}
				return a.showImage(engineImageDocument{own.Ref, c.Name}, "the node of cluster '%s' has %s\n")
			})
		},
	}
	a.outputFlag(cmd, formatJSON)
	return cmd
}

func (a *app) showImage(d engineImageDocument, text string) error {
	if a.output == formatJSON {
		a.printJSON(d)
		return nil
	}
	_, err := fmt.Fprintf(a.Out, text, d.Cluster, d.Image)
	return err
}

// withEngineImage makes the image of this program for the chosen cluster.
func (a *app) withEngineImage(ctx context.Context, do func(Cluster, engine.Backend, image.Image) error) error {
	c, err := a.engines.cluster()
	if err != nil {
		return err
	}
	if c.Type != backends.Kubernetes {
		return &faultError{fmt.Sprintf("cluster '%s' is Docker, which has the image when an engine starts", c.Name), "'kurtosis cluster set' chooses a Kubernetes cluster"}
	}
	return a.withSystems(ctx, func(b engine.Backend) error {
		own, err := engineImage(ctx, b, "")
		if err != nil {
			return err
		}
		if !own.HasPod() {
			return errNoPod
		}
		return do(c, b, own)
	})
}

// namedImage is the image that engines are made of where it is not made here: what the environment or the chosen cluster says.
func namedImage() string {
	if named := os.Getenv(imageVariable); named != "" {
		return named
	}
	name, _, err := chosenName()
	if err != nil {
		return ""
	}
	s, err := readSettings()
	if err != nil {
		return "" // who opens the cluster says so
	}
	return s.Clusters[name].Config.EngineImage
}

// errNoPod says that an image would be of no use on a cluster.
var errNoPod = &faultError{"the program kurtosis-pod, which Pods of services carry, is not beside this one", "`make build` makes both, and `make install` installs both"}

// noImage says where a cluster gets an image from that it can't be handed.
func noImage(err error) error {
	if backends.KindOf(err) != backends.Unsupported {
		return err
	}
	return &faultError{"the nodes of the cluster don't have the engine's image: " + err.Error(), "'kurtosis engine image push REPOSITORY' puts it into a registry that they reach"}
}
