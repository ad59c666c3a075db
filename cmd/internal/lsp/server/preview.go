package server

import (
	"context"

	"github.com/kurtosis-go/kurtosis/cmd/internal/lsp/ide"
)

const planScheme = "kurtosis-plan"

// planChanged tells the project's extension that the plan of a package may be another one.
func (s *session) planChanged(ctx context.Context, _ *ide.View, changed []string) {
	if ctx.Err() != nil || len(changed) == 0 {
		return
	}
	s.tell(ctx, "kurtosis/planChanged", map[string]any{"uri": string(s.uriOf(changed[0]))})
}
