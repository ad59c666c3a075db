#!/bin/bash
# Tests over a real Kubernetes: the cluster that KUBECONFIG names, or else one of our own that is brought up and taken down.
# usage: test-k8s.sh [short | backend | commands | all] [go test flags…]
#   short     what every change has to pass: a quarter of the backends' suite, and containers of ours
#   backend   the whole suite, faults, and ten services beside ten bare Pods
#   commands  the command line, the examples and the Go SDK of the reference, on an engine in the cluster
set -euo pipefail
cd "$(dirname "$0")/.."
part=all
case ${1:-} in short | backend | commands | all) part=$1 && shift ;; esac
[ $part = short ] || scripts/ensure.sh docker-registry nix-bin # a private registry, and a nix that needs no network
if [ -z "${KUBECONFIG:-}" ]; then
	trap 'scripts/cluster.sh down' EXIT
	variables=$(scripts/cluster.sh up)
	eval "$variables"
fi
# The tests need a way to hand images to the nodes.
: "${KURTOSIS_TEST_CONTAINERD:?is the socket of the containerd of the only node, for the images that the tests run}"
# They wait more than they work.
k8s() { go test -tags k8s -count=1 -p 1 -parallel 6 -timeout 20m "$@"; }
case $part in
short) k8s "$@" -run '^(TestSystems|TestPodDeleted|TestConformance/(Info|Enclaves|Service|ServiceTaken|ServiceExits|PortOpen|PortWithoutListener|Names|Isolation|Exec|ExecUser|Files|Directories|CopyFrom|CopyTo|Logs|Watch)$)' ./backends/kubernetes ;;
backend | all) k8s "$@" ./backends/kubernetes ;;
esac
case $part in
commands | all)
	scripts/docker.sh # has the images of the examples
	scripts/example-images.sh
	k8s "$@" ./cmd/internal/cli -run '^TestCluster'
	scripts/test-sdk.sh go
	;;
esac
