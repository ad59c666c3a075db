package builtins

// The parts of a ServiceConfig that make up the service itself, and its ports.

var portSpecParams = []Param{
	{Name: "number", Type: integer, Required: true, Rule: "port-number",
		Doc: "Port that the process in the container listens on, 1 to 65535."},
	{Name: "transport_protocol", Type: str, Default: `"TCP"`, Enum: []string{"TCP", "UDP", "SCTP"}, Rule: "transport-protocol", Former: []string{"protocol"},
		Doc: "Transport protocol. UDP ports are published on the host only with `publish_udp` of the service."},
	{Name: "application_protocol", Type: str, Rule: "application-protocol",
		Doc: "What is spoken on the port, such as `http`, `https`, `ws` or `postgresql`: shown in front of the address, and the scheme of the port's `url`. Letters, digits, `+`, `.` and `-`."},
	{Name: "wait", Type: union(str, none), Default: `"2m"`, Rule: "duration",
		Doc: "How long to wait for the port to accept connections when the service starts, as a Go duration (`500ms`, `30s`, `2m`). The run fails when it does not. `None` does not wait at all."},
	{Name: "url", Type: str, Rule: "url",
		Doc: "URL of the port. When left out and `application_protocol` is set, the port of an added service has `PROTOCOL://SERVICE:NUMBER`."},
}

var userParams = []Param{
	{Name: "uid", Type: integer, Required: true, Rule: "not-negative", Doc: "Numeric user id, 0 or more. 0 is root."},
	{Name: "gid", Type: integer, Rule: "not-negative", Doc: "Numeric group id, 0 or more. When left out, the image's."},
}

var tolerationParams = []Param{
	{Name: "key", Type: str, Doc: "Key of the taint. May be left out only when `operator` is `Exists`: then every taint is tolerated."},
	{Name: "operator", Type: str, Default: `"Equal"`, Enum: []string{"Exists", "Equal"}, Doc: "`Equal` wants the taint's value to be `value`; `Exists` takes any value."},
	{Name: "value", Type: str, Doc: "Value of the taint. Must be empty when `operator` is `Exists`."},
	{Name: "effect", Type: str, Enum: []string{"NoSchedule", "NoExecute", "PreferNoSchedule"}, Doc: "Effect of the taint that is tolerated. When left out, every effect."},
	{Name: "toleration_seconds", Type: integer, Doc: "How long the pod may stay on the node after the taint appears, in seconds. For `NoExecute`; when left out, for ever."},
}

var gpuParams = []Param{
	{Name: "count", Type: integer, Doc: "Number of GPUs. 0 is none, -1 is all of the machine's."},
	{Name: "device_ids", Type: list(str), Default: "[]", Backends: []string{docker}, Doc: "Ids of the GPUs to use. Wins over `count`."},
	{Name: "shm_size", Type: integer, Doc: "Size of `/dev/shm` in megabytes. When left out, the backend's default (64 MB on Docker)."},
	{Name: "ulimits", Type: dict(str, integer), Default: "{}", Backends: []string{docker}, Doc: "Resource limits such as `memlock`, soft and hard alike. -1 is no limit."},
	{Name: "driver", Type: union(str, dict(str, str)), Default: `"nvidia"`,
		Doc: "GPU driver. A string `x` is the Docker device driver `x` and the Kubernetes resource `x.com/gpu`; a dict gives both: `{\"docker\": …, \"kubernetes\": …}`."},
}

var serviceParams = []Param{
	{Name: "name", Type: str, Required: true, Rule: "non-empty", Doc: "Name of the service, known while the script is interpreted."},
	{Name: "hostname", Type: str, Required: true, Rule: "non-empty", Doc: "Name under which other services of the enclave reach it."},
	{Name: "ip_address", Type: str, Required: true, Rule: "non-empty", Doc: "Address inside the enclave's network."},
	{Name: "ports", Type: dict(str, portSpecType), Required: true, Doc: "Its ports by port id, known while the script is interpreted. A port with an application protocol has a `url`."},
}

