#!/usr/bin/env bash
# What `npm test` and CI run: set-up, format, lint, types, dead code, then all tests against the real parts.
# Closes with one line: N passed, N failed (, N skipped). Arguments go to vitest: npm test -- test/unit
set -uo pipefail

# shellcheck source=scripts/setup.sh
. "$(dirname "$0")/setup.sh"
cd "$root"

passed=0
failed=0
# Each check counts as one test.
check() {
  local name=$1
  shift
  echo "== $name"
  if "$@"; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "FAILED: $name" >&2
  fi
}

# Without packages nothing below can run; a build that fails is told by "types" in detail.
check_node
take_lock
install_packages
leave_lock
bin=node_modules/.bin

[ "${CI:-}" != true ] || check "parts that only tests need" bash scripts/install-test-parts.sh
check "Temporal CLI" "$bin/tsx" src/dev/temporal-cli-ready.ts
check "format" "$bin/biome" ci --error-on-warnings
check "lint" "$bin/oxlint" --type-aware --quiet
check "types" "$bin/tsc" -p tsconfig.json
check "dead code" "$bin/knip" --no-progress
check "build" bash -c '. scripts/setup.sh && set_up'

echo "== tests"
results=.tools/test-results.json
rm -f "$results"
"$bin/vitest" run --reporter=default --reporter=json --outputFile.json="$results" "$@"
exec "$bin/tsx" src/dev/test-report.ts "$results" "$passed" "$failed" $?
