#!/bin/bash
# The recipe of docs/editors/neovim.md in a real Neovim, without a screen.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/ensure.sh neovim
go test -tags neovim -count=1 -timeout 5m -run TestNeovim ./cmd/internal/lsp/server
