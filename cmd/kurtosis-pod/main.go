// Command kurtosis-pod is the small program that Pods of services carry; see package pod.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/kurtosis-go/kurtosis/backends/kubernetes/pod"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	os.Exit(pod.Main(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
