package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kurtosis-go/kurtosis/cmd/internal/ui"
	"github.com/kurtosis-go/kurtosis/lang/source"
	"github.com/kurtosis-go/kurtosis/packages"
)

func (a *app) packageCommand() *cobra.Command {
	cmd := a.group(&cobra.Command{
		Use:     "package",
		Short:   "Make packages, and keep what they depend on",
		Example: "  kurtosis package init github.com/owner/repository\n  kurtosis package vendor . --dir vendor",
	})
	cmd.AddCommand(a.packageInitCommand(), a.packageImagesCommand(), a.packagePreviewCommand(), a.packageVendorCommand())
	return cmd
}

const mainTemplate = `"""%s"""


def run(plan, name="world"):
    """Says hello.

    Args:
        name (string): Whom to greet.
    """
    plan.print("Hello, " + name)
`

func (a *app) packageInitCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "init NAME",
		Short: "Make a package in this directory",
		Long:  "Make a package in this directory: a kurtosis.yml, and a main.star unless there is one. NAME is where the package will be on GitHub.",
		Example: `  kurtosis package init github.com/owner/repository
  kurtosis package init github.com/owner/repository/sub-package`,
		Args: operands(1, "the package's name (github.com/<owner>/<repository>)"),
		RunE: func(_ *cobra.Command, args []string) error {
			text := fmt.Sprintf("name: %s\ndescription: |\n  What this package is for.\n", args[0])
			if _, diagnostics := packages.ParseManifest(source.NewFile(packages.ManifestName, []byte(text))); len(diagnostics) > 0 {
				return &usageError{strings.Replace(diagnostics[0].Message, "'name'", "a package's name", 1), "it is where the package will be: github.com/<owner>/<repository>[/<path>]"}
			}
			if err := create(packages.ManifestName, text); err != nil {
				return err
			}
			made := packages.ManifestName
			err := create(packages.DefaultMain, fmt.Sprintf(mainTemplate, args[0]))
			var exists *faultError
			switch {
			case err == nil:
				made += " and " + packages.DefaultMain
			case !errors.As(err, &exists):
				return err
			}
			_, err = fmt.Fprintf(a.Out, "made %s\n", made)
			return err
		},
	}
	return cmd
}

// create writes a file that must not be there yet.
func create(name, text string) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return &faultError{fmt.Sprintf("there is a %s here already", name), "nothing was changed"}
	}
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

func (a *app) packageVendorCommand() *cobra.Command {
	var dir string
	var sources packageFlags
	cmd := &cobra.Command{
		Use:   "vendor [PACKAGE]",
		Short: "Write the repositories that a package needs into a directory",
		Long: `Write the repositories that a package needs into a directory, as github.com/<owner>/<repository>.
With 'run --vendor' that directory takes the place of the network.

What is needed is found by reading the package's modules. Locators that are put together while a package
runs can't be followed; they are listed.`,
		Example: "  kurtosis package vendor\n  kurtosis package vendor ./my-package --dir third_party\n  kurtosis run . --vendor vendor",
		Args:    operands(0, "the package"),
		RunE: func(cmd *cobra.Command, args []string) error {
			operand := "."
			if len(args) > 0 {
				operand = args[0]
			}
			ctx := cmd.Context()
			p, err := packages.Open(ctx, operand, packages.Options{Fetcher: a.cache(sources.offline)})
			if err != nil {
				return err
			}
			needs, doubts, err := p.Needs(ctx)
			if err != nil {
				return err
			}
			written, err := packages.Vendor(ctx, needs, dir)
			if err != nil {
				return err
			}
			return a.showVendored(written, doubts, dir)
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "vendor", "the directory to write")
	sources.declareOffline(cmd)
	a.outputFlag(cmd, formatJSON)
	return cmd
}

func (a *app) showVendored(written []packages.Vendored, doubts []packages.Doubt, dir string) error {
	if a.output == formatJSON {
		type place struct {
			File    string `json:"file"`
			Line    int32  `json:"line"`
			Column  int32  `json:"column"`
			Message string `json:"message"`
		}
		places := []place{}
		for _, d := range doubts {
			places = append(places, place{d.File, d.Pos.Line, d.Pos.Col, d.Message})
		}
		a.printJSON(struct {
			Dir          string              `json:"dir"`
			Repositories []packages.Vendored `json:"repositories"`
			NotFollowed  []place             `json:"not_followed"`
		}{dir, written, places})
		return nil
	}
	for _, d := range doubts {
		fmt.Fprintf(a.Err, "%s %s:%s: not followed: %s\n", a.style.Yellow("warning:"), d.File, d.Pos, d.Message)
	}
	if len(written) == 0 {
		_, err := fmt.Fprintln(a.Out, "the package needs no other repository")
		return err
	}
	table := ui.Table{Head: []string{"Repository", "Version", "Commit"}}
	for _, v := range written {
		table.Rows = append(table.Rows, []string{v.Repository, v.Version, v.Commit[:min(12, len(v.Commit))]})
	}
	if err := table.Write(a.Out, ui.StyleOf(a.Out, a.env)); err != nil {
		return err
	}
	_, err := fmt.Fprintf(a.Out, "\nwritten to %s; 'kurtosis run --vendor %s' uses it\n", filepath.Clean(dir), filepath.Clean(dir))
	return err
}
