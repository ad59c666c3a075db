#!/bin/bash
# Regenerates the Go code of the .proto files, with the plugins' versions that go.mod pins.
set -euo pipefail
cd "$(dirname "$0")"
../scripts/ensure.sh protobuf-compiler libprotobuf-dev
bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT
go build -o "$bin/" google.golang.org/protobuf/cmd/protoc-gen-go connectrpc.com/connect/cmd/protoc-gen-connect-go
for proto in *.proto; do
	PATH=$bin:$PATH protoc -I . --go_out=. --go_opt=module=github.com/kurtosis-go/kurtosis/api \
		--connect-go_out=. --connect-go_opt=module=github.com/kurtosis-go/kurtosis/api "$proto"
done
