package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/kurtosis-go/kurtosis/cmd/internal/lsp/ide"
)

// planScheme is the scheme of documents that show a plan: kurtosis-plan:/path/main.star.plan?<uri of the module>.
const planScheme = "kurtosis-plan"

// Methods beside the protocol's.
const (
	methodPlanPreview     = "kurtosis/planPreview"
	methodPlanChanged     = "kurtosis/planChanged"
	methodDocumentContent = "kurtosis/documentContent"
	methodRunSignature    = "kurtosis/runSignature"
)

type planPreviewParams struct {
	URI      string          `json:"uri"`
	Args     json.RawMessage `json:"args"`
	ArgsFile string          `json:"argsFile"`
	Cluster  string          `json:"cluster"`
}

type location struct {
	URI   string         `json:"uri"`
	Range protocol.Range `json:"range"`
}

type planPreviewResult struct {
	URI       string         `json:"uri"`
	Package   string         `json:"package"`
	Version   *int32         `json:"version,omitempty"`
	Steps     []planStep     `json:"steps"`
	Services  []planService  `json:"services"`
	Artifacts []planArtifact `json:"artifacts"`
	Result    string         `json:"result,omitempty"`
	Problems  []planProblem  `json:"problems"`
	Error     *planProblem   `json:"error,omitempty"`
}

type planStep struct {
	ID          int        `json:"id"`
	Name        string     `json:"name"`
	Call        string     `json:"call"`
	Description string     `json:"description"`
	Location    *location  `json:"location,omitempty"`
	DependsOn   []planNeed `json:"dependsOn"`
	Services    []string   `json:"services"`
	Artifacts   []string   `json:"artifacts"`
}

type planNeed struct {
	Step  int    `json:"step"`
	Cause string `json:"cause"`
}

type planService struct {
	Name  string      `json:"name"`
	Image string      `json:"image"`
	Step  int         `json:"step"`
	Ports []planPort  `json:"ports"`
	Files []planFiles `json:"files"`
}

type planPort struct {
	ID          string `json:"id"`
	Number      uint16 `json:"number"`
	Transport   string `json:"transport"`
	Application string `json:"application,omitempty"`
	URL         string `json:"url,omitempty"`
}

type planFiles struct {
	Path      string   `json:"path"`
	Artifacts []string `json:"artifacts"`
}

type planArtifact struct {
	Name string `json:"name"`
	Step int    `json:"step"`
}

type planProblem struct {
	Code     string    `json:"code,omitempty"`
	Message  string    `json:"message"`
	Hint     string    `json:"hint,omitempty"`
	Location *location `json:"location,omitempty"`
}

// custom makes a handler of a method that is not the protocol's, with plain JSON both ways. All of them are about a document.
func custom[P, R any](f func(ctx context.Context, a *asked, params *P) (R, error)) requestHandler {
	inner := request(func(ctx context.Context, a *asked, raw *protocol.LSPAny) (protocol.LSPAny, error) {
		params := new(P)
		if err := json.Unmarshal(*raw, params); err != nil {
			return nil, invalid(err)
		}
		var of struct {
			URI string `json:"uri"`
		}
		if err := json.Unmarshal(*raw, &of); err != nil || of.URI == "" {
			return nil, invalid(errors.New("the uri is missing"))
		}
		result, err := f(ctx, a, params)
		if err != nil {
			return nil, err
		}
		return json.Marshal(result)
	})
	return inner
}

func planPreview(ctx context.Context, a *asked, p *planPreviewParams) (*planPreviewResult, error) {
	a.previews.Store(true)
	path := pathOf(uri.URI(p.URI))
	out := &planPreviewResult{URI: p.URI, Version: a.version(path), Steps: []planStep{}, Services: []planService{}, Artifacts: []planArtifact{}, Problems: []planProblem{}}
	args, err := a.previewArguments(ctx, path, p.Args, p.ArgsFile)
	if err != nil {
		out.Error = &planProblem{Message: err.Error()}
		return out, nil
	}
	preview, _, err := a.view.Preview(ctx, ide.PreviewInput{Path: path, Args: args, Cluster: a.cluster(p.Cluster)})
	if err != nil {
		return nil, err
	}
	out.Package, out.Result = preview.Package, preview.Result
	for _, s := range preview.Steps {
		step := planStep{
			ID: s.ID, Name: s.Name, Call: s.Call, Description: s.Description, Location: a.planLocation(ctx, s.At),
			DependsOn: []planNeed{}, Services: list(s.Services), Artifacts: list(s.Artifacts),
		}
		for _, n := range s.Needs {
			step.DependsOn = append(step.DependsOn, planNeed(n))
		}
		out.Steps = append(out.Steps, step)
	}
	for _, s := range preview.Services {
		service := planService{Name: s.Name, Image: s.Image, Step: s.Step, Ports: []planPort{}, Files: []planFiles{}}
		for _, port := range s.Ports {
			service.Ports = append(service.Ports, planPort(port))
		}
		for _, f := range s.Files {
			service.Files = append(service.Files, planFiles{f.Path, list(f.Artifacts)})
		}
		out.Services = append(out.Services, service)
	}
	for _, f := range preview.Artifacts {
		out.Artifacts = append(out.Artifacts, planArtifact(f))
	}
	for i := range preview.Problems {
		out.Problems = append(out.Problems, *a.planProblem(ctx, &preview.Problems[i]))
	}
	if preview.Error != nil {
		out.Error = a.planProblem(ctx, preview.Error)
	}
	return out, nil
}

