package backends

import (
	"context"
	"iter"
	"net"
	"time"
)

// Systems runs our own containers beside the users' services: engines, and the API container of an enclave. A
// Backend whose engine can hold them implements it as well.
type Systems interface {
	// StartSystem creates and starts a container; AlreadyExists if its name is taken, PortTaken if the host's port
	// is, ImageNotFound if the engine lacks the image. After an error nothing is left.
	StartSystem(ctx context.Context, spec SystemSpec) (System, error)

	// ListSystems returns the containers of a type (ContainerTypeEngine or ContainerTypeAPI), in any state, by name.
	ListSystems(ctx context.Context, kind string) ([]System, error)

	// SystemSettings gives what one was started with; NotFound if there is none. Whoever controls the engine may know it.
	SystemSettings(ctx context.Context, id string) (SystemSettings, error)

	// ResumeSystem starts one that has ended, with the address and ports it had; one that runs is no error.
	ResumeSystem(ctx context.Context, id string) error

	// StopSystem asks one to end and kills it after DefaultStopGrace.
	StopSystem(ctx context.Context, id string) error

	// RemoveSystem removes one, running or not, and what was made for it alone, volumes excepted. Removing what is
	// not there is no error.
	RemoveSystem(ctx context.Context, id string) error

	// RemoveSystemVolume removes the volume of a container that is gone. Removing what is not there is no error.
	RemoveSystemVolume(ctx context.Context, name string) error

	// RemoveSystemImages removes the images of a repository of ours ("kurtosis/engine") that no container, running or not,
	// is made from. Where others look after images it does nothing.
	RemoveSystemImages(ctx context.Context, repository string) error

	// SystemLogs yields its output, as Services.Logs does.
	SystemLogs(ctx context.Context, id string, options LogOptions) iter.Seq2[LogLine, error]

	// DialSystem connects to the port of one, wherever this process is; Exited if it does not run.
	DialSystem(ctx context.Context, s System) (net.Conn, error)
}

// SystemReady begins the line that a system container writes when it answers on its port.
const SystemReady = "ready: "

// Containers of ours have this program in their image; with this argument, a network and an address it joins its
// standard streams to a connection.
const (
	SystemProgram = "/kurtosis"
	SystemRelay   = "relay"
)

// SystemSpec asks for a container of ours.
type SystemSpec struct {
	Kind    string // ContainerTypeEngine or ContainerTypeAPI
	Name    string // of the container
	UUID    string
	Image   string
	Command []string // arguments of the image's entrypoint
	Env     map[string]string
	Labels  map[string]string // whole names

	// Enclave is the UUID of the enclave on whose network it is, with a fixed address; "" gives it a network of its own.
	Enclave string

	// Port it listens on, published at PublishAddress ("" is loopback) on PublishPort (0 is a free one that stays).
	Port           uint16
	PublishAddress string
	PublishPort    uint16

	// Volume, of type VolumeType, is made if missing and put at VolumePath.
	Volume, VolumeType, VolumePath string
	// Control gives it the engine's own API, where the backend's packages look for it.
	Control bool
}

// SystemSettings are the parts of a SystemSpec that nobody but a new container in its place needs. Env may hold secrets.
type SystemSettings struct {
	Command []string
	Env     map[string]string
}

// System is a container of ours as it exists on the engine.
type System struct {
	ID, Name, UUID string
	Kind           string
	Enclave        string // UUID, "" for none
	Image, ImageID string
	Labels         map[string]string
	State          ServiceState
	ExitCode       int
	Created        time.Time
	Address        string // on its network
	Port           uint16
	Published      Endpoint // the zero value while it does not run, and where nothing is published
}

// Labels of system containers.
const (
	LabelSystemPort = LabelPrefix + "grpc-port" // what it listens on
	LabelBuild      = LabelPrefix + "build"     // the version of the program, which is not that of the wire protocol
	LabelEngine     = LabelPrefix + "engine"    // the name of the engine that it is or belongs to
)

// VolumeTypeEngine is what an engine keeps.
const VolumeTypeEngine = "engine-data"

// EngineVolumeName is the volume of an engine's data.
func EngineVolumeName(engine string) string { return "kurtosis-engine-data--" + engine }
