// Command testimages loads images of package backends/backendtest/images into Docker and prints their references,
// for tests in other languages and modules. usage: testimages NAME…
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"github.com/kurtosis-go/kurtosis/backends"
	"github.com/kurtosis-go/kurtosis/backends/backendtest/images"
	"github.com/kurtosis-go/kurtosis/backends/docker"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "testimages:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, names []string) error {
	engine, err := docker.Open(ctx, docker.Options{})
	if err != nil {
		return err
	}
	defer engine.Close()
	for _, name := range names {
		image, err := images.Named(name)
		if err != nil {
			return err
		}
		if _, err = engine.InspectImage(ctx, image.Ref); backends.KindOf(err) == backends.ImageNotFound {
			archive, openErr := image.Open(ctx)
			if openErr != nil {
				return openErr
			}
			_, err = engine.LoadImage(ctx, archive, "")
		}
		if err != nil {
			return err
		}
		fmt.Println(image.Ref)
	}
	return nil
}
