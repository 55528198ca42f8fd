"""Verify: the command that proves the project, before and after; what turned a test red is taken back."""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

from bmad_provisioner.digest import Digest, Entry
from bmad_provisioner.engine.task import Inputs, Output
from bmad_provisioner.errors import TaskError
from bmad_provisioner.finding import Finding, Severity
from bmad_provisioner.kinds.code.trial import Run, Trial

_NAMED = 100
"""Characters shown of what is said of a test."""


def verify(inputs: Inputs) -> Output:
    """Return the changed files that break nothing; raises TaskError where the command cannot be run at all."""
    told = {
        name: Entry(Digest(str(said[0])), bool(said[1]))
        for name, output in inputs.needs.items()
        if (said := cast("Sequence[str | bool]", output.facts.get("entry")))
    }
    changed = {path: entry for path, entry in told.items() if entry != inputs.files[path]}
    if not changed:
        return Output()
    with TemporaryDirectory(prefix="bmadp-") as scratch:
        trial = Trial(inputs, Path(scratch).resolve(), changed)
        kept, findings = _proven(trial, inputs)
    return Output({path: changed[path] for path in sorted(kept)}, tuple(findings))


def _proven(trial: Trial, inputs: Inputs) -> tuple[set[str], list[Finding]]:
    """Return which changes stay, with what is told of them and of the others."""
    tests = trial.tests()
    if tests == ():
        return set(trial.changed), [_told("no test reaches what changed")]
    before = trial.run((), tests)
    if before.late:
        hint = "raise `verify.timeout`, or name a command that takes less"
        raise TaskError(f"`{trial.command}` proves nothing: without any change {before.words}", hint=hint)
    whole = inputs.turn.seconds
    # What turns red is run four times more at most before it is believed.
    end = None if whole is None else time.monotonic() + whole - 5 * float(cast("float", inputs.args["seconds"]))
    search = _Search(trial, tests, before, int(cast("int", inputs.args["rounds"])), end)
    kept = search.kept()
    return kept, [*search.findings(kept)]


@dataclass(frozen=True, slots=True)
class _Red:
    """What a set of changes breaks: the tests that passed before and do not now, and how the command ended."""

    tests: tuple[str, ...]
    run: Run

    @property
    def name(self) -> str:
        """What is called broken: a test that fails, or one that is not run any more, or the command by its last words."""
        tests = [test for test in self.tests if test]
        return min([test for test in tests if test in self.run.failed] or tests, default=self.run.words)

    @property
    def reason(self) -> str:
        """What is said of it, on a line."""
        lines = self.run.failed.get(self.name, "" if self.name == self.run.words else self.run.words).strip().splitlines()
        return " ".join(lines[0].split())[:_NAMED] if lines else ""


@dataclass(slots=True)
class _Search:
    """The search for the most changes that break nothing: sets of them are tried, in no more rounds than there are."""

    trial: Trial
    tests: tuple[str, ...] | None
    before: Run
    rounds: int
    end: float | None
    last: Run | None = None
    blamed: dict[str, str] = field(default_factory=dict)
    flaky: set[str] = field(default_factory=set)
    believed: set[str] = field(default_factory=set)

    def kept(self) -> set[str]:
        """Return the changes of the best state that was reached."""
        every = set(self.trial.changed)
        red = self._red(every)
        return every if red is None else self._best(set(), every, red)

    def _best(self, sure: set[str], doubtful: set[str], red: _Red) -> set[str]:
        """Return what of `doubtful` can be had beside what is `sure`: all of it together is `red`."""
        suspects = self._suspects(doubtful, red)
        innocent = doubtful - suspects
        if innocent:
            sure = self._with(sure, innocent)
        if len(suspects) == 1 and not innocent <= sure:
            return self._with(sure, suspects)  # another was guilty; whether this one was too is not known yet
        if len(suspects) == 1:
            self._blame(suspects, f"with it `{red.name}` fails" + (f": {red.reason}" if red.reason else ""))
            return sure
        ordered = sorted(suspects)
        for part in (ordered[: len(ordered) // 2], ordered[len(ordered) // 2 :]):
            sure = self._with(sure, set(part))
        return sure

    def _with(self, sure: set[str], more: set[str]) -> set[str]:
        """Return what is sure with what of some more changes can be had beside it."""
        if self.rounds <= 0 or self._is_late():
            self._blame(more, "the rounds were used up before it was told from others with which a test fails")
            return sure
        self.rounds -= 1
        red = self._red(sure | more)
        return sure | more if red is None else self._best(sure, more, red)

    def _is_late(self) -> bool:
        return self.end is not None and time.monotonic() > self.end

    def _blame(self, paths: Collection[str], reason: str) -> None:
        self.blamed |= dict.fromkeys(paths, reason)

    def _red(self, chosen: set[str]) -> _Red | None:
        """Return what these changes break; `None`: nothing."""
        run = self.trial.run(chosen, self.tests)
        lost = self.before.passed - run.passed - self.flaky
        if lost and not lost & self.believed and not self._is_late():
            lost = self._surely(chosen, lost)
            self.believed |= lost
        if lost:
            return _Red(tuple(sorted(lost)), run)
        self.last = run
        return None

    def _surely(self, chosen: set[str], lost: frozenset[str]) -> frozenset[str]:
        """Return the tests that fail once more with the changes and pass once more without: alone, or else among all others."""
        for tests in dict.fromkeys((self.trial.homes(lost) or self.tests, self.tests)):
            still = lost - self.trial.run(chosen, tests).passed
            if still and (still := still & self.trial.run((), tests).passed):
                return still
        self.flaky |= lost
        return frozenset()

    def _suspects(self, doubtful: set[str], red: _Red) -> set[str]:
        """Return the changes to look at first: those that failures name; else those that the tests reach; else all."""
        said = "\n".join([red.run.words, *(red.run.failed.get(test, "") for test in red.tests)])
        named = {path for path in doubtful if re.search(rf"(?<![\w.-]){re.escape(path)}(?![\w-])", said)}
        behind = self.trial.behind(red.tests) & doubtful
        return (named & behind) or named or behind or doubtful

    def findings(self, kept: set[str]) -> list[Finding]:
        """Return what is told of the changes that were taken back, and of how the command ended with the others."""
        found = [
            Finding(path, "code-taken-back", f"the change is taken back: {reason}", Severity.WARNING)
            for path, reason in sorted(self.blamed.items())
            if path not in kept
        ]
        if shown := min((test for test in self.flaky if test), default=""):
            found.append(_told(f"`{shown}` fails by turns, whether anything is changed or not: it is not counted"))
        if self.last is not None:
            found.append(_told(f"`{self.trial.command}` {self._compared(self.last)}"))
        return found

    def _compared(self, after: Run) -> str:
        fresh = len(after.passed - self.before.passed - {""})
        more = f"; {fresh} test{'s pass that' if fresh != 1 else ' passes that'} did not before" if fresh else ""
        if after.well:
            return f"passes as before{more}" if self.before.well else f"passes; before it failed: {self.before.words}{more}"
        return f"fails as before: {after.words}{more}"


def _told(message: str) -> Finding:
    return Finding("verify", "code-verified", message, Severity.INFO)
