package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/lang/source"
	"github.com/kurtosis-go/kurtosis/lang/workspace"
	"github.com/kurtosis-go/kurtosis/runtime"
	"github.com/kurtosis-go/kurtosis/runtime/interp"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

// previewDocument is a plan as -o json prints it.
type previewDocument struct {
	Result       string                `json:"result"`
	Instructions []instructionDocument `json:"instructions"`
	PlanYAML     string                `json:"planYaml"`
	Images       []imageDocument       `json:"images"`
	Problems     []problemDocument     `json:"problems"`
	Warnings     []problemDocument     `json:"warnings"`
	Removed      []string              `json:"removed,omitempty"` // services of the enclave that the package no longer adds
}

type instructionDocument struct {
	ID          string      `json:"id"`
	Name        string      `json:"name"`
	Position    string      `json:"position"`
	Call        string      `json:"call"`
	Description string      `json:"description"`
	Needs       []plan.Edge `json:"needs,omitempty"`
	Skip        *bool       `json:"skip,omitempty"`  // compared with an enclave: whether the step would be left out
	Cause       string      `json:"cause,omitempty"` // and why, or why not
}

type problemDocument struct {
	Code     string `json:"code"`
	Message  string `json:"message"`
	Position string `json:"position"`
	Hint     string `json:"hint,omitempty"`
}

// options are what the facade needs to know of a job.
func (j *job) options() runtime.Options {
	o := runtime.Options{
		Package: j.pkg, Function: j.function, Args: j.args, Secrets: j.secrets, Cluster: *j.cluster, Privileged: j.privileged, Strict: j.strict,
	}
	if j.noCheck {
		o.Cache = workspace.NewCache(0) // a module is parsed, compiled and done with
	} else {
		o.Checker = checker{j.pkg}
	}
	return o
}

func (a *app) preview(ctx context.Context, j *job) error {
	made, err := runtime.Plan(ctx, j.options())
	if err != nil {
		return a.refusal(ctx, made, err)
	}
	if !j.quiet {
		fmt.Fprint(a.Err, a.findings(made.Diagnostics))
	}
	if j.dependencies {
		err = a.showDependencies(ctx, made.Plan, j)
	} else {
		err = a.showPlan(ctx, made.Plan, made.Problems, j)
	}
	if err != nil {
		return err
	}
	return a.previewed(j, made)
}

// previewed ends a preview: the graph, what there is to say about the plan, and whether it can be executed.
func (a *app) previewed(j *job, made *runtime.Preview) error {
	p, problems := made.Plan, made.Problems
	if j.outputGraph {
		if err := j.writeGraph(p); err != nil {
			return err
		}
	}
	if !j.quiet {
		a.showWarnings(j, p.Warnings)
	}
	a.showProblems(j, problems)
	if len(problems) > 0 {
		return &shownError{statusFault}
	}
	return nil
}

func (a *app) showPlan(ctx context.Context, p *plan.Plan, problems []plan.Problem, j *job) error {
	text, err := "", error(nil)
	switch a.output {
	case formatJSON:
		doc, err := planDocumentOf(p, problems)
		if err == nil && j.images {
			err = a.addStates(ctx, p, doc.Images)
		}
		if err != nil {
			return err
		}
		a.printJSON(doc)
		return nil
	case formatYAML:
		var yaml []byte
		yaml, err = p.YAML()
		text = string(yaml)
	case formatMermaid:
		text = p.Mermaid(false)
	case formatDot:
		text = p.Dot(false)
	default:
		if j.quiet {
			text = p.ResultText()
			if text != "" {
				text += "\n"
			}
			break
		}
		text, err = p.Text(plan.Verbosity(*j.verbosity))
		if text != "" {
			text += "\n"
		}
		if len(problems) == 0 && *j.verbosity != string(plan.Executable) { // that is a module, and stays one
			text += outcome(p.ResultText(), " in dry-run mode")
		}
	}
	if err != nil {
		return err
	}
	if _, err = io.WriteString(a.Out, text); err != nil || !j.images {
		return err
	}
	return a.showStates(ctx, p)
}

// outcome is how the reference words the end of a run that went well.
func outcome(result, mode string) string {
	text := "Starlark code successfully run" + mode + "."
	if result == "" {
		return text + " No output was returned.\n"
	}
	return text + " Output was:\n" + result + "\n"
}

