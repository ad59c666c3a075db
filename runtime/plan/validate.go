package plan

import (
	"fmt"
	"slices"

	"github.com/kurtosis-go/kurtosis/lang/diag"
)

// Problem is something that makes a plan fail when it runs, found beforehand.
type Problem struct {
	Code     string   `json:"code"` // kebab word with a page in the docs: "missing-service" …
	Message  string   `json:"message"`
	Position Position `json:"position"`
	Hint     string   `json:"hint,omitempty"`
	Step     string   `json:"step"` // ID of the step
}

// Error gives the problem in the reference's form.
func (p Problem) Error() string { return fmt.Sprintf("%s: %s", p.Position, p.Message) }

// Validate plays the plan through against what the enclave holds and reports everything that is wrong, in the
// order of the steps. It does not ask whether images exist: that takes a backend.
func (p *Plan) Validate(env Environment) []Problem {
	v := &validator{
		services: map[string]ports{}, added: map[string]*Step{}, removed: map[string]*Step{},
		artifacts: map[string]bool{}, made: map[string]*Step{},
	}
	for _, s := range env.Services {
		v.services[s.Name] = portsOf(s.Ports)
	}
	for _, name := range env.Artifacts {
		v.artifacts[name] = true
	}
	for _, s := range p.Steps {
		v.step = s
		v.rules(s)
		if in, err := s.Instruction(); err != nil {
			v.report("invalid-step", "", "%s", err)
		} else {
			v.instruction(in)
		}
	}
	return v.problems
}

// ports are the port ids of a service; nil when they are not known.
type ports map[string]bool

func portsOf(m Map[PortSpec]) ports {
	out := ports{}
	for id := range m.All() {
		out[id] = true
	}
	return out
}

// validator is the enclave as it would be at the step that is looked at.
type validator struct {
	step      *Step
	services  map[string]ports
	added     map[string]*Step // the step of this plan that added a service
	removed   map[string]*Step
	artifacts map[string]bool
	made      map[string]*Step // the step of this plan that makes an artifact
	problems  []Problem
}

func (v *validator) report(code, hint, format string, args ...any) {
	v.problems = append(v.problems, Problem{
		Code: code, Message: fmt.Sprintf(format, args...), Position: v.step.Position, Hint: hint, Step: v.step.ID,
	})
}

func (v *validator) instruction(in Instruction) {
	switch in := in.(type) {
	case *AddService:
		v.add(in.Name, in.Config)
	case *AddServices:
		for name, config := range in.Configs.All() {
			v.add(name, config)
		}
	case *GetService:
		v.needService(in.Name)
	case *SetService:
		v.needService(in.Name)
	case *StartService:
		v.needService(in.Name)
	case *StopService:
		v.needService(in.Name)
	case *RemoveService:
		if v.needService(in.Name) {
			delete(v.services, in.Name)
			delete(v.added, in.Name)
			v.removed[in.Name] = v.step
		}
	case *Exec:
		v.needService(in.ServiceName)
	case *Request:
		v.needPort(in.ServiceName, in.Recipe.PortID)
	case *Wait:
		if in.Recipe.HTTP != nil {
			v.needPort(in.ServiceName, in.Recipe.HTTP.PortID)
		} else {
			v.needService(in.ServiceName)
		}
		v.needField(in.Recipe, in.Field)
	case *UploadFiles:
		v.make(in.Name)
	case *RenderTemplates:
		v.make(in.Name)
	case *StoreServiceFiles:
		v.needService(in.ServiceName)
		v.make(in.Name)
	case *GetFilesArtifact:
		v.needArtifact(in.Name)
	case *RunSh:
		v.task(in.Files, in.Store)
	case *RunPython:
		v.task(in.Files, in.Store)
	}
}

func (v *validator) add(name string, c ServiceConfig) {
	if earlier, twice := v.added[name]; twice {
		v.report("duplicate-service", "give it another name, or remove the first one", "service '%s' is added twice: first at %s", name, earlier.Position)
	}
	for _, directory := range c.Files.All() {
		for _, artifact := range directory.ArtifactNames {
			v.needArtifact(artifact)
		}
	}
	if c.MaxCPU > 0 && c.MinCPU > c.MaxCPU {
		v.report("min-above-max", "", "min_cpu %d of service '%s' is above its max_cpu %d", c.MinCPU, name, c.MaxCPU)
	}
	if c.MaxMemory > 0 && c.MinMemory > c.MaxMemory {
		v.report("min-above-max", "", "min_memory %d of service '%s' is above its max_memory %d", c.MinMemory, name, c.MaxMemory)
	}
	v.published(name, c)
	if ready := c.ReadyConditions; ready != nil {
		if ready.Recipe.HTTP != nil && !portsOf(c.Ports)[ready.Recipe.HTTP.PortID] {
			v.missingPort(name, ready.Recipe.HTTP.PortID, portsOf(c.Ports))
		}
		v.needField(ready.Recipe, ready.Field)
	}
	v.services[name], v.added[name] = portsOf(c.Ports), v.step
	delete(v.removed, name)
}

