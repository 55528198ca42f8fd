"""YAML events: what PyYAML's parsers say about a text, and their complaints in plain words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bmad_provisioner.characters import shown

if TYPE_CHECKING:
    from yaml.error import MarkedYAMLError
    from yaml.events import Event


@dataclass(frozen=True, slots=True)
class Complaint:
    """Why the parser stopped, and where."""

    rule: str
    line: int | None
    message: str
    hint: str = ""


def reader(text: str, *, pure: bool = False) -> Callable[[], Event | None]:
    """Return the function that gives the next event; libyaml's where it is there, unless `pure`."""
    if not pure:
        try:
            from yaml._yaml import CParser  # noqa: PLC0415 - `yaml` costs 20 ms, and a parsed manifest is usually cached
        except ImportError:
            pass
        else:
            return CParser(text).get_event
    from yaml.loader import BaseLoader  # noqa: PLC0415 - of which only the parser is used

    return BaseLoader(text).get_event


_UNCLOSED = "a list or mapping in brackets is not closed, or lacks a comma"
_MISFIT = "the indentation fits nothing above, or a quote is unbalanced"
_NEITHER = "a line that is neither `key: value` nor part of the text above"
_COMPLAINTS = (
    (
        "mapping values are not allowed",
        "`: ` stands where no key can be",
        "put text that holds `: ` in quotes, or look at the indentation",
    ),
    ("could not find expected ':'", _NEITHER, "add the `:`, or indent it further"),
    ("did not find expected key", _MISFIT, "line the keys up with their siblings"),
    ("expected <block end>", _MISFIT, "line the keys up with their siblings"),
    ("did not find expected '-'", "the indentation fits nothing above", "line the `-` up with its siblings"),
    ("found unexpected end of stream", "the file ends inside quotes", "close the quote"),
    ("unexpected document", "the document ends inside quotes", "close the quote"),
    ("expected ',' or", _UNCLOSED, "add the `,`, `]` or `}`"),
    ("node content", "a value is missing here", "write one, or close the bracket"),
    ("<document start>", "something stands behind the end of the value", "look at the indentation, or put the text in quotes"),
    ("alphabetic or numeric character", "a `&` or `*` without a name", "put the text in quotes"),
    ("cannot start any token", "text cannot start with {}", "put the text in quotes"),
    ("unknown escape character", "an unknown escape in double quotes", "use single quotes, or `\\\\` for a backslash"),
)


def explain(error: MarkedYAMLError, text: str) -> Complaint:
    """Say in plain words why the parser stopped."""
    mark = error.problem_mark or error.context_mark
    rows = text.split("\n")
    line = min(mark.line + 1, len(rows)) if mark else None  # libyaml counts a line too many at the end of the text
    row = rows[mark.line] if mark and mark.line < len(rows) else ""
    character = row[mark.column : mark.column + 1] if mark else ""
    if character == "\t" or "\t" in row[: len(row) - len(row.lstrip())]:
        return Complaint("yaml-tab", line, "a tab where YAML wants spaces", "indent with spaces")
    problem = error.problem or "the text is not YAML"
    since = min(error.context_mark.line + 1, len(rows)) if error.context_mark else line
    opened = f" (in what begins on line {since})" if since != line else ""
    for part, message, hint in _COMPLAINTS:
        if part in problem:
            return Complaint("yaml-syntax", line, message.replace("{}", f"`{shown(character)}`") + opened, hint)
    return Complaint("yaml-syntax", line, shown(problem) + opened)
