"""Merge keys: our keys of a TOML file brought up to date among keys, comments and spelling that are the user's."""

import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT, Array, InlineTable, Item

from bmad_provisioner.tree.merged import BOM, Merged

__all__ = ["merge_toml", "merge_values"]

Values = Mapping[str, object]

_ABSENT = object()
_NAMES = ("code", "id", "name")  # of the tables in an array, the first that all of them have
_TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}' r"|'''.*?'{3,5}" r'|"(?:\\.|[^"\\\n])*"' r"|'[^'\n]*'" r"|(?P<comment>#[^\n]*)", re.DOTALL
)
# tomlkit answers some rare layouts with an error of Python's rather than its own; the result is verified in any case
_TOMLKIT_FAILS = (TOMLKitError, ValueError, KeyError, IndexError, TypeError, AttributeError, AssertionError, RecursionError)


def merge_toml(base: bytes | None, mine: bytes | None, theirs: bytes | None) -> Merged | None:
    """Make mine hold the keys of theirs, and of base no others; empty bytes if nothing is left; None if it cannot be done.

    What is written is always read again and compared with `merge_values`.
    """
    if mine is None or mine in (base, theirs):
        return Merged(theirs or b"", 0)
    try:
        b, m, t = (_text(side) for side in (base, mine, theirs))
        was, yours, ours = (tomllib.loads(side) for side in (b, m, t))
        wanted, notes = merge_values(was, yours, ours)
    except (ValueError, RecursionError):
        return None
    if not m:
        return Merged((theirs or b"") if t.strip() else b"", 0)
    crlf = b"\r\n" in mine and mine.count(b"\n") == mine.count(b"\r\n")
    text = _written((b, m, t), yours, wanted)
    if text is None:
        return None
    lost = Counter(_comments(m)) - Counter(_comments(b)) - Counter(_comments(text))
    if lost:
        notes += tuple(f"comment `{comment}`: stands on what is to be removed" for comment in lost)
        return Merged(mine, len(notes), notes)
    if not t.strip() and not wanted and not any(_comments(text)):
        return Merged(b"", 0)
    if text == m:
        return Merged(mine, len(notes), notes)
    mark = BOM if mine.startswith(BOM.encode()) else ""
    return Merged((mark + (text.replace("\n", "\r\n") if crlf else text)).encode(), len(notes), notes)


def merge_values(base: Values, mine: Values, theirs: Values) -> tuple[dict[str, object], tuple[str, ...]]:
    """The merged tables, and the keys in conflict, where the value of mine stays."""
    notes: list[str] = []
    return _merge_tables(base, mine, theirs, (), notes), tuple(notes)


def _merge_tables(base: Values, mine: Values, theirs: Values, at: tuple[str, ...], notes: list[str]) -> dict[str, object]:
    out: dict[str, object] = {}
    for key in [*mine, *(key for key in theirs if key not in mine)]:
        was, yours, ours = (side.get(key, _ABSENT) for side in (base, mine, theirs))
        value = ours if yours is _ABSENT else _merge_value(was, yours, ours, (*at, key), notes)
        if value is not _ABSENT:
            out[key] = value
    return out


def _merge_value(was: object, yours: object, ours: object, at: tuple[str, ...], notes: list[str]) -> object:
    """The law for one key that mine has."""
    if same(yours, was):
        return ours
    if isinstance(yours, dict) and (isinstance(ours, dict) or (ours is _ABSENT and isinstance(was, dict))):
        merged: object = _merge_tables(_dict(was), yours, _dict(ours), at, notes)
    elif isinstance(yours, list) and (isinstance(ours, list) or (ours is _ABSENT and isinstance(was, list))):
        merged = _merge_lists(_list(was), yours, _list(ours), at, notes)
    else:
        if ours is not _ABSENT and not same(yours, ours) and not same(was, ours):
            notes.append(f"`{'.'.join(at)}`: changed on both sides")
        return yours
    return merged if merged or ours is not _ABSENT else _ABSENT


def _merge_lists(
    was: Sequence[object], yours: Sequence[object], ours: Sequence[object], at: tuple[str, ...], notes: list[str]
) -> list[object]:
    """Arrays as sets that keep the order of mine; arrays of named tables by name."""
    name = name_of(was, yours, ours)
    if name is None:
        gone = {frozen(item) for item in was} - {frozen(item) for item in ours}
        have = {frozen(item) for item in yours}
        return [item for item in yours if frozen(item) not in gone] + [item for item in ours if frozen(item) not in have]
    before, mine, after = ({frozen(_dict(item)[name]): item for item in side} for side in (was, yours, ours))
    out: list[object] = []
    for key, item in mine.items():
        old, new = before.get(key, _ABSENT), after.get(key, _ABSENT)
        if new is not _ABSENT:
            out.append(_merge_value(old, item, new, (*at, str(_dict(item)[name])), notes))
        elif not same(old, item):
            out.append(item)
    return out + [item for key, item in after.items() if key not in mine]


def name_of(*sides: Sequence[object]) -> str | None:
    """The key that names the tables of these arrays: all have it, and no two on one side share its value."""
    if not any(sides) or not all(isinstance(item, dict) for side in sides for item in side):
        return None
    for name in _NAMES:
        values = [[_dict(item).get(name) for item in side] for side in sides]
        if all(isinstance(v, str) for side in values for v in side) and all(len(set(side)) == len(side) for side in values):
            return name
    return None


