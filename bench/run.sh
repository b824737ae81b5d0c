#!/usr/bin/env bash
# Sets up what is missing, then runs the benchmarks: bench/run.sh [--list] [--quick] [--json] [--runs N] [NAME...]
set -euo pipefail

# shellcheck source=scripts/setup.sh
. "$(dirname "$0")/../scripts/setup.sh"
set_up
cd "$root"
exec node --import tsx bench/run.ts "$@"
