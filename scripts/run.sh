#!/usr/bin/env bash
# Sets up what is missing (npm packages, build), then becomes the program: run.sh [--quiet] dist/FILE.js ARGS...
# Only the program writes to stdout; --quiet: the set-up says nothing at all unless it fails.
set -euo pipefail

if [ "${1:-}" = --quiet ]; then
  quiet=1
  shift
fi
[ $# -gt 0 ] || {
  echo "usage: run.sh [--quiet] dist/FILE.js ARGS..." >&2
  exit 2
}
program=$1
shift

# shellcheck source=scripts/setup.sh
. "$(dirname "$0")/setup.sh"
set_up
exec node --enable-source-maps "$root/$program" "$@"
