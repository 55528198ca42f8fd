"""Call: call a function in a process of its own and write down what a call takes, or what it holds.

It is run by the interpreter of the project, so: only the standard library, nothing of ours, and nothing newer than
Python 3.8. Its one argument is a folder: `plan.json` there says what to do, `report.json` is what came of it.
"""

# ruff: noqa: PLC0415 - what one way needs and the others do not would be counted as memory of the function
from __future__ import annotations

import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [place for place in sys.path if os.path.abspath(place) != _HERE]  # nothing of ours may be found by the project

import gc  # noqa: E402
import importlib  # noqa: E402
import inspect  # noqa: E402
import json  # noqa: E402
import time  # noqa: E402
import traceback  # noqa: E402
from collections import deque  # noqa: E402
from functools import partial  # noqa: E402
from itertools import repeat  # noqa: E402
from typing import Any, Callable, Iterable  # noqa: E402, UP035

_BATCHES = 50
"""Many short ones: on a busy machine some of them are never interrupted."""
_FILL = 0.2
"""Seconds that the measured calls take together, where nobody says how many they are."""
_MOST = 1_000_000
_COPIES = 2_000
"""Calls at most of a function that changes its arguments: each gets its own, made before."""
_DEEP, _LINES, _FEW, _CALLS = 12, 100, 5, 200
"""Of memory: how many places of a stack are kept, how many lines are told, and how many calls are a window."""
_LOOK = 0.005
"""Seconds between two looks at the memory."""

Call = Callable[[], Any]
End = Callable[[Any], Any]


class Wrong(Exception):  # noqa: N818
    """What was asked for cannot be; with what to do."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


class Calls:
    """The function with its arguments: as many calls as are wanted, each brought to its end."""

    def __init__(self, name: str, args: dict[str, Any]) -> None:
        self.function, self._text = _function(name), json.dumps(args)
        self._args = json.loads(self._text)
        _fit(name, self.function, args)
        self._end = self._warm(name)
        self.changes_its_args = json.dumps(self._args, default=repr) != self._text

    def _warm(self, name: str) -> End | None:
        """Call once, which shows how such a call is brought to its end."""
        try:
            value = self.function(**self._args)
            end = _end(value)
            if end is not None:
                end(value)
        except TypeError as error:
            raise Wrong(f"`{name}` does not take its `args`: {error}", _offer(self.function)) from error
        return end

    def _one(self) -> Call:
        args = json.loads(self._text) if self.changes_its_args else self._args
        call = partial(self.function, **args)
        return call if self._end is None else partial(_through, call, self._end)

    def of(self, count: int) -> Iterable[Call]:
        """Return so many calls, ready to be made."""
        return [self._one() for _ in range(count)] if self.changes_its_args else repeat(self._one(), count)


def _function(name: str) -> Any:
    module, _, path = name.partition(":")
    try:
        found = importlib.import_module(module)
    except Exception as error:  # whatever a module does when it is imported
        hint = "is it importable from the root of the project (or its `src`), by the `python3` on PATH?"
        raise Wrong(f"`{module}` cannot be imported: {type(error).__name__}: {error}", hint) from error
    for part in path.split("."):
        if not hasattr(found, part):
            raise Wrong(f"`{module}` has no `{path}`", "`python` is `package.module:function`")
        found = getattr(found, part)
    if not callable(found):
        raise Wrong(f"`{name}` cannot be called", "`python` is `package.module:function`")
    return found


def _fit(name: str, function: Any, args: dict[str, Any]) -> None:
    try:
        signature = inspect.signature(function)
    except ValueError:  # one written in C may not tell
        return
    try:
        signature.bind(**args)
    except TypeError as error:
        raise Wrong(f"`{name}` does not take its `args`: {error}", _offer(function)) from error


def _offer(function: Any) -> str:
    try:
        form = str(inspect.signature(function))
    except ValueError:
        form = "(...)"
    return f"`args` are given by name; the function is `{getattr(function, '__name__', 'it')}{form}`"


def _end(value: Any) -> End | None:
    """Return what brings a value of this sort to its end, where it has to be."""
    if inspect.isgenerator(value):
        return partial(deque, maxlen=0)
    if inspect.isawaitable(value) or inspect.isasyncgen(value):
        import asyncio

        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        waited = _waited if inspect.isawaitable(value) else _drained
        return lambda one: loop.run_until_complete(waited(one))
    return None


async def _waited(value: Any) -> None:
    await value


async def _drained(value: Any) -> None:
    async for _ in value:
        pass


def _through(call: Call, end: End) -> None:
    end(call())


def _spent() -> float:
    """Return the processor seconds of this process and of the children it waited for."""
    import resource

    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _batch(calls: Calls, count: int) -> tuple[float, float]:
    """Return the seconds of the clock and of the processor that a call takes, of so many."""
    ready = calls.of(count)
    spent, began = _spent(), time.perf_counter()
    for call in ready:
        call()
    return (time.perf_counter() - began) / count, (_spent() - spent) / count


def _many(calls: Calls) -> int:
    """Return how many calls fill the time: told by ever larger batches, each by the quickest of three unless it takes long."""
    most = _COPIES if calls.changes_its_args else _MOST
    count = 1
    while True:
        took = _batch(calls, count)[0] * count
        if took < _FILL:
            took = min(took, *(_batch(calls, count)[0] * count for _ in range(2)))
        if took >= _FILL / _BATCHES or count >= most:
            return max(1, min(most, round(count * _FILL / max(took, 1e-9))))
        count = min(most, count * 4)


def _timed(calls: Calls, plan: dict[str, Any]) -> dict[str, Any]:
    """Return the least that a call took in any batch: what it takes where nobody gets in between."""
    repeats = plan["repeats"] or _many(calls)
    size = max(1, repeats // _BATCHES)
    gc.collect()
    batches = [_batch(calls, size) for _ in range(max(1, repeats // size))]
    seconds, cpu = (min(column) for column in zip(*batches))  # noqa: B905 - newer than Python 3.8
    return {"seconds": seconds, "cpu": cpu, "peak": _peak(), "repeats": repeats}


def _peak() -> int:
    """Return the bytes this process held at its most; the kernel's other figure may still be that of who started it."""
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as file:
            words = next((line.split() for line in file if line.startswith("VmHWM:")), [])
    except OSError:
        words = []
    return 1024 * int(words[1]) if len(words) > 1 else 0


