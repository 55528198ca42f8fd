"""Strict YAML: the bytes of a stranger's file to plain data with lines, or every reason why not.

The guard sits on the parser's events, so nothing is ever constructed, expanded or looked up: what it costs is linear in
the bytes. Plain scalars are read by the core schema of YAML 1.2, with two narrowings, because a manifest is full of
versions and ids: what looks like a float (`6.10`, `1e3`, `.inf`) and what looks like a number with leading zeros (`007`)
stays text, as written; a field that wants a float parses it. `yes`, `no`, `on`, `off`, dates and `12:30` are text.
The parser is libyaml's, or PyYAML's own (nine times slower, the same data) where libyaml is missing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from bmad_provisioner.characters import Suspect, is_clean, scrubbed, shown, suspects
from bmad_provisioner.digest import Plain
from bmad_provisioner.finding import Finding
from bmad_provisioner.yaml_events import explain, reader

if TYPE_CHECKING:
    from yaml.events import AliasEvent, Event, MappingStartEvent, NodeEvent, ScalarEvent, SequenceStartEvent

Place: TypeAlias = tuple[str | int, ...]

MOST_BYTES = 4_000_000
MOST_DEPTH = 40
MOST_NODES = 200_000
MOST_KEYS = 5_000
MOST_SCALAR = 1_000_000
MOST_DIGITS = 18
MOST_FINDINGS = 100
_SAVE = "save it as UTF-8 in your editor"

RULES: Mapping[str, str] = {
    "yaml-alias": "an anchor (`&x`) or an alias (`*x`): few bytes can unfold into gigabytes; write the text out",
    "yaml-control": "NUL, another control character, or half of a surrogate pair",
    "yaml-depth": f"more than {MOST_DEPTH} levels of nesting",
    "yaml-duplicate": "a key that stands twice in one mapping: one of the two would be lost",
    "yaml-encoding": "UTF-16 or UTF-32; the file must be UTF-8 (a byte order mark at its start is fine)",
    "yaml-hidden": "a character nobody sees: tags, bidirectional controls, zero-width characters, line separators, variation "
    "selectors above 16; the joiner U+200D and the selectors 1-16 that emoji need are fine",
    "yaml-integer": f"an integer of more than {MOST_DIGITS} digits",
    "yaml-key": "a key that is no text: a number, a boolean, nothing, a list or a mapping",
    "yaml-keys": f"more than {MOST_KEYS:,} keys in one mapping",
    "yaml-many": f"more than {MOST_FINDINGS} faults in one file: the rest is not shown",
    "yaml-merge": "a merge key (`<<`); write the keys out",
    "yaml-nodes": f"more than {MOST_NODES:,} values in one file",
    "yaml-scalar": f"one text of more than {MOST_SCALAR:,} characters",
    "yaml-size": f"a file of more than {MOST_BYTES:,} bytes",
    "yaml-syntax": "the text is not YAML",
    "yaml-tab": "a tab where YAML wants spaces",
    "yaml-tag": "a tag other than `!!str`, `!!int`, `!!float`, `!!bool`, `!!null`, `!!seq` and `!!map`, or one that does not fit",
    "yaml-utf8": "bytes that are not UTF-8",
}


@dataclass(frozen=True, slots=True)
class Part:
    """One document of a stream: its data, and the 1-based line of each place in it.

    It is not `whole` when something refused (an alias, a tag, a merge key) had to be left out of the data.
    """

    data: Plain
    lines: Mapping[Place, int]
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Stream:
    """The documents that were read to their end, and everything wrong with the text."""

    parts: tuple[Part, ...]
    findings: tuple[Finding, ...]


def parse(text: bytes, source: str, *, pure: bool = False) -> Stream:
    """Return the documents in `text` and every fault found before reading had to stop; `pure` leaves libyaml out."""
    faults = _Faults(source)
    builder = _Builder(faults)
    with suppress(_StopReadingError):
        builder.run(_clean(text, faults), pure=pure)
    return Stream(tuple(builder.parts), faults.sorted())


class _StopReadingError(Exception):
    """Reading on would cost too much or say nothing true."""


class _Faults:
    """The findings so far, each said once."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.found: dict[Finding, None] = {}

    def add(self, rule: str, line: int | None, message: str, hint: str = "") -> None:
        if len(self.found) == MOST_FINDINGS:
            self.found[Finding(self.source, "yaml-many", f"more than {MOST_FINDINGS} faults; the rest is not shown")] = None
            raise _StopReadingError
        self.found[Finding(self.source, rule, message, line=line, hint=hint)] = None

    def stop(self, rule: str, line: int | None, message: str, hint: str = "") -> None:
        self.add(rule, line, message, hint)
        raise _StopReadingError

    def sorted(self) -> tuple[Finding, ...]:
        return tuple(sorted(self.found, key=lambda finding: (finding.line is None, finding.line or 0)))


