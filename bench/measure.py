"""Measure: what a command cost, and what many such figures come to."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_METER = Path(__file__).with_name("meter.py")


@dataclass(frozen=True, slots=True)
class Sample:
    """One run: wall and CPU seconds of the process tree, peak bytes of its largest process, exit code, what it said."""

    wall: float
    cpu: float
    memory: float
    code: int
    said: str


def measure(command: Sequence[str], *, folder: Path, home: Path, path: str = "", seconds: float = 300) -> Sample:
    """Run `command` in `folder` with a home of its own, and return what it cost; past `seconds` it is stopped."""
    home.mkdir(parents=True, exist_ok=True)
    log = home / "said.txt"
    meter = [sys.executable, "-I", "-S", str(_METER), str(seconds), str(log), *command]
    done = subprocess.run(meter, cwd=folder, env=_environment(home, path), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return Sample(0, 0, 0, 127, done.stderr)
    return Sample(**json.loads(done.stdout), said=log.read_text(encoding="utf-8", errors="replace"))


def _environment(home: Path, path: str) -> Mapping[str, str]:
    paths = [part for part in (path, os.environ.get("PATH", "")) if part]
    quiet = {"NO_COLOR": "1", "CI": "1", "DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1", "LC_ALL": "C.UTF-8", "TERM": "dumb"}
    return {"PATH": ":".join(paths), "HOME": str(home), **quiet}


def median(samples: Sequence[Sample], what: str) -> float:
    """Return the median of one figure."""
    return statistics.median(getattr(sample, what) for sample in samples)


def machine() -> dict[str, str | int]:
    """Return the facts of this machine without which no figure can be read."""
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return {
        "cores": os.cpu_count() or 0,
        "processor": model,
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "python": platform.python_version(),
        "load": f"{os.getloadavg()[2]:.1f}",
    }
