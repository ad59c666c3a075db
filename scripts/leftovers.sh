#!/bin/bash
# Shows that a test run left no container, network or volume behind. The store of a nix in a container is kept for the next
# build (docs/images.md): the tests that make one remove it themselves.
# usage: leftovers.sh snapshot | compare
set -euo pipefail
state=${TMPDIR:-/tmp}/kurtosis-leftovers.$(id -u)
now() {
	docker ps -a --format 'container {{.ID}} {{.Names}}'
	docker network ls --format 'network {{.ID}} {{.Name}}'
	docker volume ls --format 'volume {{.Name}}'
	docker image ls --format 'image {{.Repository}}:{{.Tag}}' kurtosis/engine
	find "${TMPDIR:-/tmp}" -maxdepth 1 \( -name 'kurtosis-live*' -o -name 'kurtosis-toolbox*' \) -printf 'file %p\n'
}
case ${1:-} in
snapshot) now | sort >"$state" ;;
compare)
	left=$(comm -13 "$state" <(now | sort))
	[ "${2:-}" = images ] || left=$(grep -vE '^(image|file) ' <<<"$left" || true)
	rm -f "$state"
	[ -z "$left" ] || { printf 'left behind:\n%s\n' "$left" >&2; exit 1; }
	echo "nothing left behind"
	;;
*) echo "usage: leftovers.sh snapshot | compare" >&2; exit 2 ;;
esac
