#!/usr/bin/env bash
# Sets up what is missing, then breaks a stack of its own: test/chaos/run.sh [--seed N] [--minutes M]
set -euo pipefail

# shellcheck source=scripts/setup.sh
. "$(dirname "$0")/../../scripts/setup.sh"
set_up
cd "$root"
# Disks to be filled are mounted where no one else sees them, and end with the run. Where neither way is allowed,
# the run itself tries sudo, and says it when no disk can be filled.
for alone in "unshare --mount" "unshare --user --map-root-user --mount"; do
  # shellcheck disable=SC2086
  if $alone true 2>/dev/null; then exec $alone node --import tsx test/chaos/run.ts "$@"; fi
done
exec node --import tsx test/chaos/run.ts "$@"
