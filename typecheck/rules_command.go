package typecheck

import (
	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/lang/rule"
)

// commandRules are the codes that the checker does not report itself: those of the commands, of kurtosis.yml, of
// the interpretation and of the preview. They have pages, so that every code that is printed can be looked up.
var commandRules = index(fileRules, manifestRules, interpretationRules, planCheckRules, valueCheckRules())

var fileRules = []Rule{
	{Code: "formatting", Severity: diag.Warning, Fix: SafeFix, Summary: "the file is not laid out as the formatter would",
		Doc: "The layout is that of black 23.1.0 with its default settings. `kurtosis lint --format` rewrites the file; its meaning stays the same. " +
			"Where the file cannot be formatted, because it does not parse, the message says why.",
		Bad: "def run( plan ):\n    plan.print('hello')", Good: "def run(plan):\n    plan.print(\"hello\")"},
	{Code: "unreadable-file", Severity: diag.Error, Summary: "a file that cannot be read",
		Doc: "It is not there any more, a link that leads nowhere, or not permitted. The other files are checked."},
	{Code: "large-file", Severity: diag.Warning, Summary: "a file that is too large to be checked",
		Doc: "Modules of many megabytes hold data: keep them as JSON, and read it with `json.decode(read_file(…))`."},
	{Code: "checker-failed", Severity: diag.Warning, Summary: "the checker itself failed, and the run goes on without it",
		Doc: "This is a fault of the checker, not of the package. `--no-check` leaves it out."},
}

var manifestRules = []Rule{
	{Code: "manifest-yaml", Severity: diag.Error, Summary: "kurtosis.yml is not YAML"},
	{Code: "manifest-type", Severity: diag.Error, Summary: "a field of kurtosis.yml has the wrong type",
		Doc: "`name` and `description` are strings, `replace` maps packages to what takes their place:\n\n```yaml\nname: github.com/owner/repository\nreplace:\n  github.com/owner/dependency: github.com/other/dependency@v1.2.0\n```"},
	{Code: "manifest-name", Severity: diag.Error, Summary: "the name of a package is missing, or is none",
		Doc: "It is `github.com/<owner>/<repository>`, with the folder behind it where the package is not at the root; without scheme, version, or slash at the end."},
	{Code: "manifest-field", Severity: diag.Error, Fix: Suggestion, Summary: "a field that kurtosis.yml does not have",
		Doc: "The fields are `name`, `description` and `replace`. What `kurtosis lint` is to do stands in `.kurtosis-lint.yml`."},
	{Code: "manifest-duplicate", Severity: diag.Error, Summary: "a field of kurtosis.yml is there twice"},
	{Code: "manifest-replace", Severity: diag.Error, Summary: "a package is replaced with nothing",
		Doc: "What takes the place of a package is a locator, or a path that starts with `.` or `/`."},
}

var interpretationRules = []Rule{
	{Code: "syntax", Severity: diag.Error, Summary: "a module does not parse, or uses a name that nothing defines"},
	{Code: "evaluation", Severity: diag.Error, Summary: "a line failed when it was interpreted",
		Doc: "The message is the interpreter's. Nothing was executed: the whole plan is made before its first step."},
	{Code: "arguments", Severity: diag.Error, Summary: "the arguments do not fit the function that is run"},
	{Code: "entry-point", Severity: diag.Error, Summary: "the function to run is not there, or does not take the plan first"},
	{Code: "conversion", Severity: diag.Error, Summary: "a value that cannot be passed on",
		Doc: "Arguments and results are JSON: None, bools, numbers, strings, lists, and dicts with string keys."},
	{Code: "locator", Severity: diag.Error, Summary: "a locator that cannot be resolved"},
	{Code: "unreadable", Severity: diag.Error, Summary: "a file of a package that cannot be read"},
	{Code: "refused", Severity: diag.Error, Summary: "a builtin that always fails in Kurtosis"},
	{Code: "cancelled", Severity: diag.Error, Summary: "the interpretation was interrupted"},
	{Code: "step-limit", Severity: diag.Error, Summary: "the script takes too many steps", Doc: "A loop over a very large range, most likely."},
	{Code: "time-limit", Severity: diag.Error, Summary: "the script takes too long"},
	{Code: "memory-limit", Severity: diag.Error, Summary: "the script makes too large values"},
	{Code: "not-overridable", Severity: diag.Error, Summary: "a test mocks what cannot be mocked"},
	{Code: "privileged", Severity: diag.Error, Summary: "a service wants rights that the backend does not give",
		Doc: "`privileged`, `bind_mounts` and `host_pid_namespace` exist on Docker only, and only what is allowed there can be mounted."},
	{Code: "unsupported", Severity: diag.Error, Summary: "what the backend of the enclave cannot do"},
	{Code: "deprecated", Severity: diag.Warning, Summary: "an argument that is going away was given"},
}

var planCheckRules = []Rule{
	{Code: "invalid-step", Severity: diag.Error, Summary: "a step of the plan cannot be made out"},
	{Code: "duplicate-service", Severity: diag.Error, Summary: "two services get the same name"},
	{Code: "duplicate-artifact", Severity: diag.Error, Summary: "two files artifacts get the same name"},
	{Code: "duplicate-port", Severity: diag.Error, Summary: "two ports of a service have the same number and protocol"},
	{Code: "duplicate-store", Severity: diag.Error, Summary: "a task stores the same path twice"},
	{Code: "min-above-max", Severity: diag.Error, Summary: "a service's lower limit is above its upper one"},
	{Code: "missing-service", Severity: diag.Error, Summary: "a step uses a service that does not exist at this point"},
	{Code: "missing-port", Severity: diag.Error, Summary: "a step uses a port that the service does not have"},
	{Code: "missing-artifact", Severity: diag.Error, Summary: "a step uses a files artifact that does not exist at this point",
		Doc: "Make it first: with `plan.upload_files`, `plan.render_templates`, or the `store` of a task."},
	{Code: "missing-field", Severity: diag.Error, Summary: "a check of a field that the recipe's result does not have"},
}

// valueCheckRules are the named rules for values, as the preview reports them.
func valueCheckRules() []Rule {
	var list []Rule
	for _, r := range rule.All() {
		list = append(list, Rule{Code: "invalid-" + r.Name, Severity: diag.Error, Summary: "a value that does not follow the rule for it: " + r.Name,
			Doc: "What the checker reports as [bad-value](bad-value.md) where the value is a constant, the preview reports for every value. Wanted: " + r.Want + "."})
	}
	return list
}

// documented returns the rule of a code that has a page here, the checker's or another, or nil.
func documented(code string) *Rule {
	if r := registry[code]; r != nil {
		return r
	}
	return commandRules[code]
}
