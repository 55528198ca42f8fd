"""Reading a pipeline: its steps, with their times, cache hits and order, from what CI servers, image builds and test runs write."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any
from xml.etree import ElementTree

from bmad_provisioner.errors import UsageError
from bmad_provisioner.kinds.performance.pipeline import Run, Step

SOON = 30.0
"""Seconds after the end of a job in which one that waited for it begins: so long a runner takes to pick it up."""
_NAME = 120
_LINE = r"^(?:.*\dZ )?#(?P<id>\d+) "
_HEADER = re.compile(_LINE + r"(?P<name>\[.+|exporting .+|importing .+)$")
_ENDED = re.compile(_LINE + r"(?:(?P<cached>CACHED)|DONE (?P<seconds>\d+(?:\.\d+)?)s)\s*$")
_PLACE = re.compile(r"^\[(?:(?P<stage>[^\]]+) )?(?P<number>\d+)/\d+\]")
_FROM = re.compile(r"--from=(\S+)")
_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Seen:
    """A step as it went once, and the steps that were over when it began and that it had to wait for."""

    name: str
    run: Run
    needs: frozenset[str] = frozenset()


def steps(files: Iterable[tuple[str, bytes]]) -> tuple[Step, ...]:
    """Return the steps of a pipeline from files (path and bytes), each of one or more of its runs; raises UsageError.

    It reads jobs of GitHub (`gh run view --json jobs`, or the REST API), jobs of GitLab, logs of `docker build` (`plain` or
    `rawjson`) and JUnit. One that failed says nothing of how long it takes. A step needs what it needed in all its runs; where
    a file doesn't say, jobs need what ended right before they began.
    """
    found: dict[str, list[Seen]] = {}
    for path, data in files:
        for one in seen(data.decode("utf-8-sig", "replace"), path):
            found.setdefault(one.name, []).append(one)
    return tuple(_step(name, rows, found) for name, rows in found.items())


def _step(name: str, rows: Sequence[Seen], known: Mapping[str, object]) -> Step:
    needs = frozenset.intersection(*(one.needs for one in rows))
    return Step(name, tuple(one.run for one in rows), tuple(sorted(one for one in needs if one in known)))


def seen(text: str, source: str) -> tuple[Seen, ...]:
    """Return how steps went in the runs that a file tells of; raises UsageError where no form of it is known."""
    try:
        return tuple(_reader(text)(text))
    except (ValueError, KeyError, TypeError, AttributeError, ElementTree.ParseError) as error:
        hint = "write it by `gh run view ID --json jobs`, GitLab's jobs API, `docker build --progress=plain` or a JUnit reporter"
        raise UsageError(f"`{source}` tells of no pipeline that can be read", hint=hint) from error


def _reader(text: str) -> Callable[[str], Iterable[Seen]]:
    if text.lstrip().startswith("<"):
        return _junit
    if any(_HEADER.match(line) for line in text.splitlines()):
        return _plain
    first = text.lstrip().partition("\n")[0]
    if '"vertexes"' in first or '"statuses"' in first:
        return _raw
    return _jobs


def _jobs(text: str) -> Iterator[Seen]:
    data = json.loads(text)
    if isinstance(data, dict):
        yield from _github(data["jobs"])
    else:
        rows = sorted(data, key=lambda row: str((row.get("pipeline") or {}).get("id")))
        for _, jobs in groupby(rows, key=lambda row: str((row.get("pipeline") or {}).get("id"))):
            yield from _gitlab(list(jobs))


@dataclass(frozen=True, slots=True)
class _Span:
    """When something began and ended, in seconds since 1970."""

    name: str
    began: float
    ended: float


def _span(row: Mapping[str, Any], began: str, ended: str) -> _Span | None:
    """Return when a job or a step began and ended; nothing if it did not (or, for GitHub, in the year 1)."""
    times = [row.get(key) for key in (began, ended)]
    if not all(times) or any(str(time).startswith("0001") for time in times):
        return None
    first, last = (datetime.fromisoformat(str(time)).timestamp() for time in times)
    return _Span(str(row["name"]), first, max(first, last))


def _github(jobs: Sequence[Mapping[str, Any]]) -> Iterator[Seen]:
    """Yield the steps of jobs: one after the other in a job, and after those of the jobs that it waited for."""
    by_job: dict[str, list[_Span]] = {}
    spans: list[_Span] = []
    for job in jobs:
        span = _told(job)
        if span is not None:
            spans.append(span)
            good = [_told(step) for step in job.get("steps") or (job,) if step.get("conclusion") == "success"]
            by_job[span.name] = [one for one in good if one is not None]
    for span in spans:
        before = {f"{one.name} / {step.name}" for one in _waited_for(span, spans) for step in by_job[one.name]}
        for step in by_job[span.name]:
            name = f"{span.name} / {step.name}"
            yield Seen(name, Run(step.ended - step.began), frozenset(before) - {name})
            before.add(name)


def _told(row: Mapping[str, Any]) -> _Span | None:
    return _span(row, "startedAt", "completedAt") if "startedAt" in row else _span(row, "started_at", "completed_at")


def _waited_for(span: _Span, others: Iterable[_Span]) -> Iterator[_Span]:
    """Yield what ended right before something began."""
    return (one for one in others if one is not span and one.ended <= span.began <= one.ended + SOON)


def _gitlab(jobs: Sequence[Mapping[str, Any]]) -> Iterator[Seen]:
    """Yield the jobs of a pipeline: each needs those of earlier stages that were over when it began."""
    good = [(job, span) for job in jobs if job["status"] == "success" and (span := _span(job, "started_at", "finished_at"))]
    stages = list(dict.fromkeys(str(job["stage"]) for job in sorted(jobs, key=lambda job: job["id"])))
    for job, span in good:
        place = stages.index(str(job["stage"]))
        needs = {other.name for row, other in good if stages.index(str(row["stage"])) < place and other.ended <= span.began}
        seconds = job.get("duration")
        yield Seen(span.name, Run(span.ended - span.began if seconds is None else float(seconds)), frozenset(needs) - {span.name})


def _plain(text: str) -> Iterator[Seen]:
    """Yield the steps of an image as BuildKit prints them: each needs those before it in its stage, and stages it copies from.

    A cached layer that has to be fetched ends twice: the second time says how long that took.
    """
    names: dict[str, str] = {}
    ended: dict[str, Run] = {}
    for line in text.splitlines():
        if header := _HEADER.match(line):
            names.setdefault(header["id"], _of_layer(header["name"]))
        elif end := _ENDED.match(line):
            was = ended.get(end["id"], Run(0.0, hit=False))
            ended[end["id"]] = Run(float(end["seconds"] or 0.0), hit=bool(was.hit or end["cached"]))
    for number, run in ended.items():
        name = names.get(number, "")
        if name:
            needs = frozenset(other for other in names.values() if _comes_first(other, name))
            yield Seen(name, run if _PLACE.match(name) else Run(run.seconds), needs)


def _of_layer(name: str) -> str:
    """Return the name of a layer without the digest of an image, which is another one tomorrow."""
    return _DIGEST.sub("", name.strip())[:_NAME]


def _comes_first(name: str, later: str) -> bool:
    """Whether one step of an image has to be over before another begins."""
    one, other = _PLACE.match(name), _PLACE.match(later)
    if one is None or name == later:
        return False
    if other is None:
        return later.startswith("exporting")
    copied = _FROM.search(later)
    same = one["stage"] == other["stage"] and int(one["number"]) < int(other["number"])
    return same or (copied is not None and (one["stage"] or "").split(" ")[-1] == copied[1])


def _raw(text: str) -> Iterator[Seen]:
    """Yield the steps of an image as BuildKit tells them to programs, with what each really needs."""
    rows: dict[str, dict[str, Any]] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        for vertex in json.loads(line).get("vertexes") or ():
            rows.setdefault(vertex["digest"], {}).update(vertex)
    for row in rows.values():
        span = _span(row, "started", "completed")
        if span is not None and not row.get("error"):
            needs = frozenset(_of_layer(rows[one]["name"]) for one in row.get("inputs") or () if one in rows)
            hit = bool(row.get("cached")) if _PLACE.match(span.name) else None
            yield Seen(_of_layer(span.name), Run(span.ended - span.began, hit), needs)


def _junit(text: str) -> Iterator[Seen]:
    """Yield the files or classes of a test run, one after the other; tests that failed or were skipped are left out."""
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ValueError("a test report has no document type")
    seconds: dict[str, float] = {}
    for case in ElementTree.fromstring(text).iter("testcase"):  # noqa: S314 - without a document type there are no entities
        if not any(case.find(bad) is not None for bad in ("failure", "error", "skipped")):
            name = str(case.get("classname") or case.get("file") or case.get("name"))
            seconds[name] = seconds.get(name, 0.0) + float(case.get("time") or 0.0)
    before: list[str] = []
    for name, spent in seconds.items():
        yield Seen(name, Run(spent), frozenset(before))
        before.append(name)
