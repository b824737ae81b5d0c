#!/usr/bin/env bash
# Sets up what is missing, then breaks a stack of its own: test/chaos/run.sh [--seed N] [--minutes M]
set -euo pipefail

# shellcheck source=scripts/setup.sh
. "$(dirname "$0")/../../scripts/setup.sh"
set_up
cd "$root"
exec node --import tsx test/chaos/run.ts "$@"
