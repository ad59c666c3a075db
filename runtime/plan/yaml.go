package plan

import (
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// The plan YAML: what a plan adds up to, as the reference prints it. Requests and waits are not in it.
type yamlPlan struct {
	PackageID    string         `yaml:"packageId,omitempty"`
	Services     []yamlService  `yaml:"services,omitempty"`
	Artifacts    []yamlArtifact `yaml:"filesArtifacts,omitempty"`
	Tasks        []yamlTask     `yaml:"tasks,omitempty"`
	Images       []string       `yaml:"images,omitempty"`
	Dependencies []string       `yaml:"packageDependencies,omitempty"`
}

type yamlService struct {
	UUID       string         `yaml:"uuid"`
	Name       string         `yaml:"name"`
	Image      yamlImage      `yaml:"image"`
	Command    []yamlText     `yaml:"command,omitempty"`
	Entrypoint []yamlText     `yaml:"entrypoint,omitempty"`
	EnvVars    []yamlVariable `yaml:"envVars,omitempty"`
	Ports      []yamlPort     `yaml:"ports,omitempty"`
	Files      []yamlMount    `yaml:"files,omitempty"`
}

type yamlImage struct {
	Name        string `yaml:"name"`
	Context     string `yaml:"buildContextLocator,omitempty"`
	TargetStage string `yaml:"targetStage,omitempty"`
	Registry    string `yaml:"registry,omitempty"`
}

type yamlVariable struct {
	Key   string   `yaml:"key"`
	Value yamlText `yaml:"value,omitempty"`
}

type yamlPort struct {
	Name        string `yaml:"name"`
	Number      uint16 `yaml:"number"`
	Transport   string `yaml:"transportProtocol"`
	Application string `yaml:"applicationProtocol,omitempty"`
}

type yamlMount struct {
	Path      string         `yaml:"mountPath"`
	Artifacts []yamlArtifact `yaml:"filesArtifacts"`
}

type yamlArtifact struct {
	UUID  string   `yaml:"uuid"`
	Name  string   `yaml:"name"`
	Files []string `yaml:"files,omitempty"`
}

type yamlTask struct {
	UUID            string         `yaml:"uuid"`
	Name            string         `yaml:"name"`
	Type            string         `yaml:"taskType"` // "sh", "python" or "exec"
	Command         []yamlText     `yaml:"command,omitempty"`
	Image           string         `yaml:"image,omitempty"`
	Files           []yamlMount    `yaml:"files,omitempty"`
	Store           []yamlArtifact `yaml:"store,omitempty"`
	EnvVars         []yamlVariable `yaml:"envVar,omitempty"`
	PythonPackages  []string       `yaml:"pythonPackages,omitempty"`
	PythonArgs      []yamlText     `yaml:"pythonArgs,omitempty"`
	ServiceName     string         `yaml:"serviceName,omitempty"`
	AcceptableCodes []int64        `yaml:"acceptableCodes,omitempty"`
}

// yamlText is a string that may have several lines. One that starts with white space is quoted: block literals
// lose it.
type yamlText string

func (t yamlText) MarshalYAML() (any, error) {
	if t != "" && strings.ContainsRune(string(t), '\n') && strings.ContainsRune(" \t\n", rune(t[0])) {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Style: yaml.DoubleQuotedStyle, Value: string(t)}, nil
	}
	return string(t), nil
}

// defaultPythonPackage is what the reference lists for every Python task.
const defaultPythonPackage = "bash"

// YAML is the plan YAML document.
func (p *Plan) YAML() ([]byte, error) {
	w := &yamlWriter{artifacts: map[string]string{}, futures: map[string]string{}, images: map[string]bool{}}
	w.out.PackageID, w.out.Dependencies = p.Package, p.Dependencies
	for _, s := range p.Steps {
		if err := w.step(s); err != nil {
			return nil, err
		}
	}
	for name := range w.images {
		w.out.Images = append(w.out.Images, name)
	}
	slices.Sort(w.out.Images)
	return blockYAML(w.out)
}

// yamlWriter numbers services, artifacts and tasks as they come.
type yamlWriter struct {
	out       yamlPlan
	count     int
	artifacts map[string]string // uuid by name
	futures   map[string]string // uuid of the service or task by future id
	images    map[string]bool
}

func (w *yamlWriter) next() string {
	w.count++
	return strconv.Itoa(w.count)
}

