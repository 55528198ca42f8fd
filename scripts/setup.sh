#!/usr/bin/env bash
# Make .venv with exactly the locked packages and this project in it. Needs Python 3.11 or later with venv.
set -eu
cd "$(dirname "$0")/.."
python=$("${PYTHON:-python3}" -c 'import os, sys; print(os.path.realpath(sys.executable)) if sys.version_info >= (3, 11) else sys.exit("error: Python 3.11 or later is needed; name it with `make PYTHON=...`")')
echo "setting up .venv (once) ..." >&2
"$python" -m venv .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
touch .venv/ready
