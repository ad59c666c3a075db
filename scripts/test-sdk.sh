#!/bin/bash
# Drives an engine with the reference's own SDKs, on a real Docker Engine, or, with KURTOSIS_TEST_CONTAINERD set as by cluster.sh, on
# that cluster through a gateway. Port 9710 must be free: the SDK knows no other.
# usage: test-sdk.sh [go | ts | own]
set -euo pipefail
cd "$(dirname "$0")/.."
which=${1:-all}
name=sdk-test-$$
work=$(mktemp -d)
kurtosis=${KURTOSIS:-$work/kurtosis}
[ -n "${KURTOSIS:-}" ] || CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o "$work/" ./cmd/kurtosis ./cmd/kurtosis-pod
SDK_TEST_IMAGE=$(go run ./internal/tools/testimages toolbox)
export SDK_TEST_IMAGE
image= gateway=
cleanup() {
	[ -z "$gateway" ] || kill "$gateway" || true
	"$kurtosis" engine stop --name "$name" --forget >/dev/null || true
	[ -z "$image" ] || [ -n "${KURTOSIS_TEST_CONTAINERD:-}" ] || docker rmi -f "$image" >/dev/null || true
	rm -rf "$work"
}
trap cleanup EXIT
if [ -n "${KURTOSIS_TEST_CONTAINERD:-}" ]; then
	export XDG_CONFIG_HOME=$work/config KURTOSIS_CLUSTER=test
	kubectl=$(command -v kubectl || echo "$(scripts/cluster.sh build) kubectl")
	export SDK_TEST_KILL="$kubectl delete pod -A -l kurtosistech.com/resource-type=api-container,kurtosistech.com/enclave-id=\$1 \$([ \$2 = soft ] || echo --grace-period=0 --force)"
	export SDK_TEST_KILLED_STEPS='1 2 5' # what is half made there is of clusters; the others are the same as on Docker
	"$kurtosis" cluster add test --context "$($kubectl config current-context)" --containerd "$KURTOSIS_TEST_CONTAINERD"
	docker save "$SDK_TEST_IMAGE" | ctr -a "$KURTOSIS_TEST_CONTAINERD" -n k8s.io images import - >/dev/null
fi
"$kurtosis" engine start --name "$name"
if [ -n "${KURTOSIS_TEST_CONTAINERD:-}" ]; then
	"$kurtosis" gateway --name "$name" >"$work/gateway.log" &
	gateway=$!
	until grep -q "^engine '$name' is on 127.0.0.1:9710" "$work/gateway.log"; do
		kill -0 "$gateway"
		sleep 0.1
	done
fi
image=$("$kurtosis" engine status --name "$name" -o json | sed 's/.*"image":"\([^"]*\)".*/\1/')
case $which in all | go) (cd testdata/sdk-go && go test -count=1 -timeout 10m ./...) ;; esac
case $which in all | ts) (cd testdata/sdk-ts && npm ci --no-audit --no-fund --ignore-scripts --silent && npm test --silent) ;; esac
# Not ci: it insists on buf's programs for other platforms, which not every registry has.
case $which in all | own) (cd testdata/sdk-ts-own && npm install --no-save --no-audit --no-fund --ignore-scripts --silent && npm test --silent) ;; esac
