package builtins

// The values that a ServiceConfig and the instructions are put together from.

var directoryParams = []Param{
	{Name: "artifact_names", Type: list(str), ElemRule: "non-empty",
		Doc: "Names of the files artifacts whose contents appear together in the directory. Exactly one of `artifact_names` and `persistent_key` is given."},
	{Name: "persistent_key", Type: str, Rule: "persistent-key", Late: true,
		Doc: "Key of a directory that outlives the service: services with the same key share it, and it is kept until the enclave is removed. Lower-case letters, digits and `-`, 1 to 63, starting with a letter."},
	{Name: "size", Type: integer, Default: "1024", Rule: "directory-size", Backends: []string{kubernetes},
		Doc: "Size of a persistent directory in megabytes, at least 1. Default 1024 (1 GiB). Docker does not enforce it."},
}

var storeSpecParams = []Param{
	{Name: "src", Type: str, Required: true, Rule: "non-empty",
		Doc: "Path in the task's container of the file or directory to keep."},
	{Name: "name", Type: str, Rule: "non-empty",
		Doc: "Name of the files artifact to make. When left out, Kurtosis makes one up."},
}

var execRecipeParams = []Param{
	{Name: "command", Type: list(str), Required: true, Futures: true,
		Doc: "Program and arguments. No shell is involved: for pipes or variables write `[\"/bin/sh\", \"-c\", \"…\"]`."},
	with(extractParam, "", extractParam.Doc+" The input of the filter is the output as one JSON *string*: start it with `fromjson` when the command prints JSON."),
}

var (
	portIDParam = Param{Name: "port_id", Type: str, Required: true, Rule: "non-empty",
		Doc: "Id of the port to send the request to, as in `ports` of the service's `ServiceConfig`."}
	endpointParam = Param{Name: "endpoint", Type: str, Required: true,
		Doc: "Path and query, such as `/health?full=1`. May be empty. Futures are not replaced here."}
	headersParam = Param{Name: "headers", Type: dict(str, str), Default: "{}", Doc: "Headers to send."}
	httpExtract  = with(extractParam, "", extractParam.Doc+" The input of the filter is the response body, which must be JSON.")
)

var getRecipeParams = []Param{portIDParam, endpointParam, httpExtract, headersParam}

var postRecipeParams = []Param{
	portIDParam,
	endpointParam,
	{Name: "body", Type: str, Default: `""`, Futures: true, Doc: "Body to send."},
	{Name: "content_type", Type: str, Default: `"application/json"`, Doc: "The Content-Type header."},
	httpExtract,
	headersParam,
}

var readyParams = []Param{
	{Name: "recipe", Type: anyRecipe, Required: true, Doc: "What to run or request, again and again."},
	fieldParam,
	assertionParam,
	targetValueParam,
	{Name: "interval", Type: str, Default: `"1s"`, Rule: "interval", Doc: "Time between two tries, as a Go duration."},
	{Name: "timeout", Type: str, Default: `"15m"`, Rule: "duration", Doc: "How long to try, as a Go duration, before the service counts as failed."},
}

var imageSpecParams = []Param{
	{Name: "image", Type: str, Required: true, Rule: "image-reference", Late: true, Doc: "Reference of the image."},
	{Name: "registry", Type: str, Rule: "non-empty", Doc: "Registry to log in to, such as `registry.example.com`."},
	{Name: "username", Type: str, Rule: "non-empty", Doc: "User name at the registry."},
	{Name: "password", Type: str, Rule: "non-empty", Doc: "Password or token. Pass it as an argument of the package rather than writing it down."},
}

var imageBuildParams = []Param{
	imageNameParam,
	{Name: "build_context_dir", Type: str, Required: true, Rule: "non-empty",
		Doc: "Locator of the directory that holds the Dockerfile, relative (`./server`) or absolute. It is the build's context."},
	{Name: "build_file", Type: str, Default: `"Dockerfile"`, Rule: "non-empty", Doc: "Name of the Dockerfile in that directory."},
	{Name: "target_stage", Type: str, Doc: "Stage of a multi-stage build to stop at. When left out, the last."},
	{Name: "build_args", Type: dict(str, str), Default: "{}", Doc: "Values for the Dockerfile's ARG instructions."},
}

