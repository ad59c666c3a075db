package server

import (
	"context"
	"encoding/json"
	"path/filepath"

	"go.lsp.dev/protocol"

	"github.com/kurtosis-go/kurtosis/cmd/internal/lsp/ide"
	"github.com/kurtosis-go/kurtosis/typecheck"
)

// settings are the section "kurtosis" of the editor's configuration. What is missing has its default.
type settings struct {
	Lint struct {
		Select []string `json:"select"`
		Ignore []string `json:"ignore"`
	} `json:"lint"`
	InlayHints struct {
		ParameterNames *bool `json:"parameterNames"`
		VariableTypes  *bool `json:"variableTypes"`
		Futures        *bool `json:"futures"`
	} `json:"inlayHints"`
	Preview struct {
		ArgsFile string `json:"argsFile"`
		Cluster  string `json:"cluster"`
	} `json:"preview"`
	VendorDir         string `json:"vendorDir"`
	FetchDependencies bool   `json:"fetchDependencies"`
	Completion        struct {
		Snippets *bool `json:"snippets"`
	} `json:"completion"`
	CodeLens struct {
		Enable *bool `json:"enable"`
	} `json:"codeLens"`
	Format struct {
		Enable *bool `json:"enable"`
	} `json:"format"`
}

func on(b *bool) bool { return b == nil || *b }

// parseSettings reads the section, also where a client sends it inside of an object that names it. Other values are
// ignored: an editor's configuration may hold anything.
func parseSettings(raw []byte) (settings, bool) {
	var s settings
	var outer map[string]json.RawMessage
	if len(raw) == 0 || json.Unmarshal(raw, &outer) != nil || outer == nil {
		return s, false
	}
	if section, ok := outer["kurtosis"]; ok {
		raw = section
	}
	for _, part := range []struct {
		name string
		into any
	}{
		{"lint", &s.Lint}, {"inlayHints", &s.InlayHints}, {"preview", &s.Preview}, {"vendorDir", &s.VendorDir}, {"fetchDependencies", &s.FetchDependencies},
		{"completion", &s.Completion}, {"codeLens", &s.CodeLens}, {"format", &s.Format},
	} {
		var fields map[string]json.RawMessage
		if json.Unmarshal(raw, &fields) != nil {
			return s, false
		}
		if v, ok := fields[part.name]; ok {
			_ = json.Unmarshal(v, part.into) // a value of the wrong type is as good as none
		}
	}
	return s, true
}

func (s *session) ideSettings(set settings, folders []string) ide.Settings {
	out := ide.Settings{
		Check: typecheck.Options{Select: set.Lint.Select, Ignore: set.Lint.Ignore},
		Hints: ide.HintSettings{ParameterNames: on(set.InlayHints.ParameterNames), VariableTypes: on(set.InlayHints.VariableTypes), Futures: on(set.InlayHints.Futures)},
	}
	if set.VendorDir != "" {
		out.Vendor = set.VendorDir
		if !filepath.IsAbs(out.Vendor) && len(folders) > 0 {
			out.Vendor = filepath.Join(folders[0], out.Vendor)
		}
	}
	if s.options.Fetcher != nil {
		out.Fetcher = s.options.Fetcher(!set.FetchDependencies)
	}
	return out
}

// reconfigure makes a view of the present settings and folders.
func (s *session) reconfigure(ctx context.Context) {
	s.mu.Lock()
	set, folders := s.settings, s.folders
	s.mu.Unlock()
	s.update(ctx, nil, func(v *ide.View) *ide.View { return v.Configure(folders, s.ideSettings(set, folders)) })
	s.refresh()
}

func (s *session) configure(ctx context.Context, raw []byte) {
	set, ok := parseSettings(raw)
	if !ok {
		return
	}
	s.mu.Lock()
	s.settings = set
	s.mu.Unlock()
	s.reconfigure(ctx)
}

func didChangeConfiguration(ctx context.Context, s *session, p *protocol.DidChangeConfigurationParams) error {
	if s.client.configuration {
		s.pullConfiguration()
		return nil
	}
	s.configure(ctx, p.Settings)
	return nil
}

// pullConfiguration asks the client for the settings.
func (s *session) pullConfiguration() {
	s.run("configuration", func(ctx context.Context) {
		var answer []protocol.LSPAny
		params := &protocol.ConfigurationParams{Items: []protocol.ConfigurationItem{{Section: new("kurtosis")}}}
		if err := s.ask(ctx, protocol.MethodWorkspaceConfiguration, params, &answer); err != nil || len(answer) == 0 {
			return
		}
		s.configure(ctx, answer[0])
	})
}