func (w *yamlWriter) step(s *Step) error {
	in, err := s.Instruction()
	if err != nil {
		return err
	}
	switch in := in.(type) {
	case *AddService:
		w.service(s.Futures[0], in.Name, in.Config)
	case *AddServices:
		for i, e := range in.Configs {
			w.service(s.Futures[i], e.Key, e.Value)
		}
	case *RemoveService:
		w.out.Services = slices.DeleteFunc(w.out.Services, func(x yamlService) bool { return x.Name == in.Name })
	case *UploadFiles:
		w.artifact(in.Name, in.Src)
	case *RenderTemplates:
		files := make([]string, len(in.Config))
		for i, e := range in.Config {
			files[i] = e.Key
		}
		slices.Sort(files)
		w.artifact(in.Name, files...)
	case *StoreServiceFiles:
		w.artifact(in.Name, in.Src)
	case *Exec:
		w.task(s, yamlTask{
			Type: "exec", Command: w.texts(in.Recipe.Command), ServiceName: w.text(in.ServiceName), AcceptableCodes: in.AcceptableCodes,
		})
	case *RunSh:
		w.run(s, in.Image, in.Store, yamlTask{
			Type: "sh", Command: []yamlText{yamlText(w.text(in.Run))}, Files: w.mounts(in.Files), EnvVars: w.variables(in.EnvVars),
		})
	case *RunPython:
		w.run(s, in.Image, in.Store, yamlTask{
			Type: "python", Command: []yamlText{yamlText(w.text(in.Run))}, Files: w.mounts(in.Files),
			PythonPackages: append([]string{defaultPythonPackage}, in.Packages...), PythonArgs: w.texts(in.Args),
		})
	}
	return nil
}

func (w *yamlWriter) service(source Source, name string, c ServiceConfig) {
	service := yamlService{
		UUID: w.next(), Name: w.text(name), Image: w.image(c.Image), Command: w.texts(c.Cmd), Entrypoint: w.texts(c.Entrypoint),
		EnvVars: w.variables(c.EnvVars),
	}
	for id, port := range c.Ports.All() {
		service.Ports = append(service.Ports, yamlPort{Name: id, Number: port.Number, Transport: port.TransportProtocol, Application: port.ApplicationProtocol})
	}
	for path, directory := range c.Files.All() {
		if directory.PersistentKey == "" { // the document knows files artifacts only
			service.Files = append(service.Files, yamlMount{Path: path, Artifacts: w.references(directory.ArtifactNames)})
		}
	}
	w.futures[source.ID] = service.UUID
	w.out.Services = append(w.out.Services, service)
}

func (w *yamlWriter) image(i Image) yamlImage {
	w.images[i.Reference()] = true
	out := yamlImage{Name: i.Reference()}
	switch {
	case i.Spec != nil:
		out.Registry = i.Spec.Registry
	case i.Build != nil:
		out.Context, out.TargetStage = i.Build.BuildContextDir, i.Build.TargetStage
	case i.Nix != nil:
		out.Context = i.Nix.BuildContextDir
	}
	return out
}

func (w *yamlWriter) artifact(name string, files ...string) string {
	uuid := w.next()
	w.artifacts[name] = uuid
	w.out.Artifacts = append(w.out.Artifacts, yamlArtifact{UUID: uuid, Name: name, Files: files})
	return uuid
}

func (w *yamlWriter) references(names []string) []yamlArtifact {
	out := make([]yamlArtifact, len(names))
	for i, name := range names {
		out[i] = yamlArtifact{UUID: w.artifacts[name], Name: name}
	}
	return out
}

func (w *yamlWriter) mounts(files Map[string]) []yamlMount {
	var out []yamlMount
	for path, name := range files.All() {
		out = append(out, yamlMount{Path: path, Artifacts: w.references([]string{name})})
	}
	return out
}

func (w *yamlWriter) task(s *Step, t yamlTask) {
	t.Name = s.Description
	t.UUID = w.next()
	for _, f := range s.Futures {
		w.futures[f.ID] = t.UUID
	}
	w.out.Tasks = append(w.out.Tasks, t)
}

// run adds a task with an image of its own, and the artifacts that it leaves.
func (w *yamlWriter) run(s *Step, image Image, store []StoreSpec, t yamlTask) {
	t.Image = w.image(image).Name
	w.task(s, t)
	at := len(w.out.Tasks) - 1
	for _, spec := range store {
		w.out.Tasks[at].Store = append(w.out.Tasks[at].Store, yamlArtifact{UUID: w.artifact(spec.Name, spec.Src), Name: spec.Name})
	}
}

func (w *yamlWriter) variables(m Map[string]) []yamlVariable {
	var out []yamlVariable
	for key, value := range m.All() {
		out = append(out, yamlVariable{Key: key, Value: yamlText(w.text(value))})
	}
	return out
}

func (w *yamlWriter) texts(texts []string) []yamlText {
	var out []yamlText
	for _, t := range texts {
		out = append(out, yamlText(w.text(t)))
	}
	return out
}

// text shows futures of services and tasks by uuid; those of requests and waits, which have none, stay.
func (w *yamlWriter) text(s string) string {
	return mapFutures(s, func(f Future) string {
		if uuid, ok := w.futures[f.ID]; ok {
			return "{{ kurtosis." + uuid + "." + f.Field + " }}"
		}
		return f.String()
	})
}
