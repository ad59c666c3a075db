package builtins

import "github.com/kurtosis-go/kurtosis/lang/types"

var (
	configParam = Param{Name: "config", Type: serviceConfigType, Required: true, Former: []string{"service_config"},
		Doc: "How to run the service."}
	forceUpdateParam = Param{Name: "force_update", Type: boolean, Default: "False",
		Doc: "Recreate a service that the enclave has already, even when its configuration is the same."}
	requestCodesParam = with(Param{Name: "acceptable_codes", Type: list(integer), Default: "[200, 201, 202, 203, 204, 205, 206, 207, 208, 226]"}, "",
		"HTTP statuses that count as success. Any other fails the run.")
	taskFilesParam = Param{Name: "files", Type: dict(str, str), Default: "{}", KeyRule: "abs-path", Late: true,
		Doc: "Files artifacts to put into the task's container: absolute path → name of the artifact."}
	storeParam = Param{Name: "store", Type: list(union(str, storeSpecType)), Default: "[]",
		Doc: "Files or directories to keep as files artifacts when the task has ended: paths, or `StoreSpec`s to name the artifacts. No path twice."}
	taskWaitParam = Param{Name: "wait", Type: union(str, none), Default: `"180s"`, Rule: "duration",
		Doc: "How long the task may take, as a Go duration, before the run fails. `None` is no limit."}
	taskNameParam = Param{Name: "name", Type: str, Rule: "non-empty",
		Doc: "Name of the task, shown while it runs. When left out, Kurtosis makes one up."}
	sourceParam = Param{Name: "src", Type: str, Required: true, Rule: "non-empty", Former: []string{"src_path"}}
)

const recipeKeys = "A dict of futures: `code`, and for each entry of the recipe's `extract` a key `extract.NAME`"

func instructions() []Builtin {
	return append(serviceInstructions(), append(taskInstructions(), fileInstructions()...)...)
}

