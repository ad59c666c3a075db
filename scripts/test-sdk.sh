#!/bin/bash
# Drives an engine with the reference's own SDKs, on a real Docker Engine. Port 9710 must be free: the SDK knows no other.
set -euo pipefail
cd "$(dirname "$0")/.."
name=sdk-test-$$
kurtosis=${KURTOSIS:-}
if [ -z "$kurtosis" ]; then
	kurtosis=$(mktemp -d)/kurtosis
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o "$kurtosis" ./cmd/kurtosis
fi
SDK_TEST_IMAGE=$(go run ./internal/tools/testimages toolbox)
export SDK_TEST_IMAGE
trap '"$kurtosis" engine stop --name "$name" --forget >/dev/null' EXIT
"$kurtosis" engine start --name "$name"
(cd testdata/sdk-go && go test -count=1 -timeout 10m "$@" ./...)
