// Package backends says what a container engine must do for an enclave, in plain terms: the Backend
// interface with its contracts, the specs it takes, the kinds of error it returns and the names it gives.
//
// An enclave is an isolated network with services on it. A service is one container (a Pod on Kubernetes) that
// other services of its enclave reach by name. Nothing here knows Starlark, plans or terminals.
package backends

import (
	"context"
	"io"
	"iter"
	"net"
)

// Backend is a container engine. All methods are safe for concurrent use and independent operations overlap.
// Every method returns promptly with ctx's error when ctx ends; what was half made by then is removed
// or, where that fails too, is found and removed by RemoveEnclave. Errors are *Error wherever the kind is known.
//
// Enclaves are named by UUID except where a method says that it takes an identifier; services by
// name within their enclave.
type Backend interface {
	Enclaves
	Services
	Images

	// Info describes the engine. It is cheap enough to be called once per run.
	Info(ctx context.Context) (Info, error)

	// Close releases connections. It touches nothing on the engine.
	Close() error
}

// Enclaves makes and removes enclaves.
type Enclaves interface {
	// CreateEnclave makes an empty enclave. AlreadyExists if one has its name or UUID,
	// NoNetworkSpace if no subnet of the pool is free.
	CreateEnclave(ctx context.Context, spec EnclaveSpec) (Enclave, error)

	// ListEnclaves returns all enclaves, by creation time, oldest first. Status is filled in.
	ListEnclaves(ctx context.Context) ([]Enclave, error)

	// InspectEnclave finds an enclave by name, UUID or an unambiguous beginning of its UUID (NotFound, Ambiguous).
	InspectEnclave(ctx context.Context, identifier string) (Enclave, error)

	// StopEnclave stops every running service, at once; files, addresses and persistent directories stay.
	StopEnclave(ctx context.Context, enclave string) error

	// StartEnclave starts the services that StopEnclave (or a reboot) stopped, with the same addresses and ports.
	// Services that were stopped by StopService start too.
	StartEnclave(ctx context.Context, enclave string) error

	// RemoveEnclave removes the enclave and all that was ever made for it: services, volumes, network, also what
	// failed operations left. Removing what does not exist is no error, so that it may be repeated.
	RemoveEnclave(ctx context.Context, enclave string) error
}

// Services runs services in enclaves. NotFound, everywhere, if the enclave or the service is not there.
type Services interface {
	// AddService creates a service, fills its files and starts it; it does not wait for ports.
	// ImageNotFound if the engine lacks the image: pulling is the caller's decision. AlreadyExists if the
	// name is taken in the enclave; PortTaken if a public port is. After an error nothing is left.
	AddService(ctx context.Context, enclave string, spec ServiceSpec) (Service, error)

	// UpdateService replaces a service by one made from spec (same name), keeping its UUID, address, the host ports of
	// port ids that stay, and persistent directories. If the new one cannot be started the old one runs again.
	UpdateService(ctx context.Context, enclave string, spec ServiceSpec) (Service, error)

	// InspectService returns one service with its present state.
	InspectService(ctx context.Context, enclave, service string) (Service, error)

	// ListServices returns the enclave's services by name, stopped ones too.
	ListServices(ctx context.Context, enclave string) ([]Service, error)

	// StartService starts a stopped service; starting a running one is no error. The result has the ports as published now.
	StartService(ctx context.Context, enclave, service string) (Service, error)

	// StopService asks the service to end (SIGTERM) and kills it after its grace; stopping a stopped one is no error.
	StopService(ctx context.Context, enclave, service string) error

	// RemoveService removes the service and its files, not its persistent directories.
	RemoveService(ctx context.Context, enclave, service string) error

	// Exec runs a command in a running service (Exited if it is not) and returns its exit code. A command that cannot
	// be started is reported as shells do: 126 or 127 with the reason on Stderr. When ctx ends Exec
	// returns; whether the command goes on is the engine's choice.
	Exec(ctx context.Context, enclave, service string, exec Exec) (exitCode int, err error)

	// Logs yields the service's output, oldest first. With Follow it goes on until the service ends or ctx does;
	// a cancelled ctx ends the sequence with ctx's error. Works on stopped services.
	Logs(ctx context.Context, enclave, service string, options LogOptions) iter.Seq2[LogLine, error]

	// CopyTo unpacks a tar stream (plain or gzip) into directory dir of a service, running or not; dir is made if missing.
	CopyTo(ctx context.Context, enclave, service, dir string, archive io.Reader) error

	// CopyFrom returns path (a file or a directory) as a plain tar stream whose members start with path's base
	// name. NotFound if path is not there. The caller closes it.
	CopyFrom(ctx context.Context, enclave, service, path string) (io.ReadCloser, error)

	// Dial connects to a port of a service over the enclave's network: the only way to reach one. It never goes
	// through a published port, where the engine's proxy may accept although nobody listens.
	// PortClosed if nothing listens, Exited if the service does not run. A UDP connection is not probed.
	Dial(ctx context.Context, enclave, service string, port Port) (net.Conn, error)

	// Watch reports what happens to the enclave's services from the moment it returns. The channel is closed when
	// ctx ends or the connection breaks (then the last event has Err).
	Watch(ctx context.Context, enclave string) (<-chan Event, error)
}

// Images handles the images services are made of. Progress functions may be nil and are called from one goroutine at a time.
type Images interface {
	// InspectImage describes an image the engine has; ImageNotFound if it does not.
	InspectImage(ctx context.Context, ref string) (Image, error)

	// PullImage downloads an image. ImageNotFound if the registry does not have it, AuthNeeded
	// if it refuses, RegistryUnreachable, RateLimited. Concurrent pulls share layers.
	PullImage(ctx context.Context, spec PullSpec, progress func(PullProgress)) (Image, error)

	// BuildImage builds from a Dockerfile; BuildFailed with the failing step's last lines.
	BuildImage(ctx context.Context, spec BuildSpec, progress func(BuildProgress)) (Image, error)

	// LoadImage takes an image archive (docker save or OCI layout, plain or gzip). With a tag the (single) image is
	// tagged so; without, the archive's own tag stays.
	LoadImage(ctx context.Context, archive io.Reader, tag string) (Image, error)

	// RemoveImage removes a tag, and the image when it was the last one. Removing what is not there is no error.
	RemoveImage(ctx context.Context, ref string) error
}
