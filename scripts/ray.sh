#!/usr/bin/env bash
# Have Ray, this project as it stands here, and what its tests need in .cache/ray (a venv), for the slow tests of the cluster.
set -eu
cd "$(dirname "$0")/.."
versions="ray[client]==2.60.0 pytest==9.2.0 hypothesis==6.170.15"
mkdir -p .cache
exec 9>.cache/ray.lock
! command -v flock >/dev/null || flock 9 # tests run side by side
[ "$(cat .cache/ray/ready 2>/dev/null)" = "$versions" ] && exit 0
python=${PYTHON:-python3}
[ -x .venv/bin/python ] && python=.venv/bin/python
rm -rf .cache/ray
"$(readlink -f "$python")" -m venv .cache/ray
# shellcheck disable=SC2086
.cache/ray/bin/python -m pip install --quiet --disable-pip-version-check --only-binary :all: $versions
.cache/ray/bin/python -m pip install --quiet --disable-pip-version-check --editable .
echo "$versions" > .cache/ray/ready
