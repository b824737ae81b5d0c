#!/usr/bin/env bash
# Builds dist: compiled sources, files that they read at run time, and the workflow bundles.
# It is built aside and moved into place whole, so that nothing ever starts from half a build.
set -euo pipefail
cd "$(dirname "$0")/.."

out=".tools/dist.$$"
trap 'rm -rf "$out"' EXIT
mkdir -p "$out"
touch "$out/.built" # its time is that of the start: what is saved while we build is newer

node_modules/.bin/tsc -p tsconfig.build.json --outDir "$out"
find src -type f ! -name '*.ts' ! -name '*.md' | while IFS= read -r file; do
  target="$out/${file#src/}"
  mkdir -p "$(dirname "$target")"
  cp "$file" "$target"
done
node "$out/dev/bundle-workflows.js" "$PWD/$out"

rm -rf "$out.old"
[ ! -e dist ] || mv dist "$out.old"
mv "$out" dist
rm -rf "$out.old"
