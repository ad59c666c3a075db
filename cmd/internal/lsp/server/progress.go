package server

import (
	"context"
	"encoding/json"
	"fmt"

	"go.lsp.dev/protocol"
)

// manyModules is from how many modules on a look at all of them is shown as progress.
const manyModules = 20

// beginProgress shows that the workspace is being checked, where that takes a while and the client can show it. The
// function that it returns ends that.
func (a *asked) beginProgress(ctx context.Context, paths []string) func() {
	if !a.client.progress || len(paths) < manyModules || a.warmed.Load() {
		return func() {}
	}
	a.warmed.Store(true)
	token := protocol.String(fmt.Sprintf("kurtosis-%d", a.progressID.Add(1)))
	if err := a.ask(ctx, protocol.MethodWindowWorkDoneProgressCreate, &protocol.WorkDoneProgressCreateParams{Token: token}, nil); err != nil {
		return func() {}
	}
	send := func(value any) {
		raw, err := json.Marshal(value)
		if err == nil {
			a.tell(ctx, protocol.MethodProgress, &protocol.ProgressParams{Token: token, Value: raw})
		}
	}
	send(map[string]any{"kind": "begin", "title": "Checking packages", "message": fmt.Sprintf("%d files", len(paths))})
	return func() { send(map[string]any{"kind": "end"}) }
}

// refresh asks the client to ask again for what depends on settings.
func (s *session) refresh() {
	ask := func(can bool, method string) {
		if can {
			s.run(method, func(ctx context.Context) { _ = s.ask(ctx, method, nil, nil) })
		}
	}
	ask(s.client.refreshHints, protocol.MethodWorkspaceInlayHintRefresh)
	ask(s.client.refreshLenses, protocol.MethodWorkspaceCodeLensRefresh)
	ask(s.client.refreshTokens, protocol.MethodWorkspaceSemanticTokensRefresh)
	ask(s.client.refreshDiagnostics && s.client.pullDiagnostics, protocol.MethodWorkspaceDiagnosticRefresh)
}
