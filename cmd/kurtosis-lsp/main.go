// Command kurtosis-lsp is the language server of Kurtosis packages.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/kurtosis-go/kurtosis/cmd/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	os.Exit(cli.LanguageServer(ctx, os.Args[1:], cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
}
