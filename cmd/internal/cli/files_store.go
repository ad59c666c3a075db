package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kurtosis-go/kurtosis/api/client"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
	"github.com/kurtosis-go/kurtosis/runtime/state"
)

// nameFlag declares --name of a files artifact.
func nameFlag(cmd *cobra.Command) *string {
	return cmd.Flags().StringP("name", "n", "", "the name of the files artifact (default one that is made up)")
}

// stored makes a files artifact and shows what it is called.
func (a *app) stored(ctx context.Context, enclave string, do func(*client.Enclave) (state.Artifact, error)) error {
	return a.withEnclave(ctx, enclave, func(_ *session, _ client.EnclaveInfo, e *client.Enclave) error {
		artifact, err := do(e)
		if err != nil {
			return err
		}
		if a.output == formatJSON {
			a.printJSON(artifactDocument{artifact.UUID, artifact.Name, artifact.Size, artifact.Files})
			return nil
		}
		_, err = fmt.Fprintf(a.Out, "files artifact '%s' made, with UUID '%s'\n", artifact.Name, artifact.UUID)
		return err
	})
}

func (a *app) filesUploadCommand() *cobra.Command {
	var name *string
	cmd := &cobra.Command{
		Use: "upload ENCLAVE PATH", Short: "Make a files artifact of a file or a directory of this machine",
		Long:    "Make a files artifact of a file, or of what is in a directory, of this machine.",
		Example: "  kurtosis files upload demo ./config --name config",
		Args:    operands(2, "the enclave", "the path"), ValidArgsFunction: completeEnclaveThenFile(a),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			if _, err := os.Stat(args[1]); err != nil {
				return &usageError{fmt.Sprintf("can't read '%s': %s", args[1], reason(err)), ""}
			}
			return a.stored(ctx, args[0], func(e *client.Enclave) (state.Artifact, error) {
				r, w := io.Pipe()
				go func() { w.CloseWithError(state.Pack(ctx, args[1], w)) }() // ends when the reader does
				defer r.Close()
				return e.Store(ctx, *name, r)
			})
		},
	}
	name = nameFlag(cmd)
	a.outputFlag(cmd, formatJSON)
	return cmd
}

func completeEnclaveThenFile(a *app) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
		if len(args) == 0 {
			return a.completeEnclaves(cmd, args, toComplete)
		}
		return nil, cobra.ShellCompDirectiveDefault
	}
}

func (a *app) filesStoreWebCommand() *cobra.Command {
	var name *string
	cmd := &cobra.Command{
		Use: "storeweb ENCLAVE URL", Short: "Make a files artifact of a URL",
		Long:    "Make a files artifact of an archive (.tgz), or of any other file, that the enclave downloads.",
		Example: "  kurtosis files storeweb demo https://example.com/config.tgz --name config",
		Args:    operands(2, "the enclave", "the URL"), ValidArgsFunction: a.completeEnclaves,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			if !strings.HasPrefix(args[1], "http://") && !strings.HasPrefix(args[1], "https://") {
				return &usageError{fmt.Sprintf("'%s' is no URL", args[1]), "it starts with http:// or https://"}
			}
			return a.stored(ctx, args[0], func(e *client.Enclave) (state.Artifact, error) { return e.StoreURL(ctx, *name, args[1]) })
		},
	}
	name = nameFlag(cmd)
	a.outputFlag(cmd, formatJSON)
	return cmd
}

func (a *app) filesStoreServiceCommand() *cobra.Command {
	var name *string
	cmd := &cobra.Command{
		Use: "storeservice ENCLAVE SERVICE PATH", Short: "Make a files artifact of a path in a service",
		Example: "  kurtosis files storeservice demo db /var/lib/data --name data",
		Args:    operands(3, "the enclave", "the service", "the path"), ValidArgsFunction: a.completeService,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			return a.stored(ctx, args[0], func(e *client.Enclave) (state.Artifact, error) { return e.StoreService(ctx, *name, args[1], args[2]) })
		},
	}
	name = nameFlag(cmd)
	a.outputFlag(cmd, formatJSON)
	return cmd
}

func (a *app) filesRenderCommand() *cobra.Command {
	var name *string
	cmd := &cobra.Command{
		Use: "rendertemplate ENCLAVE TEMPLATE DATA DESTINATION", Short: "Make a files artifact of a template",
		Long: `Make a files artifact of a template: it has one file, at the path DESTINATION.

TEMPLATE is a file with Go's text/template, DATA one with JSON or YAML that is reached as {{ .name }}.`,
		Example: "  kurtosis files rendertemplate demo nginx.conf.tmpl values.yaml /etc/nginx/nginx.conf --name nginx",
		Args:    operands(4, "the enclave", "the template", "the data", "the destination"), ValidArgsFunction: completeEnclaveThenFile(a),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			template, err := a.readInput(args[1])
			if err != nil {
				return err
			}
			data, err := a.templateData(args[2])
			if err != nil {
				return err
			}
			to := strings.TrimPrefix(path.Clean("/"+args[3]), "/")
			fields := []plan.Field{{Name: "config", Value: &plan.Dict{Items: []plan.Item{{Key: plan.String("/" + to), Value: &plan.Object{
				Constructor: "struct", Fields: []plan.Field{{Name: "template", Value: plan.String(template)}, {Name: "data", Value: data}},
			}}}}}}
			if *name != "" {
				fields = append(fields, plan.Field{Name: "name", Value: plan.String(*name)})
			}
			call := plan.Object{Constructor: "plan.render_templates", Fields: fields}
			return a.stored(ctx, args[0], func(e *client.Enclave) (state.Artifact, error) {
				result, err := a.runScript(ctx, e, script{text: "def run(plan):\n    return " + call.String() + "\n"})
				if err != nil {
					return state.Artifact{}, err
				}
				held, err := e.Inspect(ctx)
				if err != nil {
					return state.Artifact{}, err
				}
				made := strings.Trim(result.Output, `"`)
				for _, artifact := range held.Artifacts {
					if artifact.Name == made {
						return artifact, nil
					}
				}
				return state.Artifact{}, errors.New("the files artifact was removed while it was made")
			})
		},
	}
	name = nameFlag(cmd)
	a.outputFlag(cmd, formatJSON)
	return cmd
}

// templateData reads what a template is filled with.
func (a *app) templateData(file string) (plan.Value, error) {
	text, err := a.readInput(file)
	if err != nil {
		return nil, err
	}
	v, err := plan.DecodeDocument(text)
	if err != nil {
		return nil, &usageError{fmt.Sprintf("'%s' is neither JSON nor YAML: %s", file, err), ""}
	}
	return v, nil
}
