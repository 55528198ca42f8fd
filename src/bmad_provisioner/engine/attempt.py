"""Attempt: a task on its way through a run, from the moment it is not known to how its last try ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bmad_provisioner.digest import Digest
from bmad_provisioner.engine.breaker import Permit
from bmad_provisioner.engine.task import Output, Resources, Task
from bmad_provisioner.errors import TaskError
from bmad_provisioner.usage import Usage


@dataclass(slots=True, eq=False)
class Attempt:
    """A task that is not known: its key, why it runs, what it occupies, how often it was tried, and how that ended.

    `before` is the key of its result that was used last; `asked` says that it runs because somebody asked for it. `usage` is
    what all its tries consumed, `most` the largest of them, part by part; `begun` is when the running one began. In the end
    there is an `output` (with its spelling, `body`, and the `seconds` it took), or an `error`.
    """

    task: Task
    key: Digest
    parts: Mapping[str, Digest]
    before: Digest | None = None
    because: tuple[str, ...] = ()
    ahead: float = 0.0
    wanted: Resources = Resources()
    asked: bool = False
    number: int = 1
    usage: Usage = Usage()
    most: Usage = Usage()
    begun: float | None = None
    deadline: float | None = None
    permit: Permit | None = None
    stopped: bool = False
    output: Output | None = None
    error: TaskError | None = None
    seconds: float = 0.0
    body: bytes = b""
