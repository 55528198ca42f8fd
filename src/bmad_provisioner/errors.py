"""The errors a user can act on.

    BmadpError              1   anything below
    ├── UsageError          2   the command line asks for what cannot be
    ├── DocumentError       2   the document is wrong; carries every finding
    ├── PlanError           1   the plan cannot be made: its findings say why
    ├── StaleError          1   the project is no longer what the plan was made from
    ├── ConflictError       1   two sides changed the same thing; a choice is needed
    ├── LockedError         1   another run holds the project
    ├── CommitError         1   the disk refused; everything is as it was
    │   └── BlockedError     1   something that is no folder stands where one is needed
    ├── DamagedError        1   our own state was tampered with or lost
    └── TaskError           1   a task of the graph failed; says whether trying again may help

The number is the exit code. Anything that is not a `BmadpError` is our bug and exits with 3.
"""

from __future__ import annotations

from collections.abc import Iterable

from bmad_provisioner.finding import Finding
from bmad_provisioner.usage import Usage


class BmadpError(Exception):
    """An error with one clear message and, where there is one, what to do next."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "", findings: Iterable[Finding] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.findings = tuple(findings)


class UsageError(BmadpError):
    """The command line asks for what cannot be."""

    exit_code = 2


class DocumentError(BmadpError):
    """The document is wrong; `findings` holds every reason, with lines."""

    exit_code = 2


class PlanError(BmadpError):
    """The plan cannot be made."""


class StaleError(BmadpError):
    """The project is no longer what the plan was made from."""


class ConflictError(BmadpError):
    """Two sides changed the same thing."""


class LockedError(BmadpError):
    """Another run holds the project."""


class CommitError(BmadpError):
    """The disk refused; everything is as it was."""


class BlockedError(CommitError):
    """Something that is no folder stands where one is needed."""


class DamagedError(BmadpError):
    """Our own state was tampered with or lost."""


class TaskError(BmadpError):
    """A task failed.

    `heals` says that the same try may succeed later (a busy server, a lost connection); `after` is how many seconds
    the other side asked to wait; `barred` says that its endpoint will refuse everybody until somebody acts (a wrong
    key); `usage` is what the failed try consumed; `started` is false where it did nothing at all.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        heals: bool = False,
        after: float | None = None,
        barred: bool = False,
        usage: Usage | None = None,
        started: bool = True,
    ) -> None:
        super().__init__(message, hint=hint)
        self.started = started
        self.heals, self.after, self.barred, self.usage = heals, after, barred, usage or Usage()
