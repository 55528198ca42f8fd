"""Check: everything that is wrong or doubtful in a Code document."""

from __future__ import annotations

from collections.abc import Iterator

from bmad_provisioner.errors import UsageError
from bmad_provisioner.finding import Finding
from bmad_provisioner.kind import Document
from bmad_provisioner.kinds.code.order import Order, order
from bmad_provisioner.remarks import Remarks
from bmad_provisioner.tree.paths import refusal


def check(document: Document) -> tuple[Finding, ...]:
    """Return every reason why the document is wrong; an empty tuple: it is right."""
    from bmad_provisioner.kinds.code import model  # noqa: PLC0415 - pydantic is heavy

    found = model.faults(document)
    if found:
        return found
    say, wanted = Remarks(document), order(document.data)
    return (*_paths(say, wanted), *_passes(say, wanted))


def _paths(say: Remarks, wanted: Order) -> Iterator[Finding]:
    for number, pattern in enumerate(wanted.paths):
        plain = pattern.removeprefix("!").replace("*", "x").replace("?", "x")
        reason = refusal(plain)
        if reason:
            yield say.error("code-paths", ("paths", number), f"`{pattern}` is refused: {reason}", "a pattern inside the project")
    if all(pattern.startswith("!") for pattern in wanted.paths):
        yield say.error("code-paths", ("paths",), "only says what is left out", "say first what is taken in: `**/*.py`")


def _passes(say: Remarks, wanted: Order) -> Iterator[Finding]:
    from bmad_provisioner.kinds.code.load import load  # noqa: PLC0415 - only where passes are named

    seen: set[str] = set()
    for number, name in enumerate(wanted.passes):
        if name in seen:
            yield say.error("code-pass", ("passes", number), f"`{name}` is named twice", "leave one of them out")
        seen.add(name)
        try:
            load([name])
        except UsageError as error:
            yield say.error("code-pass", ("passes", number), error.message, error.hint)