var nixBuildParams = []Param{
	{Name: "flake_location_dir", Type: str, Required: true, Rule: "non-empty", Doc: "Directory inside the context that holds `flake.nix`."},
	{Name: "build_context_dir", Type: str, Required: true, Rule: "non-empty", Doc: "Locator of the directory that the build may read."},
	imageNameParam,
	{Name: "flake_output", Type: str, Rule: "non-empty", Doc: "Output of the flake to build. When left out, its default package."},
}

func constructors() []Builtin {
	return []Builtin{
		{Name: "Service", Doc: "A service of the enclave. `plan.add_service` and `plan.get_service` return it; there is rarely a reason to make one by hand. " +
			"`name` and `ports` are known while the script is interpreted, `hostname` and `ip_address` are futures.",
			Params: serviceParams, Result: serviceType,
			Example: inRun(`db = Service(name = "db", hostname = "db", ip_address = "172.16.0.9", ports = {"sql": PortSpec(number = 5432)})
plan.print(db.name)`)},
		{Name: "ServiceConfig", Doc: "How to run a service: its image and everything that surrounds it. Only `image` is required. An argument that was not given is an absent attribute: ask with `hasattr`.",
			Params: serviceConfigParams, Result: serviceConfigType,
			Example: inRun(`plan.add_service(
    name = "db",
    config = ServiceConfig(
        image = "postgres:16-alpine",
        ports = {"sql": PortSpec(number = 5432, application_protocol = "postgresql")},
        env_vars = {"POSTGRES_PASSWORD": "secret"},
        max_memory = 512,
    ),
)`)},
		{Name: "PortSpec", Doc: "A port of a service. Its number, what is spoken on it, and how long to wait until it is open.",
			Params: portSpecParams, Result: portSpecType,
			Example: inRun(`web = PortSpec(number = 8080, application_protocol = "http", wait = "30s")
plan.add_service(name = "web", config = ServiceConfig(image = "nginx:1.27", ports = {"http": web}))`)},
		{Name: "Directory", Doc: "A directory to mount into a service: several files artifacts in one place, or a directory that keeps its contents. Exactly one of `artifact_names` and `persistent_key` is given.",
			Params: directoryParams, Result: directoryType,
			Example: inRun(`plan.add_service(
    name = "db",
    config = ServiceConfig(
        image = "postgres:16-alpine",
        files = {"/var/lib/postgresql/data": Directory(persistent_key = "db-data", size = 2048)},
    ),
)`)},
		{Name: "StoreSpec", Doc: "A file or directory of a task that becomes a files artifact. An element of `store` of `plan.run_sh` and `plan.run_python`.",
			Params: storeSpecParams, Result: storeSpecType,
			Example: inRun(`result = plan.run_sh(
    run = "echo hello > /tmp/greeting",
    store = [StoreSpec(src = "/tmp/greeting", name = "greeting")],
)
plan.print(result.files_artifacts[0])`)},
		{Name: "ExecRecipe", Doc: "A command to run inside a service. Used by `plan.exec`, `plan.wait` and `ReadyCondition`.",
			Params: execRecipeParams, Result: execRecipeType,
			Example: inRun(`plan.add_service(name = "db", config = ServiceConfig(image = "postgres:16-alpine"))
plan.exec(
    service_name = "db",
    recipe = ExecRecipe(command = ["pg_isready", "-U", "postgres"]),
)`)},
		{Name: "GetHttpRequestRecipe", Doc: "An HTTP GET request to a service. Used by `plan.request`, `plan.wait` and `ReadyCondition`.",
			Params: getRecipeParams, Result: getRecipeType,
			Example: inRun(`plan.add_service(
    name = "web",
    config = ServiceConfig(image = "nginx:1.27", ports = {"http": PortSpec(number = 80)}),
)
answer = plan.request(
    service_name = "web",
    recipe = GetHttpRequestRecipe(port_id = "http", endpoint = "/status", extract = {"version": ".version"}),
)
plan.print(answer["extract.version"])`)},
		{Name: "PostHttpRequestRecipe", Doc: "An HTTP POST request to a service. Used by `plan.request`, `plan.wait` and `ReadyCondition`.",
			Params: postRecipeParams, Result: postRecipeType,
			Example: inRun(`plan.add_service(
    name = "node",
    config = ServiceConfig(image = "ethereum/client-go:v1.14.0", ports = {"rpc": PortSpec(number = 8545)}),
)
answer = plan.request(
    service_name = "node",
    recipe = PostHttpRequestRecipe(
        port_id = "rpc",
        endpoint = "/",
        body = json.encode({"jsonrpc": "2.0", "method": "eth_blockNumber", "params": [], "id": 1}),
        extract = {"block": ".result"},
    ),
)
plan.print(answer["extract.block"])`)},
		{Name: "ReadyCondition", Doc: "A condition that says when a service is ready. The recipe is run until the field of its result satisfies the assertion.",
			Params: readyParams, Result: readyType,
			Example: inRun(`plan.add_service(
    name = "web",
    config = ServiceConfig(
        image = "nginx:1.27",
        ports = {"http": PortSpec(number = 80)},
        ready_conditions = ReadyCondition(
            recipe = GetHttpRequestRecipe(port_id = "http", endpoint = "/"),
            field = "code",
            assertion = "==",
            target_value = 200,
            timeout = "2m",
        ),
    ),
)`)},
		{Name: "ImageSpec", Doc: "An image from a registry that wants a login.",
			Params: imageSpecParams, Result: imageSpecType,
			Example: `def run(plan, password = "changeme"):
    plan.add_service(
        name = "app",
        config = ServiceConfig(
            image = ImageSpec(
                image = "registry.example.com/team/app:1.4",
                registry = "registry.example.com",
                username = "ci",
                password = password,
            ),
        ),
    )
`},
		{Name: "ImageBuildSpec", Doc: "An image to build from a Dockerfile of the package. For a Kubernetes cluster it is built where `kurtosis run` is called, and pushed to the cluster's image registry.",
			Params: imageBuildParams, Result: imageBuildType,
			Example: inRun(`plan.add_service(
    name = "app",
    config = ServiceConfig(image = ImageBuildSpec(image_name = "my-app:dev", build_context_dir = "./app")),
)`), Files: []File{{"app/Dockerfile", "FROM scratch\n"}}},
		{Name: "NixBuildSpec", Doc: "An image to build from a Nix flake of the package. A script that is not part of a package has none. For a Kubernetes cluster it is built where `kurtosis run` is called, and pushed to the cluster's image registry.",
			Params: nixBuildParams, Result: nixBuildType,
			Example: inRun(`plan.add_service(
    name = "app",
    config = ServiceConfig(
        image = NixBuildSpec(image_name = "my-app:dev", build_context_dir = "./app", flake_location_dir = "."),
    ),
)`), Files: []File{{"app/flake.nix", "{ outputs = _: { }; }\n"}}},
		{Name: "User", Doc: "The user and group that the process of a service runs as.",
			Params: userParams, Result: userType,
			Example: inRun(`plan.add_service(name = "app", config = ServiceConfig(image = "alpine:3.20", user = User(uid = 1000, gid = 1000)))`)},
		{Name: "Toleration", Doc: "A taint of Kubernetes nodes that a service tolerates. No effect on Docker.",
			Params: tolerationParams, Result: tolerationType,
			Example: inRun(`plan.add_service(
    name = "app",
    config = ServiceConfig(
        image = "alpine:3.20",
        tolerations = [Toleration(key = "dedicated", operator = "Equal", value = "tests", effect = "NoSchedule")],
    ),
)`)},
		{Name: "GpuConfig", Doc: "GPUs and shared memory of a service.",
			Params: gpuParams, Result: gpuType,
			Example: inRun(`plan.add_service(
    name = "prover",
    config = ServiceConfig(image = "nvidia/cuda:12.4.1-base-ubuntu22.04", gpu = GpuConfig(count = 1, shm_size = 1024)),
)`)},
	}
}