func serviceInstructions() []Builtin {
	return []Builtin{
		{Name: "add_service", Doc: "Adds a service and starts it. The step ends when its ports are open and its ready conditions hold. " +
			"If the enclave has a service of that name already, it is updated, which means recreated when anything differs. The same name twice in one run is an error.",
			Params: []Param{
				{Name: "name", Type: str, Required: true, Rule: "service-name", Late: true, Former: []string{"service_name", "service_id"}, Futures: true,
					Doc: "Name of the service, and its DNS name in the enclave: 1 to 63 lower-case letters, digits and `-`, starting with a letter and not ending with `-`."},
				configParam, forceUpdateParam,
			},
			Result: serviceType, Returns: "The service: `name` and `ports` are known at once, `hostname` and `ip_address` are futures.",
			Example: inRun(`db = plan.add_service(
    name = "db",
    config = ServiceConfig(
        image = "postgres:16-alpine",
        ports = {"sql": PortSpec(number = 5432, application_protocol = "postgresql")},
        env_vars = {"POSTGRES_PASSWORD": "secret"},
    ),
)
plan.print("connect to " + db.hostname)`)},
		{Name: "add_services", Doc: "Adds several services and starts them at the same time. As many at once as `--parallelism` says. If one fails, those of the same batch are removed again.",
			Params: []Param{
				{Name: "configs", Type: dict(str, serviceConfigType), Required: true, KeyRule: "service-name", Late: true,
					Doc: "Name of each service → its configuration. Must not be empty."},
				forceUpdateParam,
			},
			Result: dict(str, serviceType), Returns: "Name → service, in the order of `configs`.",
			Example: inRun(`nodes = plan.add_services(
    configs = {
        "node-" + str(i): ServiceConfig(image = "nginx:1.27", ports = {"http": PortSpec(number = 80)})
        for i in range(3)
    },
)
plan.print(nodes["node-0"].ip_address)`)},
		{Name: "get_service", Doc: "Returns a service that is there already. Of this run or of an earlier one in the same enclave.",
			Params: []Param{nameOfServiceParam}, Result: serviceType, Returns: "The service.",
			Example: inRun(`plan.add_service(name = "db", config = ServiceConfig(image = "postgres:16-alpine"))
db = plan.get_service(name = "db")
plan.print(db.ip_address)`)},
		{Name: "get_services", Doc: "Returns all services that the enclave has at this point of the plan.",
			Result: list(serviceType), Returns: "The services.",
			Example: inRun(`plan.add_service(name = "db", config = ServiceConfig(image = "postgres:16-alpine"))
for service in plan.get_services():
    plan.print(service.name)`)},
		{Name: "set_service", Doc: "Overrides parts of a service's configuration. It takes effect when the service is added next. " +
			"Image, CPU and memory, labels, user, tolerations and node selectors can be overridden; `env_vars`, `entrypoint`, `cmd`, `ports`, `public_ports`, `files` and persistent directories cannot.",
			Params: []Param{nameOfServiceParam, configParam}, Result: none,
			Example: inRun(`plan.add_service(name = "db", config = ServiceConfig(image = "postgres:16-alpine"))
plan.set_service(name = "db", config = ServiceConfig(image = "postgres:17-alpine"))`)},
		{Name: "remove_service", Doc: "Removes a service from the enclave, with its container. Persistent directories stay.",
			Params: []Param{with(nameOfServiceParam, "", "Name of a service that exists at this point of the plan.")}, Result: none,
			Example: inRun(`plan.add_service(name = "db", config = ServiceConfig(image = "postgres:16-alpine"))
plan.remove_service(name = "db")`)},
		{Name: "start_service", Doc: "Starts a service that was stopped.",
			Params: []Param{nameOfServiceParam}, Result: none,
			Example: inRun(`plan.add_service(name = "db", config = ServiceConfig(image = "postgres:16-alpine"))
plan.stop_service(name = "db")
plan.start_service(name = "db")`)},
		{Name: "stop_service", Doc: "Stops a service without removing it. `plan.start_service` starts it again.",
			Params: []Param{nameOfServiceParam}, Result: none,
			Example: inRun(`plan.add_service(name = "db", config = ServiceConfig(image = "postgres:16-alpine"))
plan.stop_service(name = "db")`)},
		{Name: "exec", Doc: "Runs a command inside a service. The run fails when the exit code is not acceptable, and shows the output.",
			Params: []Param{
				serviceNameParam,
				{Name: "recipe", Type: execRecipeType, Required: true, Doc: "The command."},
				acceptableCodesParam, skipCodeCheckParam,
			},
			Result: recipeResult(codeKey, outputKey), Returns: recipeKeys + ", and `output`.",
			Example: inRun(`plan.add_service(name = "db", config = ServiceConfig(image = "postgres:16-alpine"))
result = plan.exec(
    service_name = "db",
    recipe = ExecRecipe(command = ["psql", "-U", "postgres", "-c", "CREATE TABLE t (id int)"]),
)
plan.print(result["output"])`)},
		{Name: "request", Doc: "Sends an HTTP request to a service. The run fails when the status is not acceptable.",
			Params: []Param{
				serviceNameParam,
				{Name: "recipe", Type: httpRecipe, Required: true, Doc: "The request: a `GetHttpRequestRecipe` or a `PostHttpRequestRecipe`."},
				requestCodesParam, skipCodeCheckParam,
			},
			Result: recipeResult(codeKey, bodyKey), Returns: recipeKeys + ", and `body`.",
			Example: inRun(`plan.add_service(
    name = "web",
    config = ServiceConfig(image = "nginx:1.27", ports = {"http": PortSpec(number = 80)}),
)
answer = plan.request(
    service_name = "web",
    recipe = GetHttpRequestRecipe(port_id = "http", endpoint = "/"),
)
plan.verify(value = answer["code"], assertion = "==", target_value = 200)`)},
		{Name: "wait", Doc: "Runs a recipe again and again until its result satisfies an assertion. The first try is made at once; the run fails when `timeout` has passed.",
			Params: []Param{
				serviceNameParam,
				{Name: "recipe", Type: anyRecipe, Required: true, Doc: "What to try: an `ExecRecipe`, a `GetHttpRequestRecipe` or a `PostHttpRequestRecipe`."},
				fieldParam, assertionParam, targetValueParam,
				{Name: "interval", Type: str, Default: `"1s"`, Rule: "interval", Doc: "Time between two tries, as a Go duration such as `500ms` or `1s`."},
				{Name: "timeout", Type: str, Default: `"10s"`, Rule: "duration", Doc: "How long to try, as a Go duration such as `30s` or `5m`."},
			},
			Result:  recipeResult(codeKey, optional(outputKey), optional(bodyKey)),
			Returns: recipeKeys + ", and `output` (exec) or `body` (HTTP), of the try that succeeded.",
			Example: inRun(`plan.add_service(
    name = "web",
    config = ServiceConfig(image = "nginx:1.27", ports = {"http": PortSpec(number = 80)}),
)
plan.wait(
    service_name = "web",
    recipe = GetHttpRequestRecipe(port_id = "http", endpoint = "/"),
    field = "code",
    assertion = "==",
    target_value = 200,
    timeout = "1m",
)`)},
		{Name: "verify", Doc: "Fails the run unless a value satisfies an assertion. For values that are known only when the plan runs; a value known earlier is better checked with `if` and `fail`.",
			Params: []Param{
				{Name: "value", Type: union(str, future(anything)), Required: true, Rule: "", Futures: true, Doc: "The value: a future, such as `result[\"code\"]`, or a string."},
				assertionParam,
				withFutures(targetValueParam),
			}, Result: none,
			Example: inRun(`plan.add_service(name = "db", config = ServiceConfig(image = "postgres:16-alpine"))
result = plan.exec(service_name = "db", recipe = ExecRecipe(command = ["true"]))
plan.verify(value = result["code"], assertion = "==", target_value = 0)`)},
		{Name: "print", Doc: "Shows a value when the plan runs. Futures in it are replaced by what they stand for.",
			Params:  []Param{{Name: "msg", Type: anything, Required: true, Futures: true, Doc: "What to show. Values that are not strings are shown as Starlark writes them."}},
			Result:  none,
			Example: inRun(`plan.print("hello")`)},
		{Name: "get_cluster_type", Doc: "Returns the kind of cluster the plan is made for. Known while the script is interpreted, so `if` can ask for it.",
			Result: union(types.StringLit(docker), types.StringLit(kubernetes)), Returns: "`\"docker\"` or `\"kubernetes\"`.",
			Example: inRun(`if plan.get_cluster_type() == "kubernetes":
    plan.print("node selectors have an effect")`)},
	}
}

