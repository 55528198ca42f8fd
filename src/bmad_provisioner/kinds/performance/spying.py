"""Spying: where a target spends its time, seen from outside while it works: profiles as files, and the functions that are hot."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from bmad_provisioner.digest import Entry
from bmad_provisioner.engine.task import Inputs, Output, Turn
from bmad_provisioner.errors import TaskError
from bmad_provisioner.kinds.performance.arrivals import Stretch
from bmad_provisioner.kinds.performance.asked import mix, wanted
from bmad_provisioner.kinds.performance.causes import cause, merged
from bmad_provisioner.kinds.performance.exports.flamegraph import flamegraph
from bmad_provisioner.kinds.performance.exports.profiles import Stacks, collapsed, speedscope
from bmad_provisioner.kinds.performance.loading import generate
from bmad_provisioner.kinds.performance.measured import MEASURED, Found, Missing, Part
from bmad_provisioner.kinds.performance.memory import memory
from bmad_provisioner.kinds.performance.order import SERVICE, Ask, Order, Target
from bmad_provisioner.kinds.performance.packing import packed
from bmad_provisioner.kinds.performance.process_clues import Examined, process_clues
from bmad_provisioner.kinds.performance.processes import runs, scaled, witnessed
from bmad_provisioner.kinds.performance.profiling import Profile, hot, profile_pid, profiled
from bmad_provisioner.kinds.performance.scratch import laid
from bmad_provisioner.kinds.performance.service import running

LONG, QUICK = 8.0, 2.0
"""Seconds that a target is looked at."""
_RATE = 100
_FUNCTIONS = 12


def profile(inputs: Inputs) -> Output:
    """Write profiles of a target, and say which of its functions are hot; what is profiled is never timed."""
    asked, target = wanted(inputs)
    with laid(inputs) as folder:
        if target.sort == SERVICE:
            seen = _service(asked, target, folder, inputs)
            found = Found(target.name, (), tuple(_said(seen)), seen.missing, _shares(seen))
        else:
            seen, found = _process(target, folder, inputs.turn, QUICK if asked.quick else LONG)
    files = _files(inputs, f"{asked.folder}/profile", target.name, seen)
    return Output(files, facts={MEASURED: packed(Part(found=(found,)))}, fleeting=bool(found.missing))


def _service(asked: Order, target: Target, folder: Path, inputs: Inputs) -> Profile:
    """Look into a service under its usual load: at what works, then at what waits as well."""
    seconds = QUICK if asked.quick else LONG
    with running(target, folder, inputs.turn) as service:
        if not service.pid:
            how = "let `start` say how the service is started"
            return Profile(missing=(Missing("py-spy", how, "which lines the time of a service goes to that we did not start"),))
        with _busy(service.url, mix(inputs, target), asked, 2 * seconds + 2, inputs.turn):
            working = profile_pid(service.pid, seconds, _RATE, inputs.turn, False, folder)
            waiting = profile_pid(service.pid, seconds, _RATE, inputs.turn, True, folder)
    return Profile(working.busy, waiting.every, _RATE, working.missing or waiting.missing)


@contextmanager
def _busy(url: str, asks: Sequence[Ask], asked: Order, seconds: float, turn: Turn) -> Iterator[None]:
    """Keep a service at its usual load while the context lasts; what becomes of the requests is nobody's concern."""
    left = threading.Event()
    over = (Stretch(asked.load.baseline.rate, seconds),)
    with ThreadPoolExecutor(1) as pool:
        load = pool.submit(generate, url, asks, over, Turn(seconds=turn.seconds, stopped=lambda: left.is_set() or turn.stopped()))
        try:
            yield
        finally:
            left.set()
            error = load.exception()
    if error is not None and not isinstance(error, TaskError):
        raise error


def _process(target: Target, folder: Path, turn: Turn, seconds: float) -> tuple[Profile, Found]:
    seen = profiled(target, folder, turn, seconds)
    held = memory(target, folder, turn)
    looked = Examined(
        target, runs(target, folder, turn, 3), seen, scaled(target, folder, turn), held, witnessed(target, folder, turn)
    )
    causes = merged(cause(one, target.name) for one in process_clues(looked))
    return seen, Found(target.name, causes, tuple(_said(seen)), (*seen.missing, *held.missing), _shares(seen))


def _said(seen: Profile) -> Iterator[str]:
    if seen.busy:
        yield f"{sum(seen.busy.values()):,.0f} looks at what works, {sum(seen.every.values()):,.0f} at what waits as well (py-spy)"


def _shares(seen: Profile) -> tuple[tuple[str, float, float, int], ...]:
    some = hot(seen.busy)[:_FUNCTIONS]
    return tuple((f"{one.line.path}:{one.line.number} {one.line.function}", one.own, one.total, one.looks) for one in some)


def _files(inputs: Inputs, home: str, name: str, seen: Profile) -> Mapping[str, Entry]:
    """Return the profiles as other programs read them: speedscope, collapsed stacks, flame graphs."""
    some: dict[str, Stacks] = {what: stacks for what, stacks in (("working", seen.busy), ("waiting too", seen.every)) if stacks}
    if not some:
        return {}
    files = {f"{name}.speedscope.json": json.dumps(speedscope(name, some)), f"{name}.collapsed": collapsed(seen.busy)}
    files |= {f"{name}.{what.split()[0]}.svg": flamegraph(f"{name}, {what}", stacks) for what, stacks in some.items()}
    return {f"{home}/{path}": inputs.keep(text.encode()) for path, text in files.items()}
