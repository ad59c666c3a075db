#!/bin/bash
# Tests the extension in a real VS Code (code-server, from npm) in headless Chromium: what a user sees, and what the
# extension host's API answers. UPDATE=1 also rewrites the pictures in docs/images.
# usage: test-vscode.sh [VSIX]   packages the extension first when none is given
set -euo pipefail
cd "$(dirname "$0")/.."
vsix=${1:-}
if [ -z "$vsix" ]; then
	make --no-print-directory vsix
	vsix=editors/vscode/kurtosis-$(sed -n 's/^  "version": "\(.*\)",$/\1/p' editors/vscode/package.json).vsix
fi
install=$(scripts/code-server.sh)
state=$(mktemp -d)
groups=()
finish() {
	trap - EXIT
	for group in "${groups[@]}"; do
		# A process that has just been started is not the leader of its group yet.
		kill -TERM -- "-$group" 2>/dev/null || kill -TERM "$group" 2>/dev/null || continue
		for _ in {1..50}; do
			kill -0 -- "-$group" 2>/dev/null || break
			sleep 0.1
		done
		kill -KILL -- "-$group" 2>/dev/null || true
	done
	rm -rf "$state"
}
trap finish EXIT
trap 'exit 130' INT TERM

mkdir -p "$state"/user/User "$state"/extensions
cp -r editors/vscode/test/editor/probe "$state"/extensions/kurtosis-go.kurtosis-probe-0.0.1
cat >"$state"/user/User/settings.json <<'J'
{
  "security.workspace.trust.startupPrompt": "always",
  "workbench.startupEditor": "none", "workbench.tips.enabled": false, "workbench.enableExperiments": false,
  "window.autoDetectColorScheme": true, "workbench.layoutControl.enabled": false, "window.commandCenter": false,
  "telemetry.telemetryLevel": "off", "update.mode": "none", "extensions.autoUpdate": false, "extensions.autoCheckUpdates": false,
  "git.enabled": false, "chat.commandCenter.enabled": false, "files.autoSave": "off",
  "editor.minimap.enabled": false, "editor.hover.delay": 100, "explorer.confirmDelete": false
}
J
printf 'bind-addr: 127.0.0.1:0\nauth: none\ncert: false\n' >"$state"/config.yaml
code=("$install"/node_modules/.bin/code-server --config "$state"/config.yaml --user-data-dir "$state"/user --extensions-dir "$state"/extensions)
"${code[@]}" --install-extension "$vsix" --force >"$state"/install.log 2>&1 || { cat "$state"/install.log >&2; exit 1; }
: >"$state"/log
KURTOSIS_PROBE=$state/probe setsid "${code[@]}" --bind-addr 127.0.0.1:0 --auth none --disable-telemetry --disable-update-check \
	--disable-getting-started-override >>"$state"/log 2>&1 &
groups+=($!)
for _ in {1..600}; do
	url=$(sed -n 's|.*listening on \(http://127\.0\.0\.1:[0-9]*\).*|\1|p' "$state"/log)
	[ -z "$url" ] || break
	kill -0 "${groups[0]}" 2>/dev/null || break
	sleep 0.1
done
[ -n "$url" ] || { echo "code-server did not start:" >&2; cat "$state"/log >&2; exit 1; }
setsid node editors/vscode/test/editor/run.mjs "$url" "$state" &
groups+=($!)
wait "${groups[1]}"
