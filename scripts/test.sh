#!/bin/bash
# Everything that must hold before a change lands, in at most a quarter of an hour on two cores with warm caches.
set -euo pipefail
cd "$(dirname "$0")/.."
step() { printf '\n== %s (%(%H:%M:%S)T)\n' "$*" -1; }

step "packages this needs"
scripts/ensure.sh black busybox-static curl neovim
export KURTOSIS_TEST_BLACK=required # the formatter's oracle must not be absent in silence

step "formatting, vet, unit and command-line tests"
make --no-print-directory check

step "generated files are current"
before=$(git status --porcelain)
make --no-print-directory update
[ "$before" = "$(git status --porcelain)" ] || { echo "run 'make update' and commit:"; git status --porcelain; git diff --stat; exit 1; }

step "a real Docker Engine, and images without a registry"
scripts/docker.sh
scripts/example-images.sh
scripts/leftovers.sh snapshot

step "tests over Docker"
scripts/ensure.sh docker-registry nix-bin # a private registry, and a nix that needs no network
go test -tags docker -count=1 -p 1 -timeout 15m $(scripts/tagged.sh docker)
step "the demo"
make --no-print-directory demo
step "the reference's own SDKs"
scripts/test-sdk.sh
step "a real Kubernetes"
scripts/test-k8s.sh short
step "pre-commit"
scripts/test-pre-commit.sh
step "a real Neovim"
scripts/test-neovim.sh
step "a real VS Code"
make --no-print-directory vsix
(cd editors/vscode && npm test)
scripts/test-vscode.sh

step "nothing is left"
scripts/leftovers.sh compare
