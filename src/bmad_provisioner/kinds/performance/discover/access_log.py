"""Access log: what was asked for, how often, how many at once and how it went, from the logs of web servers."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from bmad_provisioner.kinds.performance.discover.facts import At, Log, Traffic
from bmad_provisioner.kinds.performance.discover.files import Files, mapping

_LOG = re.compile(r"\.log(?:\.\d{1,3})?$|(?:^|/)access[\w.-]*\.(?:json|jsonl|ndjson|txt)$")
_COMMON = re.compile(
    r"^\S{1,200} \S{1,200} \S{1,200} \[([^\]\n]{1,60})\] "
    r'"([A-Z]{3,10}) ([^" ]{1,4000})(?: HTTP/[\d.]{1,3})?" (\d{3}) (?:\d{1,15}|-)(.*)$'
)
_UVICORN = re.compile(r'^INFO:\s{1,10}\S{1,100} - "([A-Z]{3,10}) ([^" ]{1,4000}) HTTP/[\d.]{1,3}" (\d{3})\b')
_SECONDS = re.compile(r"(?:(?:request_time|rt)=|\s)\"?(\d{1,5}\.(?:\d{3}|\d{6}))\"?\s{0,9}$")
"""nginx's `$request_time`, or gunicorn's `%(L)s`, at the end or by its name; what has no point may be in any unit."""
_UNITS = re.compile(r"^(\d{1,9}(?:\.\d{1,9})?)\s?(µs|us|ms|s)$")
_UNIT = {"µs": 1e-6, "us": 1e-6, "ms": 1e-3, "s": 1.0}
_MOST_SHAPES, _MOST_EXAMPLES, _MOST_TIMES, _LONGEST_LINE = 2_000, 50, 20_000, 20_000
_FEWEST = 0.5
"""The part of a log's lines that have to be requests, for it to be an access log."""
_OTHER = "(other)"


@dataclass(frozen=True, slots=True)
class Hit:
    """One request of a log: its minute as it is written, and its seconds where they are told."""

    method: str
    path: str
    status: int
    minute: str = ""
    seconds: float | None = None


@dataclass(slots=True)
class _Tally:
    count: int = 0
    failed: int = 0
    refused: int = 0
    worked: Counter[str] = field(default_factory=Counter)
    times: list[float] = field(default_factory=list)


def logs(files: Files) -> Iterator[Log]:
    """Yield the access logs of a project."""
    for path in files.paths:
        if _LOG.search(path):
            text, partly = files.end(path)
            found = log(text.splitlines()[1 if partly else 0 :], path, partly=partly)
            if found:
                yield found


def log(lines: Iterable[str], path: str, *, partly: bool = False) -> Log | None:
    """Return what an access log says; nothing where most of its lines are no requests."""
    tallies: dict[tuple[str, str], _Tally] = {}
    minutes: Counter[str] = Counter()
    count = other = 0
    for line in lines:
        found = hit(line)
        if found is None:
            other += bool(line.strip())
            continue
        count += 1
        minutes[found.minute] += 1
        _add(tallies, found)
    if not count or count < _FEWEST * (count + other):
        return None
    minutes.pop("", None)
    traffic = (_traffic(method, shape, tally) for (method, shape), tally in tallies.items())
    ordered = tuple(sorted(traffic, key=lambda one: (-one.count, one.path, one.method)))
    return Log(At(path), count, max(minutes.values(), default=0) / 60, ordered, other, partly)


def _add(tallies: dict[tuple[str, str], _Tally], found: Hit) -> None:
    key = (found.method, shape(found.path))
    if key not in tallies and len(tallies) >= _MOST_SHAPES:
        key = (found.method, _OTHER)
    tally = tallies.setdefault(key, _Tally())
    tally.count += 1
    tally.failed += found.status >= 500
    tally.refused += 400 <= found.status < 500
    if found.status < 400 and (found.path in tally.worked or len(tally.worked) < _MOST_EXAMPLES) and is_harmless(found.path):
        tally.worked[found.path] += 1
    if found.seconds is not None and len(tally.times) < _MOST_TIMES:
        tally.times.append(found.seconds)


def _traffic(method: str, path: str, tally: _Tally) -> Traffic:
    example = min(tally.worked, key=lambda one: (-tally.worked[one], one), default="") if path != _OTHER else ""
    times = sorted(tally.times)
    p50, p95 = (times[int(part * (len(times) - 1))] for part in (0.5, 0.95)) if times else (None, None)
    return Traffic(method, path, example, tally.count, tally.failed, tally.refused, p50, p95)


def hit(line: str) -> Hit | None:
    """Return the request that a line tells of: of the common or combined format, of uvicorn, or a JSON object."""
    if len(line) > _LONGEST_LINE:
        return None
    if line.startswith("{"):
        return _json(line)
    found = _COMMON.match(line)
    if found:
        times = _SECONDS.search(found[5])
        # Day, hour and minute: `21/Nov/2026:22:17`, or `21/Nov/2026 22:17` of a development server.
        return Hit(found[2], found[3], int(found[4]), found[1][:17], float(times[1]) if times else None)
    found = _UVICORN.match(line)
    return Hit(found[1], found[2], int(found[3])) if found else None