func withFutures(p Param) Param {
	p.Futures = true
	return p
}

func taskInstructions() []Builtin {
	const returns = "A struct: `code` and `output` (futures), and `files_artifacts`, the names of what was stored, in the order of `store`."
	return []Builtin{
		{Name: "run_sh", Doc: "Runs a shell command in a container of its own. The container lives for the task only; what `store` names is kept as files artifacts.",
			Params: []Param{
				taskNameParam,
				{Name: "run", Type: str, Required: true, Rule: "non-empty", Futures: true, Doc: "The command, run by `/bin/sh -c`."},
				{Name: "image", Type: image, Default: `"badouralix/curl-jq"`, Rule: "image-reference", Late: true, Doc: "Image to run it in: a reference, an `ImageSpec`, `ImageBuildSpec` or `NixBuildSpec`. It must have `/bin/sh`."},
				taskFilesParam,
				storeParam,
				{Name: "env_vars", Type: dict(str, str), Default: "{}", KeyRule: "env-name", Late: true, Futures: true, Doc: "Environment variables. Names and values are strings."},
				taskWaitParam, acceptableCodesParam, skipCodeCheckParam, nodeSelectorsParam, tolerationsParam,
				privilegedParam, hostPIDParam, bindMountsParam,
			},
			Result: taskResult, Returns: returns,
			Example: inRun(`keys = plan.run_sh(
    name = "make-key",
    run = "mkdir /out && head -c 32 /dev/urandom | base64 > /out/key",
    store = [StoreSpec(src = "/out", name = "keys")],
)
plan.print(keys.code)`)},
		{Name: "run_python", Doc: "Runs a Python script in a container of its own. The container lives for the task only; what `store` names is kept as files artifacts.",
			Params: []Param{
				taskNameParam,
				{Name: "run", Type: str, Required: true, Rule: "non-empty", Futures: true, Doc: "The script's text, run by `python -u -c`."},
				{Name: "args", Type: list(str), Default: "[]", Futures: true, Doc: "Arguments of the script: `sys.argv[1:]`."},
				{Name: "packages", Type: list(str), Default: "[]", Doc: "Packages that pip installs before the script runs. That needs a network; without packages, none."},
				{Name: "image", Type: image, Default: `"python:3.11-alpine"`, Rule: "image-reference", Late: true, Doc: "Image to run it in: a reference, an `ImageSpec`, `ImageBuildSpec` or `NixBuildSpec`. It must have `python`."},
				taskFilesParam, storeParam, taskWaitParam, acceptableCodesParam, skipCodeCheckParam, nodeSelectorsParam, tolerationsParam,
			},
			Result: taskResult, Returns: returns,
			Example: inRun(`result = plan.run_python(
    run = "import sys; print(sum(int(n) for n in sys.argv[1:]))",
    args = ["1", "2", "3"],
)
plan.verify(value = result.output, assertion = "==", target_value = "6\n")`)},
	}
}