// showDependencies lists what running the package would take from elsewhere.
func (a *app) showDependencies(ctx context.Context, p *plan.Plan, j *job) error {
	list, err := describeImages(p)
	if err == nil && j.images {
		err = a.addStates(ctx, p, list)
	}
	if err != nil {
		return err
	}
	doc := struct {
		Images   []string          `json:"images" yaml:"images"`
		States   map[string]string `json:"imageStates,omitempty" yaml:"imageStates,omitempty"`
		Packages []string          `json:"packageDependencies" yaml:"packageDependencies"`
	}{[]string{}, map[string]string{}, append([]string{}, p.Dependencies...)}
	for _, d := range list {
		doc.Images = append(doc.Images, d.Image)
		if d.State != "" {
			doc.States[d.Image] = d.State
		}
	}
	if a.output == formatJSON {
		a.printJSON(doc)
	} else {
		enc := yaml.NewEncoder(a.Out)
		enc.SetIndent(2)
		if err := errors.Join(enc.Encode(doc), enc.Close()); err != nil {
			return err
		}
	}
	if j.pull {
		return a.pullImages(ctx, p)
	}
	return nil
}

// writeGraph writes what --output-graph asks for.
func (j *job) writeGraph(p *plan.Plan) error {
	if err := os.MkdirAll(j.outputGraphDir, 0o755); err != nil {
		return &faultError{fmt.Sprintf("can't write the graph: %s", err), ""}
	}
	files := map[string]string{"dependency-graph.dot": p.Dot(false)}
	if j.withMermaid {
		files["dependency-graph.mmd"] = p.Mermaid(false)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(j.outputGraphDir, name), []byte(text), 0o644); err != nil {
			return &faultError{fmt.Sprintf("can't write the graph: %s", err), ""}
		}
	}
	return nil
}

func planDocumentOf(p *plan.Plan, problems []plan.Problem) (previewDocument, error) {
	yaml, err := p.YAML()
	if err != nil {
		return previewDocument{}, err
	}
	images, err := describeImages(p)
	if err != nil {
		return previewDocument{}, err
	}
	doc := previewDocument{
		Result: p.ResultText(), PlanYAML: string(yaml), Images: images,
		Instructions: []instructionDocument{}, Problems: []problemDocument{}, Warnings: []problemDocument{},
	}
	for _, s := range p.Steps {
		doc.Instructions = append(doc.Instructions, instructionDocument{
			ID: s.ID, Name: s.Name, Position: s.Position.String(), Call: s.Call(), Description: s.Description, Needs: s.Needs,
		})
	}
	for _, p := range problems {
		doc.Problems = append(doc.Problems, problemDocument{p.Code, p.Message, p.Position.String(), p.Hint})
	}
	for _, w := range p.Warnings {
		doc.Warnings = append(doc.Warnings, problemDocument{w.Code, w.Message, w.Position.String(), w.Hint})
	}
	return doc, nil
}

func (a *app) showWarnings(j *job, warnings []plan.Warning) {
	list := make([]diag.Diagnostic, len(warnings))
	for i, w := range warnings {
		list[i] = diag.Diagnostic{Code: w.Code, Severity: diag.Warning, File: j.file(w.Position), Range: placeOf(w.Position), Message: w.Message, Hint: w.Hint}
	}
	a.showFindings(list)
}

func (a *app) showProblems(j *job, problems []plan.Problem) {
	list := make([]diag.Diagnostic, len(problems))
	for i, p := range problems {
		list[i] = diag.Diagnostic{Code: p.Code, Severity: diag.Error, File: j.file(p.Position), Range: placeOf(p.Position), Message: p.Message, Hint: p.Hint}
	}
	a.showFindings(list)
	switch len(problems) {
	case 0:
	case 1:
		fmt.Fprintf(a.Err, "\n%s the plan has a problem\n", a.style.Red("kurtosis:"))
	default:
		fmt.Fprintf(a.Err, "\n%s the plan has %d problems\n", a.style.Red("kurtosis:"), len(problems))
	}
}

func (a *app) showFindings(list []diag.Diagnostic) {
	if len(list) > 0 {
		a.diagnose(list, reader())
	}
}

// reader gives the texts of files for code frames, each read once.
func reader() func(name string) *source.File {
	files := map[string]*source.File{}
	return func(name string) *source.File {
		f, known := files[name]
		if !known {
			if text, err := os.ReadFile(name); err == nil {
				f = source.NewFile(name, text)
			}
			files[name] = f
		}
		return f
	}
}

func placeOf(p plan.Position) source.Range { return source.Range{Start: p.Pos, End: p.Pos} }

// file is where the module of a position is on disk, or what it is called where that is not known.
func (j *job) file(p plan.Position) string {
	if p.Module == "" {
		return j.pkg.Main.Path
	}
	if path, ok := j.pkg.Path(p.Module); ok {
		return path
	}
	return p.Module
}

