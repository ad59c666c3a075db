// Command kurtosis-lsp is the language server of Kurtosis packages.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/kurtosis-go/kurtosis/cmd/internal/lsp/server"
	"github.com/kurtosis-go/kurtosis/packages"
	"github.com/kurtosis-go/kurtosis/packages/fetch"
)

// version is set by the linker.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	os.Exit(server.Main(ctx, os.Args[1:], server.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}, server.Options{
		Name: "kurtosis-lsp", Version: version,
		Fetcher: func(offline bool) packages.Fetcher { return fetch.New(fetch.Options{Offline: offline}) },
	}))
}
