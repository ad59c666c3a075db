// Command kurtosis runs Kurtosis packages, and shows what they would do.
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
	// The first signal asks for an orderly end; from then on the second one has its usual effect.
	context.AfterFunc(ctx, stop)
	os.Exit(cli.Main(ctx, os.Args[1:], cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}, engines()))
}
