#!/bin/bash
# Tests over a real Kubernetes: the cluster that KUBECONFIG names, or else one of our own that is brought up and taken down.
# usage: test-k8s.sh [go test flags…]
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -z "${KUBECONFIG:-}" ]; then
	trap 'scripts/cluster.sh down' EXIT
	variables=$(scripts/cluster.sh up)
	eval "$variables"
fi
# The tests need a way to hand images to the nodes.
: "${KURTOSIS_TEST_CONTAINERD:?is the socket of the containerd of the only node, for the images that the tests run}"
# The tests wait more than they work.
go test -tags k8s -count=1 -p 1 -parallel 6 -timeout 30m "$@" ./backends/kubernetes
