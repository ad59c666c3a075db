// Command module is an executable module that starts workers in its enclave and tells where they are. The same image
// is the workers': called as "module worker" it answers HTTP with its host name.
//
//	kurtosis module exec kurtosis-example/module:1 --execute-params '{"workers": 3}'
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/kurtosis-go/kurtosis/api/module"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if len(os.Args) > 1 && os.Args[1] == "worker" {
		err = work(ctx)
	} else {
		err = module.Serve(ctx, os.Getenv, load)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "module:", err)
		os.Exit(1)
	}
}

// workers is the module.
type workers struct {
	enclave module.Enclave
	Image   string `json:"image"` // of the workers
}

func load(enclave module.Enclave, params json.RawMessage) (module.Module, error) {
	w := &workers{enclave: enclave, Image: "kurtosis-example/module:1"}
	if err := json.Unmarshal(params, w); err != nil {
		return nil, fmt.Errorf("the load parameters: %w", err)
	}
	return w, nil
}

const script = `
def run(plan, image, workers):
    services = plan.add_services(
        configs = {
            "worker-{}".format(i): ServiceConfig(
                image = image,
                cmd = ["worker"],
                ports = {"http": PortSpec(number = 8080, application_protocol = "http")},
            )
            for i in range(workers)
        },
    )
    return [struct(name = name, url = "http://{}:8080".format(s.hostname)) for name, s in services.items()]
`

// Execute starts as many workers as params say.
func (w *workers) Execute(ctx context.Context, params json.RawMessage) (any, error) {
	in := struct {
		Workers int `json:"workers"`
	}{Workers: 1}
	if err := json.Unmarshal(params, &in); err != nil {
		return nil, fmt.Errorf("the parameters: %w", err)
	}
	if in.Workers < 1 {
		return nil, errors.New("workers must be at least 1")
	}
	args, err := json.Marshal(map[string]any{"image": w.Image, "workers": in.Workers})
	if err != nil {
		return nil, err
	}
	started, err := w.enclave.Run(ctx, script, string(args))
	if err != nil {
		return nil, err
	}
	return map[string]any{"started": started}, nil
}

func work(ctx context.Context) error {
	server := &http.Server{Addr: ":8080", ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		host, _ := os.Hostname() // "" says nothing, which is true then
		fmt.Fprintln(w, host)
	})}
	context.AfterFunc(ctx, func() { _ = server.Close() }) // which ends ListenAndServe
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
