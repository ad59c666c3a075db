// Package plan holds what interpretation decides and execution does: the steps of a run as plain data, the
// futures and dependencies between them, what is wrong with them, and every form in which a plan is shown.
package plan

import (
	"strconv"

	"github.com/kurtosis-go/kurtosis/lang/source"
)

// Plan is everything that one interpretation decided.
type Plan struct {
	Package      string            `json:"package"`                // the package's name from kurtosis.yml, "" for a standalone script
	Identity     string            `json:"identity,omitempty"`     // what tells a standalone script from others in an enclave; "" is what Package says
	Dependencies []string          `json:"dependencies,omitempty"` // names of other packages that were imported, sorted
	Replace      map[string]string `json:"replace,omitempty"`      // the root package's replace entries in force
	Cluster      string            `json:"cluster"`                // what get_cluster_type answered: "docker" or "kubernetes"
	Steps        []*Step           `json:"steps"`
	Result       Value             `json:"-"` // what run returned; None when nothing. Encoded by the plan's own MarshalJSON
	Warnings     []Warning         `json:"warnings,omitempty"`
}

// Owner is whose the plan's steps and services are in an enclave: the package's, or the script's. Nothing belongs to "",
// a script that nobody can tell from others: its steps are compared with those of the last one like it.
func (p *Plan) Owner() string {
	if p.Package != "" {
		return p.Package
	}
	return p.Identity
}

// Warning is advice that interpretation has to give: use of something deprecated.
type Warning struct {
	Code     string   `json:"code"`
	Message  string   `json:"message"`
	Position Position `json:"position"`
	Hint     string   `json:"hint,omitempty"`
}

// Position is where an instruction is called: a module's locator and a place in it.
type Position struct {
	Module string // locator without version: github.com/o/r/main.star; "" for a standalone script
	source.Pos
}

// String prints the position as the reference does: module[line:col].
func (p Position) String() string {
	return p.Module + "[" + strconv.Itoa(int(p.Line)) + ":" + strconv.Itoa(int(p.Col)) + "]"
}

// Step is one instruction of a plan.
type Step struct {
	ID          string     // "1", "2" … in script order; unique within the plan
	Name        string     // the instruction: "add_service", "exec" …
	Position    Position   // the call in the script
	Args        []Field    // the arguments that were given, in declaration order, without description, as they were when the call was made
	Shown       []Field    // the arguments as Call prints them, where the script changed a list or dict after the call; nil else
	Description string     // the caller's description, or the reference's sentence for the instruction
	Described   bool       // the caller gave the description
	Returns     Value      // what the call returned to the script, futures included
	Futures     []Source   // the futures that this step resolves
	Needs       []Edge     // the steps that must be done before this one, in step order
	Locators    []Resolved // the locators among the arguments (uploads, build contexts), resolved
}

// Resolved is a locator of an argument and what it means on this machine.
type Resolved struct {
	Locator string `json:"locator"` // as written
	Path    string `json:"path"`    // on disk
	Hash    string `json:"hash"`    // content hash of the file or directory: part of the step's identity
}

// Source names a future that a step resolves when it is done.
type Source struct {
	ID      string `json:"id"`                // 32 hex digits
	Service string `json:"service,omitempty"` // the service it is about, "" when it is about the step itself
}

// Cause says why one step depends on another.
type Cause string

const (
	CauseService  Cause = "service"  // uses a service that the other adds, changes or removes
	CauseArtifact Cause = "artifact" // mounts or reads a files artifact that the other makes
	CauseFuture   Cause = "future"   // needs a value that the other produces
	CauseOrder    Cause = "order"    // must not overtake the other: print, everything after a wait
)

// Edge is a dependency of a step on an earlier one.
type Edge struct {
	Step  string `json:"step"`           // the ID of the step that must be done first
	Cause Cause  `json:"cause"`          // why
	Name  string `json:"name,omitempty"` // the service, artifact or future that ties them
}

// Arg returns an argument by its parameter name.
func (s *Step) Arg(name string) (Value, bool) { return field(s.Args, name) }

// Call is the canonical text of the instruction, the one that the reference compares and shows.
func (s *Step) Call() string {
	return string(appendCall(nil, s.Name, s.shown()))
}
