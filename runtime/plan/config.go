package plan

import (
	"iter"
	"time"
)

// Map is a dict with string keys, in the order of the script.
type Map[V any] []Entry[V]

// Entry is one key and its value.
type Entry[V any] struct {
	Key   string
	Value V
}

// Get returns the value of a key.
func (m Map[V]) Get(key string) (V, bool) {
	for _, e := range m {
		if e.Key == key {
			return e.Value, true
		}
	}
	var none V
	return none, false
}

// All ranges over the entries in order.
func (m Map[V]) All() iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for _, e := range m {
			if !yield(e.Key, e.Value) {
				return
			}
		}
	}
}

// ServiceConfig is what a service is started from.
type ServiceConfig struct {
	Image            Image           `star:"image"`
	Ports            Map[PortSpec]   `star:"ports"`
	PublicPorts      Map[PortSpec]   `star:"public_ports"`
	Files            Map[Directory]  `star:"files"`             // by mount path
	Entrypoint       []string        `star:"entrypoint,future"` // nil: the image's
	Cmd              []string        `star:"cmd,future"`        // nil: the image's
	EnvVars          Map[string]     `star:"env_vars,future"`
	IPPlaceholder    string          `star:"private_ip_address_placeholder"`
	MaxCPU           uint64          `star:"max_cpu"`    // thousandths of a core, 0 is no limit
	MinCPU           uint64          `star:"min_cpu"`    // thousandths of a core
	MaxMemory        uint64          `star:"max_memory"` // megabytes, 0 is no limit
	MinMemory        uint64          `star:"min_memory"` // megabytes
	ReadyConditions  *ReadyCondition `star:"ready_conditions,future"`
	Labels           Map[string]     `star:"labels"`
	User             *User           `star:"user"`
	Tolerations      []Toleration    `star:"tolerations"`
	NodeSelectors    Map[string]     `star:"node_selectors"`
	FilesToBeMoved   Map[string]     `star:"files_to_be_moved"`
	TiniEnabled      bool            `star:"tini_enabled"`
	TTYEnabled       bool            `star:"tty_enabled"`
	Devices          []string        `star:"devices"`
	PublishUDP       bool            `star:"publish_udp"`
	Capabilities     []string        `star:"capabilities"`
	GPU              *GpuConfig      `star:"gpu"`
	Privileged       bool            `star:"privileged"`
	HostPIDNamespace bool            `star:"host_pid_namespace"`
	BindMounts       Map[string]     `star:"bind_mounts"`       // host path to container path
	DeprecatedCPU    uint64          `star:"cpu_allocation"`    // folded into MaxCPU when that is not given
	DeprecatedMemory uint64          `star:"memory_allocation"` // folded into MaxMemory when that is not given
}

// Image says where a container's image comes from: exactly one of the fields is set.
type Image struct {
	Name  string          // a plain reference
	Spec  *ImageSpec      // a reference with registry credentials
	Build *ImageBuildSpec // built from a Dockerfile
	Nix   *NixBuildSpec   // built by Nix
}

// Reference is the image's name, however it comes to be.
func (i Image) Reference() string {
	switch {
	case i.Spec != nil:
		return i.Spec.Image
	case i.Build != nil:
		return i.Build.ImageName
	case i.Nix != nil:
		return i.Nix.ImageName
	}
	return i.Name
}

// ImageSpec is an image in a registry that wants credentials.
type ImageSpec struct {
	Image    string `star:"image"`
	Registry string `star:"registry"`
	Username string `star:"username"`
	Password string `star:"password"`
}

// ImageBuildSpec is an image to build from a directory of a package.
type ImageBuildSpec struct {
	ImageName       string      `star:"image_name"`
	BuildContextDir string      `star:"build_context_dir"` // locator
	BuildFile       string      `star:"build_file"`        // "" is Dockerfile
	TargetStage     string      `star:"target_stage"`
	BuildArgs       Map[string] `star:"build_args"`
	ContextPath     string      `star:"-"` // the locator on disk
	ContextHash     string      `star:"-"` // content hash of the directory
}

// NixBuildSpec is an image to build from a Nix flake of a package.
type NixBuildSpec struct {
	ImageName        string `star:"image_name"`
	BuildContextDir  string `star:"build_context_dir"`  // locator
	FlakeLocationDir string `star:"flake_location_dir"` // relative to the build context
	FlakeOutput      string `star:"flake_output"`
	ContextPath      string `star:"-"`
	ContextHash      string `star:"-"`
}

// PortSpec is a port of a service.
type PortSpec struct {
	Number              uint16         `star:"number"`
	TransportProtocol   string         `star:"transport_protocol"` // "TCP", "UDP" or "SCTP"
	ApplicationProtocol string         `star:"application_protocol"`
	Wait                *time.Duration `star:"wait"` // how long to wait for it to open; nil does not wait
	URL                 string         `star:"url"`
}

// Directory is what is mounted at a path: files artifacts, or a persistent directory.
type Directory struct {
	ArtifactNames []string `star:"artifact_names"`
	PersistentKey string   `star:"persistent_key"`
	Size          int64    `star:"size"` // bytes, of a persistent directory; in the script it is given in megabytes
}

// User is who runs a container's process.
type User struct {
	UID int64  `star:"uid"`
	GID *int64 `star:"gid"`
}

// Toleration lets a Kubernetes pod run on tainted nodes.
type Toleration struct {
	Key      string `star:"key"`
	Operator string `star:"operator"` // "Exists" or "Equal"
	Value    string `star:"value"`
	Effect   string `star:"effect"` // "NoSchedule", "PreferNoSchedule" or "NoExecute"
	Seconds  *int64 `star:"toleration_seconds"`
}

// ReadyCondition is what a service must satisfy before it counts as started.
type ReadyCondition struct {
	Recipe      Recipe        `star:"recipe,future"`
	Field       string        `star:"field"`
	Assertion   string        `star:"assertion"`
	TargetValue Value         `star:"target_value,future"`
	Interval    time.Duration `star:"interval"`
	Timeout     time.Duration `star:"timeout"`
}

// Recipe is one of the three ways to ask a service something: exactly one field is set.
type Recipe struct {
	Exec *ExecRecipe
	HTTP *HTTPRecipe
}

// ExecRecipe runs a command.
type ExecRecipe struct {
	Command []string    `star:"command,future"`
	Extract Map[string] `star:"extract"` // jq expressions by name
}

// HTTPRecipe makes a request: the GetHttpRequestRecipe and PostHttpRequestRecipe of the language.
type HTTPRecipe struct {
	Method      string      `star:"-"` // "GET" or "POST"
	PortID      string      `star:"port_id"`
	Endpoint    string      `star:"endpoint"`
	Body        string      `star:"body,future"`  // POST only
	ContentType string      `star:"content_type"` // POST only
	Headers     Map[string] `star:"headers"`
	Extract     Map[string] `star:"extract"` // jq expressions by name
}

// StoreSpec is a path that a task leaves as a files artifact.
type StoreSpec struct {
	Src  string `star:"src"`
	Name string `star:"name"` // never "" in a plan: unnamed ones get a generated name
}

// GpuConfig gives a service graphics processors.
type GpuConfig struct {
	Count     int64      `star:"count"` // 0 none, -1 all
	DeviceIDs []string   `star:"device_ids"`
	ShmSize   int64      `star:"shm_size"` // megabytes
	Ulimits   Map[int64] `star:"ulimits"`  // soft = hard
	Driver    GpuDriver  `star:"driver"`
}

// GpuDriver names the driver on each kind of cluster.
type GpuDriver struct{ Docker, Kubernetes string }