var serviceConfigParams = []Param{
	{Name: "image", Type: image, Required: true, Rule: "image-reference", Late: true,
		Doc: "Image to run: a reference such as `postgres:16-alpine`, an `ImageSpec` (private registry), or an `ImageBuildSpec` or `NixBuildSpec` (built for the run).", Former: []string{"container_image_name"}},
	{Name: "ports", Type: dict(str, portSpecType), Default: "{}", KeyRule: "port-id", Late: true, Former: []string{"used_ports"},
		Doc: "Ports the service listens on: port id → `PortSpec`. They are published on free ports of the host, and waited for when the service starts. A port id has 1 to 15 lower-case letters, digits and `-`, starts with a letter and does not end with `-`."},
	{Name: "public_ports", Type: dict(str, portSpecType), Default: "{}", KeyRule: "port-id", Late: true,
		Doc: "Fixed ports on the host: port id → `PortSpec` with the host's port number. Only ids that are in `ports`, too. The run fails when the port is taken. On Kubernetes they are ports of the nodes, or of a load balancer."},
	{Name: "files", Type: dict(str, union(str, directoryType)), Default: "{}", KeyRule: "abs-path", Late: true, Former: []string{"files_artifact_mount_dirpaths"},
		Doc: "What to put into the container's file system: absolute path → name of a files artifact, or a `Directory` (several artifacts, or a persistent directory). The path must not exist in the image, or what is there is covered."},
	{Name: "entrypoint", Type: list(str), Futures: true, Former: []string{"entry_point_args", "entrypoint_args"},
		Doc: "Replaces the image's ENTRYPOINT. When left out, the image's."},
	{Name: "cmd", Type: list(str), Futures: true, Former: []string{"cmd_args"},
		Doc: "Replaces the image's CMD. When left out, the image's."},
	{Name: "env_vars", Type: dict(str, str), Default: "{}", KeyRule: "env-name", Late: true, Futures: true,
		Doc: "Environment variables. Names and values are strings: write `str(n)` for a number."},
	{Name: "private_ip_address_placeholder", Type: str, Default: `"KURTOSIS_IP_ADDR_PLACEHOLDER"`, Rule: "non-empty",
		Doc: "Text that is replaced by the service's own address in `entrypoint`, `cmd` and the values of `env_vars` before the container starts."},
	{Name: "cpu_allocation", Type: integer, Rule: "cpu", Replaced: "max_cpu", Deprecated: "deprecated since 2023-06-25; use max_cpu",
		Doc: "Old name of `max_cpu`."},
	{Name: "memory_allocation", Type: integer, Rule: "memory", Replaced: "max_memory", Deprecated: "deprecated since 2023-06-25; use max_memory",
		Doc: "Old name of `max_memory`."},
	{Name: "max_cpu", Type: integer, Default: "0", Rule: "cpu",
		Doc: "Most CPU the service may use, in millicores: 1000 is one core. 0 is no limit."},
	{Name: "min_cpu", Type: integer, Default: "0", Rule: "cpu",
		Doc: "CPU to reserve, in millicores. The run is refused when the machine or cluster has less. 0 reserves none."},
	{Name: "max_memory", Type: integer, Default: "0", Rule: "memory",
		Doc: "Most memory the service may use, in megabytes, at least 6. 0, the default, is no limit."},
	{Name: "min_memory", Type: integer, Default: "0", Rule: "cpu",
		Doc: "Memory to reserve, in megabytes. The run is refused when the machine or cluster has less. 0 reserves none."},
	{Name: "ready_conditions", Type: readyType,
		Doc: "What must hold before the service counts as ready. Checked after its ports are open; the step ends when it holds, and fails when its timeout has passed."},
	{Name: "labels", Type: dict(str, str), Default: "{}", KeyRule: "label-key", ElemRule: "label-value",
		Doc: "Labels for the container or pod. They must satisfy the rules of Docker and of Kubernetes, so that a package runs on both."},
	{Name: "user", Type: userType, Doc: "User and group that the process runs as. When left out, the image's."},
	tolerationsParam,
	nodeSelectorsParam,
	{Name: "files_to_be_moved", Type: dict(str, str), Default: "{}", Hidden: true,
		Doc: "Files to move inside the container before the entrypoint runs: from → to. Written by the conversion of compose files."},
	{Name: "tini_enabled", Type: boolean, Default: "True",
		Doc: "Run the process under an init that reaps zombies and passes signals on."},
	{Name: "tty_enabled", Type: boolean, Default: "False", Doc: "Give the process a terminal."},
	{Name: "devices", Type: list(str), Default: "[]",
		Doc: "Character devices of the host, such as `/dev/net/tun`, to make available in the container. On Kubernetes they are mounted from the node."},
	{Name: "publish_udp", Type: boolean, Default: "False", Backends: []string{docker},
		Doc: "Publish UDP ports on the host, too. Without it they are open inside the enclave only."},
	{Name: "capabilities", Type: list(str), Default: "[]",
		Doc: "Linux capabilities to add, such as `NET_ADMIN`."},
	{Name: "gpu", Type: gpuType, Doc: "GPUs and shared memory for the service. When left out, none."},
	privilegedParam,
	hostPIDParam,
	bindMountsParam,
}
