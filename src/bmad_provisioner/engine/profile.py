"""Profile: how much a run may occupy at once, sized from the machine and from what agents used before."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from bmad_provisioner.errors import UsageError
from bmad_provisioner.plugins import did_you_mean

MEBI, GIBI = 1024**2, 1024**3
_SPARE = 0.8
"""The part of the available memory that a run may fill; the rest is for what the machine does besides."""
_MARGIN = 1.25
"""How much more than its highest peak so far an agent may come to use."""
_FIRST = GIBI
"""What an agent is taken to need before one was measured: as in `medium`."""
_LEAST, _STEP = 256 * MEBI, 64 * MEBI
_WAITING = 4
"""How many agents share a processor that mostly wait for a model or a command."""
_MOST = 32
_NO_LIMIT = 1 << 60
"""Control groups of v1 write "no limit" as nearly 2**63."""
_TIGHT = 10.0
"""The percentage of time in which something waited for memory, from which a machine counts as short of it."""


@dataclass(frozen=True, slots=True)
class Profile:
    """How many agents run at once, and what one of them may use: bytes of memory, processors."""

    name: str
    slots: int
    memory: int
    cpu: float


PROFILES: Mapping[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile("small", 3, 512 * MEBI, 0.5),
        Profile("medium", 5, GIBI, 1.0),
        Profile("large", 8, 2 * GIBI, 2.0),
        Profile("enterprise", 12, 4 * GIBI, 4.0),
    )
}


@dataclass(frozen=True, slots=True)
class Pressure:
    """Per cent of the last ten seconds in which something waited for it (Linux, pressure stall information)."""

    cpu: float = 0.0
    memory: float = 0.0
    io: float = 0.0


@dataclass(frozen=True, slots=True)
class Machine:
    """What a run finds: processors and bytes of memory that it may use, and what others use of them now.

    `load` is how many processes wanted a processor, on average over the last minute. Memory of 0 bytes in all is unknown.
    """

    processors: float
    memory: int
    available: int
    load: float = 0.0
    pressure: Pressure = Pressure()

    @property
    def idle(self) -> float:
        """How many processors are free now."""
        return max(0.0, self.processors - self.load)


def own(name: str, given: Mapping[str, float]) -> Profile:
    """Return a profile of the document's own: `agents`, `memory` (bytes), `cpu`; what is missing is as in `medium`.

    Raises UsageError for another key, and for what is not above 0.
    """
    medium = PROFILES["medium"]
    known = {"agents": medium.slots, "memory": medium.memory, "cpu": medium.cpu}
    for key, value in given.items():
        if key not in known:
            raise UsageError(f"profile `{name}`: unknown key `{key}`", hint=did_you_mean(key, known))
        if not 0 < value < math.inf or (key != "cpu" and value != int(value)):
            raise UsageError(f"profile `{name}`: `{key}` must be a {'whole ' if key != 'cpu' else ''}number above 0, not `{value}`")
    wanted = {**known, **given}
    return Profile(name, int(wanted["agents"]), int(wanted["memory"]), float(wanted["cpu"]))


def named(name: str, others: Mapping[str, Profile] | None = None) -> Profile:
    """Return a profile by its name, ours or one of `others`; raises UsageError for an unknown one."""
    known = {**PROFILES, **(others or {})}
    if name not in known:
        raise UsageError(f"unknown profile `{name}`", hint=did_you_mean(name, {**known, "auto": None}))
    return known[name]


# --- deciding ---------------------------------------------------------------------------------------------------------


def size(machine: Machine, past: Mapping[str, Sequence[int]], *, waits: bool = True) -> Profile:
    """Return the profile `auto`: as many agents as the machine has room for now.

    `past` are the peaks in bytes of earlier runs, by agent: an agent gets a quarter more than the highest of them.
    `waits` says that agents mostly wait for a model, so that several share a processor.
    """
    peaks = [peak for runs in past.values() for peak in runs]
    memory = max(_LEAST, _stepped(max(peaks) * _MARGIN)) if peaks else _FIRST
    share = 1 / _WAITING if waits else 1.0
    by_cpu = int(max(machine.idle, 1.0) / share)
    slots = max(1, min(by_cpu, _by_memory(machine, memory), _MOST))
    return Profile("auto", slots, memory, share)


def fit(profile: Profile, machine: Machine) -> tuple[Profile, str]:
    """Return a profile that the machine can bear now, and one sentence why it is less; empty if it is not.

    Memory that is not there gets agents killed, so it takes slots away; processors only make them slower, so those are
    left to the schedule, unless one agent wants more of them than there are.
    """
    reasons = []
    slots, cpu = profile.slots, profile.cpu
    if (room := max(1, _by_memory(machine, profile.memory))) < slots:
        reasons.append(f"{_amount(machine.available)} of memory are free and an agent may use {_amount(profile.memory)}")
        slots = room
    if machine.pressure.memory >= _TIGHT and slots > 1:
        reasons.append(f"processes waited for memory {machine.pressure.memory:.0f} % of the last ten seconds")
        slots = max(1, slots // 2)
    if cpu > machine.processors:
        reasons.append(f"an agent may use {cpu:g} processors and there are {machine.processors:g}")
        cpu = machine.processors
    if not reasons:
        return profile, ""
    now = f"{slots} of {profile.slots} agents" if slots < profile.slots else f"all {slots} agents"
    return replace(profile, slots=slots, cpu=cpu), f"profile `{profile.name}` runs {now} at once: {'; '.join(reasons)}"


def _by_memory(machine: Machine, memory: int) -> int:
    return int(machine.available * _SPARE / memory) if machine.memory else _MOST


def _stepped(count: float) -> int:
    """Round up, so that a profile does not change with every run."""
    return -(-int(count) // _STEP) * _STEP


def _amount(count: int) -> str:
    return f"{count / GIBI:.1f} GB" if count >= GIBI else f"{count // MEBI} MB"


# --- looking ----------------------------------------------------------------------------------------------------------


def look(proc: Path = Path("/proc"), groups: Path = Path("/sys/fs/cgroup")) -> Machine:
    """Return the machine as it is now, within the limits of our control groups (v1 and v2)."""
    host = os.cpu_count() or 1
    processors = float(_runnable())
    memory, available = _memory(proc)
    for folder in _folders(proc, groups, "cpu"):
        processors = min(processors, _quota(folder))
    for folder in _folders(proc, groups, "memory"):
        limit, used = _limit(folder)
        if limit < _NO_LIMIT:
            free = max(0, limit - used)
            memory, available = (min(memory, limit), min(available, free)) if memory else (limit, free)
    pressure = Pressure(*(_stalled(proc / "pressure" / what) for what in ("cpu", "memory", "io")))
    return Machine(processors, memory, available, _load(proc) * processors / host, pressure)


def _runnable() -> int:
    """Return how many processors this process may run on."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _load(proc: Path) -> float:
    """Return the load of the last minute of the whole host."""
    if found := re.match(r"[\d.]+", _text(proc / "loadavg")):
        return float(found[0])
    with suppress(OSError, AttributeError):
        return os.getloadavg()[0]
    return 0.0


