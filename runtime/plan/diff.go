package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// Record is what is remembered of a step that was executed, to be compared with a later plan.
type Record struct {
	ID        string            `json:"id"`                  // in the plan that executed it
	Package   string            `json:"package"`             // the plan's
	Name      string            `json:"name"`                // the instruction
	Position  string            `json:"position"`            // the call in the script
	Identity  string            `json:"identity"`            // equal for steps that ask for the same
	Parts     map[string]string `json:"parts,omitempty"`     // hash of each argument, of each field of a config: what changed
	Services  []string          `json:"services,omitempty"`  // that it added
	Artifacts []string          `json:"artifacts,omitempty"` // that it made
	Images    map[string]string `json:"images,omitempty"`    // content id by reference, of the images it used
	Done      bool              `json:"done"`                // false: it failed, or was interrupted
}

// World is what exists where a plan is about to be executed.
type World struct {
	Services  map[string]bool   // by name; true if it runs
	Artifacts map[string]bool   // by name
	Images    map[string]string // content id by reference, of the images that the engine has
	Made      map[string]string // services that earlier runs made, with the package of the run
}

// Decision says what becomes of a step.
type Decision struct {
	Skip     bool   // it was done before and nothing it depends on is different
	Cause    string // why it runs, or why it is left out: "new", "config.image changed", "unchanged"
	Previous string // the ID of the record of the same step, "" if there is none that counts
	// Because lists the edges that are the only reason to run the step: if what they stand for turns out the same
	// as before, the step need not run after all.
	Because []Edge
}

// Unchanged is the cause of a step that is left out.
const Unchanged = "unchanged"

// Delta is what a plan changes in an enclave. The zero Delta runs every step.
type Delta struct {
	Removed   []string // services that earlier runs of the package made and that the plan does not add, sorted
	decisions map[string]Decision
	records   map[string]Record
}

// Decided is a delta of decisions that were made elsewhere, by the ids of the steps; it can be looked at, not executed.
func Decided(decisions map[string]Decision, removed []string) Delta {
	return Delta{Removed: removed, decisions: decisions}
}

// Of is the decision on a step of the plan that the delta was made of.
func (d Delta) Of(s *Step) Decision {
	if decision, ok := d.decisions[s.ID]; ok {
		return decision
	}
	return Decision{Cause: "new"}
}

// Record is what to remember of a step of the plan once it is done; the caller adds Images and Done.
func (d Delta) Record(s *Step) Record {
	if r, ok := d.records[s.ID]; ok {
		return r
	}
	return Record{ID: s.ID, Name: s.Name, Position: s.Position.String(), Services: s.Services(), Artifacts: s.Artifacts()}
}

// Services lists the services that the step adds or replaces.
func (s *Step) Services() []string {
	if s.Name == "add_service" || s.Name == "add_services" {
		return s.touches().changes
	}
	return nil
}

// Artifacts lists the files artifacts that the step makes.
func (s *Step) Artifacts() []string { return s.touches().makes }

// Images lists the references of the images that the step uses.
func (s *Step) Images() []string {
	in, err := s.Instruction()
	if err != nil {
		return nil
	}
	var refs []string
	for _, image := range ImagesOf(in) {
		if ref := image.Reference(); !slices.Contains(refs, ref) {
			refs = append(refs, ref)
		}
	}
	return refs
}

// content identifies the files that the step uploads or builds from, "" when there are none.
func (s *Step) content() string {
	var hashes []string
	for _, r := range s.Locators {
		hashes = append(hashes, r.Hash)
	}
	return strings.Join(hashes, " ")
}

// Diff compares a plan with what earlier runs did. A step is left out when the same step was done before, what it
// made is still there, and nothing that it depends on runs again; order alone is no dependency. A step that was
// left out comes back when a step that runs needs a service of its that is gone.
func Diff(p *Plan, done []Record, world World) Delta {
	d := differ{plan: p, world: world, byID: map[string]*Step{}, final: map[string]string{}, byIdentity: map[string]Record{}}
	d.Delta = Delta{decisions: map[string]Decision{}, records: identities(p)}
	for _, s := range p.Steps {
		d.byID[s.ID] = s
		d.foresee(s)
	}
	for _, r := range done {
		if r.Package == p.Owner() {
			d.byIdentity[r.Identity] = r
			d.done = append(d.done, r)
		}
	}
	for _, s := range p.Steps {
		d.decisions[s.ID] = d.compare(s)
	}
	for d.spread() {
	}
	for name, pkg := range world.Made {
		if pkg != "" && pkg == p.Owner() && !d.adds(name) {
			d.Removed = append(d.Removed, name)
		}
	}
	slices.Sort(d.Removed)
	return d.Delta
}

type differ struct {
	Delta
	plan       *Plan
	world      World
	done       []Record
	byIdentity map[string]Record
	byID       map[string]*Step
	final      map[string]string // the last instruction of the plan that decides whether a service runs, by service
}

func (d *differ) adds(service string) bool {
	return slices.ContainsFunc(d.plan.Steps, func(s *Step) bool { return slices.Contains(s.Services(), service) })
}

// foresee notes in which state the plan leaves services.
func (d *differ) foresee(s *Step) {
	switch s.Name {
	case "add_service", "add_services":
		for _, name := range s.Services() {
			d.final[name] = s.Name
		}
	case "remove_service", "start_service", "stop_service":
		if v, ok := s.Arg("name"); ok {
			d.final[StringOf(v)] = s.Name
		}
	}
}

