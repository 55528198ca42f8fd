"""Answers: how a model is told to give files as text, and which files its text holds.

One file that has a name: the whole answer is the file; a code fence around all of it is taken off. Several files, or files
with globs for names: one JSON object `{"files": {path: text}}`. A structured answer alone: the JSON of its schema; beside files:
`{"answer": ..., "files": {path: text}}`, where one file is enough to need the object.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, NoReturn, cast

from bmad_provisioner.digest import Plain
from bmad_provisioner.patterns import is_pattern, meet

_FENCE = re.compile(r"[ ]{0,3}(`{3,}|~{3,})[ ]*(\S*)")
_DEFINITIONS = ("$defs", "definitions")


@dataclass(frozen=True, slots=True)
class Shape:
    """What an answer has to hold: the paths or globs of its files, and the schema of its data."""

    makes: tuple[str, ...] = ()
    schema: Mapping[str, Plain] | None = None

    @property
    def is_text(self) -> bool:
        """Whether the answer is plain text (the text of one file, or just words)."""
        return self.schema is None and (not self.makes or (len(self.makes) == 1 and not is_pattern(self.makes[0])))

    @property
    def wire(self) -> Mapping[str, Plain] | None:
        """The JSON schema of the whole answer, or `None` for plain text."""
        if self.is_text:
            return None
        if self.schema is not None and not self.makes:
            return self.schema
        data = {} if self.schema is None else {"answer": {k: v for k, v in self.schema.items() if k not in _DEFINITIONS}}
        members: dict[str, Plain] = {**data, "files": _files_schema(self.makes)}
        lifted = {name: self.schema[name] for name in _DEFINITIONS if self.schema and name in self.schema}
        return {**lifted, "type": "object", "properties": members, "required": list(members), "additionalProperties": False}

    @property
    def words(self) -> str:
        """The same in words, to end the prompt with."""
        if self.is_text:
            return f"Answer with the content of `{self.makes[0]}` and nothing else." if self.makes else ""
        data = "" if self.schema is None else '"answer": (as its schema says), '
        paths = ", ".join(f"`{path}`" for path in self.makes)
        if not paths:
            return f"Answer with one JSON value and nothing else. Its JSON schema: {json.dumps(self.schema, sort_keys=True)}"
        schema = "" if self.schema is None else f" The JSON schema of its answer: {json.dumps(self.schema, sort_keys=True)}"
        shape = f'{{{data}"files": {{path: text}}}}'
        return f"Answer with one JSON object {shape} and nothing else, with these files in it: {paths}.{schema}"


@dataclass(frozen=True, slots=True)
class Found:
    """What an answer held; `trouble` says in one line why it cannot count."""

    files: Mapping[str, bytes] = field(default_factory=dict)
    data: Plain = None
    trouble: str = ""
    denied: tuple[str, ...] = ()


def find(text: str, given: Plain, shape: Shape) -> Found:
    """Return the files and the data of an answer; `given` is its structured part where it came apart from the text."""
    if shape.is_text:
        whole = unfenced(text)
        if shape.makes and not whole.strip():
            return Found(trouble="the answer is empty")
        return Found(files={shape.makes[0]: _bytes(whole)} if shape.makes else {})
    try:
        value = given if given is not None else parse(unfenced(text))
    except ValueError as error:
        return Found(trouble=f"the answer is not the JSON it should be: {error}")
    unmet = conflict(value, cast("Mapping[str, Plain]", shape.wire))
    if unmet:
        return Found(trouble=unmet, data=value)
    if not shape.makes:
        return Found(data=value)
    return _sorted_out(cast("Mapping[str, Any]", value), shape)


def _sorted_out(value: Mapping[str, Any], shape: Shape) -> Found:
    files: Mapping[str, str] = value["files"]
    wrong = tuple(path for path in files if not _is_made(path, shape.makes))
    return Found(
        files={path: _bytes(text) for path, text in files.items() if path not in wrong},
        data=value.get("answer"),
        denied=tuple(f"write {path}" for path in wrong),
    )


def conflict(value: Plain, schema: Mapping[str, Plain]) -> str:
    """Return the first way in which `value` does not meet `schema`, or nothing. What it refers to is not fetched."""
    from jsonschema import SchemaError  # noqa: PLC0415 - 60 ms, only for structured answers
    from jsonschema.validators import validator_for  # noqa: PLC0415
    from referencing import Registry  # noqa: PLC0415
    from referencing.exceptions import Unresolvable  # noqa: PLC0415

    kind = validator_for(schema)
    try:
        kind.check_schema(cast("dict[str, Any]", schema))
        found = next(kind(schema, registry=Registry()).iter_errors(value), None)
    except (SchemaError, Unresolvable) as error:
        return f"the schema cannot be used: {str(error).partition(chr(10))[0][:200]}"
    except RecursionError:
        return "the answer is nested too deeply for its schema"
    return "" if found is None else f"the answer does not meet its schema: {found.json_path}: {found.message[:200]}"


def parse(text: str | bytes) -> Any:
    """Return the value of JSON; raises ValueError for all that is none, numbers that are no numbers and endless nesting too."""
    try:
        return json.loads(text, parse_constant=_no_number)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def unfenced(text: str) -> str:
    """Return the text without the one code fence that stands around all of it."""
    lines = text.strip().split("\n")
    opening = _FENCE.match(lines[0])
    if opening is None or len(lines) < 2 or lines[-1].strip() != opening[1]:
        return text
    return "\n".join(lines[1:-1]) if _is_one(lines[1:-1]) else text


def _is_one(lines: Sequence[str]) -> bool:
    """Whether every fence that opens within closes within: then those outside belong together."""
    marker = ""
    for line in lines:
        fence = _FENCE.match(line)
        if fence is None:
            continue
        if marker and fence[1] == marker and not fence[2]:
            marker = ""
        elif not marker and fence[2]:
            marker = fence[1]
        elif not marker:
            return False
    return not marker


def _files_schema(makes: Sequence[str]) -> Plain:
    named = [path for path in makes if not is_pattern(path)]
    rest: Plain = {"type": "string"} if len(named) < len(makes) else False
    members: Plain = {path: {"type": "string"} for path in named}
    return {"type": "object", "properties": members, "required": named, "additionalProperties": rest}


def _is_made(path: str, makes: Sequence[str]) -> bool:
    pure = PurePosixPath(path)
    plain = not pure.is_absolute() and ".." not in pure.parts and str(pure) == path and path.isprintable() and "\\" not in path
    return plain and any(meet(path, made) for made in makes)


def _bytes(text: str) -> bytes:
    return (text.strip("\n") + "\n").encode("utf-8", "replace")


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"`{name}` is no JSON number")
