#!/bin/bash
# Installs Debian packages that are missing, saying so. Asks first, unless run by root or with YES=1.
# usage: ensure.sh PACKAGE…
set -euo pipefail
missing=()
for package in "$@"; do
	dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0
echo "these Debian packages are missing and will be installed: ${missing[*]}"
sudo=
if [ "$(id -u)" != 0 ]; then
	sudo=sudo
	if [ "${YES:-}" != 1 ]; then
		read -r -p "install them with sudo? [y/N] " answer </dev/tty
		[ "$answer" = y ] || { echo "not installed; install them yourself and run this again" >&2; exit 1; }
	fi
fi
install() { $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}" >/dev/null; }
# A machine whose package lists are old or empty needs an update first.
install 2>/dev/null || { $sudo apt-get update -q >/dev/null && install; }