// refusal shows why a package gives no plan: on the terminal in our words, with the line it is about; in JSON with
// the reference's text.
func (a *app) refusal(ctx context.Context, made *runtime.Preview, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var unchecked *runtime.CheckError
	if errors.As(err, &unchecked) {
		return a.strictly(unchecked)
	}
	var e *interp.Error
	if !errors.As(err, &e) {
		return err
	}
	found := diagnosticsOf(e, made.Target.Path)
	if where, ok := e.Where(); ok && e.Code == "syntax" {
		if all := syntaxErrors(ctx, where.Path); len(all) > 0 {
			found = all
		}
	}
	found = explained(found, made.Causes)
	a.showFindings(found)
	others := slices.DeleteFunc(slices.Clone(made.Diagnostics), func(d diag.Diagnostic) bool {
		return slices.ContainsFunc(found, func(f diag.Diagnostic) bool { return f.File == d.File && f.Range == d.Range && f.Code == d.Code })
	})
	switch n := len(others); n {
	case 0:
	case 1:
		fmt.Fprintf(a.Err, "\n%s the checker found another error: 'kurtosis lint' shows it\n", a.style.Bold("note:"))
	default:
		fmt.Fprintf(a.Err, "\n%s the checker found %d other errors: 'kurtosis lint' shows them\n", a.style.Bold("note:"), n)
	}
	if a.output == formatJSON {
		a.printJSON(errorDocument{Error: e.Error(), Diagnostics: found})
	}
	return &shownError{statusFault}
}

// explained puts what the checker says in the place of what it is about: the checker names the argument, where the
// interpretation knows the call. The calls that led there stay.
func explained(found, causes []diag.Diagnostic) []diag.Diagnostic {
	if len(causes) == 0 {
		return found
	}
	if len(found) == 1 {
		causes = slices.Clone(causes)
		last := &causes[len(causes)-1]
		last.Related = slices.Concat(last.Related, found[0].Related)
		if last.Hint == "" {
			last.Hint = found[0].Hint
		}
		return causes
	}
	out := slices.Clone(found)
	for i, d := range found {
		for _, c := range causes {
			if c.File == d.File && c.Range.Start == d.Range.Start {
				out[i] = c
			}
		}
	}
	return out
}

// syntaxErrors are all that a file has, of which the reference tells the first.
func syntaxErrors(ctx context.Context, path string) []diag.Diagnostic {
	files := workspace.New(workspace.Options{Disk: workspace.Disk(), Cache: workspace.NewCache(0)})
	tree, err := files.Module(ctx, workspace.Target{Path: path})
	if err != nil {
		return nil
	}
	return tree.Diagnostics
}

// diagnosticsOf is an error of interpretation at the innermost place that it can be seen at, with the calls that led
// there; or each of the static errors.
func diagnosticsOf(e *interp.Error, main string) []diag.Diagnostic {
	if e.Code == "syntax" { // the frames are the errors, not calls
		var list []diag.Diagnostic
		for _, f := range e.Stack {
			code := e.Code
			if strings.HasPrefix(f.Function, "undefined: ") {
				code = "undefined-name"
			}
			list = append(list, diag.Diagnostic{Code: code, Severity: diag.Error, File: f.Path, Range: placeOf(f.Position), Message: f.Function, Hint: e.Hint})
		}
		return list
	}
	d := diag.Diagnostic{Code: e.Code, Severity: diag.Error, File: main, Message: plainly(e), Hint: e.Hint}
	if where, ok := e.Where(); ok {
		d.File, d.Range, d.Related = where.Path, placeOf(where.Position), callers(e.Stack)
	}
	return []diag.Diagnostic{d}
}

// plainly is the reference's message without what it puts around the point.
func plainly(e *interp.Error) string {
	message := strings.TrimPrefix(e.Message, "Evaluation error: ")
	if len(e.Causes) == 0 {
		return message
	}
	cause := e.Causes[len(e.Causes)-1]
	const several = "the following argument(s) could not be parsed or did not pass validation: "
	list, ok := strings.CutPrefix(cause, several)
	var bad map[string]string
	if !ok || json.Unmarshal([]byte(list), &bad) != nil {
		if strings.HasPrefix(message, "Cannot construct ") || strings.HasPrefix(message, "Tried to convert locator ") {
			return cause // it names what it is about
		}
		return message + ": " + cause
	}
	parts := make([]string, 0, len(bad))
	for _, name := range slices.Sorted(maps.Keys(bad)) {
		parts = append(parts, name+": "+strings.TrimPrefix(bad[name], "Value for '"+name+"': "))
	}
	what := ""
	if _, rest, ok := strings.Cut(message, "'"); ok {
		what, _, _ = strings.Cut(rest, "'")
		what += ": "
	}
	return what + strings.Join(parts, "; ")
}

// callers are the calls around the innermost place in a module, from the inside.
func callers(stack []interp.Frame) []diag.Related {
	var out []diag.Related
	innermost := true
	for _, f := range slices.Backward(stack) {
		switch {
		case !f.Position.IsValid():
		case innermost:
			innermost = false
		default:
			out = append(out, diag.Related{File: f.Path, Range: placeOf(f.Position), Message: "called from here, in " + f.Function})
		}
	}
	return out
}
