#!/bin/bash
# Prints the packages that have tests behind a build tag. usage: tagged.sh TAG
set -euo pipefail
cd "$(dirname "$0")/.."
git grep -lE "^//go:build .*\b$1\b" -- '*_test.go' | xargs -n1 dirname | sort -u | sed 's|^|./|'