def frozen(value: object) -> object:
    """A value that hashes, and equals another only if the TOML is the same: 1, 1.0 and true differ, nan is nan."""
    if isinstance(value, dict):
        return ("dict", frozenset((key, frozen(item)) for key, item in value.items()))
    if isinstance(value, list):
        return ("list", tuple(frozen(item) for item in value))
    return (type(value).__name__, repr(value))


def same(one: object, other: object) -> bool:
    """Whether two values are the same TOML."""
    return frozen(one) == frozen(other)


def _dict(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _text(data: bytes | None) -> str:
    """The text with line ends of one character, as TOML reads it."""
    return (data or b"").decode().removeprefix(BOM).replace("\r\n", "\n")


def _comments(text: str) -> Iterator[str]:
    """The comments of a valid TOML text."""
    return (match["comment"].rstrip() for match in _TOKEN.finditer(text) if match["comment"])


def _written(texts: tuple[str, str, str], yours: Values, wanted: Values) -> str | None:
    """The text of mine with the least changed that reads as `wanted`; None if no way leads there."""
    for text in _ways(texts, yours, wanted):
        try:
            if same(tomllib.loads(text), wanted):
                return text
        except (ValueError, RecursionError):
            continue
    return None


def _ways(texts: tuple[str, str, str], yours: Values, wanted: Values) -> Iterator[str]:
    """Texts that may read as `wanted`, best first: block for block, as it is, block at the end, key by key."""
    base, mine, theirs = texts
    replaced = _replace_block(mine, base.strip("\n"), theirs.strip("\n"))
    if replaced is not None:
        yield replaced
    unmarked = mine if theirs.strip() else _without_comments(mine, base)
    if same(yours, wanted):
        yield unmarked
    if theirs.strip():
        yield _append_block(mine, theirs.strip("\n"))
    for inline in (False, True):  # below dotted keys, tomlkit gets new tables right only inline
        try:
            document = tomlkit.parse(unmarked)
            _patch_table(document, yours, wanted, inline=inline)
            yield document.as_string()
        except _TOMLKIT_FAILS:
            continue


def _append_block(mine: str, block: str) -> str:
    """The block below a blank line; the text ends in a line end if it did before."""
    return f"{mine}\n{block}\n" if mine.endswith("\n") else f"{mine}\n\n{block}"


def _replace_block(mine: str, old: str, new: str) -> str | None:
    """Mine with the lines of `old` replaced, or taken out with the blank line above; None if they do not stand there."""
    start = f"\n{mine}\n".find(f"\n{old}\n")
    if not old.strip() or start < 0:
        return None
    before, after = mine[:start], mine[start + len(old) :]
    if new.strip():
        return before + new + after
    if not after:
        return before.removesuffix("\n").removesuffix("\n")
    return (before.removesuffix("\n") if before.endswith("\n\n") else before) + after.removeprefix("\n")


def _without_comments(mine: str, base: str) -> str:
    """Mine without the comment lines that came from base."""
    ours = Counter(line for line in base.split("\n") if line.startswith("#"))
    kept: list[str] = []
    for line in mine.split("\n"):
        if ours[line]:
            ours[line] -= 1
        else:
            kept.append(line)
    return "\n".join(kept)


def _patch_table(table: MutableMapping[str, Any], old: Values, new: Values, *, inline: bool) -> None:
    """Change a tomlkit table that reads as `old` until it reads as `new`."""
    inline = inline or isinstance(table, InlineTable)
    for key in old:
        if key not in new:
            del table[key]
    for key, value in new.items():
        before = old.get(key, _ABSENT)
        if same(before, value):
            continue
        if isinstance(value, dict) and isinstance(before, dict):
            _patch_table(table[key], before, value, inline=inline)
        elif not (isinstance(value, list) and isinstance(before, list) and _patch_list(table[key], before, value, inline=inline)):
            table[key] = _item(value, inline=inline)


def _patch_list(array: object, old: Sequence[object], new: Sequence[object], *, inline: bool) -> bool:
    """Change a tomlkit array in place; False if items moved, so that it must be written anew."""
    name = name_of(old, new)

    def key(item: object) -> object:
        return frozen(item if name is None else _dict(item)[name])

    stay = {key(item) for item in new}
    kept = [item for item in old if key(item) in stay]
    if [key(item) for item in kept] != [key(item) for item in new[: len(kept)]] or not isinstance(array, AoT | Array):
        return False
    if not new or (isinstance(array, AoT) and not kept):
        return False
    for n in range(len(old) - 1, -1, -1):
        if key(old[n]) not in stay:
            del array[n]
    inside = inline or isinstance(array, Array)
    for n, (before, after) in enumerate(zip(kept, new, strict=False)):
        if not same(before, after):
            _patch_table(array[n], _dict(before), _dict(after), inline=inside)
    for item in new[len(kept) :]:
        array.append(_item(item, inline=isinstance(array, Array)))
    return True


def _item(value: object, *, inline: bool) -> Item:
    """A plain value as tomlkit writes it; tables and arrays of them without headers if `inline`."""
    if inline and isinstance(value, dict):
        table = tomlkit.inline_table()
        for key, item in value.items():
            table.append(key, _item(item, inline=True))
        return table
    if inline and isinstance(value, list):
        array = tomlkit.array()
        for item in value:
            array.append(_item(item, inline=True))
        return array
    return tomlkit.item(value)
