"""Grants: what an agent that asks may do, and the reading and writing it has us do, inside its folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bmad_provisioner.kinds.team.runtime import MEBI
from bmad_provisioner.kinds.team.runtimes.words import one_line

POLICIES = ("read", "edit", "all")
"""What an agent is granted, from little to much: to look, to change files in its folder, whatever it asks."""

_LOOKS = ("read", "search", "think")
_CHANGES = ("edit", "delete", "move")
_INPUTS = ("file_path", "filePath", "filepath", "path", "absolute_path", "notebook_path")
"""What agents call the path among a tool's own arguments."""
_MOST = 8 * MEBI
_WRONG, _MISSING, _FAILED = -32602, -32002, -32603


class RefusedError(Exception):
    """What an agent asked for is not done; `code` is that of JSON-RPC."""

    def __init__(self, message: str, code: int = _WRONG) -> None:
        super().__init__(message)
        self.code = code


@dataclass(slots=True)
class Grants:
    """A policy for one agent in one folder (resolved); `denied` collects what was refused."""

    folder: Path
    policy: str
    denied: list[str] = field(default_factory=list)
    _calls: dict[str, dict[str, Any]] = field(default_factory=dict)

    def know(self, call: Mapping[str, Any]) -> dict[str, Any]:
        """Remember what an agent told of a tool call, and return all it told of it so far."""
        told = self._calls.setdefault(str(call.get("toolCallId")), {})
        told.update({name: value for name, value in call.items() if value is not None})
        return told

    def decide(self, call: Mapping[str, Any], options: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Return the outcome of asking for permission: one of the options the agent gave, or `cancelled`."""
        told = self.know(call)
        may = self._may(str(told.get("kind")), list(_paths(told)))
        wanted = ("allow_once", "allow_always") if may else ("reject_once", "reject_always")
        if not may:
            subject = next(_paths(told), None) or told.get("title") or told.get("toolCallId")
            self._deny(str(told.get("kind", "use")), str(subject))
        chosen = next((one for kind in wanted for one in options if one.get("kind") == kind), None)
        if chosen is None:
            return {"outcome": {"outcome": "cancelled"}}
        return {"outcome": {"outcome": "selected", "optionId": chosen.get("optionId")}}

    def read(self, path: object, line: object = None, limit: object = None) -> str:
        """Return the text of a file, or `limit` lines of it from `line` on (from 1)."""
        where = self._inside("read", path)
        try:
            if where.stat().st_size > _MOST:
                raise RefusedError(f"{path} is larger than {_MOST // MEBI} MiB", _FAILED)
            text = where.read_text(encoding="utf-8")
        except FileNotFoundError as error:
            raise RefusedError(f"Resource not found: {path}", _MISSING) from error
        except (OSError, UnicodeDecodeError) as error:
            raise RefusedError(f"{path} cannot be read as text", _FAILED) from error
        first = max(line, 1) - 1 if isinstance(line, int) else 0
        last = first + limit if isinstance(limit, int) else None
        return "".join(text.splitlines(keepends=True)[first:last]) if first or last is not None else text

    def write(self, path: object, content: object) -> None:
        """Write a file, and the folders it needs."""
        where = self._inside("write", path)
        if self.policy == "read":
            self._deny("write", str(path))
            raise RefusedError(f"{path} may not be written: only reading is allowed")
        if not isinstance(content, str):
            raise RefusedError("`content` has to be text")
        try:
            where.parent.mkdir(parents=True, exist_ok=True)
            where.write_bytes(content.encode("utf-8", "replace"))
        except OSError as error:
            raise RefusedError(f"{path} cannot be written: {error.strerror}", _FAILED) from error

    def _inside(self, what: str, path: object) -> Path:
        where = self._resolved(path)
        if where is None:
            self._deny(what, str(path))
            raise RefusedError(f"{one_line(str(path))} is not inside {self.folder}")
        return where

    def _may(self, kind: str, paths: Sequence[object]) -> bool:
        if self.policy == "all":
            return True
        inside = all(self._resolved(path) is not None for path in paths)
        if kind in _CHANGES:
            return self.policy == "edit" and bool(paths) and inside
        return kind in _LOOKS and inside

    def _resolved(self, path: object) -> Path | None:
        """Return where a path leads, links followed, or `None` where that is outside the folder or nowhere."""
        try:
            where = (self.folder / str(path)).resolve()
        except (OSError, RuntimeError, ValueError):  # a circle of links, a name too long, a null byte
            return None
        return where if isinstance(path, str) and where.is_relative_to(self.folder) else None

    def _deny(self, what: str, subject: str) -> None:
        within = subject.replace(f"{self.folder}/", "")
        self.denied.append(one_line(f"{what} {within}", most=120))


def _paths(call: Mapping[str, Any]) -> Iterator[object]:
    """Yield every path an agent named for a tool call: where it is, what it would differ, its own arguments."""
    for part in (*_list(call.get("locations")), *_list(call.get("content"))):
        if isinstance(part, Mapping) and "path" in part:
            yield part["path"]
    given = call.get("rawInput")
    if isinstance(given, Mapping):
        yield from (given[name] for name in _INPUTS if name in given)


def _list(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else ()
