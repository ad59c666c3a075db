package ide

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/kurtosis-go/kurtosis/lang/parse"
	"github.com/kurtosis-go/kurtosis/lang/source"
	"github.com/kurtosis-go/kurtosis/lang/workspace"
	"github.com/kurtosis-go/kurtosis/packages"
	"github.com/kurtosis-go/kurtosis/runtime/interp"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

// previewLimits are what a preview may use, so that a script that is half typed and never ends costs little.
func previewLimits() interp.Limits {
	return interp.Limits{Steps: 200_000_000, Time: 10 * time.Second, Memory: 512 << 20}
}

// PreviewInput says what is previewed.
type PreviewInput struct {
	Path    string // a module of the package; a package is previewed from its main.star
	Args    []byte // JSON or YAML, nil for none
	Cluster string // "docker" or "kubernetes", "" for docker
}

// Preview is what a package would do.
type Preview struct {
	Package   string
	Main      string // the module that was run
	Steps     []PreviewStep
	Services  []PreviewService
	Artifacts []PreviewArtifact
	Result    string
	Problems  []PreviewProblem
	Error     *PreviewProblem // there is no plan; why
}

// PreviewStep is one instruction.
type PreviewStep struct {
	ID                      int
	Name, Call, Description string
	At                      *Location // the call in the text
	Needs                   []PreviewNeed
	Services, Artifacts     []string
}

// PreviewNeed is a step that must be done before.
type PreviewNeed struct {
	Step  int
	Cause string
}

// PreviewService is a service with what it listens on and what it mounts.
type PreviewService struct {
	Name, Image string
	Step        int
	Ports       []PreviewPort
	Files       []PreviewFiles
}

// PreviewPort is a port of a service.
type PreviewPort struct {
	ID                          string
	Number                      uint16
	Transport, Application, URL string
}

// PreviewFiles is what a service mounts at a path.
type PreviewFiles struct {
	Path      string
	Artifacts []string
}

// PreviewArtifact is a files artifact.
type PreviewArtifact struct {
	Name string
	Step int
}

// PreviewProblem is something that would fail.
type PreviewProblem struct {
	Code, Message, Hint string
	At                  *Location
}

// Preview makes the plan of a package, or of a script that is in none. It touches neither engine nor network. The
// error is ctx's, or says that what is asked for is no such thing.
func (v *View) Preview(ctx context.Context, in PreviewInput) (*Preview, *plan.Plan, error) {
	pkg := v.previewed(ctx, in.Path)
	out := &Preview{Package: pkg.Name, Main: pkg.Main.Path}
	args, err := plan.DecodeArguments(in.Args)
	if err != nil {
		out.Error = &PreviewProblem{Code: "arguments", Message: err.Error()}
		return out, nil, nil
	}
	replace := map[string]string{}
	if pkg.Manifest != nil {
		for _, r := range pkg.Manifest.Replace {
			replace[r.Package] = r.With
		}
	}
	from := &previewSource{files: v.files, pkg: pkg, seen: map[source.Hash]bool{}}
	made, err := v.shared.interpreter.Plan(ctx, from, interp.Input{
		Target: pkg.Main, Args: args, Cluster: in.Cluster, Replace: replace, Limits: previewLimits(),
	})
	if ctx.Err() != nil {
		return nil, nil, ctx.Err()
	}
	if err != nil {
		out.Error = previewError(err)
		return out, nil, nil
	}
	v.shared.interpreter.Retain(func(h source.Hash) bool { return from.seen[h] })
	p := previewer{v: v, ctx: ctx, pkg: pkg, from: from}
	p.fill(out, made)
	return out, made, nil
}

// previewed is the package that a file is part of, or the script that it is.
func (v *View) previewed(ctx context.Context, path string) *packages.Package {
	if root, ok := v.PackageRoot(ctx, path); ok {
		if p := v.Package(ctx, root); p.Manifest != nil {
			main := p.Main.Path
			if _, err := v.files.Stat(ctx, main); err == nil || path == main {
				return p
			}
		}
	}
	p := packages.Around(ctx, v.files, filepath.Dir(path), packages.Options{
		Vendor: v.settings.Vendor, Fetcher: v.settings.Fetcher, Main: filepath.Base(path),
	})
	p.Main.Path = path
	return p
}

// previewSource gives the interpreter the files of a view, and notes what it takes.
type previewSource struct {
	files *workspace.Snapshot
	pkg   *packages.Package
	mu    sync.Mutex
	seen  map[source.Hash]bool
}

func (s *previewSource) Module(ctx context.Context, t workspace.Target) (*parse.Tree, error) {
	tree, err := s.files.Module(ctx, t)
	if err == nil {
		s.mu.Lock()
		s.seen[tree.File.Hash()] = true
		s.mu.Unlock()
	}
	return tree, err
}

func (s *previewSource) Read(ctx context.Context, path string) ([]byte, error) {
	return s.files.Read(ctx, path)
}

