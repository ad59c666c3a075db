package cli

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/kurtosis-go/kurtosis/runtime"
)

func (a *app) packageImagesCommand() *cobra.Command {
	var sources packageFlags
	var argsFile string
	var names bool
	cmd := &cobra.Command{
		Use:   "images [PACKAGE] [ARGUMENTS]",
		Short: "List the images that a package needs, and what a run would do for each",
		Long: `List the images that a package needs, and what a run would do for each: take the engine's own, pull, or build.
Nothing is pulled or built. Where no engine answers, it counts as having none.

With --names, only what registries have to give is listed, one name on a line: for a mirror, or for a machine
without a network. Images that others are built on are among them.`,
		Example: `  kurtosis package images
  kurtosis package images github.com/owner/repository '{"replicas": 3}'
  kurtosis package images . --names | xargs -n1 docker pull`,
		Args: operands(0, "the package", "its arguments"),
		RunE: func(cmd *cobra.Command, args []string) error {
			operand, inline := ".", (*string)(nil)
			if len(args) > 0 {
				operand = args[0]
			}
			if len(args) > 1 {
				inline = &args[1]
			}
			ctx := cmd.Context()
			list, err := a.packageImages(ctx, &sources, operand, inline, argsFile, names)
			if err != nil {
				return err
			}
			return a.showImages(list, names)
		},
	}
	sources.declare(cmd)
	cmd.Flags().StringVar(&argsFile, "args-file", "", "file with the package's arguments, JSON or YAML")
	cmd.Flags().BoolVar(&names, "names", false, "only the names of what is pulled, one on a line")
	a.outputFlag(cmd, formatJSON)
	return cmd
}

func (a *app) packageImages(ctx context.Context, f *packageFlags, operand string, inline *string, argsFile string, offline bool) ([]imageDocument, error) {
	args, err := a.packageArguments(ctx, inline, argsFile, a.cache(f.offline))
	if err != nil {
		return nil, err
	}
	pkg, err := f.open(ctx, a, operand)
	if err != nil {
		return nil, err
	}
	flags := &runFlags{function: "run", cluster: new(string)}
	*flags.cluster = "docker"
	j := &job{runFlags: flags, pkg: pkg, args: args}
	made, err := runtime.Plan(ctx, j.options())
	if err != nil {
		return nil, a.refusal(ctx, made, err)
	}
	list, err := describeImages(made.Plan)
	if err != nil || offline {
		return list, err
	}
	return list, a.addStates(ctx, made.Plan, list)
}

func (a *app) showImages(list []imageDocument, names bool) error {
	if names {
		return a.showPulled(list)
	}
	if a.output == formatJSON {
		a.printJSON(struct {
			Images []imageDocument `json:"images"`
		}{list})
		return nil
	}
	if len(list) == 0 {
		_, err := fmt.Fprintln(a.Out, "the package needs no image")
		return err
	}
	return a.imageTable(list)
}

// showPulled prints what registries have to give.
func (a *app) showPulled(list []imageDocument) error {
	var refs []string
	for _, d := range list {
		if d.Source == "registry" {
			refs = append(refs, d.Image)
		}
		refs = append(refs, d.Bases...)
	}
	slices.Sort(refs)
	for _, ref := range slices.Compact(refs) {
		if _, err := io.WriteString(a.Out, ref+"\n"); err != nil {
			return err
		}
	}
	return nil
}
