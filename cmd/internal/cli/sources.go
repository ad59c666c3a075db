package cli

import (
	"cmp"
	"context"
	"os"

	"github.com/spf13/cobra"

	"github.com/kurtosis-go/kurtosis/packages"
	"github.com/kurtosis-go/kurtosis/packages/compose"
	"github.com/kurtosis-go/kurtosis/packages/fetch"
)

// packageFlags say where packages come from.
type packageFlags struct {
	vendor  string
	offline bool
	main    string
}

func (f *packageFlags) declare(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.vendor, "vendor", "", "take other repositories from this tree (DIR/github.com/<owner>/<repository>) and nothing from the network")
	f.declareOffline(cmd)
	_ = cmd.MarkFlagDirname("vendor")
}

func (f *packageFlags) declareOffline(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.offline, "offline", false, "use what was fetched before and nothing from the network")
}

// open opens the package or script that operand names.
func (f *packageFlags) open(ctx context.Context, a *app, operand string) (*packages.Package, error) {
	return packages.Open(ctx, operand, packages.Options{Vendor: f.vendor, Fetcher: a.cache(f.offline), Main: f.main, Converted: compose.FileNames})
}

// cache is the place of fetched packages. Nothing happens before it is used.
func (a *app) cache(offline bool) *fetch.Cache {
	return fetch.New(fetch.Options{Offline: offline, Token: gitHubToken()})
}

// gitHubToken opens private repositories.
func gitHubToken() string {
	return cmp.Or(os.Getenv("KURTOSIS_GITHUB_TOKEN"), os.Getenv("GITHUB_TOKEN"), os.Getenv("GH_TOKEN"))
}
