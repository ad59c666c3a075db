#!/bin/bash
# Runs every fuzz target of the module, one after the other. usage: fuzz.sh [TIME, default 30s]
set -euo pipefail
cd "$(dirname "$0")/.."
time=${1:-30s} ran=0
while IFS=: read -r file target; do
	echo "fuzz $target in $(dirname "$file") for $time"
	go test "./$(dirname "$file")" -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 5x
	ran=$((ran + 1))
done < <(git grep -oE '^func Fuzz[A-Za-z0-9_]+' -- '*_test.go' | sed 's/:func /:/')
[ $ran -gt 0 ] || { echo "no fuzz target found" >&2; exit 1; }
echo "$ran fuzz targets passed"
