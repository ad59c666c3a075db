package builtins

import "slices"

// Parameters that several rows share, and that must say the same thing everywhere.

// with returns p with its name and doc replaced where they are not empty.
func with(p Param, name, doc string) Param {
	if name != "" {
		p.Name = name
	}
	if doc != "" {
		p.Doc = doc
	}
	return p
}

func concat(parts ...[]Param) []Param { return slices.Concat(parts...) }

var (
	extractParam = Param{Name: "extract", Type: dict(str, str), Default: "{}",
		Doc: "Values to take out of the result: name → [jq](https://jqlang.org) filter. Each becomes the key `extract.NAME` of the step's result. " +
			"One match gives that value, several give a list, none is an error."}
	acceptableCodesParam = Param{Name: "acceptable_codes", Type: list(integer), Default: "[0]",
		Doc: "Exit codes that count as success. Any other fails the run, with the output in the error."}
	skipCodeCheckParam = Param{Name: "skip_code_check", Type: boolean, Default: "False",
		Doc: "Go on whatever the code is. `acceptable_codes` is then not looked at."}
	tolerationsParam = Param{Name: "tolerations", Type: list(tolerationType), Default: "[]", Backends: []string{kubernetes},
		Doc: "Node taints that the pod tolerates."}
	nodeSelectorsParam = Param{Name: "node_selectors", Type: dict(str, str), Default: "{}", Backends: []string{kubernetes},
		Doc: "Labels a node must have for the pod to be placed there."}
	privilegedParam = Param{Name: "privileged", Type: boolean, Default: "False", Backends: []string{docker},
		Doc: "Run the container in privileged mode. Refused unless the run opts in with `--privileged`, or `allow-privileged-mode: true` in the configuration."}
	hostPIDParam = Param{Name: "host_pid_namespace", Type: boolean, Default: "False", Backends: []string{docker},
		Doc: "Share the host's process namespace. Needs the same opt-in as `privileged`."}
	bindMountsParam = Param{Name: "bind_mounts", Type: dict(str, str), Default: "{}", Backends: []string{docker}, KeyRule: "abs-path", ElemRule: "abs-path", Late: true,
		Doc: "Host paths to mount: path on the host → path in the container. The only host path allowed is `/var/run/docker.sock`. Needs the same opt-in as `privileged`."}

	assertionParam = Param{Name: "assertion", Type: str, Required: true, Enum: []string{"==", "!=", ">=", "<=", ">", "<", "IN", "NOT_IN"},
		Doc: "How the value is compared with `target_value`. `IN` and `NOT_IN` look for it in a list."}
	targetValueParam = Param{Name: "target_value", Type: anything, Required: true, Futures: true,
		Doc: "What the value is compared with: of the same type as the value, or a list for `IN` and `NOT_IN`."}
	fieldParam = Param{Name: "field", Type: str, Required: true, Rule: "non-empty",
		Doc: "Key of the recipe's result to look at: `code`, `output` (exec), `body` (HTTP) or `extract.NAME`."}

	serviceNameParam = Param{Name: "service_name", Type: str, Required: true, Rule: "service-name", Late: true, Former: []string{"service_id"},
		Doc: "Name of a service that the plan has added by then, or that runs in the enclave already."}
	nameOfServiceParam = with(serviceNameParam, "name", "")
	artifactNameParam  = Param{Name: "name", Type: str, Rule: "artifact-name", Late: true, Former: []string{"artifact_id", "artifact_uuid", "artifact_name"},
		Doc: "Name of the files artifact to make. When left out, Kurtosis makes one up. A name can be used once in a run."}

	imageNameParam = Param{Name: "image_name", Type: str, Required: true, Rule: "image-reference", Late: true,
		Doc: "Name and tag to give the image once it is built."}
)
