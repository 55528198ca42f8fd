"""Task: one step of work, all that it may see, and all that it may say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from functools import cache
from pathlib import Path
from typing import Protocol

from bmad_provisioner.digest import Digest, Entry, Plain, canonical, digest, fingerprint
from bmad_provisioner.engine.policy import Policy
from bmad_provisioner.finding import Finding
from bmad_provisioner.usage import Usage


class Lane(str, Enum):
    """Where a task runs."""

    HERE = "here"
    """In the scheduler's own thread: for what takes microseconds."""
    IO = "io"
    """In a thread beside others: for what waits for a child process or a network."""
    CPU = "cpu"
    """In a process beside others: for what computes. Its function and arguments are sent there by name and value."""
    ALONE = "alone"
    """In a thread while nothing else runs: for what is measured."""


NEVER = "never"
"""The level of outputs that are not remembered at all."""


class Priority(IntEnum):
    """Which of two ready tasks goes first."""

    CRITICAL = 0
    HIGH = 1
    NORMAL = 2
    LOW = 3


class Effect(str, Enum):
    """What doing it twice would do to the world."""

    PURE = "pure"
    """Nothing: it may be tried again."""
    IDEMPOTENT = "idempotent"
    """The same as doing it once: it may be tried again."""
    ONCE = "once"
    """Something else (a mail, a payment): after it started it is never tried again by itself."""


@dataclass(frozen=True, slots=True)
class Resources:
    """What a task occupies while it runs: bytes of memory and processors (fractions allowed); it takes one slot besides."""

    memory: int = 0
    cpu: float = 0.0


