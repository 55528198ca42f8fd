"""Machine: what numbers were measured on; those of two machines are never compared."""

from __future__ import annotations

import os
import platform
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path

from bmad_provisioner.digest import fingerprint
from bmad_provisioner.kinds.performance.measured import Machine


@cache
def machine() -> Machine:
    """Return this machine, as far as it decides how fast something is; memory in bytes, to the nearest GB."""
    memory = round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9) * 10**9
    system = f"{platform.system()} {platform.release()}"
    python = f"{platform.python_implementation()} {'.'.join(map(str, sys.version_info[:3]))}"
    said = (processors(), _model(), memory, system, python)
    return Machine(*said, identity=fingerprint(list(said))[:16])


def processors() -> int:
    """Return how many processors we may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _model() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines():
            if line.startswith("model name"):
                return " ".join(line.partition(":")[2].split())
    return platform.processor() or platform.machine()
