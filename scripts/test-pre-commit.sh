#!/bin/bash
# The hooks, with the real pre-commit on a real repository: a bad commit is refused with the message, a good one passes.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/ensure.sh pre-commit git
hooks=$PWD
make --no-print-directory build
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export PATH=$hooks/bin:$PATH PRE_COMMIT_HOME=$dir/cache GIT_CONFIG_GLOBAL=$dir/gitconfig
git config --global user.name test
git config --global user.email test@example.invalid
git config --global protocol.file.allow always
git config --global --add safe.directory '*'
git init -q "$dir/repo"
cd "$dir/repo"
fail() { echo "pre-commit: $1" >&2; cat "$dir/log" >&2; exit 1; }

# The six lines of the README, with the repository at hand in place of the published one.
cat >.pre-commit-config.yaml <<YAML
repos:
  - repo: file://$hooks
    rev: $(git -C "$hooks" rev-parse HEAD)
    hooks:
      - id: kurtosis-lint
      - id: kurtosis-format
      - id: kurtosis-plan
YAML
printf 'name: github.com/example/hooked\n' >kurtosis.yml
printf 'def run(plan):\n    plan.add_service(nam="db", config=ServiceConfig(image="db:1"))\n' >main.star
git add .
pre-commit install >/dev/null
if git commit -q -m bad >"$dir/log" 2>&1; then fail "a bad commit was accepted"; fi
grep -q "add_service has no argument nam" "$dir/log" || fail "the message is missing"
grep -q "gives no valid plan" "$dir/log" || fail "the preview did not refuse it"

printf 'def run( plan ):\n    plan.add_service(name="db", config=ServiceConfig(image="db:1"))\n' >main.star
git add .
if git commit -q -m unformatted >"$dir/log" 2>&1; then fail "an unformatted commit was accepted"; fi
grep -q '^def run(plan):$' main.star || fail "the hook did not format"

git add .
git commit -q -m good >"$dir/log" 2>&1 || fail "a good commit was refused"
echo "pre-commit: bad commits refused, a good one passed"