// compare decides on a step by itself.
func (d *differ) compare(s *Step) Decision {
	now := d.records[s.ID]
	before, same := d.byIdentity[now.Identity]
	if !same {
		return Decision{Cause: d.whatChanged(now)}
	}
	run := func(format string, args ...any) Decision { return Decision{Cause: fmt.Sprintf(format, args...)} }
	if !before.Done {
		return run("not done in the last run")
	}
	if v, ok := s.Arg("force_update"); ok && v == Bool(true) {
		return run("force_update is set")
	}
	for _, ref := range s.Images() {
		if was, is := before.Images[ref], d.world.Images[ref]; was != "" && is != "" && was != is {
			return run("image %s changed", ref)
		}
	}
	for _, name := range before.Services {
		running, there := d.world.Services[name]
		switch last := d.final[name]; {
		case last == "remove_service":
		case !there:
			return run("service %s is gone", name)
		case !running && last != "stop_service":
			return run("service %s is stopped", name)
		}
	}
	for _, name := range before.Artifacts {
		if !d.world.Artifacts[name] {
			return run("artifact %s is gone", name)
		}
	}
	return Decision{Skip: true, Cause: Unchanged, Previous: before.ID}
}

// whatChanged compares with the record of what was the same step before somebody edited it.
func (d *differ) whatChanged(now Record) string {
	for _, before := range d.done {
		if before.Name != now.Name || slices.ContainsFunc(d.plan.Steps, func(s *Step) bool { return d.records[s.ID].Identity == before.Identity }) {
			continue
		}
		made := len(now.Services)+len(now.Artifacts) > 0
		if made && (!slices.Equal(before.Services, now.Services) || !slices.Equal(before.Artifacts, now.Artifacts)) || !made && before.Position != now.Position {
			continue
		}
		var parts []string
		for part, hash := range now.Parts {
			if before.Parts[part] != hash {
				parts = append(parts, part)
			}
		}
		for part := range before.Parts {
			if _, ok := now.Parts[part]; !ok {
				parts = append(parts, part)
			}
		}
		if len(parts) == 0 {
			return "changed"
		}
		slices.Sort(parts)
		return strings.Join(parts, ", ") + " changed"
	}
	return "new"
}

// spread carries one round of consequences from steps that run to others; it reports whether there were any.
func (d *differ) spread() bool {
	changed := false
	for _, s := range d.plan.Steps {
		decision := d.decisions[s.ID]
		if decision.Skip {
			var because []Edge
			for _, e := range s.Needs {
				if !d.decisions[e.Step].Skip && d.matters(e) {
					because = append(because, e)
				}
			}
			if len(because) > 0 {
				decision.Skip, decision.Because, decision.Cause = false, because, d.causeOf(because[0])
				d.decisions[s.ID] = decision
				changed = true
			}
			continue
		}
		for _, e := range s.Needs {
			from := d.decisions[e.Step]
			if e.Cause != CauseService || !from.Skip {
				continue
			}
			for _, name := range d.byID[e.Step].Services() {
				if !d.world.Services[name] && (e.Name == "" || e.Name == name) && s.Name != "remove_service" {
					from.Skip, from.Cause = false, fmt.Sprintf("%s at %s needs service %s", s.Name, s.Position, name)
					d.decisions[e.Step] = from
					changed = true
				}
			}
		}
	}
	return changed
}

// matters tells whether an edge to a step that runs is a reason to run: order is none, nor is a service that the
// other step uses and does not change.
func (d *differ) matters(e Edge) bool {
	if e.Cause == CauseService {
		changes := d.byID[e.Step].touches().changes
		return len(changes) > 0 && (e.Name == "" || slices.Contains(changes, e.Name))
	}
	return e.Cause != CauseOrder
}

func (d *differ) causeOf(e Edge) string {
	switch from := d.byID[e.Step]; e.Cause {
	case CauseService, CauseArtifact:
		if e.Name == "" {
			return "the services changed"
		}
		return fmt.Sprintf("%s %s changed", e.Cause, e.Name)
	default:
		return fmt.Sprintf("a value of %s at %s changed", from.Name, from.Position)
	}
}

// identities gives every step of a plan an identity: a hash of its call and content in which a future stands as
// the identity of the step that gives it, so that neither numbering nor order of unrelated steps matter.
func identities(p *Plan) map[string]Record {
	records := make(map[string]Record, len(p.Steps))
	sources := map[string]string{} // label by future id
	seen := map[string]int{}
	label := func(text string) string {
		if !strings.Contains(text, futurePrefix) {
			return text
		}
		return futurePattern.ReplaceAllStringFunc(text, func(future string) string {
			m := futurePattern.FindStringSubmatch(future)
			return "{{" + sources[m[1]] + ":" + m[2] + "}}"
		})
	}
	for _, s := range p.Steps {
		identity := hash(label(string(appendCall(nil, s.Name, s.Args))) + "\x00" + strings.Join(s.Artifacts(), "\x00") + "\x00" + s.content())
		if seen[identity]++; seen[identity] > 1 {
			identity = hash(fmt.Sprintf("%s#%d", identity, seen[identity]))
		}
		for i, source := range s.Futures {
			sources[source.ID] = fmt.Sprintf("%s.%d", identity, i)
		}
		r := Record{
			ID: s.ID, Package: p.Owner(), Name: s.Name, Position: s.Position.String(), Identity: identity,
			Services: s.Services(), Artifacts: s.Artifacts(), Parts: map[string]string{},
		}
		for _, arg := range s.Args {
			o, ok := arg.Value.(*Object)
			if !ok {
				r.Parts[arg.Name] = hash(label(arg.Value.String()))
				continue
			}
			for _, f := range o.Fields {
				r.Parts[arg.Name+"."+f.Name] = hash(label(f.Value.String()))
			}
		}
		if content := s.content(); content != "" {
			r.Parts["files"] = content
		}
		records[s.ID] = r
	}
	return records
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:12])
}
