package server

import "go.lsp.dev/protocol"

// requests are the methods that are answered, one file each.
var requests = map[string]requestHandler{
	protocol.MethodTextDocumentHover:          request(hover),
	protocol.MethodTextDocumentDefinition:     request(definition),
	protocol.MethodTextDocumentTypeDefinition: request(typeDefinition),
	protocol.MethodTextDocumentSignatureHelp:  request(signatureHelp),
	protocol.MethodTextDocumentCompletion:     request(completion),
	protocol.MethodCompletionItemResolve:      request(completionResolve),
	protocol.MethodTextDocumentDocumentSymbol: request(documentSymbol),
	protocol.MethodWorkspaceSymbol:            request(workspaceSymbol),
	protocol.MethodTextDocumentReferences:     request(references),

	protocol.MethodTextDocumentDocumentHighlight: request(documentHighlight),
	protocol.MethodTextDocumentPrepareRename:     request(prepareRename),
	protocol.MethodTextDocumentRename:            request(rename),
	protocol.MethodWorkspaceWillRenameFiles:      request(willRenameFiles),
	protocol.MethodTextDocumentDiagnostic:        request(diagnostic),
	protocol.MethodWorkspaceDiagnostic:           request(workspaceDiagnostic),
	protocol.MethodTextDocumentDocumentLink:      request(documentLink),

	protocol.MethodTextDocumentFoldingRange:         request(foldingRange),
	protocol.MethodTextDocumentSelectionRange:       request(selectionRange),
	protocol.MethodTextDocumentInlayHint:            request(inlayHint),
	protocol.MethodTextDocumentFormatting:           request(formatting),
	protocol.MethodTextDocumentRangeFormatting:      request(rangeFormatting),
	protocol.MethodTextDocumentOnTypeFormatting:     request(onTypeFormatting),
	protocol.MethodTextDocumentCodeAction:           request(codeAction),
	protocol.MethodTextDocumentCodeLens:             request(codeLens),
	protocol.MethodCodeLensResolve:                  request(codeLensResolve),
	protocol.MethodTextDocumentPrepareCallHierarchy: request(prepareCallHierarchy),
	protocol.MethodCallHierarchyIncomingCalls:       request(incomingCalls),
	protocol.MethodCallHierarchyOutgoingCalls:       request(outgoingCalls),
	protocol.MethodTextDocumentLinkedEditingRange:   request(linkedEditingRange),
	protocol.MethodWorkspaceExecuteCommand:          request(executeCommand),
	protocol.MethodWorkspaceTextDocumentContent:     request(textDocumentContent),

	methodPlanPreview:     custom(planPreview),
	methodDocumentContent: custom(documentContent),
	methodRunSignature:    custom(runSignature),

	protocol.MethodTextDocumentSemanticTokensFull:      request(semanticTokensFull),
	protocol.MethodTextDocumentSemanticTokensFullDelta: request(semanticTokensDelta),
	protocol.MethodTextDocumentSemanticTokensRange:     request(semanticTokensRange),
}

// notifications are the ones that are acted on, in the order in which they come.
var notifications = map[string]notificationHandler{
	protocol.MethodInitialized:                        notification(initialized),
	protocol.MethodTextDocumentDidOpen:                notification(didOpen),
	protocol.MethodTextDocumentDidChange:              notification(didChange),
	protocol.MethodTextDocumentDidSave:                notification(didSave),
	protocol.MethodTextDocumentDidClose:               notification(didClose),
	protocol.MethodWorkspaceDidChangeWatchedFiles:     notification(didChangeWatchedFiles),
	protocol.MethodWorkspaceDidChangeConfiguration:    notification(didChangeConfiguration),
	protocol.MethodWorkspaceDidChangeWorkspaceFolders: notification(didChangeWorkspaceFolders),
	protocol.MethodWorkspaceDidRenameFiles:            notification(didRenameFiles),
	protocol.MethodWorkspaceDidCreateFiles:            notification(didCreateFiles),
	protocol.MethodWorkspaceDidDeleteFiles:            notification(didDeleteFiles),
}
