package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/kurtosis-go/kurtosis/lang/source"
	"github.com/kurtosis-go/kurtosis/lang/workspace"
	"github.com/kurtosis-go/kurtosis/runtime/interp"
	"github.com/kurtosis-go/kurtosis/runtime/plan"
)

// previewDocument is a plan as -o json prints it.
type previewDocument struct {
	Result       string                `json:"result"`
	Instructions []instructionDocument `json:"instructions"`
	PlanYAML     string                `json:"planYaml"`
	Problems     []problemDocument     `json:"problems"`
}

type instructionDocument struct {
	Name        string      `json:"name"`
	Position    string      `json:"position"`
	Call        string      `json:"call"`
	Description string      `json:"description"`
	ID          string      `json:"id"`
	Needs       []plan.Edge `json:"needs,omitempty"`
}

type problemDocument struct {
	Code     string       `json:"code"`
	Message  string       `json:"message"`
	Position positionJSON `json:"position"`
	Hint     string       `json:"hint,omitempty"`
}

// interpret makes the plan of a job, and gives the files that it was made from.
func (a *app) interpret(ctx context.Context, j *job) (*plan.Plan, *workspace.Snapshot, error) {
	files := snapshot(j.pkg)
	replace := map[string]string{}
	if j.pkg.Manifest != nil {
		for _, r := range j.pkg.Manifest.Replace {
			replace[r.Package] = r.With
		}
	}
	p, err := interp.Plan(ctx, files, interp.Input{
		Target: j.pkg.Main, Function: j.function, Args: j.args, Cluster: *j.cluster, Privileged: j.privileged, Replace: replace,
	})
	return p, files, err
}

func (a *app) preview(ctx context.Context, j *job) error {
	p, files, err := a.interpret(ctx, j)
	if err != nil {
		return a.refusal(ctx, err, files)
	}
	switch a.output {
	case formatJSON:
		yaml, err := p.YAML()
		if err != nil {
			return err
		}
		doc := previewDocument{Result: p.ResultText(), PlanYAML: string(yaml), Instructions: []instructionDocument{}, Problems: []problemDocument{}}
		for _, s := range p.Steps {
			doc.Instructions = append(doc.Instructions, instructionDocument{
				Name: s.Name, Position: s.Position.String(), Call: s.Call(), Description: s.Description, ID: s.ID, Needs: s.Needs,
			})
		}
		a.printJSON(doc)
	case formatYAML:
		yaml, err := p.YAML()
		if err != nil {
			return err
		}
		_, err = a.Out.Write(yaml)
		return err
	default:
		for _, s := range p.Steps {
			fmt.Fprintln(a.Out, s.Description)
		}
	}
	return nil
}

// refusal shows why a package gives no plan: on the terminal in our words, with the line it is about; in JSON with
// the reference's text.
func (a *app) refusal(ctx context.Context, err error, files *workspace.Snapshot) error {
	var e *interp.Error
	if !errors.As(err, &e) || ctx.Err() != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return err
	}
	doc := errorDocument{Error: e.Error(), Hint: e.Hint}
	fmt.Fprintf(a.Err, "%s %s\n", a.style.Red("kurtosis:"), e.Message)
	for _, cause := range e.Causes {
		fmt.Fprintf(a.Err, "  %s\n", cause)
	}
	if frame, ok := e.Where(); ok {
		at := source.Range{Start: frame.Position.Pos, End: frame.Position.Pos}
		if f, err := files.File(ctx, frame.Path); err == nil {
			a.frame(f, at)
		}
	}
	if e.Hint != "" {
		fmt.Fprintf(a.Err, "%s %s\n", a.style.Bold("hint:"), e.Hint)
	}
	if a.output == formatJSON {
		a.printJSON(doc)
	}
	return &shownError{statusFault}
}
