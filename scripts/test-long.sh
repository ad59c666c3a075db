#!/bin/bash
# What takes longer: all platforms, fuzzing, soak, scale, benches. `make test` has passed before.
set -euo pipefail
cd "$(dirname "$0")/.."
step() { printf '\n== %s (%(%H:%M:%S)T)\n' "$*" -1; }

step "both binaries on all platforms"
make --no-print-directory cross
step "known vulnerabilities" # the one thing that needs the network: where it can't be reached, that is said and not an error
UNREACHABLE_STATUS=0 scripts/vulncheck.sh
step "fuzzing"
make --no-print-directory fuzz
step "formatting of generated programs, compared with black"
KURTOSIS_TEST_PROGRAMS=500 go test -count=1 -timeout 20m ./lang/format -run Generated
step "soak and scale"
go test -tags long -count=1 -p 1 -timeout 20m $(scripts/tagged.sh long)
step "a real Docker Engine, and Podman"
scripts/docker.sh
scripts/example-images.sh
PODMAN_HOST=$(scripts/podman.sh) go test -tags docker,podman -count=1 -timeout 15m ./backends/docker -run Podman
scripts/podman.sh stop
step "the table of edits on a real Docker Engine"
go test -tags "docker edits" -count=1 -timeout 15m -run TestEditsOnDocker ./runtime
step "a real Kubernetes"
scripts/test-k8s.sh all
step "faults, scale and isolation of engine and API container"
scripts/leftovers.sh snapshot
PATH="$PATH:/usr/sbin:/sbin" go test -tags faults -count=1 -timeout 25m ./engine/live
scripts/leftovers.sh compare images
step "benches"
make --no-print-directory bench
make --no-print-directory bench-lsp
