package builtins

import "github.com/kurtosis-go/kurtosis/lang/types"

// Short names for the terms that the rows are written with.
const (
	anything = types.Any
	none     = types.None
	boolean  = types.Bool
	integer  = types.Int
	float    = types.Float
	str      = types.String
	bytes    = types.Bytes
)

func list(elem types.Type) types.Type        { return types.ListOf(elem) }
func dict(key, value types.Type) types.Type  { return types.DictOf(key, value) }
func tuple(elems ...types.Type) types.Type   { return types.TupleOf(elems...) }
func iterable(elem types.Type) types.Type    { return &types.Iterable{Elem: elem} }
func future(elem types.Type) types.Type      { return types.FutureOf(elem) }
func union(members ...types.Type) types.Type { return types.Unite(members...) }
func named(name string, params []Param) types.Type {
	return &types.Named{Name: name, Fields: fields(params)}
}

// fields are the attributes of a type made by a constructor: those that were not set are absent.
func fields(params []Param) []types.Field {
	out := make([]types.Field, len(params))
	for i, p := range params {
		out[i] = types.Field{Name: p.Name, Type: p.Type, Optional: !p.Required, Doc: p.Doc}
	}
	return out
}

// The builtin types that values of their own exist of.
var (
	planType          = &types.Named{Name: "plan"}
	rangeType         = &types.Named{Name: "range", Elem: integer}
	durationType      = durationTerm()
	timeType          = timeTerm()
	serviceType       = serviceTerm()
	serviceConfigType = named("ServiceConfig", serviceConfigParams)
	portSpecType      = named("PortSpec", portSpecParams)
	storeSpecType     = named("StoreSpec", storeSpecParams)
	directoryType     = named("Directory", directoryParams)
	execRecipeType    = named("ExecRecipe", execRecipeParams)
	getRecipeType     = named("GetHttpRequestRecipe", getRecipeParams)
	postRecipeType    = named("PostHttpRequestRecipe", postRecipeParams)
	readyType         = named("ReadyCondition", readyParams)
	imageSpecType     = named("ImageSpec", imageSpecParams)
	imageBuildType    = named("ImageBuildSpec", imageBuildParams)
	nixBuildType      = named("NixBuildSpec", nixBuildParams)
	userType          = named("User", userParams)
	tolerationType    = named("Toleration", tolerationParams)
	gpuType           = named("GpuConfig", gpuParams)

	image      = union(str, imageSpecType, imageBuildType, nixBuildType)
	httpRecipe = union(getRecipeType, postRecipeType)
	anyRecipe  = union(execRecipeType, getRecipeType, postRecipeType)
)

var namedTypes = map[string]types.Type{
	"plan": planType, "Plan": planType,
	"Service": serviceType, "ServiceConfig": serviceConfigType, "PortSpec": portSpecType, "StoreSpec": storeSpecType,
	"Directory": directoryType, "ExecRecipe": execRecipeType, "GetHttpRequestRecipe": getRecipeType,
	"PostHttpRequestRecipe": postRecipeType, "ReadyCondition": readyType, "ImageSpec": imageSpecType,
	"ImageBuildSpec": imageBuildType, "NixBuildSpec": nixBuildType, "User": userType, "Toleration": tolerationType,
	"GpuConfig": gpuType, "range": rangeType, "time.time": timeType, "time.duration": durationType, "mock": mockType,
}

// serviceTerm differs from what the constructor takes: of a service that a plan adds, the addresses are futures.
func serviceTerm() types.Type {
	out := fields(serviceParams)
	for i := range out {
		if out[i].Name == "hostname" || out[i].Name == "ip_address" {
			out[i].Type = future(str)
		}
	}
	return &types.Named{Name: "Service", Fields: out}
}

// recipeResult is what exec, request and wait return: a dict whose values are futures. Besides the known keys it
// has one "extract.NAME" for each entry of the recipe's extract.
func recipeResult(keys ...types.Field) types.Type {
	return &types.Dict{Key: str, Value: future(anything), Known: keys}
}

var (
	codeKey   = types.Field{Name: "code", Type: future(integer), Doc: "Exit code of the command, or HTTP status."}
	outputKey = types.Field{Name: "output", Type: future(str), Doc: "What the command wrote to stdout and stderr."}
	bodyKey   = types.Field{Name: "body", Type: future(str), Doc: "Body of the HTTP response."}

	taskResult = &types.Struct{Fields: []types.Field{
		{Name: "code", Type: future(integer), Doc: "Exit code of the task."},
		{Name: "output", Type: future(str), Doc: "What the task wrote to stdout and stderr."},
		{Name: "files_artifacts", Type: list(str), Doc: "Names of the files artifacts stored, in the order of `store`."},
	}}
)

func optional(f types.Field) types.Field {
	f.Optional = true
	return f
}

// inRun makes an example of statements that belong into run.
func inRun(body string) string { return "def run(plan):\n" + indent(body) }

func indent(body string) string {
	out := make([]byte, 0, len(body)+64)
	start := true
	for i := range len(body) {
		if start && body[i] != '\n' {
			out = append(out, "    "...)
		}
		out = append(out, body[i])
		start = body[i] == '\n'
	}
	return string(append(out, '\n'))
}