# --- text ------------------------------------------------------------------------------------------------------------

_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
_WIDE_ZEROS = {(False, True, False, True), (True, False, True, False), (True, True, True, False), (False, True, True, True)}


def _clean(text: bytes, faults: _Faults) -> str:
    """Return the text in one kind of line break, refused characters reported and replaced so that reading can go on."""
    if len(text) > MOST_BYTES:
        faults.stop("yaml-size", None, f"the file has more than {MOST_BYTES:,} bytes, the most a document may have")
    if text.startswith(_WIDE_MARKS) or tuple(byte == 0 for byte in text[:4]) in _WIDE_ZEROS:
        faults.stop("yaml-encoding", 1, "the file is UTF-16 or UTF-32, and a document is UTF-8", _SAVE)
    decoded = text.decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    if "\r" in decoded:
        decoded = decoded.replace("\r\n", "\n").replace("\r", "\n")
    if is_clean(decoded):
        return decoded
    for suspect in suspects(decoded):
        if 0xDC80 <= suspect.code <= 0xDCFF:  # a byte that `surrogateescape` carried over
            faults.add("yaml-utf8", suspect.line + 1, "bytes that are not UTF-8", _SAVE)
        else:
            _refuse_character(suspect, suspect.line + 1, faults)
    return scrubbed(decoded)


def _refuse_character(suspect: Suspect, line: int, faults: _Faults) -> None:
    rule, what = ("yaml-hidden", "hidden") if suspect.hidden else ("yaml-control", "control")
    faults.add(rule, line, f"{what} character {suspect}", "delete it, or retype the text around it")


# --- scalars ---------------------------------------------------------------------------------------------------------

