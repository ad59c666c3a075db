package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"go.lsp.dev/jsonrpc2"
	"go.lsp.dev/protocol"

	"github.com/kurtosis-go/kurtosis/cmd/internal/lsp/ide"
	"github.com/kurtosis-go/kurtosis/packages"
)

// Commands that the server runs.
const (
	commandFetch = "kurtosis.fetchDependency"
	commandApply = "kurtosis.server.applyEdit"
)

func commandNames() []string { return []string{commandFetch, commandApply} }

func executeCommand(ctx context.Context, a *asked, p *protocol.ExecuteCommandParams) (protocol.LSPAny, error) {
	if !slices.Contains(commandNames(), p.Command) {
		return nil, jsonrpc2.NewError(jsonrpc2.InvalidParams, fmt.Sprintf("there is no command '%s'", p.Command))
	}
	if len(p.Arguments) != 1 {
		return nil, jsonrpc2.NewError(jsonrpc2.InvalidParams, fmt.Sprintf("the command '%s' takes one argument", p.Command))
	}
	switch p.Command {
	case commandFetch:
		var arg struct {
			Locator string `json:"locator"`
		}
		if err := json.Unmarshal(p.Arguments[0], &arg); err != nil || arg.Locator == "" {
			return nil, jsonrpc2.NewError(jsonrpc2.InvalidParams, "the command wants {\"locator\": \"github.com/…\"}")
		}
		return protocol.LSPAny("null"), a.fetch(ctx, arg.Locator)
	default: // commandApply
		if !a.client.applyEdit {
			return nil, errors.New("the editor can't apply edits that the server sends")
		}
		params := jsonrpc2.RawMessage(fmt.Sprintf(`{"edit":%s}`, p.Arguments[0]))
		return protocol.LSPAny("null"), a.ask(ctx, protocol.MethodWorkspaceApplyEdit, params, nil)
	}
}

// fetch brings a package onto this machine and has everything looked at again.
func (a *asked) fetch(ctx context.Context, locator string) error {
	l, err := packages.ParseLocator(locator)
	if err != nil {
		return err
	}
	if a.options.Fetcher == nil {
		return errors.New("this server can't fetch packages")
	}
	if _, _, err := a.options.Fetcher(false).Fetch(ctx, l.Repository(), []string{l.Version}); err != nil {
		a.showError(ctx, err.Error())
		return err
	}
	a.update(ctx, a.openPaths(), func(v *ide.View) *ide.View { return v.Reload() })
	a.refresh()
	return nil
}

func (s *session) openPaths() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	paths := make([]string, 0, len(s.docs))
	for path := range s.docs {
		paths = append(paths, path)
	}
	return paths
}
