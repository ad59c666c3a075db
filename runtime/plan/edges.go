package plan

import "slices"

// Draft is what interpretation hands over.
type Draft struct {
	Package      string
	Dependencies []string
	Replace      map[string]string
	Cluster      string
	Steps        []*Step
	Result       Value
	Warnings     []Warning
}

// New makes a plan of a draft: it finds what each step depends on.
func New(d Draft) *Plan {
	link(d.Steps)
	return &Plan{
		Package: d.Package, Dependencies: d.Dependencies, Replace: d.Replace, Cluster: d.Cluster,
		Steps: d.Steps, Result: d.Result, Warnings: d.Warnings,
	}
}

// linker remembers, while it goes through the steps, which of them the next ones may depend on.
type linker struct {
	services  map[string]*Step   // the step that last added or changed a service
	users     map[string][]*Step // the steps since then that use it
	artifacts map[string]*Step   // the step that makes an artifact
	futures   map[string]*Step   // the step that resolves a future
	print     *Step              // the last print
	wait      *Step              // the last wait
}

// link computes the Needs of every step. Two steps without a path between them may run at the same time:
// services, artifacts and futures tie steps together; a print comes after the step before it; what follows a wait
// and depends on anything at all comes after it; a service is removed, stopped or replaced after all who use it.
func link(steps []*Step) {
	l := linker{services: map[string]*Step{}, users: map[string][]*Step{}, artifacts: map[string]*Step{}, futures: map[string]*Step{}}
	for i, s := range steps {
		var previous *Step
		if i > 0 {
			previous = steps[i-1]
		}
		l.link(s, previous)
	}
}

func (l *linker) link(s, previous *Step) {
	needs := map[string]Edge{}
	need := func(on *Step, cause Cause, name string) {
		if on == nil || on == s {
			return
		}
		if _, ok := needs[on.ID]; !ok {
			needs[on.ID] = Edge{Step: on.ID, Cause: cause, Name: name}
		}
	}
	touches := s.touches()
	for _, a := range touches.reads {
		need(l.artifacts[a], CauseArtifact, a)
	}
	for _, name := range touches.uses {
		need(l.services[name], CauseService, name)
		l.users[name] = append(l.users[name], s)
	}
	for _, name := range touches.changes {
		need(l.services[name], CauseService, name)
		for _, user := range l.users[name] {
			need(user, CauseService, name)
		}
		l.services[name], l.users[name] = s, nil
	}
	for _, arg := range s.Args {
		EachString(arg.Value, func(text string) bool {
			for _, f := range Futures(text) {
				need(l.futures[f.ID], CauseFuture, f.Field)
			}
			return true
		})
	}
	if touches.all {
		for _, on := range l.services {
			need(on, CauseService, "")
		}
	}
	if s.Name == "print" {
		need(previous, CauseOrder, "")
	}
	if len(needs) > 0 {
		need(l.wait, CauseOrder, "")
	}
	if s.Name == "wait" {
		l.wait = s
	}
	for _, a := range touches.makes {
		need(l.artifacts[a], CauseArtifact, a)
		l.artifacts[a] = s
	}
	for _, f := range s.Futures {
		if _, ok := l.futures[f.ID]; !ok {
			l.futures[f.ID] = s
		}
	}
	s.Needs = nil
	for _, e := range needs {
		s.Needs = append(s.Needs, e)
	}
	slices.SortFunc(s.Needs, func(a, b Edge) int { return compareID(a.Step, b.Step) })
}

// compareID orders step ids as numbers: shorter ones are smaller.
func compareID(a, b string) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return compareOrdered(String(a), String(b))
}

// touched is what a step has to do with services and files artifacts, by name.
type touched struct {
	uses    []string // services that must be there
	changes []string // services that it adds, replaces, stops or removes
	reads   []string // artifacts that must be there
	makes   []string // artifacts that it makes
	all     bool     // it looks at all services
}

func (s *Step) touches() touched {
	var t touched
	switch s.Name {
	case "add_service":
		t.changes = s.texts("name")
		if config, ok := s.Arg("config"); ok {
			t.reads = mounted(config)
		}
	case "add_services":
		if configs, ok := s.Arg("configs"); ok {
			if d, ok := configs.(*Dict); ok {
				for _, item := range d.Items {
					t.changes = append(t.changes, StringOf(item.Key))
					t.reads = append(t.reads, mounted(item.Value)...)
				}
			}
		}
	case "set_service", "remove_service", "start_service", "stop_service":
		t.changes = s.texts("name")
	case "get_service":
		t.uses = s.texts("name")
	case "get_services":
		t.all = true
	case "exec", "request", "wait":
		t.uses = s.texts("service_name")
	case "store_service_files":
		t.uses, t.makes = s.texts("service_name"), []string{s.artifact()}
	case "upload_files", "render_templates":
		t.makes = []string{s.artifact()}
	case "get_files_artifact":
		t.reads = s.texts("name")
	case "run_sh", "run_python":
		if files, ok := s.Arg("files"); ok {
			t.reads = mountedBy(files)
		}
		t.makes = s.stored()
	}
	return t
}

func (s *Step) texts(arg string) []string {
	v, ok := s.Arg(arg)
	if !ok {
		return nil
	}
	return []string{StringOf(v)}
}

// stored lists the artifacts that a task leaves.
func (s *Step) stored() []string {
	o, ok := s.Returns.(*Object)
	if !ok {
		return nil
	}
	v, _ := o.Field("files_artifacts")
	list, ok := v.(*List)
	if !ok {
		return nil
	}
	names := make([]string, len(list.Items))
	for i, item := range list.Items {
		names[i] = StringOf(item)
	}
	return names
}

// mounted lists the artifacts that a ServiceConfig mounts.
func mounted(config Value) []string {
	o, ok := config.(*Object)
	if !ok {
		return nil
	}
	files, ok := o.Field("files")
	if !ok {
		return nil
	}
	return mountedBy(files)
}

func mountedBy(files Value) []string {
	d, ok := files.(*Dict)
	if !ok {
		return nil
	}
	var names []string
	for _, item := range d.Items {
		switch v := item.Value.(type) {
		case String:
			names = append(names, string(v))
		case *Object:
			list, _ := v.Field("artifact_names")
			if l, ok := list.(*List); ok {
				for _, name := range l.Items {
					names = append(names, StringOf(name))
				}
			}
		}
	}
	return names
}