_WORDS: Mapping[str, Plain] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile("[-+]?(?:0|[1-9][0-9]*)|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_DIGITS = frozenset("+-0123456789")
_BASES = {"0o": 8, "0x": 16}
_TAG = "tag:yaml.org,2002:"
_MISSING = object()


def _plain(text: str, line: int, faults: _Faults) -> Plain:
    """Return what an unquoted scalar means."""
    word = _WORDS.get(text, _MISSING)
    if word is not _MISSING:
        return word  # type: ignore[return-value]
    if text[0] not in _DIGITS or not _INTEGER.fullmatch(text):
        return text
    if len(text.lstrip("+-")) > MOST_DIGITS:
        hint = "put it in quotes if it is text"
        faults.add("yaml-integer", line, f"`{shown(text)}` is an integer of more than {MOST_DIGITS} digits", hint)
        return text
    return int(text, _BASES.get(text[:2], 10))


def _tagged(text: str, tag: str, line: int, faults: _Faults) -> Plain:
    """Return what a scalar with a tag means, if it means that."""
    if tag in ("!", _TAG + "str") or (tag == _TAG + "float" and _FLOAT.fullmatch(text)):
        return text
    wanted = {_TAG + "int": int, _TAG + "bool": bool, _TAG + "null": type(None)}.get(tag)
    value = _plain(text, line, faults)
    if wanted is None or type(value) is not wanted:
        _refuse_tag(tag, line, faults)
    return value


def _refuse_tag(tag: str, line: int, faults: _Faults) -> None:
    name = shown("!!" + tag.removeprefix(_TAG) if tag.startswith(_TAG) else tag)
    hint = "leave the tag out; text that starts with `!` needs quotes"
    faults.add("yaml-tag", line, f"the tag `{name}` is not accepted here", hint)


def _line(event: NodeEvent) -> int:
    mark = event.start_mark
    return mark.line + 1 if mark else 1


def _kind_of_key(data: Plain) -> str:
    if data is None:
        return "nothing"
    return "a boolean" if isinstance(data, bool) else "a number"


# --- structure -------------------------------------------------------------------------------------------------------


class _Frame:
    """A mapping or a list that is being read; `key` is the key that waits for its value."""

    __slots__ = ("data", "key", "place")

    def __init__(self, data: dict[str, Plain] | list[Plain], place: Place) -> None:
        self.data = data
        self.place = place
        self.key: str | None = None


class _Builder:
    """Plain data out of events; no recursion, so no depth of input can exhaust the stack."""

    def __init__(self, faults: _Faults) -> None:
        self.faults = faults
        self.parts: list[Part] = []
        self.nodes = 0
        self._start()

    def _start(self) -> None:
        self.root: Plain = None
        self.stack: list[_Frame] = []
        self.lines: dict[Place, int] = {}
        self.whole = True

    def run(self, text: str, *, pure: bool) -> None:
        from yaml import YAMLError, events  # noqa: PLC0415 - 20 ms of CPU, and a parsed manifest is usually cached
        from yaml.error import MarkedYAMLError  # noqa: PLC0415

        handlers: dict[type[Event], Callable[..., None]] = {
            events.ScalarEvent: self._scalar,
            events.MappingStartEvent: self._open_mapping,
            events.SequenceStartEvent: self._open_list,
            events.MappingEndEvent: self._close,
            events.SequenceEndEvent: self._close,
            events.AliasEvent: self._alias,
            events.DocumentEndEvent: self._end,
        }
        try:
            next_event = reader(text, pure=pure)
            while (event := next_event()) is not None:
                handler = handlers.get(type(event))
                if handler is not None:
                    handler(event)
        except MarkedYAMLError as error:
            complaint = explain(error, text)
            self.faults.stop(complaint.rule, complaint.line, complaint.message, complaint.hint)
        except (YAMLError, ValueError, OverflowError) as error:  # the Python parser lets the last two escape
            self.faults.stop("yaml-syntax", None, f"the text is not YAML: {shown(str(error))}")

    def _scalar(self, event: ScalarEvent) -> None:
        line = _line(event)
        value = event.value
        plain = event.tag is None and event.implicit[0]
        if event.anchor is not None:
            self._refuse_anchor(event.anchor, line)
        if len(value) > MOST_SCALAR:
            self.whole = plain = False
            self.faults.add("yaml-scalar", line, f"a text of {len(value):,} characters, and {MOST_SCALAR:,} are the most")
            value = ""
        if event.style == '"' and not is_clean(value):
            value = self._refuse_escapes(value, line)
        data: Plain = value
        if event.tag is not None:
            data = _tagged(value, event.tag, line, self.faults)
        elif plain:
            data = _plain(value, line, self.faults)
        self._put(data, line, value, plain=plain)

    def _put(self, data: Plain, line: int, text: str, *, plain: bool = False) -> None:
        """Put a value (or a key) where the reading stands."""
        self._count(line)
        if not self.stack:
            self.root, self.lines[()] = data, line
            return
        frame = self.stack[-1]
        if isinstance(frame.data, list):
            self.lines[(*frame.place, len(frame.data))] = line
            frame.data.append(data)
        elif frame.key is not None:
            frame.data[frame.key] = data
            frame.key = None
        else:
            place = (*frame.place, text)
            self._check_key(data, line, text, plain=plain, siblings=frame.data, first=self.lines.get(place, line))
            self.lines.setdefault(place, line)
            frame.key = text

    def _check_key(self, data: Plain, line: int, text: str, *, plain: bool, siblings: Mapping[str, Plain], first: int) -> None:
        if plain and text == "<<":
            self.whole = False
            self.faults.add("yaml-merge", line, "a merge key (`<<`) is not accepted", "write the keys out")
        elif not isinstance(data, str):
            message = f"the key `{shown(text)}` is {_kind_of_key(data)}, not text"
            self.faults.add("yaml-key", line, message, f'write `"{shown(text)}":`' if text else "write a key before the `:`")
        elif text in siblings:
            message = f"the key `{shown(text)}` stands twice (first on line {first})"
            self.faults.add("yaml-duplicate", line, message, "keep one of the two")
        elif len(siblings) == MOST_KEYS:
            self.faults.stop("yaml-keys", line, f"more than {MOST_KEYS:,} keys in one mapping")

    def _open_mapping(self, event: MappingStartEvent) -> None:
        self._open(event, {}, "map")

    def _open_list(self, event: SequenceStartEvent) -> None:
        self._open(event, [], "seq")

    def _open(self, event: MappingStartEvent | SequenceStartEvent, data: dict[str, Plain] | list[Plain], tag: str) -> None:
        line = _line(event)
        self._count(line)
        if event.anchor is not None:
            self._refuse_anchor(event.anchor, line)
        if event.tag is not None and event.tag not in ("!", _TAG + tag):
            self.whole = False
            _refuse_tag(event.tag, line, self.faults)
        self.stack.append(_Frame(data, self._attach(data, line)))
        if len(self.stack) > MOST_DEPTH:
            self.faults.stop("yaml-depth", line, f"nested deeper than {MOST_DEPTH} levels")

    def _attach(self, data: dict[str, Plain] | list[Plain], line: int) -> Place:
        """Hang a new container where the reading stands; return its place."""
        if not self.stack:
            self.root, self.lines[()] = data, line
            return ()
        frame = self.stack[-1]
        if isinstance(frame.data, list):
            place: Place = (*frame.place, len(frame.data))
            self.lines[place] = line
            frame.data.append(data)
            return place
        if frame.key is not None:
            place = (*frame.place, frame.key)
            frame.data[frame.key] = data
            frame.key = None
            return place
        self.whole = False
        what = "a list" if isinstance(data, list) else "a mapping"
        self.faults.add("yaml-key", line, f"a key is {what}, not text", "text like `{x}` or `[x]` needs quotes")
        frame.key = "?"
        return (*frame.place, "?")

    def _close(self, _event: Event) -> None:
        self.stack.pop()

    def _end(self, _event: Event) -> None:
        self.parts.append(Part(self.root, self.lines, self.whole))
        self._start()

    def _alias(self, event: AliasEvent) -> None:
        line = _line(event)
        self.whole = False
        hint = "write the text out; text that starts with `*` needs quotes"
        self.faults.add("yaml-alias", line, f"the alias `*{shown(str(event.anchor))}` is not accepted", hint)
        self._put(f"*{event.anchor}", line, f"*{event.anchor}")

    def _refuse_anchor(self, anchor: str, line: int) -> None:
        hint = "leave it out; text that starts with `&` needs quotes"
        self.faults.add("yaml-alias", line, f"the anchor `&{shown(anchor)}` is not accepted", hint)

    def _refuse_escapes(self, value: str, line: int) -> str:
        """Report the characters that an escape brought in; return the text without them."""
        for suspect in suspects(value):
            _refuse_character(suspect, line, self.faults)
        return scrubbed(value)

    def _count(self, line: int) -> None:
        self.nodes += 1
        if self.nodes > MOST_NODES:
            self.faults.stop("yaml-nodes", line, f"more than {MOST_NODES:,} values in one file")
