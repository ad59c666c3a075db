package backends

import (
	"context"
	"io"
	"time"
)

// ClusterType is what plan.get_cluster_type() answers.
type ClusterType string

const (
	Docker     ClusterType = "docker"
	Kubernetes ClusterType = "kubernetes"
)

// Info describes an engine.
type Info struct {
	ClusterType ClusterType
	// Name and Version as a person would name the engine, e.g. "Docker Engine" "20.10.24", "Podman Engine" "4.3.1".
	Name    string
	Version string
	// Endpoint is how it is reached, e.g. "unix:///var/run/docker.sock".
	Endpoint string
	// Platform is what images should be made for, e.g. "linux/amd64".
	Platform string
	// TotalCPU and FreeCPU in millicores, TotalMemory and FreeMemory in bytes. Free is what is not promised to or
	// used by others, as far as the engine can tell; 0 means unknown.
	TotalCPU, FreeCPU       int64
	TotalMemory, FreeMemory int64
}

// EnclaveSpec asks for an enclave.
type EnclaveSpec struct {
	// UUID is 32 hex digits; NewUUID makes one. Required.
	UUID string
	// Name is required and unique on the engine.
	Name string
	// Created is kept with the enclave; the zero time means now.
	Created time.Time
	// Production enclaves restart their services when these end.
	Production bool
	// Labels are kept as they are, under the custom prefix.
	Labels map[string]string
}

// EnclaveStatus sums up the services of an enclave.
type EnclaveStatus string

const (
	EnclaveEmpty   EnclaveStatus = "EMPTY"   // no service
	EnclaveRunning EnclaveStatus = "RUNNING" // at least one runs
	EnclaveStopped EnclaveStatus = "STOPPED" // none runs
)

// Enclave is an enclave as it exists on the engine.
type Enclave struct {
	UUID       string
	Name       string
	Created    time.Time
	Production bool
	Labels     map[string]string
	Status     EnclaveStatus
	// Subnet of the enclave's network, e.g. "10.201.4.0/24"; "" where the engine has no such thing.
	Subnet string
}

// Transport is a port's transport protocol, as in PortSpec.
type Transport string

const (
	TCP  Transport = "TCP"
	UDP  Transport = "UDP"
	SCTP Transport = "SCTP"
)

// Port is a port a service listens on.
type Port struct {
	Number uint16
	// Transport; "" is TCP.
	Transport Transport
	// Application protocol, e.g. "http"; "" if unknown.
	Application string
}

// Endpoint is where a port can be reached from outside of the enclave.
type Endpoint struct {
	Address string // e.g. "127.0.0.1"
	Port
}

// ServiceSpec asks for a service. Only Name and Image are required. Futures and files are resolved by the caller; the
// backend replaces nothing but AddressPlaceholder.
type ServiceSpec struct {
	Name string
	// UUID is 32 hex digits; "" lets the backend make one (AddService) or keep the present one (UpdateService).
	UUID string

	Image string
	// ImageAuth is for engines that pull by themselves (Kubernetes); it is never stored in labels or printed.
	ImageAuth *RegistryAuth
	// Entrypoint and Cmd, where nil, are the image's. As in Docker, an Entrypoint without Cmd drops the image's Cmd.
	Entrypoint, Cmd []string
	Env             map[string]string
	// AddressPlaceholder is replaced by the service's own address in Entrypoint, Cmd and Env values; "" replaces nothing.
	AddressPlaceholder string

	// Ports by port id. All but UDP ones are published on a free port of the host's loopback address (Docker).
	Ports map[string]Port
	// PublicPorts fixes the host's port for an id that is in Ports, or publishes a port of the same number for one that is not.
	PublicPorts map[string]Port
	// PublishUDP publishes UDP ports as well.
	PublishUDP bool
	// Unpublished keeps every port off the host, the public ones too.
	Unpublished bool

	Files       []Files
	Directories []Directory
	BindMounts  map[string]string // host path → path in the service

	User *User
	// Init runs a small init process as PID 1 (tini_enabled).
	Init bool
	TTY  bool

	// Minimum and maximum in millicores and bytes; 0 is none.
	MinCPU, MaxCPU       int64
	MinMemory, MaxMemory int64
	ShmSize              int64            // bytes; 0 is the engine's default
	Ulimits              map[string]int64 // soft = hard
	GPU                  *GPU

	Labels           map[string]string // the user's, kept under the custom prefix
	Capabilities     []string          // e.g. "NET_ADMIN"
	Devices          []string          // e.g. "/dev/net/tun", or "host:container[:rwm]"
	Privileged       bool
	HostPIDNamespace bool

	// Kubernetes only; other engines ignore them.
	NodeSelectors map[string]string
	Tolerations   []Toleration

	Restart RestartPolicy
	// StopGrace is what StopService waits before it kills; 0 is DefaultStopGrace.
	StopGrace time.Duration
}

