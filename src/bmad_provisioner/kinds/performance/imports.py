"""Imports: the measurements of other tools, read from the files that they write."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bmad_provisioner.errors import UsageError


@dataclass(frozen=True, slots=True)
class Imported:
    """The seconds of every run of one thing that worked, which tool says so, and how many runs failed.

    `rounds` says that they are iterations inside one process: together they are one measurement, not many.
    """

    name: str
    seconds: tuple[float, ...]
    tool: str
    failures: int = 0
    rounds: bool = False


def imported(text: str, source: str) -> tuple[Imported, ...]:
    """Return what a JSON file of hyperfine or pytest-benchmark holds; raises UsageError where it is of neither."""
    try:
        data = json.loads(text)
        found = tuple(_reader(data)(data))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"`{source}` is no result of a tool that can be read",
            hint="write it by `hyperfine --export-json FILE` or `pytest --benchmark-json FILE`",
        ) from error
    return found


def _reader(data: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], Iterator[Imported]]:
    if "results" in data:
        return _hyperfine
    if "benchmarks" in data:
        return _pytest_benchmark
    raise ValueError


def _hyperfine(data: Mapping[str, Any]) -> Iterator[Imported]:
    """Yield the commands, as hyperfine names them; how long a failure took says nothing."""
    for result in data["results"]:
        times = [float(time) for time in result.get("times") or ()]
        codes = result.get("exit_codes") or [0] * len(times)
        worked = tuple(time for time, code in zip(times, codes, strict=True) if code == 0)
        yield Imported(str(result["command"]), worked, "hyperfine", len(times) - len(worked))


def _pytest_benchmark(data: Mapping[str, Any]) -> Iterator[Imported]:
    """Yield the benchmarks; without `--benchmark-save-data` there is only the summary, and of that the least."""
    for benchmark in data["benchmarks"]:
        stats = benchmark["stats"]
        times = tuple(map(float, stats.get("data") or (stats["min"],)))
        yield Imported(str(benchmark["fullname"]), times, "pytest-benchmark", rounds=True)