def _kept_busy(calls: Calls, plan: dict[str, Any]) -> dict[str, Any]:
    """Call until the time is over: for somebody who looks on from outside."""
    end, count = time.monotonic() + plan["seconds"], 1  # the one that warmed it up
    while count < 2 or time.monotonic() < end:
        for call in calls.of(1):
            call()
        count += 1
    return {"calls": count}


def _weighed(calls: Calls, plan: dict[str, Any]) -> dict[str, Any]:
    """Return the memory held near the peak of a call, and what two windows of calls left behind, all in bytes."""
    import tracemalloc

    tracemalloc.start(_DEEP)
    seen, highest = _highest(calls)
    peak = tracemalloc.get_traced_memory()[1]
    many = _window(_batch(calls, 1)[0], plan["seconds"] / 2)
    left, last = [], highest
    for _ in range(2):
        gc.collect()
        before, last = tracemalloc.get_traced_memory()[0], tracemalloc.take_snapshot()
        for call in calls.of(many):
            call()
        gc.collect()
        left.append((tracemalloc.get_traced_memory()[0] - before) / many)
    grown = [(_places(one), one.size_diff / many) for one in tracemalloc.take_snapshot().compare_to(last, "traceback")]
    held = [(_places(one), one.size) for one in highest.statistics("traceback")] if seen >= peak / 2 else []
    return {
        "peak": peak,
        "held": held[:_LINES],
        "calls": many,
        "left": left,
        "grown": [one for one in grown if one[1] > 0][:_LINES],
    }


def _window(took: float, seconds: float) -> int:
    """Return how many calls are a window: as many as fill it, and not too few to tell unless each takes very long."""
    return 1 if took > 4 * seconds else max(_FEW, min(_CALLS, int(seconds / max(took, 1e-6))))


def _places(one: Any) -> list[list[Any]]:
    """Return the places of an allocation, the outermost first."""
    return [[frame.filename, frame.lineno] for frame in one.traceback if not frame.filename.startswith(_HERE)]


def _highest(calls: Calls) -> tuple[int, Any]:
    """Return the bytes, and a snapshot, from about when a call held the most, as far as looks now and then can tell."""
    import threading
    import tracemalloc

    over = threading.Event()
    found = [(0, tracemalloc.take_snapshot())]

    def watch() -> None:
        while not over.wait(_LOOK):
            held = tracemalloc.get_traced_memory()[0]
            if held > 1.3 * found[-1][0]:
                found[:] = [(held, tracemalloc.take_snapshot())]

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    for call in calls.of(1):
        call()
    over.set()
    watcher.join()
    return found[-1]


_WAYS = {"time": _timed, "busy": _kept_busy, "weigh": _weighed}


def _report(plan: dict[str, Any]) -> dict[str, Any]:
    try:
        return _WAYS[plan["way"]](Calls(plan["function"], plan["args"]), plan)
    except Wrong as error:
        return {"wrong": error.message, "hint": error.hint}
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever the function raises is what came of it
        traceback.print_exc()
        return {"problem": f"{type(error).__name__}: {error}"}


def main(folder: str) -> int:
    """Do what the plan in a folder says, and write the report there; return the exit code."""
    with open(os.path.join(folder, "plan.json"), encoding="utf-8") as file:
        plan = json.load(file)
    report = _report(plan)
    with open(os.path.join(folder, "report.json"), "w", encoding="utf-8") as file:
        json.dump(report, file)
    return 1 if "problem" in report or "wrong" in report else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