// DefaultStopGrace is how long a service has to end by itself.
const DefaultStopGrace = 10 * time.Second

// RestartPolicy says when the engine starts a service that has ended.
type RestartPolicy string

const (
	RestartNever     RestartPolicy = "" // the default
	RestartOnFailure RestartPolicy = "on-failure"
	RestartAlways    RestartPolicy = "always" // unless stopped on purpose
)

// Files puts archives into a directory that is the service's own: what the image has there is hidden, as by a mount.
type Files struct {
	Path string
	// Archives are unpacked one over the other.
	Archives []Archive
}

// Archive opens a tar stream, plain or gzip. It may be called several times (retries), concurrently.
type Archive func(ctx context.Context) (io.ReadCloser, error)

// Directory is a persistent directory: it survives the service, updates and restarts, and goes with the enclave.
type Directory struct {
	Path string
	// Key is unique in the enclave; services that name the same key share the directory.
	Key string
	// Size in bytes is a request; engines without quotas (Docker) ignore it.
	Size int64
}

// User a service runs as.
type User struct {
	UID int64
	GID *int64 // nil: the image's
}

// GPU asks for devices.
type GPU struct {
	Count     int // -1 is all
	DeviceIDs []string
	Driver    string // Docker's driver name, e.g. "nvidia"
	Resource  string // Kubernetes' resource name, e.g. "nvidia.com/gpu"
}

// Toleration is Kubernetes' own.
type Toleration struct {
	Key, Operator, Value, Effect string
	Seconds                      *int64
}

// ServiceState is where a service is in its life.
type ServiceState string

const (
	Starting ServiceState = "STARTING" // accepted by the engine, not running yet (image pull, scheduling)
	Running  ServiceState = "RUNNING"
	Stopped  ServiceState = "STOPPED" // ended, by itself or not: see ExitCode
)

// Service is a service as it exists on the engine.
type Service struct {
	Name string
	UUID string
	// Image as it was asked for, and the id of what runs (a content digest).
	Image   string
	ImageID string
	// Address on the enclave's network and the name others reach it by.
	Address  string
	Hostname string
	Ports    map[string]Port
	// Published has the ports reachable from the host, by port id; empty while the service is stopped.
	Published map[string]Endpoint
	Labels    map[string]string

	State ServiceState
	// Reason explains Starting and Stopped in the engine's words, e.g. "OOMKilled", "ImagePullBackOff"; often "".
	Reason string
	// ExitCode of a stopped service; OutOfMemory if the kernel killed it for its memory.
	ExitCode    int
	OutOfMemory bool
	// Interrupted, of a stopped service, says that what it ran in was taken away, by the drain of a node or by hand, and that nothing
	// will start it again (Kubernetes).
	Interrupted bool
	Started     time.Time
	Finished    time.Time
}

