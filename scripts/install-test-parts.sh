#!/usr/bin/env bash
# Installs what only tests need, on a CI machine (Debian, root): a developer's tests skip loudly without these.
set -euo pipefail
cd "$(dirname "$0")/.."

geth_version=v1.17.10

if ! command -v docker-compose >/dev/null 2>&1; then
  echo "installing docker-compose (checks docker-compose.yml) ..."
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends docker-compose >/dev/null
fi

if ! command -v redis-server >/dev/null 2>&1; then
  echo "installing redis-server (the stream of the staking bridge) ..."
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends redis-server >/dev/null
fi

if ! .tools/bin/geth version 2>/dev/null | grep -q "^Version: ${geth_version#v}"; then
  echo "building geth $geth_version (a second kind of node), some minutes the first time ..."
  mkdir -p .tools/bin
  GOBIN="$PWD/.tools/bin" CGO_ENABLED=0 go install -trimpath -ldflags '-s -w' \
    "github.com/ethereum/go-ethereum/cmd/geth@$geth_version"
fi
