#!/bin/bash
# What takes longer: fuzzing, cross-compilation, benches. `make test` has passed before.
set -euo pipefail
cd "$(dirname "$0")/.."
step() { printf '\n== %s (%(%H:%M:%S)T)\n' "$*" -1; }

step "both binaries on all platforms"
make --no-print-directory cross
step "fuzzing"
make --no-print-directory fuzz
step "a real Docker Engine"
scripts/docker.sh
scripts/example-images.sh
step "benches"
make --no-print-directory bench
