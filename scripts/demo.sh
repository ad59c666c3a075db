#!/bin/bash
# Shows what the project does, for real: a preview, a run on Docker, the service answering, and nothing left behind.
set -euo pipefail
cd "$(dirname "$0")/.."
# An engine of its own: one that runs already is left alone.
export KURTOSIS_ENGINE=demo-$$
kurtosis=$PWD/bin/kurtosis enclave=demo-$$
say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
trap '"$kurtosis" enclave rm -f "$enclave" >/dev/null 2>&1 || true; "$kurtosis" engine stop --forget >/dev/null 2>&1 || true' EXIT

say '$ kurtosis run examples/guestbook --dry-run      # no Docker, no engine, nothing touched'
"$kurtosis" run examples/guestbook --dry-run
say "\$ kurtosis run examples/guestbook --enclave $enclave"
"$kurtosis" run examples/guestbook --enclave "$enclave"
address=$("$kurtosis" port print "$enclave" api http --format ip,number)
say "\$ curl http://$address/entries"
curl -fsS --max-time 10 "http://$address/entries"
say "\$ kurtosis run examples/guestbook --enclave $enclave     # again: nothing has changed, nothing runs"
"$kurtosis" run examples/guestbook --enclave "$enclave" --show-enclave-inspect=false
say "\$ kurtosis enclave stop $enclave && kurtosis enclave start $enclave     # it goes on where it was"
"$kurtosis" enclave stop "$enclave" && "$kurtosis" enclave start "$enclave"
curl -fsS --retry 20 --retry-delay 1 --retry-all-errors --max-time 10 "http://$address/entries"
say "\$ kurtosis enclave rm -f $enclave && kurtosis engine stop --forget"
"$kurtosis" enclave rm -f "$enclave"
"$kurtosis" engine stop --forget
trap - EXIT
left=$(docker ps -aq --filter "label=com.kurtosistech.enclave-name=$enclave"; docker network ls -q --filter "name=kt-$enclave"; docker volume ls -q --filter "label=com.kurtosistech.enclave-name=$enclave"
	docker ps -aq --filter "name=kurtosis-engine--$KURTOSIS_ENGINE"; docker volume ls -q --filter "name=kurtosis-engine-data--$KURTOSIS_ENGINE")
[ -z "$left" ] || { echo "left behind: $left" >&2; exit 1; }
say 'Nothing is left. Next: kurtosis run --help, docs/, examples/.'
