package plan

import "time"

// Instruction is the typed form of a step's arguments: one of the structs of this file, by value behind a
// pointer. Tags name the table's parameters; a parameter that was not given has the table's default.
//
// A tag is `star:"name[,future]"`: with "future", futures inside the field are replaced when the step runs,
// as text in strings and with their type in a Value.
type Instruction interface{ instruction() }

// AddService starts a service, or replaces the one of that name.
type AddService struct {
	Name        string        `star:"name,future"`
	Config      ServiceConfig `star:"config,future"`
	ForceUpdate bool          `star:"force_update"`
}

// AddServices starts several services as one batch: if one fails, none stays.
type AddServices struct {
	Configs     Map[ServiceConfig] `star:"configs,future"`
	ForceUpdate bool               `star:"force_update"`
}

// GetService asks for a service that must exist.
type GetService struct {
	Name string `star:"name,future"`
}

// GetServices asks for all services.
type GetServices struct{}

// SetService changes what the next add_service of a service starts.
type SetService struct {
	Name   string        `star:"name,future"`
	Config ServiceConfig `star:"config,future"`
}

// RemoveService stops a service and forgets it.
type RemoveService struct {
	Name string `star:"name,future"`
}

// StartService starts a stopped service.
type StartService struct {
	Name string `star:"name,future"`
}

// StopService stops a service and keeps it.
type StopService struct {
	Name string `star:"name,future"`
}

// Exec runs a command in a service.
type Exec struct {
	ServiceName     string     `star:"service_name,future"`
	Recipe          ExecRecipe `star:"recipe,future"`
	AcceptableCodes []int64    `star:"acceptable_codes"`
	SkipCodeCheck   bool       `star:"skip_code_check"`
}

// Request makes one HTTP request to a service.
type Request struct {
	ServiceName     string     `star:"service_name,future"`
	Recipe          HTTPRecipe `star:"recipe,future"`
	AcceptableCodes []int64    `star:"acceptable_codes"`
	SkipCodeCheck   bool       `star:"skip_code_check"`
}

// Wait repeats a recipe until a field of its result satisfies an assertion.
type Wait struct {
	ServiceName string        `star:"service_name,future"`
	Recipe      Recipe        `star:"recipe,future"`
	Field       string        `star:"field"`
	Assertion   string        `star:"assertion"`
	TargetValue Value         `star:"target_value,future"`
	Interval    time.Duration `star:"interval"`
	Timeout     time.Duration `star:"timeout"`
}

// Verify fails the run unless a value satisfies an assertion.
type Verify struct {
	Value       Value  `star:"value,future"`
	Assertion   string `star:"assertion"`
	TargetValue Value  `star:"target_value,future"`
}

// Print shows a value.
type Print struct {
	Msg Value `star:"msg,future"`
}

// RenderTemplates makes a files artifact of rendered Go templates.
type RenderTemplates struct {
	Config Map[Template] `star:"config,future"`
	Name   string        `star:"name"`
}

// Template is one file of RenderTemplates.
type Template struct {
	Template string `star:"template"`
	Data     Value  `star:"data,future"`
}

// UploadFiles makes a files artifact of a file or directory of a package, or of a URL. Path is where the
// locator is on disk, "" for a URL.
type UploadFiles struct {
	Src  string `star:"src"`
	Name string `star:"name"`
	Path string `star:"-"`
	Hash string `star:"-"` // content hash of what is uploaded
}

// StoreServiceFiles makes a files artifact of a path in a service.
type StoreServiceFiles struct {
	ServiceName string `star:"service_name,future"`
	Src         string `star:"src"`
	Name        string `star:"name"`
	DependsOn   string `star:"depends_on,future"`
}

// GetFilesArtifact asks for a files artifact that must exist.
type GetFilesArtifact struct {
	Name string `star:"name"`
}

// GetClusterType asks for the kind of cluster; it was answered at interpretation.
type GetClusterType struct{}

// RunSh runs a shell script in a container of its own.
type RunSh struct {
	Name             string         `star:"name"`
	Run              string         `star:"run,future"`
	Image            Image          `star:"image"`
	EnvVars          Map[string]    `star:"env_vars,future"`
	Files            Map[string]    `star:"files"`
	Store            []StoreSpec    `star:"store"`
	Wait             *time.Duration `star:"wait"` // nil waits without limit
	AcceptableCodes  []int64        `star:"acceptable_codes"`
	SkipCodeCheck    bool           `star:"skip_code_check"`
	NodeSelectors    Map[string]    `star:"node_selectors"`
	Tolerations      []Toleration   `star:"tolerations"`
	Privileged       bool           `star:"privileged"`
	HostPIDNamespace bool           `star:"host_pid_namespace"`
	BindMounts       Map[string]    `star:"bind_mounts"`
}

// RunPython runs a Python script in a container of its own.
type RunPython struct {
	Name            string         `star:"name"`
	Run             string         `star:"run,future"`
	Args            []string       `star:"args,future"`
	Packages        []string       `star:"packages"`
	Image           Image          `star:"image"`
	Files           Map[string]    `star:"files"`
	Store           []StoreSpec    `star:"store"`
	Wait            *time.Duration `star:"wait"` // nil waits without limit
	AcceptableCodes []int64        `star:"acceptable_codes"`
	SkipCodeCheck   bool           `star:"skip_code_check"`
	NodeSelectors   Map[string]    `star:"node_selectors"`
	Tolerations     []Toleration   `star:"tolerations"`
}

func (*AddService) instruction()        {}
func (*AddServices) instruction()       {}
func (*GetService) instruction()        {}
func (*GetServices) instruction()       {}
func (*SetService) instruction()        {}
func (*RemoveService) instruction()     {}
func (*StartService) instruction()      {}
func (*StopService) instruction()       {}
func (*Exec) instruction()              {}
func (*Request) instruction()           {}
func (*Wait) instruction()              {}
func (*Verify) instruction()            {}
func (*Print) instruction()             {}
func (*RenderTemplates) instruction()   {}
func (*UploadFiles) instruction()       {}
func (*StoreServiceFiles) instruction() {}
func (*GetFilesArtifact) instruction()  {}
func (*GetClusterType) instruction()    {}
func (*RunSh) instruction()             {}
func (*RunPython) instruction()         {}

// instructions maps the table's names to fresh typed forms.
func newInstruction(name string) Instruction {
	switch name {
	case "add_service":
		return new(AddService)
	case "add_services":
		return new(AddServices)
	case "get_service":
		return new(GetService)
	case "get_services":
		return new(GetServices)
	case "set_service":
		return new(SetService)
	case "remove_service":
		return new(RemoveService)
	case "start_service":
		return new(StartService)
	case "stop_service":
		return new(StopService)
	case "exec":
		return new(Exec)
	case "request":
		return new(Request)
	case "wait":
		return new(Wait)
	case "verify":
		return new(Verify)
	case "print":
		return new(Print)
	case "render_templates":
		return new(RenderTemplates)
	case "upload_files":
		return new(UploadFiles)
	case "store_service_files":
		return new(StoreServiceFiles)
	case "get_files_artifact":
		return new(GetFilesArtifact)
	case "get_cluster_type":
		return new(GetClusterType)
	case "run_sh":
		return new(RunSh)
	case "run_python":
		return new(RunPython)
	}
	return nil
}
