"""Real coding agents for tests: npm fetches each one's command the first time it is asked for.

Everything lands in `.cache/agents`, one folder for each agent, named after its lock file. Nothing is skipped: where node,
npm or the registry is missing, `AgentMissingError` says so. Safe for parallel test workers.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[3]
PACKAGES = ROOT / "tests" / "agents"
CACHE = ROOT / ".cache" / "agents"


class AgentMissingError(RuntimeError):
    """The real command cannot be had here; the message says what to install."""


def command(agent: str) -> str:
    """Return the path of the agent's command."""
    return str(_packages(agent) / "node_modules" / ".bin" / agent)


def _packages(agent: str) -> Path:
    lock = PACKAGES / agent / "package-lock.json"
    ready = CACHE / f"{agent}-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    if ready.is_dir():
        return ready
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{agent}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if not ready.is_dir():
            making = CACHE / f"{agent}.making"
            shutil.rmtree(making, ignore_errors=True)
            shutil.copytree(lock.parent, making)
            _fetch(making)
            making.rename(ready)
    return ready


def _fetch(folder: Path) -> None:
    """Install what the lock file pins; of all install scripts run only the agent's own, which puts its binary in place.

    Not `npm ci`: a lock file made where a registry lacks another platform's binary is one it refuses.
    """
    (package,) = json.loads((folder / "package.json").read_text())["dependencies"]
    _npm(folder, "install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund")
    _npm(folder, "rebuild", package)


def _npm(folder: Path, *arguments: str) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise AgentMissingError("`npm` is not installed; the tests of coding agents need node 20.12 or later with npm")
    done = subprocess.run(
        (npm, *arguments), cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600, check=False
    )
    if done.returncode:
        raise AgentMissingError(f"npm {' '.join(arguments)} failed in {folder}:\n{done.stderr[-2000:]}")
