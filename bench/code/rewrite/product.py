"""Product: `bmadp` on the corpus from the command line: wall seconds, CPU seconds and peak memory, cold and again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from corpus import corpus

PASSES = ("unused-imports", "import-order", "modern-syntax", "annotations", "docstrings")
DOCUMENT = f"kind: Code\nname: corpus\npaths: ['**/*.py']\npasses: [{', '.join(PASSES)}]\n"
ALL = ("django", "sqlalchemy", "sympy")
ONE = ("--parallel-execution-enabled", "false")


@dataclass(frozen=True)
class Cost:
    """What a command line took: seconds by the clock and of all processors, and the peaks of memory in MB."""

    wall: float
    cpu: float
    own: float
    worker: float


@contextmanager
def project(*packages: str) -> Iterator[Path]:
    """Lay out packages of the corpus as a project: whole ones, or their imports would be faults."""
    root = corpus()
    with TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as place:
        for file in sorted(file for package in packages for file in (root / package).rglob("*.py")):
            copy = Path(place) / file.relative_to(root)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, copy)
        (Path(place) / "bmad-provisioner.yaml").write_text(DOCUMENT)
        yield Path(place)


def bmadp(folder: Path, *arguments: str) -> Cost:
    """Run a command line and look at its processes many times a second, at workers as long as they are seen to live."""
    command = [sys.executable, "-m", "bmad_provisioner", *arguments]
    peaks: dict[int, float] = {}
    seconds: dict[int, float] = {}
    start, before = time.perf_counter(), os.times()
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            for pid in (process.pid, *_below(process.pid)):
                peaks[pid] = max(peaks.get(pid, 0.0), _peak(pid))
                seconds[pid] = max(seconds.get(pid, 0.0), _spent(pid))
            time.sleep(0.02)
        wall = time.perf_counter() - start
    if process.returncode:
        raise SystemExit(f"`bmadp {' '.join(arguments)}` ended with {process.returncode}")
    after = os.times()
    waited = after.children_user + after.children_system - before.children_user - before.children_system
    own = peaks.pop(process.pid, 0.0)
    return Cost(wall, max(waited, sum(seconds.values())), own, max(peaks.values(), default=0.0))


def _below(pid: int) -> list[int]:
    """Return the processes that a process has started, and those below them."""
    children: list[int] = []
    with suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            children += [int(child) for child in (thread / "children").read_text().split()]
    return children + [below for child in children for below in _below(child)]


def _peak(pid: int) -> float:
    """Return the highest resident memory of a process so far, in MB."""
    with suppress(OSError):
        rows = Path(f"/proc/{pid}/status").read_text().splitlines()
        return max((int(row.split()[1]) / 1000 for row in rows if row.startswith("VmHWM")), default=0.0)
    return 0.0


def _spent(pid: int) -> float:
    """Return the seconds of processor that a process has had so far."""
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def touch(folder: Path, every: int) -> int:
    """Add a line to every n-th file; return how many those are."""
    files = sorted(folder.rglob("*.py"))[::every]
    for file in files:
        file.write_bytes(file.read_bytes() + b"\n# touched\n")
    return len(files)


def measured() -> Iterator[tuple[str, Cost]]:
    """Yield what each step took."""
    with project("django") as folder:
        yield "cold `apply` of Django alone (885 files), two processors", bmadp(folder, "apply", "--yes")
    with project(*ALL) as folder:
        yield "cold `apply` of all files, one process", bmadp(folder, "apply", "--yes", *ONE)
    with project(*ALL) as folder:
        yield "cold `apply` of all files, two processors", bmadp(folder, "apply", "--yes")
        yield "`apply` again, on the files as they are now", bmadp(folder, "apply", "--yes")
        bmadp(folder, "analyze")
        yield "`analyze` again, nothing changed", bmadp(folder, "analyze")
        yield f"`analyze` with {touch(folder, 100)} files touched", bmadp(folder, "analyze")


if __name__ == "__main__":
    for title, cost in measured():
        print(f"| {title} | {cost.wall:.2f} | {cost.cpu:.1f} | {cost.own:.0f} | {cost.worker:.0f} |", flush=True)
