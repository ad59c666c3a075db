# Two commands do all set-up on a fresh Debian 12 machine with Go, make and git (and Node 20 for the editor part):
#   make demo    install what is missing, build, preview and run an example for real, clean up
#   make test    everything that must hold before a change lands, over a real Docker Engine
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PREFIX ?= /usr/local
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X github.com/kurtosis-go/kurtosis/cmd/internal/cli.Version=$(VERSION) -X main.version=$(VERSION)
GO_BUILD := CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)'
FUZZTIME ?= 30s
# The editor extension is packaged for this machine, or for VSIX_TARGET: linux-x64, linux-arm64, darwin-x64, darwin-arm64, win32-x64, win32-arm64.
VSIX_TARGET ?=
TARGETS := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## build both binaries into bin/
	$(GO_BUILD) -o bin/ ./cmd/kurtosis ./cmd/kurtosis-lsp ./cmd/kurtosis-pod

.PHONY: install
install: build ## put the binaries into $(PREFIX)/bin, with those for Linux that engines are made of elsewhere
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 0755 bin/kurtosis bin/kurtosis-lsp bin/kurtosis-pod $(DESTDIR)$(PREFIX)/bin/
	@if [ "$$(go env GOOS)" != linux ]; then for arch in amd64 arm64; do \
		GOOS=linux GOARCH=$$arch $(GO_BUILD) -o $(DESTDIR)$(PREFIX)/bin/kurtosis-linux-$$arch ./cmd/kurtosis; \
		GOOS=linux GOARCH=$$arch $(GO_BUILD) -o $(DESTDIR)$(PREFIX)/bin/kurtosis-pod-linux-$$arch ./cmd/kurtosis-pod; \
	done; fi

.PHONY: check
check: ## the quick inner loop: formatting, vet, unit tests (no Docker)
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo "not gofmt-ed:"; gofmt -l $$(git ls-files '*.go'); exit 1; }
	go vet ./...
	go test ./...

.PHONY: update
update: ## rewrite goldens and generated files; CI demands no diff afterwards
	go generate ./...

.PHONY: docker
docker: ## a Docker Engine that answers (installed and started when there is none)
	scripts/docker.sh

.PHONY: images
images: docker ## the images of examples/, built without a registry
	scripts/example-images.sh

.PHONY: demo
demo: build images ## preview and run an example for real, see it answer, clean up
	scripts/demo.sh

.PHONY: test
test: ## unit, command line, and one real pass over Docker
	scripts/test.sh

.PHONY: test-long
test-long: ## fuzzing, faults, scale, benches, cross-compilation
	scripts/test-long.sh

.PHONY: test-k8s
test-k8s: ## tests over a real Kubernetes, made for the purpose unless KUBECONFIG names one
	scripts/test-k8s.sh

.PHONY: fuzz
fuzz: ## every fuzz target for $(FUZZTIME)
	scripts/fuzz.sh $(FUZZTIME)

.PHONY: vulncheck
vulncheck: ## known vulnerabilities in what our code calls (GOVULNDB names another database)
	scripts/vulncheck.sh

.PHONY: bench
bench: build ## ratios measured side by side in one run
	scripts/bench.sh

.PHONY: bench-lsp
bench-lsp: build ## what somebody who types feels, against upstream's parse and resolve of the same text
	@mkdir -p bin/empty && printf 'package main\n\nfunc main() {}\n' > bin/empty/main.go && CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o bin/empty/empty bin/empty/main.go
	go run ./internal/tools/benchlsp -empty bin/empty/empty -kurtosis bin/kurtosis bin/kurtosis-lsp

.PHONY: cross
cross: ## compile both binaries for Linux, macOS and Windows on amd64 and arm64
	@for target in $(TARGETS); do \
		echo "$$target"; \
		GOOS=$${target%/*} GOARCH=$${target#*/} $(GO_BUILD) -o dist/$${target/\//-}/ ./cmd/kurtosis ./cmd/kurtosis-lsp; \
	done

.PHONY: vsix
vsix: ## package the VS Code extension, the language server inside (VSIX_TARGET=darwin-arm64 for another platform)
	@LDFLAGS='$(LDFLAGS)' scripts/vsix.sh $(VSIX_TARGET)

.PHONY: clean
clean: ## remove what was built here
	rm -rf bin dist editors/vscode/bin editors/vscode/dist editors/vscode/out editors/vscode/*.vsix
