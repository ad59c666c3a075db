#!/bin/bash
# Builds the images of examples/ from the distribution's packages and our own static binaries: no registry is asked.
# Each is rebuilt only when what it is made of changed. usage: example-images.sh [postgres] [guestbook] [module]
set -euo pipefail
cd "$(dirname "$0")/.."
cache=${XDG_CACHE_HOME:-$HOME/.cache}/kurtosis-dev
mkdir -p "$cache"

has() { # IMAGE HASH: is the image there, made from this content?
	[ "$(docker image inspect -f '{{index .Config.Labels "org.kurtosis-go.content"}}' "$1" 2>/dev/null)" = "$2" ]
}
build() { # what the client has to say about builders is of interest only when it fails
	local log
	log=$(mktemp)
	docker build -q "$@" >"$log" 2>&1 || { cat "$log" >&2; rm -f "$log"; return 1; }
	rm -f "$log"
}
hash_of() { cat "$@" | sha256sum | cut -c1-16; }

postgres() {
	local packages=postgresql-15,ca-certificates key base image=kurtosis-example/postgres:15
	key=$(printf %s "bookworm $packages" | sha256sum | cut -c1-16)
	base=$cache/postgres-$key.tar
	local content
	content=$key-$(hash_of examples/images/postgres/*)
	if has $image "$content"; then return; fi
	if [ ! -s "$base" ]; then
		command -v mmdebstrap >/dev/null || scripts/ensure.sh mmdebstrap
		echo "building a Debian root with PostgreSQL (once; about half a minute)"
		mmdebstrap --quiet --format=tar --variant=minbase --include=$packages bookworm "$base.part"
		mv "$base.part" "$base"
	fi
	docker import "$base" kurtosis-example/debian-postgres:15 >/dev/null
	build --label "org.kurtosis-go.content=$content" -t $image examples/images/postgres
	echo "built $image"
}

guestbook() {
	local image=kurtosis-example/guestbook-api:1 content dir
	content=$(hash_of examples/guestbook/api/*)
	if has $image "$content"; then return; fi
	dir=$(mktemp -d)
	trap 'rm -rf "$dir"' RETURN
	(cd examples/guestbook/api && CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o "$dir/guestbook-api" .)
	cp examples/guestbook/api/Dockerfile "$dir"
	build --label "org.kurtosis-go.content=$content" -t $image "$dir"
	echo "built $image"
}

module() {
	local image=kurtosis-example/module:1 content dir
	dir=$(mktemp -d)
	trap 'rm -rf "$dir"' RETURN
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -buildid=' -buildvcs=false -o "$dir/module" ./examples/module
	cp examples/module/Dockerfile "$dir"
	content=$(hash_of "$dir"/*)
	if has $image "$content"; then return; fi
	build --label "org.kurtosis-go.content=$content" -t $image "$dir"
	echo "built $image"
}

for image in "${@:-postgres guestbook module}"; do
	for one in $image; do $one; done
done
