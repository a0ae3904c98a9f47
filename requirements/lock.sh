#!/bin/sh
# Makes the locks from pyproject.toml: exact versions with hashes, and no package host. Needs `uv` on the PATH.
set -eu
cd "$(dirname "$0")/.."
lock() {
  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
    --no-header --no-annotate pyproject.toml "$@"
}
lock --extra postgres --extra fast -o requirements/run.txt
lock --extra postgres --extra fast --group dev -o requirements/dev.txt
uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
  --no-header --no-annotate requirements/build.in -o requirements/build.txt
lock --extra voices -o requirements/voices.txt
