"""Trial: a copy of the project in which a command is run, with more or fewer of the changes in it."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import cast
from xml.etree import ElementTree

from bmad_provisioner.characters import scrubbed
from bmad_provisioner.digest import Entry
from bmad_provisioner.engine.child import Ended, Ending, environment, run_child
from bmad_provisioner.engine.task import Inputs, Turn
from bmad_provisioner.errors import TaskError
from bmad_provisioner.kinds.code.affected import affected, chooses_its_own, links, reach, roots

_RUNNERS = ("uv", "poetry", "pdm", "pipenv", "hatch", "rye", "coverage")
_CONFIGURED = ("pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg")
_MOST = 1 << 20
"""Bytes kept of what the command says."""
_ENOUGH = 4000
"""Characters kept of what is said of one test."""
_TOOK = re.compile(r" in \d[\d.]*s\b( \(\d+:\d+:\d+\))?")
"""How long pytest took, which is another time every time."""
_NOT_FOUND = (126, 127)
"""How a shell ends where a program is not there, or may not be executed."""


@dataclass(frozen=True, slots=True)
class Run:
    """How a command ended: whether well, or not in time; its last words; the tests that passed, and those that did not with what is
    said of them. The command itself counts as a test without a name.
    """

    well: bool
    words: str
    late: bool = False
    passed: frozenset[str] = frozenset()
    failed: Mapping[str, str] = field(default_factory=dict)


class Trial:
    """A copy of the project below `scratch`, which no test can leave other than it was: before each run it is laid anew.

    Links are laid where they lead to something inside. What a test leaves in its temporary folder goes with its run.
    """

    def __init__(self, inputs: Inputs, scratch: Path, changed: Mapping[str, Entry]) -> None:
        self._inputs, self._scratch, self.changed = inputs, scratch, changed
        self._folder = scratch / "project"
        self._folder.mkdir()
        self._words = [str(word) for word in cast("Sequence[str]", inputs.args["command"])]
        self._stands = {path: entry for path, entry in inputs.files.items() if entry is not None and _is_laid(path, entry)}
        self._marks: dict[str, tuple[Entry, tuple[int, ...]]] = {}
        self._folders = {parent for path in self._stands for parent in _above(path)}
        python = {path: inputs.read(path) for path, entry in self._stands.items() if path.endswith(".py") and entry.is_plain}
        after = links({**python, **{path: inputs.fetch(entry) for path, entry in changed.items()}})
        self._python = frozenset(python)
        self._linked = {path: found | after[path] for path, found in links(python).items()}

    @property
    def command(self) -> str:
        """The command as a person writes it."""
        return " ".join(self._words)

    @property
    def is_pytest(self) -> bool:
        """Whether the command is pytest, which can be asked for some tests, and says how each of them ended."""
        first = PurePosixPath(self._words[0]).name
        return (
            first in ("pytest", "py.test")
            or any(pair == ("-m", "pytest") for pair in zip(self._words, self._words[1:], strict=False))
            or (first in _RUNNERS and self._words[1:2] == ["run"] and "pytest" in self._words)
        )

    def tests(self) -> tuple[str, ...] | None:
        """Return the tests to run: those that reach a change, or `None` for all."""
        paths = [word for word in self._words[1:] if not word.startswith("-") and word.partition("::")[0] in self._known]
        configured = [self._inputs.read(path) for path in _CONFIGURED if path in self._stands and self._stands[path].is_plain]
        if not self.is_pytest or not self._inputs.args["affected"] or paths or any(map(chooses_its_own, configured)):
            return None
        return affected(self._linked, self.changed)

    @property
    def _known(self) -> set[str]:
        return {"."} | self._folders | {f"{folder}/" for folder in self._folders} | self._stands.keys()

    def homes(self, tests: Collection[str]) -> tuple[str, ...]:
        """Return the files that tests stand in: they are named as pytest reports them, `tests.test_a.TestB::test_c`.

        What cannot be collected is named by its module alone.
        """
        names = {module or name for module, _, name in (test.partition("::") for test in tests)}
        return tuple(sorted(path for path in self._python if any(_is_module(path, name) for name in names)))

    def behind(self, tests: Collection[str]) -> set[str]:
        """Return the files that tests reach."""
        return reach(self._linked, self.homes(tests))

    def run(self, chosen: Collection[str], tests: tuple[str, ...] | None) -> Run:
        """Run the command with the chosen changes in place; raises TaskError where it cannot be run."""
        self._lay_all(chosen)
        with TemporaryDirectory(prefix="run-", dir=self._scratch) as own:
            report = Path(own) / "report.xml"
            ended = run_child(
                [*self._words, *(tests or ()), *(self._told(Path(own), report) if self.is_pytest else ())],
                folder=self._folder,
                environment=self._environment(own),
                turn=self._turn(),
                most=_MOST,
            )
            self._refuse(ended)
            passed, failed = _reported(report)
        well = ended.ending is Ending.EXITED and ended.code == 0
        return Run(well, self._last_words(ended), ended.ending is Ending.TIMED_OUT, passed | {""} if well else passed, failed)

    def _told(self, own: Path, report: Path) -> Iterator[str]:
        """Yield what pytest is told besides: run all that was asked for in a set order, keep nothing here, and say how it ended."""
        yield from ("--continue-on-collection-errors", "--maxfail=0", f"--junitxml={report}", "-o", f"cache_dir={own / 'cache'}")
        if not any(word.startswith(("--randomly", "-p")) for word in self._words):
            yield from ("-p", "no:randomly")

    def _environment(self, own: str) -> dict[str, str]:
        allowed = [str(name) for name in cast("Sequence[str]", self._inputs.args["env"])]
        places = [str(self._folder / root) for root in roots(self._python)]
        places += filter(None, [os.environ.get("PYTHONPATH", "") if "PYTHONPATH" in allowed else ""])
        more = {"PYTHONPATH": os.pathsep.join(places), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0", "TMPDIR": own}
        return environment(allowed, **more)

    def _turn(self) -> Turn:
        turn = self._inputs.turn
        return Turn(turn.number, float(cast("float", self._inputs.args["seconds"])), turn.memory, turn.stopped)

    def _refuse(self, ended: Ended) -> None:
        if ended.ending is Ending.STOPPED:
            raise TaskError("the verification was stopped")
        if ended.ending is Ending.EXITED and ended.code in _NOT_FOUND:
            raise TaskError(f"`{self.command}` cannot be run: {self._last_words(ended)}", hint="is what it calls installed?")
        if self.is_pytest and b"No module named pytest" in ended.stderr:
            raise TaskError(f"`{self.command}` cannot be run: pytest is not installed there", hint="install it, or change `verify`")

    def _last_words(self, ended: Ended) -> str:
        if ended.ending is Ending.TIMED_OUT:
            return f"it took longer than {self._inputs.args['seconds']:g} s"
        text = _TOOK.sub("", (ended.stdout + b"\n" + ended.stderr).decode("utf-8", "replace").replace(f"{self._folder}/", ""))
        lines = [line.strip() for line in text.splitlines()]
        return scrubbed(" | ".join([line for line in lines if line][-2:]))[-300:] or f"{ended.ending.value} {ended.code}"

    def _lay_all(self, chosen: Collection[str]) -> None:
        """Bring the copy to what stands in the project, with the chosen changes: what a run left or altered goes."""
        try:
            self._sweep()
        except OSError:  # a test took away the right to do so
            self._folder = self._scratch / f"{self._folder.name}-anew"
            self._folder.mkdir()
            self._marks.clear()
        for path, entry in self._stands.items():
            wanted = self.changed[path] if path in chosen else entry
            laid = self._marks.get(path)
            place = self._folder / path
            if laid is None or laid[0] != wanted or laid[1] != _mark(place):
                self._lay(path, wanted, place)
                self._marks[path] = wanted, _mark(place)

    def _sweep(self) -> None:
        for folder, folders, names in os.walk(self._folder, topdown=False):
            for name in (*names, *folders):
                place = Path(folder, name)
                path = place.relative_to(self._folder).as_posix()
                if place.is_symlink() or not place.is_dir():
                    if path not in self._stands:
                        place.unlink()
                elif path not in self._folders:
                    place.rmdir()

    def _lay(self, path: str, entry: Entry, place: Path) -> None:
        if place.is_dir() and not place.is_symlink():
            place.rmdir()  # of what was in it all that is not the project's is swept away
        place.unlink(missing_ok=True)
        place.parent.mkdir(parents=True, exist_ok=True)
        if not entry.is_plain:
            place.symlink_to(_target(entry))
            return
        place.write_bytes(self._inputs.fetch(entry) if entry != self._stands[path] else self._inputs.read(path))
        place.chmod(0o755 if entry.executable else 0o644)


def _reported(report: Path) -> tuple[frozenset[str], dict[str, str]]:
    """Return the tests that passed, and those that did not with what is said of them; nothing where no report was written."""
    passed: set[str] = set()
    failed: dict[str, str] = {}
    with suppress(OSError, ElementTree.ParseError):
        for _, case in ElementTree.iterparse(report):  # noqa: S314 - pytest, which we ran, wrote it
            if case.tag != "testcase":
                continue
            name = f"{case.get('classname', '')}::{case.get('name', '')}"
            wrong = [child for child in case if child.tag in ("failure", "error")]
            if wrong:
                failed[name] = f"{wrong[0].get('message', '')}\n{wrong[0].text or ''}"[-_ENOUGH:]
            elif not any(child.tag == "skipped" for child in case):
                passed.add(name)
            case.clear()
    return frozenset(passed - failed.keys()), failed


def _is_module(path: str, name: str) -> bool:
    """Say whether a test that is named so stands in a file: its name begins with that of the module."""
    module = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    return f"{name}.".startswith(f"{module}.")


def _is_laid(path: str, entry: Entry) -> bool:
    """Say whether something is laid into the copy: a plain file, or a link to something inside."""
    if entry.is_plain:
        return True
    target = _target(entry) if entry.digest.startswith("symlink:") else "/"
    return not target.startswith("/") and not os.path.normpath(os.path.join(os.path.dirname(path), target)).startswith("..")


def _target(entry: Entry) -> str:
    return entry.digest.partition(":")[2]


def _above(path: str) -> Iterator[str]:
    return (str(parent) for parent in PurePosixPath(path).parents if str(parent) != ".")


def _mark(place: Path) -> tuple[int, ...]:
    """Return what changes when a file does."""
    try:
        info = place.lstat()
    except OSError:
        return ()
    return (info.st_ino, info.st_mode, info.st_size, info.st_mtime_ns, info.st_ctime_ns)