func (s *previewSource) Resolver() workspace.Resolver { return s.pkg }

func previewError(err error) *PreviewProblem {
	var e *interp.Error
	if !errors.As(err, &e) {
		return &PreviewProblem{Code: "evaluation", Message: err.Error()}
	}
	p := &PreviewProblem{Code: e.Code, Message: e.Message, Hint: e.Hint}
	for _, c := range e.Causes {
		p.Message += "\n" + c
	}
	if frame, ok := e.Where(); ok && frame.Path != "" {
		p.At = &Location{frame.Path, source.Range{Start: frame.Position.Pos, End: frame.Position.Pos}}
		if e.Code == "syntax" && frame.Function != "" {
			p.Message = frame.Function
		}
	}
	return p
}

type previewer struct {
	v    *View
	ctx  context.Context
	pkg  *packages.Package
	from *previewSource
}

func (p *previewer) fill(out *Preview, made *plan.Plan) {
	if _, none := made.Result.(plan.None); !none {
		out.Result = made.ResultText()
	}
	for _, s := range made.Steps {
		id, _ := strconv.Atoi(s.ID)
		step := PreviewStep{
			ID: id, Name: s.Name, Call: s.Call(), Description: s.Description, At: p.location(s.Position),
			Services: s.Services(), Artifacts: s.Artifacts(),
		}
		for _, n := range s.Needs {
			on, _ := strconv.Atoi(n.Step)
			cause := string(n.Cause)
			if n.Name != "" {
				cause += " " + n.Name
			}
			step.Needs = append(step.Needs, PreviewNeed{on, cause})
		}
		out.Steps = append(out.Steps, step)
		out.Services = append(out.Services, services(s, id)...)
		for _, a := range step.Artifacts {
			out.Artifacts = append(out.Artifacts, PreviewArtifact{a, id})
		}
	}
	for _, w := range made.Warnings {
		out.Problems = append(out.Problems, PreviewProblem{w.Code, w.Message, w.Hint, p.location(w.Position)})
	}
	for _, w := range made.Validate(plan.Environment{}) {
		out.Problems = append(out.Problems, PreviewProblem{w.Code, w.Message, w.Hint, p.location(w.Position)})
	}
}

// location finds the call that a position of the plan means.
func (p *previewer) location(at plan.Position) *Location {
	path := p.pkg.Main.Path
	if at.Module != "" && at.Module != p.pkg.Main.Locator {
		var ok bool
		if path, ok = p.pkg.Path(at.Module); !ok {
			return nil
		}
	}
	tree, err := p.from.files.Module(p.ctx, workspace.Target{Path: path})
	if err != nil {
		return nil
	}
	r := source.Range{Start: at.Pos, End: at.Pos}
	for _, n := range nodesAt(tree, at.Pos) {
		if name := calledNode(n); name != nil && nodeRange(n).Contains(at.Pos) {
			r = nodeRange(n)
		}
	}
	return &Location{path, r}
}

func services(s *plan.Step, id int) []PreviewService {
	in, err := s.Instruction()
	if err != nil {
		return nil
	}
	switch in := in.(type) {
	case *plan.AddService:
		return []PreviewService{service(in.Name, &in.Config, id)}
	case *plan.AddServices:
		var out []PreviewService
		for name, config := range in.Configs.All() {
			out = append(out, service(name, &config, id))
		}
		return out
	}
	return nil
}

func service(name string, c *plan.ServiceConfig, id int) PreviewService {
	s := PreviewService{Name: name, Image: c.Image.Reference(), Step: id, Ports: []PreviewPort{}, Files: []PreviewFiles{}}
	for key, port := range c.Ports.All() {
		s.Ports = append(s.Ports, PreviewPort{key, port.Number, port.TransportProtocol, port.ApplicationProtocol, port.URL})
	}
	for path, d := range c.Files.All() {
		names := slices.Clone(d.ArtifactNames)
		if d.PersistentKey != "" {
			names = append(names, "persistent "+d.PersistentKey)
		}
		s.Files = append(s.Files, PreviewFiles{path, names})
	}
	return s
}

// PlanText shows the plan of a package as a document: what each step does, or why there is none.
func (v *View) PlanText(ctx context.Context, in PreviewInput) (string, error) {
	preview, made, err := v.Preview(ctx, in)
	if err != nil {
		return "", err
	}
	if preview.Error != nil {
		text := "There is no plan.\n\n" + preview.Error.Message + "\n"
		if at := preview.Error.At; at != nil {
			text += fmt.Sprintf("at %s:%s\n", v.shown(at.Path), at.Range.Start)
		}
		if preview.Error.Hint != "" {
			text += "hint: " + preview.Error.Hint + "\n"
		}
		return text, nil
	}
	text, err := made.Text(plan.Executable)
	if err != nil {
		text, err = made.Text(plan.Describe)
	}
	return text, err
}