// Exec is a command to run in a service.
type Exec struct {
	Command []string
	// User as "name", "uid" or "uid:gid"; "" is the service's.
	User string
	Env  map[string]string
	Dir  string
	// Stdin may be nil. With TTY, Stdout and Stderr arrive mixed on Stdout.
	Stdin          io.Reader
	Stdout, Stderr io.Writer // nil discards
	TTY            bool
	// Resize, with TTY, reports the terminal's size, first and whenever it changes; may be nil.
	Resize <-chan Size
}

// Size of a terminal in characters.
type Size struct{ Columns, Rows uint16 }

// LogOptions choose lines of a service's log.
type LogOptions struct {
	Follow bool
	// Tail is the number of last lines to begin with; 0 is all.
	Tail int
	// Since drops older lines, unless zero.
	Since time.Time
	// Previous reads the log of the container before a restart (Kubernetes).
	Previous bool
}

// LogLine is one line without its line end.
type LogLine struct {
	Time   time.Time
	Stderr bool
	Text   string
}

// EventType is what happened to a service.
type EventType string

const (
	ServiceStarted     EventType = "started"
	ServiceEnded       EventType = "ended"         // ExitCode is set
	ServiceOutOfMemory EventType = "out-of-memory" // followed by ServiceEnded
	ServiceRemoved     EventType = "removed"
)

// Event is a change of a service.
type Event struct {
	Type     EventType
	Service  string // its name
	UUID     string
	ExitCode int
	Time     time.Time
	// Err, in the last event of a broken watch, says why; nothing else is set then.
	Err error
}

// RegistryAuth opens a private registry. It prints as a mask.
type RegistryAuth struct {
	Registry string // host[:port]; "" is the image reference's own
	Username string
	Password string
}

// TokenUser, as a Username, says that Password is a token: what `docker login` got instead of a password.
const TokenUser = "<token>"

// Domain is what references of images call the registry: docker.io for Docker Hub, whatever it is called.
func (a RegistryAuth) Domain() string {
	switch a.Registry {
	case "", "index.docker.io", "registry-1.docker.io", "https://index.docker.io/v1/":
		return "docker.io"
	}
	return a.Registry
}

// String hides the password.
func (a RegistryAuth) String() string { return a.Username + ":***@" + a.Registry }

// GoString hides the password.
func (a RegistryAuth) GoString() string { return a.String() }

// Image is an image the engine has.
type Image struct {
	// ID is the content digest of its configuration, "sha256:…": equal ids are equal images.
	ID string
	// Tags it has and Digests it is known by in registries, "name@sha256:…".
	Tags, Digests []string
	Platform      string // e.g. "linux/amd64"
	Entrypoint    []string
	Cmd           []string
	Size          int64             // bytes
	Labels        map[string]string // of its configuration
}

// PullSpec asks for an image from a registry.
type PullSpec struct {
	Ref string
	// Auth; nil uses what `docker login` stored, credential helpers included.
	Auth *RegistryAuth
	// Platform, e.g. "linux/arm64"; "" is the engine's.
	Platform string
}

// PullProgress is the sum over the layers known so far; Total grows while layers are discovered.
type PullProgress struct {
	Ref             string
	Current, Total  int64 // bytes, downloaded and to download
	Layers, Present int   // layers in all, and those complete or shared
	Status          string
}

// BuildSpec asks for an image from a Dockerfile.
type BuildSpec struct {
	Tag string
	// Context is the build context as a tar stream, .dockerignore applied already.
	Context    Archive
	Dockerfile string // path in the context; "" is Dockerfile
	Target     string // stage; "" is the last
	Args       map[string]string
	Labels     map[string]string // put on the image
	Platform   string
	NoCache    bool
	// Logins for images that the build starts from; for others what `docker login` stored is used.
	Logins []RegistryAuth
}

// BuildProgress is a piece of a build's log.
type BuildProgress struct {
	Step string // e.g. "RUN make"
	Line string
}