@dataclass(frozen=True, slots=True)
class Keeping:
    """How long and how an output is remembered: seconds (`None`: for good), the outermost level (`never`, `memory`, `disk`,
    `shared`),
    tags to find it by."""

    ttl: float | None = None
    level: str = "disk"
    compress: bool = False
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Output:
    """All that a task may say: files by path, findings, and facts for the tasks that need it.

    The bytes of `files` are already kept (`Inputs.keep`); an output only names them. `hands` are files for the tasks
    that need this one, which are no part of the result. `leaves` are paths and globs of files made before that stay as
    they are, though nobody makes them this time. `usage` is what making it took: it is remembered, and is no part of what
    the output says. What is `fleeting` is not remembered: it says less than it might, for a reason that may pass.
    """

    files: Mapping[str, Entry] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    facts: Mapping[str, Plain] = field(default_factory=dict)
    hands: Mapping[str, Entry] = field(default_factory=dict)
    leaves: tuple[str, ...] = ()
    usage: Usage = Usage()
    fleeting: bool = False

    def plain(self) -> Plain:
        """Return what the output says as plain data, for a cache or a fingerprint."""
        plain: dict[str, Plain] = {
            "files": {path: [entry.digest, entry.executable] for path, entry in self.files.items()},
            "findings": [[f.path, f.rule, f.message, f.severity.value, f.line, f.hint] for f in self.findings],
            "facts": self.facts,
        }
        if self.hands:
            plain["hands"] = {path: [entry.digest, entry.executable] for path, entry in self.hands.items()}
        if self.leaves:
            plain["leaves"] = list(self.leaves)
        return plain

    def spending(self, usage: Usage) -> Output:
        """Return the same output, with what making it took."""
        return Output(self.files, self.findings, self.facts, self.hands, self.leaves, usage, self.fleeting)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Every file that it names."""
        return (*self.files.values(), *self.hands.values())


class View(Protocol):
    """The files a run may read: what stands at a path, and its bytes."""

    def entry(self, path: str) -> Entry | None:
        """Return what stands at `path`, or `None`."""

    def read(self, path: str) -> bytes:
        """Return the bytes at `path`; only for paths whose `entry` is a plain file."""


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Turn:
    """The circumstances of one try, which are no part of what it is asked.

    `number` counts tries from 1; `seconds` is how long it may take and `memory` how many bytes it may hold (`None`:
    any); `stopped` says that nobody waits for it any more; `last` is what the task said the last time it succeeded.
    """

    number: int = 1
    seconds: float | None = None
    memory: int | None = None
    stopped: Callable[[], bool] = _never
    last: Output | None = None


@dataclass(frozen=True, slots=True)
class Inputs:
    """All that an action may see.

    `files` are the task's `reads` as they stand; `read` takes only those paths; `needs` are the outputs of
    the tasks it needs, and `fetch` returns the bytes of an entry in one of them; `keep` lays bytes, or what the file at a
    path holds, down and returns the entry to put in `Output.files`. `parts` is `fetch` for what may be too large to be held.
    """

    args: Mapping[str, Plain]
    files: Mapping[str, Entry | None]
    needs: Mapping[str, Output]
    read: Callable[[str], bytes]
    keep: Callable[..., Entry]
    fetch: Callable[[Entry], bytes]
    turn: Turn = Turn()
    parts: Callable[[Entry], Iterable[bytes]] | None = None

    def lay(self, entry: Entry, place: Path) -> None:
        """Write the bytes of an entry in an output of `needs` to a file."""
        with open(place, "wb") as file:
            file.writelines(self.parts(entry) if self.parts is not None else (self.fetch(entry),))


@dataclass(frozen=True, slots=True)
class Action:
    """A kind of work. Raise `version` whenever the same inputs would give another output.

    An `external` action asks the outside world (a network, a command): a plan holds it back. A `quiet` one is a step
    between others that makes nothing itself: people are not told of it unless they ask.
    """

    name: str
    version: str
    function: Callable[[Inputs], Output]
    lane: Lane = Lane.HERE
    external: bool = False
    quiet: bool = False
    exact: bool = False


@dataclass(frozen=True, slots=True)
class Task:
    """An action with its arguments (plain data, no secrets), the paths it reads and the tasks it needs.

    Of each task in `hears` it hears one fact, and only that one wakes it; where that task fails, it hears nothing, and goes on.
    What follows `hears` decides when and how it runs and is no part of its key: it waits for the tasks in `after` too, but
    hears nothing of what they said; where `resources` says nothing, it occupies what each task of the run does, and
    never less than `floor`; `guard` names the circuit breaker it
    goes through, `expected` is what it is thought to consume.
    """

    name: str
    action: Action
    args: Mapping[str, Plain] = field(default_factory=dict)
    reads: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    hears: Mapping[str, str] = field(default_factory=dict)
    after: tuple[str, ...] = ()
    priority: Priority = Priority.NORMAL
    resources: Resources = Resources()
    floor: Resources = Resources()
    policy: Policy = Policy()
    effect: Effect = Effect.PURE
    keeping: Keeping = Keeping()
    guard: str = ""
    expected: Usage | None = None

    @property
    def waits(self) -> tuple[str, ...]:
        """The tasks that have to end before it starts; but for those that it only hears, they have to succeed."""
        return self.needs + tuple(self.hears) + self.after


def told(output: Output | None, fact: str) -> Output:
    """Return what is heard of an output: one fact, or nothing."""
    return Output(facts={fact: output.facts[fact]}) if output is not None and fact in output.facts else Output()


def components(task: Task, view: View, said: Mapping[str, Digest], heard: Mapping[str, Output]) -> dict[str, Digest]:
    """Return what decides a task's output, each part under a name that `why` can print.

    Upstream tasks count by what they said (`said`), not by what made them run: a step that runs again and says the
    same wakes nobody. An argument whose name holds a space speaks for itself.
    """
    parts = {"action": _of_action(task.action.name, task.action.version)}
    for name, value in task.args.items():
        parts[name if " " in name else f"argument {name}"] = fingerprint(value)
    for path in task.reads:
        entry = view.entry(path)
        parts[f"file {path}"] = fingerprint(None if entry is None else [entry.digest, entry.executable])
    for name in task.needs:
        parts[f"task {name}"] = said[name]
    for name, fact in task.hears.items():
        parts[f"fact {fact} of {name}"] = fingerprint(heard[name].facts.get(fact))
    return parts


@cache
def _of_action(name: str, version: str) -> Digest:
    return fingerprint([name, version])


def shown(task: Task) -> dict[str, str]:
    """Return how to show those of a task's `components` to people that are more to them than a digest: short arguments."""
    texts = {}
    for name, value in task.args.items():
        text = value if isinstance(value, str) else canonical(value).decode("utf-8", "replace")
        if len(text) <= _SHORT:
            texts[name if " " in name else f"argument {name}"] = " ".join(text.split())
    return texts


def key(parts: Mapping[str, Digest]) -> Digest:
    """Return the cache key of a task from its `components`.

    Each is spelled as the length of its name, the name, and its 64 digits: no two sets of parts are spelled alike.
    """
    return digest("".join([f"{len(name)}:{name}{parts[name]}" for name in sorted(parts)]).encode("utf-8", "surrogatepass"))


_SHORT = 120
