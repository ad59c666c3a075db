#!/bin/bash
# Ratios measured side by side in one run; docs/performance.md tells how to read them. The comparisons with Docker
# need an engine that answers.
set -euo pipefail
cd "$(dirname "$0")/.."
go build -trimpath -ldflags '-s -w' -o bin/bare ./internal/tools/bare
go build -trimpath -ldflags '-s -w' -o bin/buildifier github.com/bazelbuild/buildtools/buildifier
go run ./internal/tools/bench -bin bin "$@"
# Ten services with ports: a run, the backend alone, and the bare API calls, in turn.
if [ $# -eq 0 ]; then
	scripts/docker.sh
	go test -tags docker ./runtime -run '^$' -bench TenServices -benchtime 4x
	# Engine and API containers: their start, a run in which nothing is to do, and ten services beside docker-compose.
	scripts/ensure.sh docker-compose
	go test -tags docker ./engine/live -run '^$' -bench . -benchtime 6x
fi