def _memory(proc: Path) -> tuple[int, int]:
    """Return the bytes of memory there are, and those that are free or can be freed; elsewhere than on Linux all of them."""
    found = re.findall(r"^(\w+):\s+(\d+) kB$", _text(proc / "meminfo"), re.MULTILINE)
    sizes = {name: int(count) * 1024 for name, count in found}
    if "MemTotal" in sizes:
        return sizes["MemTotal"], sizes.get("MemAvailable", sizes.get("MemFree", 0))
    with suppress(OSError, ValueError, AttributeError):
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        return total, total
    return 0, 0


def _stalled(path: Path) -> float:
    found = re.search(r"^some avg10=([\d.]+)", _text(path), re.MULTILINE)
    return float(found[1]) if found else 0.0


def _folders(proc: Path, groups: Path, controller: str) -> Iterator[Path]:
    """Yield the folders of our control group and of those it is in, innermost first: the limits of all of them hold."""
    for line in _text(proc / "self/cgroup").splitlines():
        _number, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        top = groups / controller if controllers else groups
        inner = top / path.strip("/")
        yield from (folder for folder in (inner, *inner.parents) if folder.is_relative_to(top) and folder.is_dir())


def _quota(folder: Path) -> float:
    """Return how many processors a control group may use; `inf` if it says nothing."""
    numbers = _text(folder / "cpu.max") or f"{_text(folder / 'cpu.cfs_quota_us')} {_text(folder / 'cpu.cfs_period_us')}"
    found = re.match(r"(\d+)\s+(\d+)", numbers)  # `max` in v2, -1 in v1: no limit
    return int(found[1]) / int(found[2]) if found and int(found[2]) else math.inf


def _limit(folder: Path) -> tuple[int, int]:
    """Return the bytes that a control group may hold (`_NO_LIMIT`: any), and those it holds and cannot give back at once."""
    for most, now, idle in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        if (limit := _text(folder / most).strip()).isdigit():
            cached = re.search(rf"^{idle} (\d+)", _text(folder / "memory.stat"), re.MULTILINE)
            used = int(_text(folder / now) or 0)
            return int(limit), max(0, used - (int(cached[1]) if cached else 0))
    return _NO_LIMIT, 0


def _text(path: Path) -> str:
    """Return what a file says, or nothing if there is none: most kernels lack some of them."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
