"""Check: everything that is wrong or doubtful in a Performance document."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from bmad_provisioner.finding import Finding
from bmad_provisioner.kind import Document
from bmad_provisioner.kinds.performance.order import Order, Target, order
from bmad_provisioner.remarks import Remarks
from bmad_provisioner.tree.paths import refusal

SORTS = {
    "url": frozenset(("start", "ready", "wait", "pages", "requests", "inputs", "env")),
    "command": frozenset(("inputs", "env")),
    "python": frozenset(("args", "inputs", "env")),
    "dsn_env": frozenset(),
}
"""What says of which sort a target is, and what may be said of one besides."""


def check(document: Document) -> tuple[Finding, ...]:
    """Return every reason why the document is wrong; an empty tuple: it is right."""
    from bmad_provisioner.kinds.performance import model  # noqa: PLC0415 - pydantic is heavy

    found = model.faults(document)
    if found:
        return found
    say, wanted = Remarks(document), order(document.data)
    return (*_targets(say, document), *_ports(say, wanted), *_patterns(say, wanted), *_goals(say, wanted))


def _targets(say: Remarks, document: Document) -> Iterator[Finding]:
    raw = document.data["targets"]
    assert isinstance(raw, dict)
    for name, target in raw.items():
        given = {key for key, value in target.items() if value not in (None, [], {}, "")}
        sorts = sorted(given & SORTS.keys())
        place = ("targets", name)
        if len(sorts) != 1:
            said = "says nothing of what it is" if not sorts else f"is {' and '.join(f'`{one}`' for one in sorts)} at once"
            yield say.error("performance-target", place, said, "one of `url`, `command`, `python`, `dsn_env`")
            continue
        for key in sorted(given - SORTS[sorts[0]] - {sorts[0]}):
            yield say.error(
                "performance-target",
                (*place, key),
                f"means nothing beside `{sorts[0]}`",
                "take it out, or make it a target of its own",
            )


def _ports(say: Remarks, wanted: Order) -> Iterator[Finding]:
    seen: dict[str, Target] = {}
    for target in wanted.targets:
        if not target.url:
            continue
        parts = urlsplit(target.url)
        try:
            place = f"{parts.hostname}:{parts.port}"
        except ValueError:
            yield say.error(
                "performance-target",
                ("targets", target.name, "url"),
                f"`{target.url}` has no port that is one",
                "a number to 65535",
            )
            continue
        if not parts.hostname:
            yield say.error(
                "performance-target", ("targets", target.name, "url"), f"`{target.url}` names no host", "`http://127.0.0.1:8000/`"
            )
        elif target.start and not parts.port:
            yield say.error(
                "performance-target", ("targets", target.name, "url"), "says no port to start at", "`http://127.0.0.1:8000/`"
            )
        elif target.start and place in seen and seen[place].start != target.start:
            hint = "they are measured one after the other, but another must not answer: give each a port"
            yield say.warning(
                "performance-target", ("targets", target.name, "url"), f"starts where `{seen[place].name}` does", hint
            )
        seen.setdefault(place, target)


def _patterns(say: Remarks, wanted: Order) -> Iterator[Finding]:
    for number, pattern in enumerate(wanted.sources):
        reason = refusal(pattern.removeprefix("!").replace("*", "x").replace("?", "x"))
        if reason:
            yield say.error(
                "performance-sources", ("sources", number), f"`{pattern}` is refused: {reason}", "a pattern inside the project"
            )
    if wanted.sources and all(pattern.startswith("!") for pattern in wanted.sources):
        yield say.error("performance-sources", ("sources",), "only says what is left out", "say first what is taken in: `**`")


def _goals(say: Remarks, wanted: Order) -> Iterator[Finding]:
    pages = any(target.pages for target in wanted.targets)
    for name in ("lcp", "inp", "cls", "ttfb", "bundle"):
        if name in wanted.goals and not pages:
            yield say.warning(
                "performance-target", ("goals", name), "no target has `pages` to see it in", "name some, or take the goal out"
            )