// published finds two ports of a service that are the same.
func (v *validator) published(name string, c ServiceConfig) {
	for _, part := range []struct {
		name  string
		ports Map[PortSpec]
	}{{"ports", c.Ports}, {"public_ports", c.PublicPorts}} {
		seen := map[string]string{}
		for id, port := range part.ports.All() {
			number := fmt.Sprintf("%d/%s", port.Number, port.TransportProtocol)
			if other, twice := seen[number]; twice {
				v.report("duplicate-port", "", "%s '%s' and '%s' of service '%s' are both %s", part.name, other, id, name, number)
			}
			seen[number] = id
		}
	}
}

// needService reports a service that is not there, and whether it is. A name that is known only when the plan
// runs is trusted.
func (v *validator) needService(name string) bool {
	if _, ok := v.services[name]; ok || len(Futures(name)) > 0 {
		return ok
	}
	if at, gone := v.removed[name]; gone {
		v.report("missing-service", "", "service '%s' does not exist any more: it was removed at %s", name, at.Position)
		return false
	}
	v.report("missing-service", v.meant(name, keys(v.services), "add it first with plan.add_service"), "service '%s' does not exist at this point", name)
	return false
}

func (v *validator) needPort(service, id string) {
	known, ok := v.services[service]
	if !v.needService(service) || !ok || known[id] || len(Futures(id)) > 0 {
		return
	}
	v.missingPort(service, id, known)
}

func (v *validator) missingPort(service, id string, known ports) {
	hint := "it has no ports: declare them in 'ports' of its ServiceConfig"
	if len(known) > 0 {
		hint = v.meant(id, keys(known), "its ports are "+list(keys(known)))
	}
	v.report("missing-port", hint, "service '%s' has no port '%s'", service, id)
}

// needField reports a field that the recipe's result will not have.
func (v *validator) needField(r Recipe, field string) {
	fields := []string{"code"}
	var extract Map[string]
	switch {
	case r.Exec != nil:
		fields, extract = append(fields, "output"), r.Exec.Extract
	case r.HTTP != nil:
		fields, extract = append(fields, "body"), r.HTTP.Extract
	}
	for name := range extract.All() {
		fields = append(fields, "extract."+name)
	}
	if !slices.Contains(fields, field) {
		v.report("missing-field", v.meant(field, fields, "it has "+list(fields)), "the recipe's result has no field '%s'", field)
	}
}

func (v *validator) needArtifact(name string) {
	if !v.artifacts[name] && len(Futures(name)) == 0 {
		v.report("missing-artifact", v.meant(name, keys(v.artifacts), "make it first, with plan.upload_files, plan.render_templates or a task's store"),
			"files artifact '%s' does not exist at this point", name)
	}
}

func (v *validator) make(name string) {
	if earlier, twice := v.made[name]; twice {
		v.report("duplicate-artifact", "give it another name", "files artifact '%s' is made twice: first at %s", name, earlier.Position)
	}
	v.artifacts[name], v.made[name] = true, v.step
}

func (v *validator) task(files Map[string], store []StoreSpec) {
	for _, artifact := range files.All() {
		v.needArtifact(artifact)
	}
	seen := map[string]bool{}
	for _, spec := range store {
		if seen[spec.Src] {
			v.report("duplicate-store", "list it once: every use of the artifact has the same files", "'%s' is stored twice", spec.Src)
		}
		seen[spec.Src] = true
		v.make(spec.Name)
	}
}

// meant is a hint: the name that was probably meant, or what else to say.
func (v *validator) meant(name string, among []string, otherwise string) string {
	if near, ok := diag.Closest(name, among); ok {
		return fmt.Sprintf("did you mean '%s'?", near)
	}
	return otherwise
}

func keys[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func list(names []string) string {
	out := ""
	for i, name := range names {
		if i > 0 {
			out += ", "
		}
		out += "'" + name + "'"
	}
	return out
}
