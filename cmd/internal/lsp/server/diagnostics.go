package server

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"sync"
	"time"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/kurtosis-go/kurtosis/cmd/internal/lsp/ide"
	"github.com/kurtosis-go/kurtosis/lang/diag"
	"github.com/kurtosis-go/kurtosis/lang/source"
)

// quietTime is how long nothing must change before the modules that import a changed one are looked at.
const quietTime = 150 * time.Millisecond

// publisher makes diagnostics of the present view, first of what was just changed, then of everything else.
type publisher struct {
	mu      sync.Mutex
	cancel  context.CancelFunc
	pending []string // changed since the last time all was said of them
	stopped bool

	send      sync.Mutex
	published map[string]uint64 // what the client was last told, by path
}

func (p *publisher) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = true
	if p.cancel != nil {
		p.cancel()
	}
}

// changed is called after each change of the view; without paths, anything may have changed. What is under way for
// the view before ends.
func (s *session) changed(paths []string) {
	p := &s.publisher
	p.mu.Lock()
	if p.stopped {
		p.mu.Unlock()
		return
	}
	if p.cancel != nil {
		p.cancel()
	}
	work, cancel := context.WithCancel(s.ctx)
	p.cancel = cancel
	for _, path := range paths {
		if !slices.Contains(p.pending, path) {
			p.pending = append(p.pending, path)
		}
	}
	pending := slices.Clone(p.pending)
	p.mu.Unlock()
	view := s.currentView()
	s.run("diagnostics", func(context.Context) {
		defer cancel()
		s.diagnose(work, view, pending)
	})
}

func (s *session) diagnose(ctx context.Context, view *ide.View, changed []string) {
	a := &asked{s, view}
	push := !s.client.pullDiagnostics
	for _, path := range changed {
		if !s.isOpen(path) {
			continue
		}
		if push {
			a.publish(ctx, path)
		}
		adjustHeap()
		if ctx.Err() != nil {
			return
		}
	}
	quiet := time.NewTimer(quietTime)
	defer quiet.Stop()
	select {
	case <-quiet.C:
	case <-ctx.Done():
		return
	}
	if push {
		a.publishAll(ctx, changed)
	} else if s.client.refreshDiagnostics && !s.onlyOne(changed) {
		_ = s.ask(ctx, protocol.MethodWorkspaceDiagnosticRefresh, nil, nil)
	}
	if ctx.Err() != nil {
		return
	}
	s.publisher.mu.Lock()
	s.publisher.pending = nil
	s.publisher.mu.Unlock()
	s.planChanged(ctx, changed)
}

// onlyOne says whether a change concerns nothing but one open document, whose diagnostics the client asks for itself.
func (s *session) onlyOne(changed []string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(changed) == 1 && s.docs[changed[0]] != nil && len(s.docs) == 1
}

func (s *session) isOpen(path string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.docs[path] != nil
}

// publish tells the client what there is to say of an open document, whether or not it is new.
func (a *asked) publish(ctx context.Context, path string) {
	found, err := a.view.Diagnostics(ctx, path)
	if err != nil || ctx.Err() != nil {
		return
	}
	a.push(ctx, path, found, true)
}

// publishAll goes through all modules of the workspace, open ones first, and tells what is new.
func (a *asked) publishAll(ctx context.Context, changed []string) {
	paths, err := a.diagnosed(ctx)
	if err != nil {
		return
	}
	end := a.beginProgress(ctx, paths)
	defer end()
	a.view.Warm(ctx, paths)
	for _, path := range paths {
		found, err := a.view.Diagnostics(ctx, path)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			found = nil
		}
		a.push(ctx, path, found, false)
	}
	a.forget(ctx, paths)
}

// diagnosed lists what is looked at: open documents, then the modules and manifests of the workspace.
func (a *asked) diagnosed(ctx context.Context) ([]string, error) {
	a.mu.Lock()
	var paths []string
	for path := range a.docs {
		paths = append(paths, path)
	}
	a.mu.Unlock()
	slices.Sort(paths)
	open := len(paths)
	all, err := a.view.Diagnosable(ctx)
	if err != nil {
		return nil, err
	}
	for _, path := range all {
		if _, known := slices.BinarySearch(paths[:open], path); !known {
			paths = append(paths, path)
		}
	}
	return paths, nil
}

// push sends the diagnostics of one file, unless a newer view has come or the client knows them.
func (a *asked) push(ctx context.Context, path string, found []diag.Diagnostic, always bool) {
	converted := a.diagnostics(ctx, path, found)
	sum := fingerprint(converted)
	p := &a.publisher
	p.send.Lock()
	defer p.send.Unlock()
	if ctx.Err() != nil {
		return
	}
	if p.published == nil {
		p.published = map[string]uint64{}
	}
	if last, told := p.published[path]; !always && (told && last == sum || !told && len(converted) == 0) {
		return
	}
	p.published[path] = sum
	params := &protocol.PublishDiagnosticsParams{URI: a.uriOf(path), Diagnostics: converted}
	if v := a.version(path); v != nil {
		params.Version = protocol.NewOptional(*v)
	}
	a.tell(ctx, protocol.MethodTextDocumentPublishDiagnostics, params)
}

