"""Attempts: tasks that take their time, tried in lanes as there is room, and tried again as their policy says."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial

from bmad_provisioner.characters import shown
from bmad_provisioner.engine.attempt import Attempt
from bmad_provisioner.engine.breaker import Permit
from bmad_provisioner.engine.budget import Limits, estimate, largest
from bmad_provisioner.engine.history import DONE, Ran
from bmad_provisioner.engine.lanes import Done, Job, Lanes, LanesError, Sequential
from bmad_provisioner.engine.means import Means, Ways
from bmad_provisioner.engine.policy import delay, may_retry, timeout
from bmad_provisioner.engine.ready import Ready, Room
from bmad_provisioner.engine.task import Effect, Inputs, Output, Task, Turn
from bmad_provisioner.errors import BmadpError, TaskError
from bmad_provisioner.event import FellBack, TaskFinished, TaskRetried, TaskStarted
from bmad_provisioner.usage import Usage

_GRACE = 10.0
"""Seconds a task may overrun its time before its thread is given up: a child process has to be ended and read first."""
_QUEUED = 3600.0
"""Seconds a try may wait for a place on a cluster."""
_LEAVING = 5.0
"""Seconds that running tasks have to end after an interrupt."""
_PULSE = 0.5
"""Seconds of one wait: a signal that comes in the instant before a thread begins to wait is not heeded until it ends."""
_NOTHING, _ONE_TRY = Usage(), Usage(tries=1)


class Attempts:
    """All attempts of one run. Only the scheduler's thread is ever in here; tasks run in lanes and report back."""

    def __init__(self, means: Means, ways: Ways, inputs: Callable[[Task, Turn], Inputs]) -> None:
        self._means, self._ways, self._inputs = means, ways, inputs
        self._ready, self._room = Ready(), Room(ways.capacity)
        self._running: dict[int, Attempt] = {}
        self._aside: list[Attempt] = []
        self._results: list[Attempt] = []
        self._serial = 0
        self._lanes: Lanes | None = None
        self._fallbacks = list(ways.lanes)
        self._retired = False
        self._asked: set[str] = set()
        self._is_limited = ways.budget.limits != Limits()

    def __bool__(self) -> bool:
        return bool(self._ready or self._running or self._results)

    def add(self, one: Attempt) -> None:
        """Have a task tried as soon as there is room."""
        one.wanted = self._room.of(one.task)
        self._ready.push(one)

    def step(self, patience: float | None = None) -> list[Attempt]:
        """Start what fits, wait for something to end (at most `patience` seconds), and return what ended for good."""
        while self._can_start() and (one := self._ready.pop(self._room, self._means.clock())) is not None:
            if self._is_let_through(one) and self._is_afforded(one):
                self._start(one)
                if isinstance(self._lanes, Sequential):
                    break  # it ended already, and is kept before the next begins
        if not self._results:
            for done in self._wait(patience):
                self._ended(done)
        results, self._results = self._results, []
        return results

    def _can_start(self) -> bool:
        """Whether the lanes take tries; those that take none any more go when what was begun in them ended."""
        if self._retired and not self._running:
            self._leave()
        return not self._retired

    def _is_let_through(self, one: Attempt) -> bool:
        """Whether the breaker that guards a task lets it through; if not, it is aside, delayed or failed."""
        guard = one.task.guard
        if not guard:
            return True
        permit = self._ways.breakers.ask(guard, now=one.asked and guard not in self._asked)
        if one.asked:
            self._asked.add(guard)
        if isinstance(permit, Permit):
            one.permit = permit
            return True
        if self._is_probing(guard):
            self._aside.append(one)
        else:
            reason = f"`{shown(guard)}` failed again and again and is left alone; it is tried again in {permit:.0f} s"
            hint = f"mend what is wrong with it, then try it at once: `--again {one.task.name}`"
            self._again_or_fail(one, TaskError(reason, hint=hint, heals=True, after=permit), started=False)
        return False

    def _is_afforded(self, one: Attempt) -> bool:
        """Whether the budget bears a task; if not, it is aside or failed."""
        if not self._is_limited:
            return True
        past = [ran.usage for ran in self._ways.history.of(one.task.name) if ran.status == DONE]
        reason = self._ways.budget.reserve(one.task.name, estimate(past, one.task.expected, one.most))
        if not reason:
            return True
        self._release(one)
        if self._running:
            self._aside.append(one)  # what runs may take less than it reserved
        else:
            self._fail(one, TaskError(reason, hint="raise the budget, then run it again: what is done stays done"))
        return False

    def _is_probing(self, guard: str) -> bool:
        """Whether a task of this run is the one that finds out whether others may go through."""
        probing = self._ways.breakers.states()[guard].phase == "half-open"
        return probing and any(other.task.guard == guard for other in self._running.values())

    def _start(self, one: Attempt) -> None:
        task = one.task
        seconds = self._time(task)
        turn = Turn(one.number, seconds, one.wanted.memory or None, lambda: one.stopped, self._last(one))
        self._serial += 1
        begun, is_once = partial(self._begin, one, seconds), task.effect is Effect.ONCE
        inputs, action = self._inputs(task, turn), task.action
        job = Job(self._serial, task.name, action.function, inputs, action.lane, one.wanted, begun, is_once)
        left = self._left()
        one.begun, one.deadline = None, self._means.clock() + (_QUEUED if left is None else min(_QUEUED, left))
        self._running[job.serial] = one
        self._room.take(one)
        self._means.emit(TaskStarted(task.name, task.action.name, task.action.lane.value))
        try:
            lanes = self._open()
            if isinstance(lanes, Sequential) and self._means.cache.is_behind:
                self._means.cache.commit()  # nobody else may write until then, and this may take its time
            lanes.start(job)
        except LanesError as error:
            self._retire(self._running.pop(job.serial), error)

    def _begin(self, one: Attempt, seconds: float | None) -> None:
        """Count the time of a try from now, that it has its place."""
        if one.task.effect is Effect.ONCE:
            self._means.cache.begin(one.key, one.task.name)
        one.begun = self._means.clock()
        one.deadline = None if seconds is None else one.begun + seconds + _GRACE

    def _time(self, task: Task) -> float | None:
        """Return the seconds a try may take: those of the settings, or by its policy, but no more than the budget has left."""
        seconds = self._ways.timeout or self._learnt(task)
        left = self._left()
        return left if seconds is None else seconds if left is None else min(seconds, left)

    def _left(self) -> float | None:
        """Return the seconds that the budget has left, to the tenth: they are told to people."""
        left = self._ways.budget.left().seconds if self._is_limited else None
        return left if left is None else max(0.1, round(left, 1))

    def _learnt(self, task: Task) -> float | None:
        if not task.policy.adaptive:
            return task.policy.timeout
        done: list[float] = []
        failed: list[float] = []
        for ran in self._ways.history.of(task.name):
            if ran.status == DONE:
                done.append(ran.seconds)
                failed.clear()
            else:
                failed.append(ran.seconds)
        return timeout(task.policy, done, failed)

    def _open(self) -> Lanes:
        while self._lanes is None:
            try:
                self._lanes = self._fallbacks.pop(0)() if self._fallbacks else Sequential()
            except LanesError as error:
                self._tell(error)
        return self._lanes

    def _tell(self, error: LanesError) -> None:
        if not (self._fallbacks or self._ways.sequential):
            raise error
        what = "the next executor" if self._fallbacks else "one task after the other"
        self._means.emit(FellBack(f"{error.message}; going on with {what}"))

    def _retire(self, one: Attempt, error: LanesError) -> None:
        """Begin no more tries in these lanes; the one that was not begun is in line again."""
        self._put_back(one)
        self._not_begun(one)
        self.add(replace(one, stopped=False))
        if not self._retired:
            self._retired = True
            self._tell(error)

    def _not_begun(self, one: Attempt) -> None:
        if one.task.effect is Effect.ONCE:
            self._means.cache.withdraw(one.key, one.task.name)

    def _leave(self) -> None:
        """Let go of the lanes; the next try opens the next ones."""
        if self._lanes is not None:
            self._lanes.close()
        self._lanes, self._retired = None, False

    def _lost(self, error: LanesError) -> None:
        """Go on with the next lanes; what was in flight starts again there, unless it must never be done twice."""
        self._tell(error)
        self._leave()
        lost, self._running = self._running, {}
        for one in lost.values():
            one.stopped = True
            self._put_back(one)
            if one.task.effect is Effect.ONCE and one.begun is not None:
                self._fail(one, TaskError("it was lost with its executor, and may have been done"))
            else:
                self.add(replace(one, stopped=False))

    def _put_back(self, one: Attempt) -> None:
        """Free what a try held that came to nothing."""
        self._room.give(one)
        self._release(one)
        self._ways.budget.settle(one.task.name, Usage())
        self._line_up()

    def _line_up(self) -> None:
        """Let those that were waiting for a running one ask again."""
        aside, self._aside = self._aside, []
        for one in aside:
            self.add(one)

    def _last(self, one: Attempt) -> Output | None:
        """Return what the task said the last time, whatever it was asked then."""
        if one.before is None:
            return None
        hit = self._means.cache.get_many({one.before: one.task}).get(one.before)
        return hit.output if hit else None

    def _wait(self, patience: float | None) -> list[Done]:
        """Wait for tries to end, for a delay or a deadline to pass; give up those that are long overdue."""
        now = self._means.clock()
        moments = [one.deadline for one in self._running.values() if one.deadline is not None]
        moments += [wakes] if (wakes := self._ready.wakes) is not None else []
        moments += [now + (_PULSE if patience is None else patience)]
        seconds = max(0.0, min(moments) - now)
        if not self._running:
            time.sleep(seconds)
            return []
        try:
            done = self._open().wait(seconds)
        except LanesError as error:
            self._lost(error)
            return []
        return done + self._overdue({one.serial for one in done})

    def _overdue(self, ended: set[int]) -> list[Done]:
        now = self._means.clock()
        running = ((serial, one) for serial, one in self._running.items() if serial not in ended)
        late = [(serial, one) for serial, one in running if one.deadline is not None and one.deadline <= now]
        for serial, _one in late:
            self._open().abandon(serial)
        return [_late(serial, one, now) for serial, one in late]

    def _ended(self, done: Done) -> None:
        one = self._running.pop(done.serial, None)
        if one is None:
            return  # it was given up, and came back after all
        if isinstance(done.error, LanesError):
            self._retire(one, done.error)
            return
        error = None if done.error is None else _as_task_error(done.error)
        self._account(one, done, error)
        if error is not None and not error.started:
            self._not_begun(one)
        if error is not None:
            self._again_or_fail(one, error, started=error.started)
        else:
            one.output, one.seconds, one.body = done.output, done.seconds, done.body
            self._results.append(one)

    def _account(self, one: Attempt, done: Done, error: TaskError | None) -> None:
        """Free what a try held, note what it took, and tell who listens."""
        task = one.task
        one.stopped = True
        self._room.give(one)
        said = error.usage if error else done.output.usage if done.output else _NOTHING
        spent = Usage(said.read, said.written, said.reused, said.cost, 1, said.peak) if said != _NOTHING else _ONE_TRY
        one.usage = one.usage + spent if one.usage.tries else spent
        self._ways.budget.settle(task.name, spent)
        if self._is_limited:
            one.most = largest([one.most, spent])
        self._judge(one, error)
        if self._aside:
            self._line_up()
        status, because = ("failed", error.message) if error else (DONE, "; ".join(one.because))
        self._ways.history.record(Ran(task.name, task.action.name, status, done.seconds, spent, because))
        self._means.emit(TaskFinished(task.name, task.action.name, status, done.seconds, task.action.lane.value))

    def _judge(self, one: Attempt, error: TaskError | None) -> None:
        """Tell the breaker what the try says of the other side: a mistake of the task's own says nothing."""
        permit, one.permit = one.permit, None
        if permit is None:
            return
        if error is None:
            self._ways.breakers.succeeded(permit)
        elif error.heals or error.barred:
            self._ways.breakers.failed(permit, barred=error.barred)
        else:
            self._ways.breakers.released(permit)

    def _release(self, one: Attempt) -> None:
        if one.permit is not None:
            self._ways.breakers.released(one.permit)
            one.permit = None

    def _again_or_fail(self, one: Attempt, error: TaskError, *, started: bool) -> None:
        task = one.task
        is_once = started and task.effect is Effect.ONCE
        if not may_retry(task.policy, is_once, one.number, error.heals):
            self._fail(one, error)
            return
        seconds = delay(task.policy, one.number, random=self._ways.random, after=error.after)
        fresh = replace(one, number=one.number + 1, stopped=False, deadline=None)
        self._means.emit(TaskRetried(task.name, fresh.number, seconds, error.message))
        self._ready.delay(fresh, self._means.clock() + seconds)

    def _fail(self, one: Attempt, error: TaskError) -> None:
        one.error = error
        self._results.append(one)

    def stop(self) -> list[Attempt]:
        """Have what runs stop, wait for it a little, and return what ended well all the same."""
        for one in self._running.values():
            one.stopped = True
        until = time.monotonic() + _LEAVING
        with suppress(LanesError):
            while self._lanes is not None and self._running and (left := until - time.monotonic()) > 0:
                for done in self._lanes.wait(left):
                    if done.output is not None:
                        self._ended(done)
                    else:
                        self._running.pop(done.serial, None)
        for one in self._running.values():
            self._release(one)
        return [one for one in self._results if one.output is not None]

    def close(self) -> None:
        """Let go of the lanes."""
        if self._lanes is not None:
            self._lanes.close()


def _late(serial: int, one: Attempt, now: float) -> Done:
    if one.begun is None:
        return Done(serial, None, TaskError("there was no place for it", heals=True, started=False), 0.0)
    return Done(serial, None, TaskError("it did not end in its time", heals=True), now - one.begun)


def _as_task_error(error: BaseException) -> TaskError:
    if isinstance(error, TaskError):
        return error
    if isinstance(error, BmadpError):
        return TaskError(error.message, hint=error.hint)
    return TaskError(f"{type(error).__name__}: {error}")
