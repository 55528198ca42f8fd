"""Sections: the part of an artefact that a reader asked for, spelled so that formatting wakes nobody.

| artefact | selector | comes as |
|---|---|---|
| Markdown | `screens`, or `ui/screens`: slugs of headings | the headings' whole subtrees, white space at line ends dropped |
| JSON, YAML, TOML | `/paths/~1users` (JSON pointer, RFC 6901) or `server.port` (keys, indexes) | JSON, keys sorted, compact |
| Python | `Store`, `Store.load`: a function, class or variable | its source, decorators included |
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from bmad_provisioner.digest import Plain, canonical
from bmad_provisioner.kinds.team.markdown import lines, normalised, slug, title_slug

if TYPE_CHECKING:
    import ast

MOST_BYTES = 4 * 1024 * 1024


def has_sections(path: str) -> bool:
    """Say whether parts of such a file can be named, by the end of its name."""
    return _ending(path) in _FORMS


def section(data: bytes, path: str, selector: str) -> bytes | None:
    """Return the part of an artefact that `selector` names, or `None` if there is none.

    Raises ValueError, fit to be shown, if the artefact is not what the end of its name says, or has more than 4 MiB.
    """
    form = _FORMS.get(_ending(path))
    if form is None:
        return None
    if len(data) > MOST_BYTES:
        raise ValueError(f"`{path}` has more than 4 MiB, too many to take a section of")
    try:
        found = form(normalised(data.decode("utf-8")), normalised(selector))
    except UnicodeDecodeError as error:
        raise ValueError(f"`{path}` is not UTF-8: byte {error.start} is 0x{data[error.start]:02x}") from error
    except (SyntaxError, ValueError) as error:
        raise ValueError(f"`{path}` cannot be read: {error}") from error
    except (RecursionError, MemoryError) as error:
        raise ValueError(f"`{path}` is nested too deeply") from error
    return None if found is None else found.encode("utf-8", "surrogatepass")


def sections(data: bytes, path: str, selectors: Sequence[str]) -> tuple[bytes, tuple[str, ...]]:
    """Return the parts of an artefact that `selectors` name, in their order and joined as its form allows, and those that
    name none.

    Several parts of data come as one JSON object, each under its selector. Raises ValueError as `section` does.
    """
    taken = {selector: section(data, path, selector) for selector in selectors}
    found = {selector: part for selector, part in taken.items() if part is not None}
    missing = tuple(selector for selector in selectors if selector not in found)
    if len(found) < 2:
        return b"".join(found.values()), missing
    if _ending(path) in _DATA:
        return canonical({selector: json.loads(part) for selector, part in found.items()}), missing
    return b"\n".join(found.values()), missing


def _ending(path: str) -> str:
    return path.rpartition("/")[2].rpartition(".")[2].lower()


# --- Markdown --------------------------------------------------------------------------------------------------------


def _markdown(text: str, selector: str) -> str | None:
    wanted = [slug(part) for part in selector.split("/")]
    above: list[tuple[int, str]] = []
    inside = 0  # the level of the heading whose subtree is being taken; 0: none
    found: list[str] = []
    for line in lines(text):
        if line.level:
            while above and above[-1][0] >= line.level:
                above.pop()
            above.append((line.level, title_slug(line.text)))
            if not inside or line.level <= inside:
                inside = line.level if [name for _, name in above][-len(wanted) :] == wanted else 0
        if inside:
            found.append(f"{'#' * line.level} {line.text}" if line.level else line.text)
    return _tidied("\n".join(found)) if found else None


def _tidied(text: str) -> str:
    """Return text without white space at the ends of lines, and with single empty lines only."""
    rows = [row.rstrip() for row in text.split("\n")]
    return "".join(f"{row}\n" for row, before in zip(rows, ["", *rows], strict=False) if row or before).rstrip("\n") + "\n"


# --- data ------------------------------------------------------------------------------------------------------------


def _json(text: str, selector: str) -> str | None:
    return _inside(json.loads(text, parse_constant=_refused), selector)


def _refused(constant: str) -> None:
    raise ValueError(f"`{constant}` is no JSON")


def _yaml(text: str, selector: str) -> str | None:
    from bmad_provisioner.strict_yaml import parse  # noqa: PLC0415 - brings a YAML parser

    stream = parse(text.encode("utf-8", "surrogatepass"), "")
    if stream.findings:
        first = stream.findings[0]
        raise ValueError(f"line {first.line}: {first.message}" if first.line else first.message)
    return next(filter(None, (_inside(part.data, selector) for part in stream.parts)), None)


def _toml(text: str, selector: str) -> str | None:
    import tomllib  # noqa: PLC0415 - only who reads TOML pays for it

    return _inside(json.loads(json.dumps(tomllib.loads(text), default=str)), selector)


def _inside(value: Plain, selector: str) -> str | None:
    """Return what stands at a JSON pointer or a path of keys, as canonical JSON."""
    for key in _keys(selector):
        if isinstance(value, Mapping) and key in value:
            value = value[key]
        elif isinstance(value, list | tuple) and re.fullmatch("0|[1-9][0-9]{0,8}", key) and int(key) < len(value):
            value = value[int(key)]
        else:
            return None
    return canonical(value).decode("utf-8", "surrogatepass")


def _keys(selector: str) -> Sequence[str]:
    if selector.startswith("/"):
        return [key.replace("~1", "/").replace("~0", "~") for key in selector[1:].split("/")]
    return selector.split(".") if selector else ()


# --- Python ----------------------------------------------------------------------------------------------------------


def _python(text: str, selector: str) -> str | None:
    import ast  # noqa: PLC0415 - only who reads Python pays for it

    nodes: list[ast.stmt] = list(ast.parse(text).body)
    *outer, name = selector.split(".")
    for above in outer:
        nodes = [inner for node in nodes if isinstance(node, ast.ClassDef) and node.name == above for inner in node.body]
    found = [node for node in nodes if name in _bound(node)]
    rows = text.split("\n")
    return _tidied("\n\n".join(_source(node, rows) for node in found)) if found else None


def _bound(node: ast.stmt) -> Iterator[str]:
    """Yield the names a statement binds, so far as they can be read off."""
    import ast  # noqa: PLC0415 - loaded already

    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    yield from (target.id for target in targets if isinstance(target, ast.Name))


def _source(node: ast.stmt, rows: Sequence[str]) -> str:
    first = min((node.lineno, *(each.lineno for each in getattr(node, "decorator_list", ()))))
    return "\n".join(rows[first - 1 : node.end_lineno])


_DATA = ("json", "yaml", "yml", "toml")
_FORMS: Mapping[str, Callable[[str, str], str | None]] = {
    "md": _markdown, "markdown": _markdown, "json": _json, "yaml": _yaml, "yml": _yaml, "toml": _toml, "py": _python,
}  # fmt: skip
