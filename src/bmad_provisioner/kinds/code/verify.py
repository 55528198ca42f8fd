"""Verify: the command that proves the project, before and after; what turned a test red is taken back."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import cast
from xml.etree import ElementTree

from bmad_provisioner.characters import scrubbed
from bmad_provisioner.digest import Digest, Entry
from bmad_provisioner.engine.child import Ended, Ending, environment, run_child
from bmad_provisioner.engine.task import Inputs, Output, Turn
from bmad_provisioner.errors import TaskError
from bmad_provisioner.finding import Finding, Severity
from bmad_provisioner.kinds.code.affected import affected, links, reach, roots

_REPORT = ".bmadp-junit.xml"


@dataclass(frozen=True, slots=True)
class Run:
    """How a command ended: whether well, the tests that failed by name with what they said, and its last words."""

    well: bool
    failed: Mapping[str, str]
    words: str


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
        place = _Place(inputs, Path(scratch).resolve(), changed)
        kept, findings = _judged(place, int(cast("int", inputs.args["rounds"])))
    return Output({path: changed[path] for path in kept}, tuple(findings))


class _Place:
    """A copy of the project in which the command is run, with more or fewer of the changes in it."""

    def __init__(self, inputs: Inputs, folder: Path, changed: Mapping[str, Entry]) -> None:
        self._inputs, self._folder, self.changed = inputs, folder, changed
        self._words = [str(word) for word in cast("Sequence[str]", inputs.args["command"])]
        self._python: dict[str, bytes] = {}
        for path, entry in inputs.files.items():
            if entry is not None and entry.is_plain:
                data = inputs.read(path)
                self._lay(path, data, executable=entry.executable)
                if path.endswith(".py"):
                    self._python[path] = data
        self._linked = links(self._python)

    @property
    def command(self) -> str:
        """The command as a person writes it."""
        return " ".join(self._words)

    @property
    def is_pytest(self) -> bool:
        """Whether the command is pytest, which can be asked for some tests, and says which of them failed."""
        name = PurePosixPath(self._words[0]).name
        return name in ("pytest", "py.test") or (name.startswith("python") and self._words[1:3] == ["-m", "pytest"])

    def tests(self) -> tuple[str, ...] | None:
        """Return the tests to run: those that reach a change, or `None` for all."""
        paths = [word for word in self._words[1:] if not word.startswith("-") and (self._folder / word.partition("::")[0]).exists()]
        if not self.is_pytest or not self._inputs.args["affected"] or paths:
            return None
        return affected(self._linked, self.changed)

    def behind(self, test: str) -> set[str]:
        """Return the files that a test reaches: it is named as pytest reports it, `tests.test_a.TestB::test_c`."""
        module = test.partition("::")[0]
        homes = {path for path in self._python if f"{module}.".startswith(path.removesuffix(".py").replace("/", ".") + ".")}
        return reach(self._linked, homes)

    def run(self, chosen: Collection[str], tests: tuple[str, ...] | None) -> Run:
        """Run the command with the chosen changes in place."""
        for path, entry in self.changed.items():
            data = self._inputs.fetch(entry) if path in chosen else self._inputs.read(path)
            self._lay(path, data, executable=entry.executable)
        words = [*self._words, *(tests or ())]
        if self.is_pytest:
            words += ["-p", "no:cacheprovider", "--continue-on-collection-errors", f"--junitxml={self._folder / _REPORT}"]
        where = os.pathsep.join(str(self._folder / root) for root in roots(self._python))
        allowed = cast("Sequence[str]", self._inputs.args["env"])
        ended = run_child(
            words,
            folder=self._folder,
            environment=environment(allowed, PYTHONPATH=where, PYTHONDONTWRITEBYTECODE="1"),
            turn=self._turn(),
        )
        if ended.ending is Ending.STOPPED:
            raise TaskError("the verification was stopped")
        if self.is_pytest and b"No module named pytest" in ended.stderr:
            raise TaskError(f"`{self.command}` cannot be run: pytest is not installed there", hint="install it, or change `verify`")
        return Run(ended.ending is Ending.EXITED and ended.code == 0, self._failed(), _last_words(ended))

    def _turn(self) -> Turn:
        turn = self._inputs.turn
        return Turn(turn.number, float(cast("float", self._inputs.args["seconds"])), turn.memory, turn.stopped)

    def _failed(self) -> dict[str, str]:
        report = self._folder / _REPORT
        failed: dict[str, str] = {}
        with suppress(OSError, ElementTree.ParseError):
            for case in ElementTree.parse(report).getroot().iter("testcase"):  # noqa: S314 - pytest, which we ran, wrote it
                wrong = [child for child in case if child.tag in ("failure", "error")]
                if wrong:
                    name = f"{case.get('classname', '')}::{case.get('name', '')}"
                    failed[name] = f"{wrong[0].get('message', '')}\n{wrong[0].text or ''}"
        report.unlink(missing_ok=True)
        return failed

    def _lay(self, path: str, data: bytes, *, executable: bool) -> None:
        place = self._folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        place.chmod(0o755 if executable else 0o644)


def _judged(place: _Place, rounds: int) -> tuple[set[str], list[Finding]]:
    """Return which changes stay, with what is told of the others: taken back are first those that a failure names."""
    tests = place.tests()
    if tests == ():
        return set(place.changed), [_told("no test reaches what changed")]
    before = place.run((), tests)
    kept = set(place.changed)
    findings: list[Finding] = []
    for _ in range(rounds):
        after = place.run(kept, tests)
        red = _red(before, after)
        if not red:
            return kept, [*findings, _told(f"`{place.command}` {_compared(before, after)}")]
        guilty = _guilty(kept, place.behind(red), after)
        findings += [_taken_back(path, red) for path in sorted(guilty)]
        kept -= guilty
        if not kept:
            return kept, findings
    findings += [_taken_back(path, red) for path in sorted(kept) if _red(before, place.run(kept, tests))]
    return (kept, findings) if not any(one.path in kept for one in findings) else (set(), findings)


def _red(before: Run, after: Run) -> str:
    """Return the first test that failed now and did not before, or the last words of a command that ended well before."""
    fresh = sorted(after.failed.keys() - before.failed.keys())
    if fresh:
        return fresh[0]
    return after.words if before.well and not after.well else ""


def _compared(before: Run, after: Run) -> str:
    if after.well:
        return "passes as before" if before.well else f"passes; before it failed: {before.words}"
    return f"fails as before: {after.words}"


def _guilty(kept: set[str], behind: set[str], after: Run) -> set[str]:
    """Return the changes to take back: those that failures name; else those that the test reaches; else the first half."""
    said = "\n".join([after.words, *after.failed.values()])
    named = {path for path in kept if path in said}
    return (named & behind) or named or (kept & behind) or set(sorted(kept)[: (len(kept) + 1) // 2])


def _told(message: str) -> Finding:
    return Finding("verify", "code-verified", message, Severity.INFO)


def _taken_back(path: str, red: str) -> Finding:
    return Finding(path, "code-taken-back", f"the change is taken back: with it `{red}` fails", Severity.WARNING)


def _last_words(ended: Ended) -> str:
    lines = [line.strip() for line in (ended.stdout + b"\n" + ended.stderr).decode("utf-8", "replace").splitlines()]
    words = scrubbed(" | ".join([line for line in lines if line][-2:]))
    return words[-300:] or f"exit code {ended.code}"
