#!/bin/bash
# Drives an engine with the reference's own SDKs, on a real Docker Engine. Port 9710 must be free: the SDK knows no other.
# usage: test-sdk.sh [go | ts]
set -euo pipefail
cd "$(dirname "$0")/.."
which=${1:-all}
name=sdk-test-$$
work=$(mktemp -d)
kurtosis=${KURTOSIS:-$work/kurtosis}
[ -n "${KURTOSIS:-}" ] || CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o "$kurtosis" ./cmd/kurtosis
SDK_TEST_IMAGE=$(go run ./internal/tools/testimages toolbox)
export SDK_TEST_IMAGE
image=
cleanup() {
	"$kurtosis" engine stop --name "$name" --forget >/dev/null || true
	[ -z "$image" ] || docker rmi -f "$image" >/dev/null || true
	rm -rf "$work"
}
trap cleanup EXIT
"$kurtosis" engine start --name "$name"
image=$("$kurtosis" engine status --name "$name" -o json | sed 's/.*"image":"\([^"]*\)".*/\1/')
case $which in all | go) (cd testdata/sdk-go && go test -count=1 -timeout 10m ./...) ;; esac
case $which in all | ts) (cd testdata/sdk-ts && npm ci --no-audit --no-fund --ignore-scripts --silent && npm test --silent) ;; esac