// forget clears what was said of files that are no longer looked at.
func (a *asked) forget(ctx context.Context, looked []string) {
	p := &a.publisher
	p.send.Lock()
	defer p.send.Unlock()
	for path := range p.published {
		if !slices.Contains(looked, path) && ctx.Err() == nil {
			delete(p.published, path)
			a.tell(ctx, protocol.MethodTextDocumentPublishDiagnostics, &protocol.PublishDiagnosticsParams{URI: a.uriOf(path), Diagnostics: []protocol.Diagnostic{}})
		}
	}
}

// closed is called when a document is closed: what is not on disk has no diagnostics any more.
func (s *session) closed(ctx context.Context, d *document) {
	if s.client.pullDiagnostics {
		return
	}
	view := s.currentView()
	all, _ := view.Diagnosable(ctx)
	p := &s.publisher
	p.send.Lock()
	defer p.send.Unlock()
	if _, told := p.published[d.path]; told && !slices.Contains(all, d.path) {
		delete(p.published, d.path)
		s.tell(ctx, protocol.MethodTextDocumentPublishDiagnostics, &protocol.PublishDiagnosticsParams{URI: d.uri, Diagnostics: []protocol.Diagnostic{}})
	}
}

// diagnostics converts the findings of one file.
func (a *asked) diagnostics(ctx context.Context, path string, found []diag.Diagnostic) []protocol.Diagnostic {
	out := make([]protocol.Diagnostic, 0, len(found))
	f, err := a.view.File(ctx, path)
	if err != nil {
		return out
	}
	for _, d := range found {
		out = append(out, a.diagnostic(ctx, f, d))
	}
	return out
}

func (a *asked) diagnostic(ctx context.Context, f *source.File, d diag.Diagnostic) protocol.Diagnostic {
	message := d.Message
	if d.Hint != "" {
		message += "\n" + d.Hint
	}
	out := protocol.Diagnostic{
		Range: a.rangeOf(f, d.Range), Severity: protocol.DiagnosticSeverity(d.Severity), Code: protocol.String(d.Code),
		CodeDescription: protocol.CodeDescription{Href: uri.URI(diag.URL(d.Code))},
		Source:          protocol.NewOptional("kurtosis"), Message: protocol.String(message),
	}
	var tags []protocol.DiagnosticTag
	for _, t := range d.Tags {
		tags = append(tags, protocol.DiagnosticTag(t))
	}
	out.Tags = protocol.NewDiagnosticTags(tags...)
	for _, r := range d.Related {
		if l, ok := a.location(ctx, ide.Location{Path: r.File, Range: r.Range}); ok {
			out.RelatedInformation = append(out.RelatedInformation, protocol.DiagnosticRelatedInformation{Location: l, Message: r.Message})
		}
	}
	return out
}

// fingerprint tells whether two lists of diagnostics are the same.
func fingerprint(list []protocol.Diagnostic) uint64 {
	h := fnv.New64a()
	raw, err := protocol.Marshal(list)
	if err != nil {
		fmt.Fprintf(h, "%v", list)
	}
	_, _ = h.Write(raw)
	return h.Sum64()
}

func diagnostic(ctx context.Context, a *asked, p *protocol.DocumentDiagnosticParams) (protocol.DocumentDiagnosticReport, error) {
	path := pathOf(p.TextDocument.URI)
	found, err := a.view.Diagnostics(ctx, path)
	if err != nil && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	items := a.diagnostics(ctx, path, found)
	id := fmt.Sprintf("%x", fingerprint(items))
	if p.PreviousResultID != nil && *p.PreviousResultID == id {
		return &protocol.RelatedUnchangedDocumentDiagnosticReport{
			UnchangedDocumentDiagnosticReport: protocol.UnchangedDocumentDiagnosticReport{Kind: "unchanged", ResultID: id},
		}, nil
	}
	return &protocol.RelatedFullDocumentDiagnosticReport{
		FullDocumentDiagnosticReport: protocol.FullDocumentDiagnosticReport{Kind: "full", ResultID: &id, Items: items},
	}, nil
}

func workspaceDiagnostic(ctx context.Context, a *asked, p *protocol.WorkspaceDiagnosticParams) (*protocol.WorkspaceDiagnosticReport, error) {
	paths, err := a.diagnosed(ctx)
	if err != nil {
		return nil, err
	}
	a.view.Warm(ctx, paths)
	previous := map[string]string{}
	for _, r := range p.PreviousResultIds {
		previous[pathOf(r.URI)] = r.Value
	}
	report := &protocol.WorkspaceDiagnosticReport{Items: []protocol.WorkspaceDocumentDiagnosticReport{}}
	for _, path := range paths {
		found, err := a.view.Diagnostics(ctx, path)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			continue
		}
		items := a.diagnostics(ctx, path, found)
		id := fmt.Sprintf("%x", fingerprint(items))
		if previous[path] == id {
			report.Items = append(report.Items, &protocol.WorkspaceUnchangedDocumentDiagnosticReport{
				UnchangedDocumentDiagnosticReport: protocol.UnchangedDocumentDiagnosticReport{Kind: "unchanged", ResultID: id},
				URI:                               a.uriOf(path), Version: a.version(path),
			})
			continue
		}
		report.Items = append(report.Items, &protocol.WorkspaceFullDocumentDiagnosticReport{
			FullDocumentDiagnosticReport: protocol.FullDocumentDiagnosticReport{Kind: "full", ResultID: &id, Items: items},
			URI:                          a.uriOf(path), Version: a.version(path),
		})
	}
	return report, nil
}
