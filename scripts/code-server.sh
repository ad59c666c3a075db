#!/bin/bash
# Makes a real VS Code server available from the npm registry alone, built once per version into the user's cache,
# and prints its directory. Needs Node 20 with its headers; installs the Debian packages it lacks.
set -euo pipefail
cd "$(dirname "$0")/.."
version=4.100.3
scripts/ensure.sh chromium ripgrep g++ make python3 curl >&2
key=$version-$(sha256sum "$0" | cut -c1-12)
dest=${XDG_CACHE_HOME:-$HOME/.cache}/kurtosis-dev/code-server-$key
if [ -x "$dest/node_modules/.bin/code-server" ]; then
	echo "$dest"
	exit
fi
rm -rf "$dest.part"
mkdir -p "$dest.part"
log=$dest.part/setup.log
nodedir=${NODEDIR:-$(dirname "$(dirname "$(readlink -f "$(command -v node)")")")}
[ -f "$nodedir/include/node/node.h" ] || { echo "no Node headers in $nodedir/include/node: install Node 20 with its headers, or set NODEDIR" >&2; exit 1; }
# The native modules are built here, since prebuilt ones are not on npm; npx may fetch node-gyp.
export npm_config_nodedir=$nodedir npm_config_build_from_source=true npm_config_audit=false npm_config_fund=false
export npm_config_update_notifier=false npm_config_yes=true npm_config_loglevel=error MAKEFLAGS=-j$(nproc) CXXFLAGS=-O1 CFLAGS=-O1
step() {
	echo "code-server: $1" >&2
	shift
	"$@" >>"$log" 2>&1 || { tail -40 "$log" >&2; exit 1; }
}
cd "$dest.part"
echo '{"private":true}' >package.json
step "fetching $version (once; about a minute in all)" npm install --ignore-scripts --no-save "code-server@$version"
step "building argon2" npm rebuild --foreground-scripts argon2
cd node_modules/code-server/lib/vscode
step "fetching the editor's modules" npm install --ignore-scripts --omit=dev
mkdir -p node_modules/@vscode/ripgrep/bin
ln -sf "$(command -v rg)" node_modules/@vscode/ripgrep/bin/rg
step "building native modules" npm rebuild --foreground-scripts @vscode/spdlog native-watchdog node-pty
ln -sfn node_modules node_modules.asar
ln -sfn code-linux.sh bin/remote-cli/code-server
ln -sfn browser-linux.sh bin/helpers/browser.sh
cd extensions
step "fetching what bundled extensions need" npm install --omit=dev
mv "$dest.part" "$dest"
echo "$dest"
