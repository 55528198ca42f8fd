"""Request: what is asked of a team, as requirements that are named by what they say and never by where they stand.

From Markdown: headings make sections; list items, paragraphs, table rows and code blocks make items. The only heading of
level 1, if it comes first, is the title and names nothing. An item is named, in this order, by an id at its start (`REQ-7`,
`[NFR-2]`, `FR3`), by its key (`- theme: dark`), or by its first six words; so a new item renames no other. Two sections of
one name are one section said in two places, and items may share a name: whoever selects it gets them all.

Sections are kept in the order of their names, items in a section as written: prose has an order, sections have names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TypeAlias

from bmad_provisioner.digest import Plain, fingerprint
from bmad_provisioner.errors import UsageError
from bmad_provisioner.kinds.team.markdown import Line, lines, normalised, slug, title_slug
from bmad_provisioner.naming import did_you_mean, listed

ALL = "requirements"
"""The selector of everything, and the first word of every other."""
MOST_BYTES = 1024 * 1024
MOST_DEPTH = 40
MOST_WORDS = 6

Names: TypeAlias = tuple[str, ...]

_ID = re.compile(
    r"[*_`\[(]{0,4}((?:[A-Z][A-Z0-9]{1,11}(?:-[A-Z0-9]{1,12}){0,3}-|FR|NFR|REQ|US|UC|AC|BR)[0-9]{1,6}(?:\.[0-9]{1,4}){0,3})(?!\w)"
    r"[*_`]{0,3}[\])]?[*_`]{0,3} ?[:.\u2013\u2014-]?[*_`]{0,3}(?: |\Z)"
)
_KEY = re.compile(r"[*_`]{0,3}([^\s:*`][^:*`]{0,47}?)[*_`]{0,3} ?:[*_`]{0,3}(?: |\Z)")
_BULLET = re.compile(r"([-*+]|[0-9]{1,9}[.)])(?:[ \t]+|\Z)(?:\[[ xX]\][ \t]+)?")
_RULE = re.compile(r"([-*_])(?:[ \t]*\1){2,}")
_TABLE_RULE = re.compile(r"[|:\s-]+")


@dataclass(frozen=True, slots=True)
class Item:
    """One requirement: its dotted path (`ui.theme`), its id (`REQ-7`, or empty), and its text with white space folded.

    Where it stands (`line`, 0 if not in a text) is no part of what it says.
    """

    path: str
    id: str
    text: str
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Requirements:
    """Everything that is asked, in canonical order."""

    items: tuple[Item, ...] = ()

    def texts(self) -> dict[str, str]:
        """Return path -> text, to be compared with those of another request."""
        said: dict[str, list[str]] = {}
        for item in self.items:
            said.setdefault(item.path, []).append(f"{item.id} {item.text}".strip())
        return {path: "\n".join(texts) for path, texts in said.items()}


def parse(text: str) -> Requirements:
    """Return the requirements of a Markdown text; raises UsageError if it has more than 1 MiB."""
    if len(text.encode("utf-8", "surrogatepass")) > MOST_BYTES:
        raise UsageError("the request has more than 1 MiB", hint="say what is wanted, and name large files for agents to read")
    read = tuple(lines(normalised(text)))
    reader = _Reader(_title(read))
    for line in read:
        reader.take(line)
    reader.flush()
    return _gathered(reader.sections)


def from_tree(tree: Mapping[str, Plain]) -> Requirements:
    """Return the requirements of a tree of mappings, lists and values, as YAML has it.

    A mapping in a list is named by its `id`, `name` or `title`. Raises UsageError for more than 40 levels.
    """
    sections: dict[Names, list[Item]] = {}
    for names, item in _leaves(tree, ()):
        sections.setdefault(names, []).append(item)
    return _gathered(sections)


def select(requirements: Requirements, selector: str) -> tuple[Item, ...]:
    """Return what `requirements`, `requirements.ui`, `requirements.ui.theme` or `requirements.REQ-7` names, with all below it.

    Raises UsageError for a selector that names nothing.
    """
    if selector == ALL:
        return requirements.items
    wanted = selector.removeprefix(f"{ALL}.")
    paths = {item.path for item in requirements.items if item.id and item.id.lower() == wanted.lower()}
    paths = paths or {".".join(slug(part) for part in wanted.split("."))}
    found = tuple(item for item in requirements.items if not paths.isdisjoint(_prefixes(item.path)))
    if not found or wanted == selector:
        raise UsageError(f"no requirement is named `{selector[:80]}`", hint=_known(requirements, selector))
    return found


def spelled(items: Iterable[Item]) -> str:
    """Return items as a Markdown list, for whom they are asked of: equal items, equal text."""
    return "".join(f"{_spelled(item)}\n" for item in items)


# --- from Markdown ---------------------------------------------------------------------------------------------------


class _Reader:
    """Takes line after line, and keeps each item under the section it stands in."""

    def __init__(self, title: int) -> None:
        self.sections: dict[Names, list[Item]] = {}
        self.title = title
        self.headings: list[tuple[int, str]] = []
        self.bullets: list[tuple[int, str]] = []
        self.rows: list[str] = []
        self.first = 0
        self.indent: int | None = None  # of the list item that `rows` belong to; None: they are a paragraph
        self.fenced = False

    def take(self, line: Line) -> None:
        if line.fenced != self.fenced or line.level or not line.text.strip():
            self.flush()
        self.fenced = line.fenced
        if line.level:
            self._heading(line)
        elif line.fenced:
            if not self.rows:
                self._outdent(len(line.text) - len(line.text.lstrip()))
            self._add(line, line.text.rstrip())
        elif line.text.strip():
            self._text(line)

    def flush(self) -> None:
        """Make an item of the rows held."""
        rows, self.rows = self.rows, []
        if not rows:
            return
        if self.fenced:
            text = "\n".join(rows)
            self._keep(slug(text, MOST_WORDS), "", text)
            return
        name, identifier, text = _named(" ".join(" ".join(rows).split()), keyed=self.indent is not None)
        self._keep(name, identifier, text)
        if self.indent is not None:
            del self.bullets[MOST_DEPTH:]
            self.bullets.append((self.indent, name))
            self.indent = None

    def _heading(self, line: Line) -> None:
        self.bullets.clear()
        if line.number == self.title:
            return
        while self.headings and self.headings[-1][0] >= line.level:
            self.headings.pop()
        name, identifier, text = _named(line.text, keyed=False)
        self.headings.append((line.level, name if identifier else title_slug(line.text)))
        if identifier:
            self.first = line.number
            self._keep("", identifier, text)

    def _text(self, line: Line) -> None:
        text = line.text.expandtabs(4)
        indent = len(text) - len(text.lstrip())
        text = text.strip()
        bullet = _BULLET.match(text)
        if _RULE.fullmatch(text):
            self.flush()
        elif bullet:
            self.flush()
            self._outdent(indent)
            self.indent = indent
            self._add(line, text[bullet.end() :])
        elif text.startswith("|"):
            self.flush()
            self._outdent(indent)
            if not _TABLE_RULE.fullmatch(text):
                self._add(line, " | ".join(cell.strip() for cell in text.strip("|").split("|")))
                self.flush()
        else:
            if not self.rows:
                self._outdent(indent)
            self._add(line, text.lstrip("> "))

    def _outdent(self, indent: int) -> None:
        """Leave the list items that something at this indent does not belong to."""
        while self.bullets and self.bullets[-1][0] + 2 > indent:
            self.bullets.pop()

    def _add(self, line: Line, text: str) -> None:
        if not self.rows:
            self.first = line.number
        self.rows.append(text)

    def _keep(self, name: str, identifier: str, text: str) -> None:
        section = tuple(each for _, each in self.headings)
        path = ".".join((*section, *(each for _, each in self.bullets), *filter(None, (name,))))
        self.sections.setdefault(section, []).append(Item(path, identifier, text, self.first))


def _title(read: Iterable[Line]) -> int:
    """Return the line of the title: the only heading of level 1, if no other heading comes before it (0: there is none)."""
    headings = [line for line in read if line.level]
    alone = [line.level for line in headings].count(1) == 1 and headings[0].level == 1
    return headings[0].number if alone else 0


def _named(text: str, *, keyed: bool) -> tuple[str, str, str]:
    """Return name, id and text of an item."""
    identified = _ID.match(text)
    if identified:
        return slug(identified.group(1)), identified.group(1), text[identified.end() :].lstrip("| ")
    key = _KEY.match(text) if keyed else None
    if key and len(key.group(1).split()) <= MOST_WORDS:
        return slug(key.group(1)), "", text[key.end() :].strip()
    return slug(text, MOST_WORDS), "", text


# --- from a tree -----------------------------------------------------------------------------------------------------


def _leaves(value: Plain, names: Names, identifier: str = "") -> Iterator[tuple[Names, Item]]:
    """Yield each value of a tree with the section it is kept under: its own path, or that of its list."""
    if len(names) > MOST_DEPTH:
        raise UsageError(f"the request has more than {MOST_DEPTH} levels", hint="say it in fewer")
    if isinstance(value, Mapping):
        for key, below in value.items():
            name, found, _ = _named(_folded(key), keyed=False)
            yield from _leaves(below, (*names, name if found else slug(_folded(key))), found)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _entry(each, names)
    else:
        yield names, Item(".".join(names), identifier, _folded(value))


def _entry(value: Plain, names: Names) -> Iterator[tuple[Names, Item]]:
    """Yield what one entry of a list holds."""
    if isinstance(value, Mapping):
        title = next((_folded(value[key]) for key in ("id", "name", "title") if isinstance(value.get(key), str)), "")
        name, identifier, _ = _named(title, keyed=False)
        own = (*names, name if title else f"x{fingerprint(value)[:8]}")
        if identifier:
            yield own, Item(".".join(own), identifier, _folded(value.get("text")))
        yield from _leaves({key: each for key, each in value.items() if not identifier or key not in {"id", "text"}}, own)
    elif isinstance(value, list | tuple):
        yield from _leaves(value, names)
    else:
        name, identifier, text = _named(_folded(value), keyed=True)
        yield names, Item(".".join((*names, name)), identifier, text)


def _folded(value: Plain) -> str:
    if value is None or isinstance(value, bool):
        return "" if value is None else str(value).lower()
    return " ".join(normalised(str(value)).split())


# --- both ------------------------------------------------------------------------------------------------------------


def _gathered(sections: Mapping[Names, list[Item]]) -> Requirements:
    """Return the items section by section; a key that only heads others (`- ui:`) is no item."""
    items = [item for names in sorted(sections) for item in sections[names]]
    heads = {prefix for item in items for prefix in _prefixes(item.path) if prefix != item.path}
    return Requirements(tuple(item for item in items if item.id or item.text or item.path not in heads))


def _prefixes(path: str) -> Iterator[str]:
    return accumulate(path.split("."), lambda above, name: f"{above}.{name}")


def _known(requirements: Requirements, selector: str) -> str:
    """Return a hint that names what comes near to a selector, or else the outermost sections."""
    names = [name for item in requirements.items for name in (item.id, *_prefixes(item.path)) if name]
    wrong = selector.removeprefix(f"{ALL}.")
    outer = dict.fromkeys(item.path.partition(".")[0] for item in requirements.items)
    otherwise = f"there are {listed(f'{ALL}.{name}' for name in outer)}" if outer else "the request says nothing"
    return did_you_mean(wrong, names, otherwise, before=f"{ALL}.")


def _spelled(item: Item) -> str:
    """Return an item on a line: its path, without the part that only repeats its first words; its id; its text."""
    above, _, name = item.path.rpartition(".")
    path = above if not item.id and name == slug(item.text, MOST_WORDS) else item.path
    head = " ".join(filter(None, ("-", path and f"{path}:", item.id and f"[{item.id}]")))
    between = "\n" if "\n" in item.text else " "
    return f"{head}{between}{item.text}".replace("\n", "\n  ").rstrip()