func fileInstructions() []Builtin {
	return []Builtin{
		{Name: "render_templates", Doc: "Makes a files artifact from templates. Each is a Go [text/template](https://pkg.go.dev/text/template), executed with its data when the plan runs.",
			Params: []Param{
				{Name: "config", Type: dict(str, &types.Struct{Fields: []types.Field{
					{Name: "template", Type: str, Doc: "Text of the template."},
					{Name: "data", Type: anything, Doc: "What the template sees as `.`: anything JSON can hold. Futures in it are replaced."},
				}, Open: true}), Required: true, Futures: true, Doc: "Path in the artifact → `struct(template = …, data = …)`."},
				artifactNameParam,
			},
			Result: str, Returns: "The name of the files artifact.",
			Example: inRun(`config = plan.render_templates(
    name = "config",
    config = {
        "app.toml": struct(template = "port = {{ .port }}\n", data = {"port": 8080}),
    },
)
plan.add_service(name = "app", config = ServiceConfig(image = "alpine:3.20", files = {"/etc/app": config}))`)},
		{Name: "upload_files", Doc: "Makes a files artifact from files of a package or from a URL. A directory goes in whole.",
			Params: []Param{
				with(sourceParam, "", "Locator of a file or directory, relative (`./config`) or absolute, or an `http://` or `https://` URL."),
				artifactNameParam,
			},
			Result: str, Returns: "The name of the files artifact.",
			Example: inRun(`config = plan.upload_files(src = "./config", name = "config")
plan.add_service(name = "app", config = ServiceConfig(image = "alpine:3.20", files = {"/etc/app": config}))`),
			Files: []File{{"config/app.toml", "port = 8080\n"}}},
		{Name: "store_service_files", Doc: "Makes a files artifact from files of a service. Copied when the step runs.",
			Params: []Param{
				serviceNameParam,
				with(sourceParam, "", "Path in the service's container of the file or directory to copy."),
				artifactNameParam,
				{Name: "depends_on", Type: str, Futures: true, Doc: "Value of an earlier step that this one must come after. Only matters when steps run in parallel."},
			},
			Result: str, Returns: "The name of the files artifact.",
			Example: inRun(`plan.add_service(name = "db", config = ServiceConfig(image = "postgres:16-alpine"))
plan.store_service_files(service_name = "db", src = "/var/lib/postgresql", name = "db-files")`)},
		{Name: "get_files_artifact", Doc: "Returns a files artifact that is there already. Of this run or of an earlier one in the same enclave.",
			Params: []Param{with(Param{Name: "name", Type: str, Required: true, Rule: "non-empty"}, "", "Name of the artifact. It must exist at this point of the plan.")},
			Result: str, Returns: "Its name.",
			Example: inRun(`plan.render_templates(name = "config", config = {"a": struct(template = "a", data = {})})
config = plan.get_files_artifact(name = "config")
plan.add_service(name = "app", config = ServiceConfig(image = "alpine:3.20", files = {"/etc/app": config}))`)},
	}
}
