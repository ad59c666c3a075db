package server

import (
	"context"
	"encoding/json"

	"go.lsp.dev/protocol"
	"go.lsp.dev/uri"

	"github.com/kurtosis-go/kurtosis/cmd/internal/lsp/ide"
	"github.com/kurtosis-go/kurtosis/lang/workspace"
)

func (s *session) initialize(ctx context.Context, p *protocol.InitializeParams) (*protocol.InitializeResult, error) {
	s.client, s.encoding = clientOf(p)
	s.folders = foldersOf(p)
	s.settings, _ = parseSettings(p.InitializationOptions)
	s.view = ide.NewView(workspace.Disk(), s.folders, s.ideSettings(s.settings, s.folders))
	s.state.Store(stateReady)
	if s.client.processID > 0 {
		s.run("parent", func(ctx context.Context) { watchParent(ctx, s.client.processID, s.cancel) })
	}
	return &protocol.InitializeResult{
		Capabilities: s.capabilities(),
		ServerInfo:   protocol.ServerInfo{Name: "kurtosis-lsp", Version: protocol.NewOptional(s.options.Version)},
	}, nil
}

func foldersOf(p *protocol.InitializeParams) []string {
	var folders []string
	if list, ok := p.WorkspaceFolders.Get(); ok {
		for _, f := range list {
			folders = append(folders, pathOf(f.URI))
		}
	}
	if len(folders) == 0 && p.RootURI != nil && *p.RootURI != "" {
		folders = append(folders, pathOf(*p.RootURI))
	}
	if root, ok := p.RootPath.Get(); ok && len(folders) == 0 && root != "" {
		folders = append(folders, pathOf(uri.File(root)))
	}
	return folders
}

// capabilities is all that the server does.
func (s *session) capabilities() protocol.ServerCapabilities {
	yes := protocol.Boolean(true)
	modules := protocol.FileOperationRegistrationOptions{Filters: []protocol.FileOperationFilter{
		{Scheme: new("file"), Pattern: protocol.FileOperationPattern{Glob: "**/*"}},
	}}
	c := protocol.ServerCapabilities{
		PositionEncoding: encodingKind(s.encoding),
		TextDocumentSync: &protocol.TextDocumentSyncOptions{
			OpenClose: new(true), Change: new(protocol.TextDocumentSyncKindIncremental), Save: &protocol.SaveOptions{},
		},
		CompletionProvider: &protocol.CompletionOptions{
			TriggerCharacters: []string{".", "\"", "'", "/", "(", "=", ",", "[", "@"}, ResolveProvider: new(true),
			CompletionItem: &protocol.ServerCompletionItemOptions{LabelDetailsSupport: new(true)},
		},
		HoverProvider:                   yes,
		SignatureHelpProvider:           &protocol.SignatureHelpOptions{TriggerCharacters: []string{"(", ","}, RetriggerCharacters: []string{"=", ")"}},
		DefinitionProvider:              yes,
		TypeDefinitionProvider:          yes,
		ReferencesProvider:              yes,
		DocumentHighlightProvider:       yes,
		DocumentSymbolProvider:          yes,
		WorkspaceSymbolProvider:         yes,
		CodeActionProvider:              s.codeActionProvider(),
		CodeLensProvider:                &protocol.CodeLensOptions{ResolveProvider: new(true)},
		DocumentLinkProvider:            &protocol.DocumentLinkOptions{ResolveProvider: new(false)},
		DocumentFormattingProvider:      yes,
		DocumentRangeFormattingProvider: yes,
		DocumentOnTypeFormattingProvider: protocol.DocumentOnTypeFormattingOptions{
			FirstTriggerCharacter: "\n", MoreTriggerCharacter: []string{":"},
		},
		RenameProvider:             &protocol.RenameOptions{PrepareProvider: new(true)},
		FoldingRangeProvider:       yes,
		SelectionRangeProvider:     yes,
		CallHierarchyProvider:      yes,
		LinkedEditingRangeProvider: yes,
		InlayHintProvider:          yes,
		SemanticTokensProvider: &protocol.SemanticTokensOptions{
			Legend: protocol.SemanticTokensLegend{TokenTypes: ide.TokenTypes(), TokenModifiers: ide.TokenModifiers()},
			Range:  yes, Full: &protocol.SemanticTokensFullDelta{Delta: new(true)},
		},
		ExecuteCommandProvider: protocol.ExecuteCommandOptions{Commands: commandNames()},
		Workspace: &protocol.WorkspaceOptions{
			WorkspaceFolders:    &protocol.WorkspaceFoldersServerCapabilities{Supported: new(true), ChangeNotifications: yes},
			FileOperations:      &protocol.FileOperationOptions{WillRename: modules, DidRename: modules, DidCreate: modules, DidDelete: modules},
			TextDocumentContent: &protocol.TextDocumentContentOptions{Schemes: []string{ide.StubScheme, planScheme}},
		},
	}
	if s.client.pullDiagnostics {
		c.DiagnosticProvider = &protocol.DiagnosticOptions{Identifier: new("kurtosis"), InterFileDependencies: true, WorkspaceDiagnostics: true}
	}
	return c
}

// codeActionProvider says more to clients that can make use of it.
func (s *session) codeActionProvider() protocol.CodeActionProvider {
	if !s.client.codeActionLiterals {
		return protocol.Boolean(true)
	}
	return &protocol.CodeActionOptions{CodeActionKinds: []protocol.CodeActionKind{
		protocol.CodeActionKindQuickFix, protocol.CodeActionKindRefactorExtract, protocol.CodeActionKindRefactorRewrite,
		protocol.CodeActionKindSourceOrganizeImports, protocol.CodeActionKindSourceFixAll,
	}}
}

func initialized(_ context.Context, s *session, _ *protocol.InitializedParams) error {
	if s.client.configuration {
		s.pullConfiguration()
	}
	if s.client.watch {
		s.run("watch", func(ctx context.Context) {
			options, err := json.Marshal(map[string]any{"watchers": []any{map[string]any{"globPattern": "**/*"}}})
			if err != nil {
				return
			}
			_ = s.ask(ctx, protocol.MethodClientRegisterCapability, &protocol.RegistrationParams{Registrations: []protocol.Registration{{
				ID: "files", Method: protocol.MethodWorkspaceDidChangeWatchedFiles, RegisterOptions: options,
			}}}, nil)
		})
	}
	return nil
}
