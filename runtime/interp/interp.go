// Package interp runs a package's Starlark and records what it asks for as a plan. It decides everything and
// does nothing: it reads modules through the snapshot that it is given and touches neither network nor engine.
package interp

import (
	"context"
	"sync"

	"go.starlark.net/starlark"

	"github.com/kurtosis-go/kurtosis/lang/parse"
	"github.com/kurtosis-go/kurtosis/lang/source"
	"github.com/kurtosis-go/kurtosis/lang/workspace"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

// Source gives the modules and files of packages. A workspace.Snapshot is one.
type Source interface {
	// Module parses the module that is at target.
	Module(ctx context.Context, target workspace.Target) (*parse.Tree, error)
	// Read returns the bytes of a file on disk or in an open buffer.
	Read(ctx context.Context, path string) ([]byte, error)
	// Resolver finds what locators mean.
	Resolver() workspace.Resolver
}

// Input is what a run is made from.
type Input struct {
	Target      workspace.Target  // the module that is run
	Function    string            // "run" by default
	Args        plan.Value        // a *plan.Dict, or nil for none
	Cluster     string            // what get_cluster_type answers: "docker" (the default) or "kubernetes"
	Privileged  bool              // the run opted in to privileged services
	Replace     map[string]string // the root package's replace entries, for the record
	Environment plan.Environment  // what the enclave holds before the run
	Variables   map[string]string // members of the kurtosis module, names in lower case
	FirstFuture int               // number of the first future; 1 by default. A run on an enclave with values starts after them
	Limits      Limits

	// Convert makes Starlark of a file that import_module names and that is none, such as a Compose file; ok is
	// false for files that are Starlark themselves. nil: all are.
	Convert func(ctx context.Context, target workspace.Target) (module []byte, ok bool, err error)
}

// Interpreter keeps compiled programs, so that a module that has not changed is compiled once however often it
// is run. It is safe for concurrent use.
type Interpreter struct {
	mu       sync.Mutex
	programs map[programKey]*program
}

// programKey names a program by its text. The file's name is compiled into positions, so it counts too.
type programKey struct {
	hash source.Hash
	name string
}

type program struct {
	once     sync.Once
	compiled *starlark.Program
	err      error
}

// New makes an Interpreter that has compiled nothing yet.
func New() *Interpreter { return &Interpreter{programs: map[programKey]*program{}} }

// Plan interprets a package once. An error that says why there is no plan is an *Error.
func Plan(ctx context.Context, from Source, in Input) (*plan.Plan, error) {
	return New().Plan(ctx, from, in)
}

// compile makes the program of a module that parsed without errors, once per text: FileProgram writes into the
// tree, and what it makes is immutable.
func (i *Interpreter) compile(tree *parse.Tree) (*starlark.Program, error) {
	key := programKey{tree.File.Hash(), tree.File.Name()}
	i.mu.Lock()
	p := i.programs[key]
	if p == nil {
		p = &program{}
		i.programs[key] = p
	}
	i.mu.Unlock()
	p.once.Do(func() { p.compiled, p.err = starlark.FileProgram(tree.Syntax, isPredeclared) })
	return p.compiled, p.err
}

// Retain forgets the programs of all texts but those for which keep says so, for users that run for long.
func (i *Interpreter) Retain(keep func(source.Hash) bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for key := range i.programs {
		if !keep(key.hash) {
			delete(i.programs, key)
		}
	}
}
