"""Lighthouse: its score and its numbers of a page, where somebody has installed it; nothing here needs it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bmad_provisioner.characters import scrubbed
from bmad_provisioner.engine.child import Ended, Ending, environment, run_child
from bmad_provisioner.engine.task import Turn
from bmad_provisioner.errors import TaskError
from bmad_provisioner.kinds.performance import browsing

_HOW = "npm install --global lighthouse (Node 22.19 gets 13, Node 20 gets 12); without it its score is left out, and nothing else"
_EACH = 120.0
"""Seconds that a run may take: 10 to 20 are usual, 45 where throttling is applied rather than simulated."""
_FLAGS = ("--quiet", "--output=json", "--output-path=stdout", "--only-categories=performance", "--disable-full-page-screenshot")
_CHROME = "--headless=new --disable-gpu --disable-dev-shm-usage"
_TIMES = {
    "fcp": "first-contentful-paint",
    "lcp": "largest-contentful-paint",
    "tbt": "total-blocking-time",
    "speed_index": "speed-index",
}


@dataclass(frozen=True, slots=True)
class Audit:
    """One run: times in seconds, the score from 0 to 1, and how fast the machine was (`benchmarkIndex`; 0: not told).

    Layout shifts are observed, not simulated, and nothing is clicked on: they come and go with the paints, and there is no
    INP. Total Blocking Time is the laboratory's stand-in for it. (FID, which both replaced, is retired.)
    """

    method: str
    version: str
    benchmark: float
    score: float
    fcp: float
    lcp: float
    tbt: float
    cls: float
    speed_index: float

    def named(self, metric: str) -> str:
        """Return the name of a metric with its method in it: what two methods say of one page differs several times over."""
        return f"{metric}@{self.method}"


def installed(folder: Path) -> str | None:
    """Return the command of Lighthouse: on the PATH, or among the node modules of a folder or one above it."""
    places = (here / "node_modules" / ".bin" for here in (folder.absolute(), *folder.absolute().parents))
    return shutil.which("lighthouse") or next(
        (found for place in places if (found := shutil.which("lighthouse", path=str(place)))), None
    )


def lighthouse(url: str, turn: Turn, runs: int, folder: Path = Path()) -> tuple[Audit, ...]:
    """Return what Lighthouse says of a page, run after run; raises TaskError where it or a browser is missing or fails."""
    command, chrome = installed(folder), browsing.found()
    if command is None:
        raise TaskError("`lighthouse` is not installed", hint=_HOW, started=False)
    if chrome is None:
        raise TaskError("Lighthouse needs a Chromium, and there is none", hint=browsing.INSTALL, started=False)
    sandbox = "" if os.geteuid() else " --no-sandbox"
    words = [command, url, *_FLAGS, "--no-enable-error-reporting", f"--chrome-flags={_CHROME}{sandbox}"]
    return tuple(
        _run(words, chrome, replace(turn, seconds=min(inf if turn.seconds is None else turn.seconds, _EACH))) for _ in range(runs)
    )


def _run(words: list[str], chrome: str, turn: Turn) -> Audit:
    with TemporaryDirectory(prefix="bmadp-", ignore_cleanup_errors=True) as scratch:
        allowed = environment((), TMPDIR=scratch, XDG_CONFIG_HOME=scratch, XDG_CACHE_HOME=scratch, CHROME_PATH=chrome)
        ended = run_child(words, folder=Path(scratch), environment=allowed, turn=turn, hard=False)
    said = _said(ended)
    failed = (said.get("runtimeError") or {}).get("message") or ("" if said else _complaint(ended))
    if failed:
        raise TaskError(f"lighthouse: {failed[:300]}", hint=f"run it by hand: lighthouse {words[1]}")
    return audit(said)


def _said(ended: Ended) -> Mapping[str, Any]:
    try:
        said = json.loads(ended.stdout)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _complaint(ended: Ended) -> str:
    if ended.ending is not Ending.EXITED:
        return f"it was {ended.ending.value} after {ended.seconds:.0f} s"
    lines = [line for line in ended.stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    return scrubbed(lines[0].strip() if lines else f"it ended with {ended.code}, and without a word")


def audit(report: Mapping[str, Any]) -> Audit:
    """Return what a Lighthouse report (version 10 and later, as JSON) says; what it does not say is 0."""

    def number(name: str) -> float:
        return float((report["audits"].get(name) or {}).get("numericValue") or 0.0)

    settings = report["configSettings"]
    return Audit(
        method=f"lighthouse-{settings.get('throttlingMethod', 'simulate')}-{settings.get('formFactor', 'mobile')}",
        version=str(report["lighthouseVersion"]),
        benchmark=float(report["environment"].get("benchmarkIndex") or 0.0),
        score=float(report["categories"]["performance"]["score"] or 0.0),
        cls=number("cumulative-layout-shift"),
        **{name: number(of) / 1000 for name, of in _TIMES.items()},
    )
