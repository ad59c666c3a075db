#!/bin/sh
# Makes Podman answer as a Docker Engine on a socket of its own, with storage of its own.
#
#   scripts/podman.sh          install what is missing (asks, unless root or YES=1), start the service, print its DOCKER_HOST
#   scripts/podman.sh stop     stop the service that this script started, and remove its storage
set -eu

state="${XDG_CACHE_HOME:-$HOME/.cache}/kurtosis/podman"
socket="$state/podman.sock"
pidfile="$state/podman.pid"
log="$state/podman.log"

say() { printf 'podman.sh: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }
answers() { curl -fsS --max-time 5 --unix-socket "$socket" http://podman/_ping >/dev/null 2>&1; }

as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

install_packages() {
	missing=""
	for pair in podman:podman catatonit:catatonit crun:crun runc:runc curl:curl iptables:iptables; do
		command -v "${pair%%:*}" >/dev/null 2>&1 || [ -x "/usr/sbin/${pair%%:*}" ] || missing="$missing ${pair##*:}"
	done
	for name in netavark aardvark-dns; do
		[ -x "/usr/lib/podman/$name" ] || missing="$missing $name"
	done
	[ -n "$missing" ] || return 0
	command -v apt-get >/dev/null 2>&1 || die "missing:$missing; this is not a Debian system: install Podman yourself"
	if [ "$(id -u)" != 0 ] && [ "${YES:-}" != 1 ]; then
		[ -t 0 ] || die "install$missing? not root and no terminal to ask on; set YES=1 to agree"
		printf 'podman.sh: install the Debian packages%s? [y/N] ' "$missing" >&2
		read -r answer
		case "$answer" in y | Y | yes) ;; *) die "not installed:$missing" ;; esac
	fi
	say "installing$missing"
	as_root apt-get update -qq
	# shellcheck disable=SC2086
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
}

ours() {
	[ -f "$pidfile" ] || return 1
	pid=$(cat "$pidfile")
	[ "$(cat "/proc/$pid/comm" 2>/dev/null)" = podman ] || return 1
	echo "$pid"
}

start() {
	install_packages
	if answers; then
		say "it answers already"
		echo "unix://$socket"
		return 0
	fi
	mkdir -p "$state"
	# Limits below the defaults, and runc: machines without CAP_SYS_RESOURCE or with mixed cgroup versions need both.
	cat >"$state/containers.conf" <<-'CONF'
		[containers]
		default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
		[network]
		network_backend = "netavark"
		[engine]
		runtime = "runc"
		cgroup_manager = "cgroupfs"
		events_logger = "file"
	CONF
	say "starting podman system service, log in $log"
	CONTAINERS_CONF="$state/containers.conf" PATH="$PATH:/usr/sbin:/sbin" setsid sh -c \
		'echo $$ >"$1"; exec podman --root "$3/storage" --runroot "$3/run" --network-config-dir "$3/networks" system service --time=0 "unix://$4" >"$2" 2>&1 </dev/null' \
		sh "$pidfile" "$log" "$state" "$socket" &
	tries=0
	until answers; do
		tries=$((tries + 1))
		if [ "$tries" -gt 200 ]; then
			say "it does not answer; last lines of $log:"
			tail -n 15 "$log" >&2 || true
			exit 1
		fi
		sleep 0.1
	done
	say "it answers: $(podman --version)"
	echo "unix://$socket"
}

stop() {
	if pid=$(ours); then
		say "stopping podman (process $pid)"
		DOCKER_HOST="unix://$socket" sh -c 'command -v docker >/dev/null && docker ps -aq | xargs -r docker rm -f' >/dev/null 2>&1 || true
		kill "$pid"
		while [ -d "/proc/$pid" ]; do sleep 0.1; done
	fi
	rm -f "$pidfile" "$socket"
	# Mounts of layers may be left; storage in use is not removed by force.
	rm -rf "$state/storage" "$state/run" "$state/networks" 2>/dev/null || say "some of $state is still in use"
}

case "${1:-start}" in
start) start ;;
stop) stop ;;
*) die "usage: scripts/podman.sh [start|stop]" ;;
esac
