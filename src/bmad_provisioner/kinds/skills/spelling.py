"""Spelling: how a stranger's words are written into YAML, TOML, a table or a line of Markdown, and stay words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from bmad_provisioner.digest import Plain

_PLAIN_NAME = re.compile(r"[a-z][a-z0-9-]*")
_YAML_WORDS = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SPECIAL = re.compile('[\\\\"\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]')
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def yaml_text(text: str) -> str:
    """Return `text` as a YAML scalar on one line: plain where that is safe, else in double quotes.

    Three hyphens in a row are broken up by an escape: some readers split front matter at the first of them.
    """
    if _PLAIN_NAME.fullmatch(text) and text not in _YAML_WORDS and "---" not in text:
        return text
    return '"' + _quoted(text, yaml=True).replace("---", "--\\x2d") + '"'


def toml_text(text: str) -> str:
    """Return `text` as a TOML basic string."""
    return '"' + _quoted(text, yaml=False) + '"'


def _quoted(text: str, *, yaml: bool) -> str:
    return _SPECIAL.sub(lambda found: _escaped(found.group(), yaml=yaml), text)


def _escaped(character: str, *, yaml: bool) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    code = ord(character)
    return f"\\x{code:02x}" if yaml and code < 0x100 else f"\\u{code:04x}"


def toml_key(key: str) -> str:
    """Return `key` as a TOML key, quoted where it must be."""
    return key if _BARE_KEY.fullmatch(key) else toml_text(key)


def toml_table(header: str, values: Mapping[str, Plain], *, array: bool = False) -> str:
    """Return one table: text and arrays of text, one key a line, arrays of more than one item one item a line."""
    opening = f"[[{header}]]" if array else f"[{header}]"
    return "\n".join([opening, *(f"{toml_key(key)} = {_toml_value(value)}" for key, value in values.items())]) + "\n"


def _toml_value(value: Plain) -> str:
    if isinstance(value, str):
        return toml_text(value)
    if isinstance(value, Sequence):
        items = [toml_text(str(item)) for item in value]
        return f"[{', '.join(items)}]" if len(items) < 2 else "[\n" + "".join(f"  {item},\n" for item in items) + "]"
    return str(value)


def inline(text: str) -> str:
    """Return `text` on one line, unable to open a fence, a comment or a block of its own."""
    flat = " ".join(text.split())
    flat = flat.replace("```", "\\`\\`\\`").replace("~~~", "\\~~~").replace("<!--", "&lt;!--")
    return "\\" + flat if re.match(r"(?:#{1,6}|[-+*>|=]|---)(?:\s|$)", flat) else flat


def cell(text: str) -> str:
    """Return `text` for a cell of a Markdown table."""
    return re.sub(r"(\\*)\|", lambda pipe: pipe.group(1) * 2 + "\\|", inline(text))


def lines(text: str) -> list[str]:
    """Return the lines of `text` that say something, each fit for a list item."""
    marks = re.compile(r"^(?:[-*+•]|\d+[.)])\s+")
    return [inline(marks.sub("", line.strip())) for line in text.splitlines() if line.strip()]


def csv_row(cells: Sequence[str]) -> str:
    """Return one CSV record (RFC 4180, but LF), quoting only what must be quoted."""
    return ",".join(_csv_cell(" ".join(text.split())) for text in cells) + "\n"


def _csv_cell(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if any(c in text for c in ',"') or text != text.strip() else text


def shortened(items: Sequence[str], room: int) -> str:
    """Return as many `items`, joined by commas, as fit into `room` characters; at least the first, cut if it must be."""
    kept: list[str] = []
    for item in items:
        flat = " ".join(item.split())
        if kept and len(", ".join([*kept, flat])) > room:
            break
        kept.append(flat if len(flat) <= room else flat[: max(room - 1, 1)].rstrip() + "…")
    return ", ".join(kept)