_METHODS = ("method", "request_method", "http_method", "verb", "requestMethod", "RequestMethod")
_PATHS = ("path", "uri", "request_uri", "url", "request_path", "requestUrl", "RequestPath", "http_path")
_INNER = ("request", "httpRequest", "http", "req")
_STATUSES = ("status", "status_code", "statusCode", "response_status", "http_status", "DownstreamStatus")
_TIMES = ("time", "timestamp", "@timestamp", "ts", "time_iso8601", "time_local", "msec", "StartUTC", "datetime")
_DURATIONS = (
    ("request_time", 1.0), ("duration_s", 1.0), ("duration_seconds", 1.0), ("latency_s", 1.0), ("duration_ms", 1e-3),
    ("latency_ms", 1e-3), ("response_time_ms", 1e-3), ("elapsed_ms", 1e-3), ("duration_us", 1e-6), ("duration_ns", 1e-9),
)  # fmt: skip
_VAGUE = ("duration", "latency", "response_time", "elapsed", "took")
"""What may be in any unit: taken only where the value says which."""


def _json(line: str) -> Hit | None:
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):
        return None
    inner = next((data[key] for key in _INNER if isinstance(data.get(key), dict)), None)
    every = {**mapping(inner), **data}
    words = str(data.get("request", "")).split(" ") if isinstance(data.get("request"), str) else []
    method = _first(every, _METHODS) or (words[0] if len(words) > 1 else "")
    path = _first(every, _PATHS) or (words[1] if len(words) > 1 else "")
    status = str(_first(every, _STATUSES))
    if not (re.fullmatch(r"[A-Z]{3,10}", str(method)) and path and re.fullmatch(r"[1-5]\d\d", status)):
        return None
    parts = urlsplit(str(path)) if "://" in str(path)[:10] else None
    asked = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}" if parts else str(path)
    return Hit(str(method), asked, int(status), _minute(_first(every, _TIMES)), _duration(every))


def _first(data: Mapping[str, Any], keys: Iterable[str]) -> Any:
    return next((data[key] for key in keys if isinstance(data.get(key), str | int | float)), "")


def _minute(value: object) -> str:
    if isinstance(value, int | float):
        # Seconds since 1970, or milliseconds.
        return str(int((value / 1000 if abs(value) > 1e11 else value) // 60)) if abs(value) < 1e15 else ""
    return str(value)[:17] if "/" in str(value)[:4] else str(value)[:16]


def _duration(data: Mapping[str, Any]) -> float | None:
    for key, unit in _DURATIONS:
        value = data.get(key)
        if isinstance(value, int | float) or (isinstance(value, str) and re.fullmatch(r"\d{1,9}(?:\.\d{1,9})?", value)):
            return float(value) * unit
    found = next((_UNITS.match(str(data[key])) for key in _VAGUE if key in data), None)
    return float(found[1]) * _UNIT[found[2]] if found else None


_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_DATE = re.compile(r"\d{4}-\d{2}(?:-\d{2})?")
_SECRET = re.compile(
    r"(?:^|[_.-])(?:\w*token|(?:api|access)?key|secret|passw(?:or)?d|pwd|sig|signature|session|sessionid|sid|auth|code|e?mail|phone)"
    r"(?:$|[_.-])",
    re.IGNORECASE,
)
_CHANGES = re.compile(
    r"(?<![a-z])(?:log-?out|sign-?out|delete|remove|destroy|unsubscribe|shutdown|restart|reset|cancel|purge|drop)(?![a-z])",
    re.IGNORECASE,
)
_LONGEST_PART = 200
_PRINTABLE = re.compile(r"/[!-~]{0,2000}")


def shape(path: str) -> str:
    """Return a path with what varies in it as `{n}`, `{uuid}` and the like, and of its query only the names."""
    plain, _, query = path.partition("?")
    parts = "/".join(map(_kind, plain.split("/")))
    names = sorted({part.partition("=")[0] for part in query.split("&", 20)[:20]} - {""})
    return parts + (f"?{'&'.join(names)}" if names else "")


def _kind(part: str) -> str:
    if part.isdigit():
        return "{n}"
    if _UUID.fullmatch(part):
        return "{uuid}"
    if _DATE.fullmatch(part):
        return "{date}"
    if any(map(_is_opaque, re.split("[-_]", part[:_LONGEST_PART]))):
        return "{token}"
    return re.sub(r"([-_])\d{1,20}\b", r"\1{n}", part)


def _is_opaque(word: str) -> bool:
    """Return whether a word is one that no person gave: long, with digits all over."""
    return len(word) >= 16 and word.isalnum() and len(re.findall(r"\d+", word)) >= 3


def is_harmless(path: str) -> bool:
    """Return whether a path may be asked for and written down: it neither changes anything by its words nor holds a secret."""
    plain, _, query = path.partition("?")
    if not _PRINTABLE.fullmatch(path) or _CHANGES.search(plain) or "{token}" in map(_kind, plain.split("/")):
        return False
    return not any(_SECRET.search(name) or "@" in value for name, value in parse_qsl(query, keep_blank_values=True))
