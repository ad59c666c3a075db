#!/bin/bash
# Packages the VS Code extension with the language server inside, and prints the file.
# usage: vsix.sh [TARGET]   TARGET is VS Code's name of a platform, as linux-arm64; this machine without one
set -euo pipefail
cd "$(dirname "$0")/.."
target=${1:-}
goos=$(go env GOOS) goarch=$(go env GOARCH) suffix=
if [ -n "$target" ]; then
	suffix=$target-
	case ${target%-*} in
	linux | darwin) goos=${target%-*} ;;
	win32) goos=windows ;;
	*) echo "unknown target $target" >&2; exit 2 ;;
	esac
	case ${target#*-} in
	x64) goarch=amd64 ;;
	arm64) goarch=arm64 ;;
	*) echo "unknown target $target" >&2; exit 2 ;;
	esac
fi
extension=editors/vscode
version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' $extension/package.json)
out=$extension/kurtosis-$suffix$version.vsix
# What was there before stays until the server is built.
CGO_ENABLED=0 GOOS=$goos GOARCH=$goarch go build -trimpath -ldflags "${LDFLAGS:--s -w}" -o $extension/out/bin/ ./cmd/kurtosis-lsp >&2
rm -rf $extension/bin "$out"
mv $extension/out/bin $extension/bin
cd $extension
# Exactly what package-lock.json says; again only when that changed.
if ! cmp -s package-lock.json node_modules/.installed-lock; then
	npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2
	cp package-lock.json node_modules/.installed-lock
fi
npm run --silent typecheck >&2
npm exec --offline -- vsce package --no-dependencies ${target:+--target "$target"} --out "$(basename "$out")" >&2
echo "$out"
