# shellcheck shell=bash
# Functions that run.sh and test.sh share: from a fresh clone to installed packages and a built dist.
# Portable on purpose: bash 3.2 (macOS) and POSIX tools. All that they say goes to stderr.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
lock="$root/.tools/setup.lock"
quiet=${quiet:-}

say() { [ -n "$quiet" ] || echo "blockloom: $*" >&2; }

fail() {
  echo "blockloom: $*" >&2
  exit 1
}

# Runs a command whose output only matters when it fails.
run_step() {
  local log
  log=$(mktemp "${TMPDIR:-/tmp}/blockloom-setup.XXXXXX")
  if (cd "$root" && "$@") >"$log" 2>&1 </dev/null; then
    rm -f "$log"
    return 0
  fi
  cat "$log" >&2
  rm -f "$log"
  return 1
}

check_node() {
  command -v node >/dev/null 2>&1 ||
    fail "Node.js is missing. Fix: install Node.js 20.3 or newer (https://nodejs.org)."
  local version major minor
  version=$(node --version)
  major=${version#v}
  major=${major%%.*}
  minor=${version#v*.}
  minor=${minor%%.*}
  if [ "$major" -lt 20 ] || { [ "$major" -eq 20 ] && [ "$minor" -lt 3 ]; }; then
    fail "Node.js $version is too old. Fix: install 20.3 or newer (https://nodejs.org)."
  fi
}

# One set-up at a time: the lock is a folder, which mkdir makes for exactly one of many.
take_lock() {
  local owner waited=0
  mkdir -p "$root/.tools"
  until mkdir "$lock" 2>/dev/null; do
    owner=$(cat "$lock/pid" 2>/dev/null || true)
    if { [ -n "$owner" ] && ! kill -0 "$owner" 2>/dev/null; } || { [ -z "$owner" ] && [ $waited -gt 10 ]; }; then
      # Its owner was killed (without a name: before it could write one). Of several that see this, one wins the rename.
      mv "$lock" "$lock.$$" 2>/dev/null && rm -rf "$lock.$$"
      continue
    fi
    [ $((waited % 15)) -ne 3 ] || say "waiting for another set-up (process ${owner:-unknown}) ..."
    waited=$((waited + 1))
    sleep 1
  done
  echo $$ >"$lock/pid"
  trap 'rm -rf "$lock"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
}

leave_lock() {
  rm -rf "$lock"
  trap - EXIT INT TERM
}

packages_stamp="$root/node_modules/.blockloom-lock"
lock_hash() { cksum <"$root/package-lock.json"; }

packages_are_current() {
  [ "$(cat "$packages_stamp" 2>/dev/null)" = "$(lock_hash)" ] && return 0
  # Installed by hand: npm writes its own record last of all.
  [ "$root/node_modules/.package-lock.json" -nt "$root/package-lock.json" ]
}

install_packages() {
  if ! packages_are_current; then
    say "installing npm packages ..."
    # The embedded servers come as optional packages of one platform each, the dev stack as dev packages.
    run_step npm ci --include=dev --include=optional --no-audit --no-fund --loglevel=error ||
      fail "npm ci failed, see above."
  fi
  [ "$(cat "$packages_stamp" 2>/dev/null)" = "$(lock_hash)" ] || lock_hash >"$packages_stamp"
}

build_is_current() {
  [ -f "$root/dist/.built" ] || return 1
  # Folders count too: their time changes when a file in them goes away.
  [ -z "$(find "$root/src" "$root/tsconfig.json" "$root/tsconfig.build.json" \
    "$root/package-lock.json" "$root/scripts/build.sh" -newer "$root/dist/.built" -print)" ]
}

build_program() {
  build_is_current && return 0
  say "building ..."
  run_step bash "$root/scripts/build.sh" || fail "the build failed, see above."
}

is_set_up() { packages_are_current && build_is_current; }

set_up() {
  check_node
  is_set_up && return 0
  take_lock
  install_packages
  build_program
  leave_lock
}
