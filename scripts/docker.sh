#!/bin/sh
# Makes a Docker Engine answer on this machine, installing Debian's packages if there is none.
#
#   scripts/docker.sh          install what is missing (asks, unless root or YES=1), start dockerd if none answers
#   scripts/docker.sh stop     stop the dockerd that this script started, and nothing else
#   scripts/docker.sh status   say whether an engine answers
#
# Every step is said before it is done, and nothing is done twice.
set -eu

state="${XDG_CACHE_HOME:-$HOME/.cache}/kurtosis"
log="$state/dockerd.log"
pidfile="$state/dockerd.pid"

say() { printf 'docker.sh: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }
answers() { docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# agree QUESTION: true if we may change the system.
agree() {
	if [ "$(id -u)" = 0 ] || [ "${YES:-}" = 1 ]; then return 0; fi
	[ -t 0 ] || die "$1: not root and no terminal to ask on; set YES=1 to agree"
	printf 'docker.sh: %s [y/N] ' "$1" >&2
	read -r answer
	case "$answer" in y | Y | yes) return 0 ;; *) return 1 ;; esac
}

install_packages() {
	missing=""
	command -v docker >/dev/null 2>&1 && command -v dockerd >/dev/null 2>&1 || missing="docker.io"
	command -v iptables >/dev/null 2>&1 || [ -x /usr/sbin/iptables ] || missing="$missing iptables"
	[ -n "$missing" ] || return 0
	command -v apt-get >/dev/null 2>&1 ||
		die "missing:$missing; this is not a Debian system: install Docker Engine yourself, see https://docs.docker.com/engine/install/"
	agree "install the Debian packages $missing?" || die "not installed: $missing"
	say "installing $missing"
	as_root apt-get update -qq
	# Without the init script's own start: a machine without systemd has nothing to start it with, and this script starts it.
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
}

# ours prints the process id of the dockerd this script started, if it still runs.
ours() {
	[ -f "$pidfile" ] || return 1
	pid=$(cat "$pidfile")
	[ "$(cat "/proc/$pid/comm" 2>/dev/null)" = dockerd ] || return 1
	echo "$pid"
}

start() {
	install_packages
	if answers; then
		say "an engine answers: $(docker version --format '{{.Server.Version}} (API {{.Server.APIVersion}})')"
		return 0
	fi
	if [ -n "${DOCKER_HOST:-}" ]; then
		die "DOCKER_HOST is set to $DOCKER_HOST and nothing answers there"
	fi
	mkdir -p "$state"
	if [ -d /run/systemd/system ]; then
		agree "start the docker service?" || die "not started"
		say "starting docker.service"
		as_root systemctl start docker
	elif pid=$(ours); then
		say "dockerd (process $pid) is already starting"
	else
		agree "start dockerd?" || die "not started"
		say "starting dockerd, log in $log"
		# Its own session: it outlives this script and the make that called it. /usr/sbin is where iptables is.
		PATH="$PATH:/usr/sbin:/sbin" as_root setsid sh -c 'echo $$ >"$1"; exec dockerd >"$2" 2>&1 </dev/null' sh "$pidfile" "$log" &
	fi
	tries=0
	until answers; do
		tries=$((tries + 1))
		if [ "$tries" -gt 300 ] || { [ "$tries" -gt 20 ] && [ ! -d /run/systemd/system ] && ! ours >/dev/null; }; then
			say "the engine does not answer; last lines of $log:"
			tail -n 15 "$log" >&2 2>/dev/null || true
			if [ "$(id -u)" != 0 ] && [ -S /var/run/docker.sock ] && [ ! -w /var/run/docker.sock ]; then
				say "you may not use /var/run/docker.sock: add yourself to the group docker (sudo usermod -aG docker $(id -un)) and log in again"
			fi
			exit 1
		fi
		sleep 0.1
	done
	say "the engine answers: $(docker version --format '{{.Server.Version}} (API {{.Server.APIVersion}})')"
}

stop() {
	pid=$(ours) || { say "no dockerd of ours runs"; rm -f "$pidfile"; return 0; }
	say "stopping dockerd (process $pid)"
	as_root kill "$pid"
	tries=0
	while [ -d "/proc/$pid" ]; do
		tries=$((tries + 1))
		[ "$tries" -le 300 ] || die "dockerd (process $pid) does not end"
		sleep 0.1
	done
	rm -f "$pidfile"
}

case "${1:-start}" in
start) start ;;
stop) stop ;;
status) if answers; then say "an engine answers"; else say "no engine answers"; exit 1; fi ;;
*) die "usage: scripts/docker.sh [start|stop|status]" ;;
esac