// list is never null in JSON.
func list(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

func (a *asked) cluster(asked string) string {
	if asked != "" {
		return asked
	}
	return a.currentSettings().Preview.Cluster
}

func (a *asked) planProblem(ctx context.Context, p *ide.PreviewProblem) *planProblem {
	return &planProblem{Code: p.Code, Message: p.Message, Hint: p.Hint, Location: a.planLocation(ctx, p.At)}
}

func (a *asked) planLocation(ctx context.Context, at *ide.Location) *location {
	if at == nil {
		return nil
	}
	l, ok := a.location(ctx, *at)
	if !ok {
		return nil
	}
	return &location{string(l.URI), l.Range}
}

// previewArguments are the arguments of a preview: those that came with it, or the text of a file, open or on disk.
func (a *asked) previewArguments(ctx context.Context, path string, args json.RawMessage, file string) ([]byte, error) {
	if len(args) > 0 && string(args) != "null" {
		var text string
		if json.Unmarshal(args, &text) == nil {
			return []byte(text), nil
		}
		return args, nil
	}
	if file == "" {
		file = a.currentSettings().Preview.ArgsFile
	}
	if file == "" {
		return nil, nil
	}
	if !filepath.IsAbs(file) {
		base := filepath.Dir(path)
		if root, ok := a.view.PackageRoot(ctx, path); ok {
			base = root
		}
		file = filepath.Join(base, file)
	}
	text, err := a.view.Files().Read(ctx, file)
	if err != nil {
		return nil, fmt.Errorf("can't read the arguments file '%s'", file)
	}
	return text, nil
}

type documentContentParams struct {
	URI      string `json:"uri"`
	Kind     string `json:"kind"` // "plan": the plan of the module that URI names
	ArgsFile string `json:"argsFile"`
}

type documentContentResult struct {
	Text string `json:"text"`
}

func documentContent(ctx context.Context, a *asked, p *documentContentParams) (*documentContentResult, error) {
	text, err := a.content(ctx, uri.URI(p.URI), p.Kind == "plan", p.ArgsFile)
	if err != nil {
		return nil, err
	}
	return &documentContentResult{text}, nil
}

func textDocumentContent(ctx context.Context, a *asked, p *protocol.TextDocumentContentParams) (*protocol.TextDocumentContentResult, error) {
	text, err := a.content(ctx, p.URI, false, "")
	if err != nil {
		return nil, err
	}
	return &protocol.TextDocumentContentResult{Text: text}, nil
}

// content is the text of a document that is no file.
func (a *asked) content(ctx context.Context, u uri.URI, isPlan bool, argsFile string) (string, error) {
	if path := pathOf(u); ide.IsStub(path) {
		return ide.StubText(path)
	}
	scheme, rest, _ := strings.Cut(string(u), ":")
	if scheme == planScheme {
		isPlan = true
		if _, query, ok := strings.Cut(rest, "?"); ok {
			of, err := url.QueryUnescape(query)
			if err != nil {
				return "", fmt.Errorf("there is no document '%s'", u)
			}
			u = uri.URI(of)
		} else {
			u = uri.File(strings.TrimSuffix(strings.TrimPrefix(rest, "//"), ".plan"))
		}
	}
	if !isPlan {
		return "", fmt.Errorf("there is no document '%s'", u)
	}
	a.previews.Store(true)
	path := pathOf(u)
	args, err := a.previewArguments(ctx, path, nil, argsFile)
	if err != nil {
		return "", err
	}
	return a.view.PlanText(ctx, ide.PreviewInput{Path: path, Args: args, Cluster: a.cluster("")})
}

type runSignatureParams struct {
	URI string `json:"uri"`
}

type runParameter struct {
	Name     string `json:"name"`
	Type     string `json:"type"`
	Required bool   `json:"required"`
	Default  string `json:"default,omitempty"`
	Doc      string `json:"doc,omitempty"`
}

type runSignatureResult struct {
	Parameters []runParameter `json:"parameters"`
	Schema     map[string]any `json:"schema"`
}

func runSignature(ctx context.Context, a *asked, p *runSignatureParams) (*runSignatureResult, error) {
	params, ok, err := a.view.RunSignature(ctx, pathOf(uri.URI(p.URI)))
	if err != nil || !ok {
		return nil, err
	}
	out := &runSignatureResult{Parameters: []runParameter{}, Schema: ide.Schema(params)}
	for _, q := range params {
		out.Parameters = append(out.Parameters, runParameter{q.Name, q.TypeText(), q.Required, q.Default, q.Doc})
	}
	return out, nil
}

// planChanged tells a client that has asked for a plan that it may be another one.
func (s *session) planChanged(ctx context.Context, changed []string) {
	if ctx.Err() != nil || len(changed) == 0 || !s.previews.Load() {
		return
	}
	s.tell(ctx, methodPlanChanged, jsonParams(map[string]string{"uri": string(s.uriOf(changed[0]))}))
}
