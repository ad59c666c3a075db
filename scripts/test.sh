#!/bin/bash
# Everything that must hold before a change lands, in at most a quarter of an hour on two cores with warm caches.
set -euo pipefail
cd "$(dirname "$0")/.."
export YES=${YES:-}
step() { printf '\n== %s (%(%H:%M:%S)T)\n' "$*" -1; }

step "packages this needs"
scripts/ensure.sh black curl
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

step "tests over Docker"
scripts/leftovers.sh snapshot
go test -tags docker -count=1 -p 1 -timeout 15m $(scripts/tagged.sh docker)
make --no-print-directory demo
scripts/leftovers.sh compare
