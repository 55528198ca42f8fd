"""Run: walk a graph, skipping what the cache knows, and doing the rest as soon as there is room for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import partial

from bmad_provisioner.digest import Digest, Entry, digest
from bmad_provisioner.engine.attempt import Attempt
from bmad_provisioner.engine.attempts import Attempts
from bmad_provisioner.engine.cache import Hit, Made, Trace, spelled
from bmad_provisioner.engine.graph import Graph
from bmad_provisioner.engine.means import Means, Ways
from bmad_provisioner.engine.task import NEVER, Effect, Inputs, Lane, Output, Task, Turn, components, key, shown, told
from bmad_provisioner.errors import BmadpError, PlanError
from bmad_provisioner.event import TaskFinished, TaskStarted
from bmad_provisioner.usage import Usage

__all__ = ["Means", "Outcome", "Status", "Ways", "changed", "run"]


_OFTEN = 0.05
"""Seconds after which results of pure tasks are committed too."""


class Status(str, Enum):
    """How a task ended."""

    DONE = "done"
    CACHED = "cached"
    HELD = "held"
    FAILED = "failed"
    SKIPPED = "skipped"


_BLOCKS = {Status.FAILED: Status.SKIPPED, Status.SKIPPED: Status.SKIPPED, Status.HELD: Status.HELD}
"""How those end that need a task which ended so."""
_FIRST = ("it never ran here",)
_FEW = 8
"""Characters of a digest that are enough to tell two apart."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one task ended, what it said, and why it ran: the parts of its key that are not as the last time.

    `level` is where a cached output was found, `seconds` what making the output took (of a cached one: once took),
    `usage` what this run spent on it, tries that failed included.
    """

    task: str
    status: Status
    output: Output | None = None
    because: tuple[str, ...] = ()
    error: str = ""
    hint: str = ""
    level: str = ""
    seconds: float = 0.0
    usage: Usage = Usage()


def run(graph: Graph, means: Means, *, hold: bool, ways: Ways | None = None) -> dict[str, Outcome]:
    """Run every task whose needs succeed, and return how each ended, in the order of the graph.

    With `hold`, external tasks that the cache does not know are held back, and so is all that needs them. A task that
    fails stops those that need it and no others. What was made is remembered before the next task starts.
    """
    return _Run(graph, means, ways or Ways(), hold=hold).run()


class _Run:
    """One walk: what is cached, held, blocked or takes no time is settled here, the rest is attempted."""

    def __init__(self, graph: Graph, means: Means, ways: Ways, *, hold: bool) -> None:
        self._graph, self._means, self._ways, self._hold = graph, means, ways, hold
        self._outcomes: dict[str, Outcome] = {}
        self._said: dict[str, Digest] = {}
        self._missing = {task.name: len(task.waits) for task in graph}
        self._free: list[str] = [task.name for task in graph if not task.waits]
        self._blocked: dict[str, Status] = {}
        self._attempts = Attempts(means, ways, self._inputs)
        self._ahead: dict[str, float] | None = None
        parts = means.parts
        self._in_parts = None if parts is None else lambda entry: parts(entry.digest)
        self._committed = means.clock()

    def run(self) -> dict[str, Outcome]:
        try:
            self._advance()
            while self._attempts:
                results = self._attempts.step(_OFTEN if self._means.cache.is_behind else None)
                for one in results:
                    self._take(one)
                self._commit(results)
                self._advance()
        except BaseException:
            for one in self._attempts.stop():
                self._take(one)
            self._means.cache.commit()
            raise
        finally:
            self._attempts.close()
        self._means.cache.commit()
        return {task.name: self._outcomes[task.name] for task in self._graph}

    def _commit(self, results: list[Attempt]) -> None:
        """Let results survive us before anything else starts; what asked nobody may as well be made again, but not for long."""
        now = self._means.clock()
        if not results or now - self._committed > _OFTEN or any(one.task.action.external for one in results):
            self._means.cache.commit()
            self._committed = now

    def _advance(self) -> None:
        """Settle tasks whose needs are met, as far as that takes no time, and have the rest attempted."""
        while self._free:
            names, self._free = self._free, []
            found = [self._look(self._graph[name]) for name in names if not self._is_blocked(name)]
            asked = {one.key: one.task for one in found if not self._is_asked_again(one.task)}
            hits = self._means.cache.get_many(asked) if asked else {}
            for one in found:
                hit = hits.get(one.key)
                if hit is not None:
                    self._use(one)
                elif not self._is_asked_again(one.task):
                    hit = self._standing(one)
                if hit is not None:
                    self._hit(one.task, hit)
                else:
                    self._miss(one)

    def _is_blocked(self, name: str) -> bool:
        status = self._blocked.get(name)
        if status is not None:
            self._settle(Outcome(name, status))
        return status is not None

    def _is_asked_again(self, task: Task) -> bool:
        again = self._ways.again
        return bool(again) and (task.name in again or ("*" in again and task.action.external))

    def _look(self, task: Task) -> Attempt:
        parts = components(task, self._means.view, self._said, self._heard(task))
        return Attempt(task, key(parts), parts)

    def _use(self, one: Attempt) -> None:
        """Note that another result is used than the last time: what changes next is told from this one."""
        task, cache = one.task, self._means.cache
        if not self._hold and task.action.external and cache.last(task.name) != one.key:
            cache.remember(task.name, one.key, Trace(one.parts, shown(task)))

    def _standing(self, one: Attempt) -> Hit | None:
        """Return what one outside made the last time, if nothing changed since but that this, or what others made after it, stands
        now in the files it reads.
        """
        cache, task = self._means.cache, one.task
        last = cache.last(task.name) if task.reads and task.action.external and not task.action.exact else None
        if last is None:
            return None
        before = cache.trace(task.name).parts
        moved = {part for part in {**before, **one.parts} if before.get(part) != one.parts.get(part)}
        paths = [path for path in task.reads if f"file {path}" in moved]
        hit = cache.get_many({last: task}).get(last) if len(paths) == len(moved) else None
        if hit is None:
            return None
        stands = {path: self._means.view.entry(path) for path in paths}
        made = self._made_after(task.name)
        return (
            hit
            if all(entry is not None and any(files.get(path) == entry for files in made) for path, entry in stands.items())
            else None
        )

    def _made_after(self, name: str) -> list[Mapping[str, Entry]]:
        """Return the files that a task made the last time, and those of all that wait for it."""
        names = [name]
        for each in names:
            names += [other for other in self._graph.wanted_by(each) if other not in names]
        keys = {known: self._graph[each] for each in names if (known := self._means.cache.last(each)) is not None}
        return [hit.output.files for hit in self._means.cache.get_many(keys).values()]

    def _hit(self, task: Task, hit: Hit) -> None:
        self._said[task.name] = hit.said
        self._settle(Outcome(task.name, Status.CACHED, hit.output, level=hit.level, seconds=hit.seconds))

    def _miss(self, one: Attempt) -> None:
        task = one.task
        one.asked = self._is_asked_again(task)
        one.because = self._because(one)
        is_once = task.effect is Effect.ONCE and not one.asked
        if is_once and (error := self._means.cache.begun(one.key, task.name)):
            hint = f"see what it did; `--again {task.name}` does it once more"
            self._settle(Outcome(task.name, Status.FAILED, because=one.because, error=error, hint=hint))
        elif self._hold and task.action.external and task.action.name not in self._ways.released:
            self._settle(Outcome(task.name, Status.HELD, because=one.because))
        elif task.action.lane is Lane.HERE:
            self._here(one)
        else:
            one.ahead = self._ahead_of(task)
            self._attempts.add(one)

    def _because(self, one: Attempt) -> tuple[str, ...]:
        one.before = self._means.cache.last(one.task.name)
        if one.asked:
            return ("it was asked for",)
        trace = self._means.cache.trace(one.task.name)
        return changed(trace, one.parts, shown(one.task)) if trace.parts else _FIRST

    def _here(self, one: Attempt) -> None:
        task, emit, clock = one.task, self._means.emit, self._means.clock
        emit(TaskStarted(task.name, task.action.name))
        start = clock()
        try:
            output = task.action.function(self._inputs(task, Turn()))
        except BmadpError as error:
            emit(TaskFinished(task.name, task.action.name, Status.FAILED.value, clock() - start))
            self._settle(Outcome(task.name, Status.FAILED, because=one.because, error=error.message, hint=error.hint))
            return
        emit(TaskFinished(task.name, task.action.name, Status.DONE.value, clock() - start))
        self._keep(one, output, spelled(output), 0.0)

    def _take(self, one: Attempt) -> None:
        if one.output is not None:
            self._keep(one, one.output.spending(one.usage), one.body, one.seconds)
        elif one.error is not None:
            because, error = one.because, one.error
            self._settle(Outcome(one.task.name, Status.FAILED, None, because, error.message, error.hint, usage=one.usage))

    def _keep(self, one: Attempt, output: Output, body: bytes, seconds: float) -> None:
        task = one.task
        self._said[task.name] = said = digest(body)
        made = Made(one.key, output, body, said, task, seconds)
        if task.keeping.level != NEVER and not output.fleeting:
            self._means.cache.put(made)
        else:
            self._means.cache.finish(made)
        self._means.cache.remember(task.name, one.key, Trace(one.parts, shown(task), one.because))
        self._settle(Outcome(task.name, Status.DONE, output, one.because, seconds=seconds, usage=output.usage))

    def _settle(self, outcome: Outcome) -> None:
        self._outcomes[outcome.task] = outcome
        blocks = _BLOCKS.get(outcome.status)
        for other in self._graph.wanted_by(outcome.task):
            self._missing[other] -= 1
            if not self._missing[other]:
                self._free.append(other)
            if blocks is Status.SKIPPED and outcome.task in self._graph[other].hears:
                continue  # it goes on without
            if blocks is not None and self._blocked.get(other) is not Status.SKIPPED:
                self._blocked[other] = blocks

    def _ahead_of(self, task: Task) -> float:
        if self._ahead is None:
            self._ahead = self._graph.ahead(self._usual)
        return self._ahead[task.name]

    def _usual(self, task: Task) -> float:
        """Return how long a task usually takes: the mean of its last times, or one second, so that paths count tasks."""
        if task.action.lane is Lane.HERE:
            return 0.0
        times = [ran.seconds for ran in self._ways.history.of(task.name) if ran.status == Status.DONE.value]
        return sum(times) / len(times) if times else 1.0

    def _inputs(self, task: Task, turn: Turn) -> Inputs:
        files = {path: self._means.view.entry(path) for path in task.reads}
        needs = {name: output for name in task.needs if (output := self._outcomes[name].output) is not None} | self._heard(task)
        return Inputs(task.args, files, needs, partial(self._read, task), self._means.keep, self._fetch, turn, self._in_parts)

    def _heard(self, task: Task) -> dict[str, Output]:
        return {name: told(self._outcomes[name].output, fact) for name, fact in task.hears.items()}

    def _read(self, task: Task, path: str) -> bytes:
        if path not in task.reads:
            raise PlanError(f"task `{task.name}` reads `{path}`, which it does not declare")
        return self._means.view.read(path)

    def _fetch(self, entry: Entry) -> bytes:
        return self._means.fetch(entry.digest)


def changed(before: Trace, now: Mapping[str, Digest], texts: Mapping[str, str]) -> tuple[str, ...]:
    """Return why a key is not what it was, one phrase a part: from what to what, where that is known."""
    if not before.parts:
        return _FIRST

    def phrase(part: str) -> str:
        if part not in before.parts:
            return f"{part} is new"
        was = before.shown.get(part, before.parts[part][:_FEW])
        return f"{part} changed: {was} -> {texts.get(part, now[part][:_FEW])}"

    phrases = [phrase(part) for part in now if before.parts.get(part) != now[part]]
    phrases += [f"{part} is gone" for part in before.parts if part not in now]
    return tuple(phrases) or ("its output is no longer cached",)
