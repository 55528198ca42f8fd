"""Visits: the pages of a target, each loaded several times by a process of its own that leaves no browser behind."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from importlib.util import find_spec
from math import inf
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any
from urllib.parse import urljoin

import bmad_provisioner
from bmad_provisioner.characters import scrubbed
from bmad_provisioner.engine.child import Ended, Ending, environment, run_child
from bmad_provisioner.engine.task import Turn
from bmad_provisioner.errors import TaskError
from bmad_provisioner.kinds.performance import browsing
from bmad_provisioner.kinds.performance.order import Target
from bmad_provisioner.kinds.performance.pages import PLAIN, Network, Visit, visit

_ERROR = re.compile(r"[\w.]+(?:Error|Exception)\b")
_EACH, _ALL = 60.0, 60.0
"""Seconds that a load and a browser may take: a page whose script never ends is waited for no longer."""
_LONGEST = 50
"""Letters of a folder; a browser adds up to 55, and the path of a socket has at most 107 (`man 7 unix`)."""


def visits(target: Target, url: str, times: int, turn: Turn, network: Network = PLAIN) -> tuple[Visit, ...]:
    """Load each page of a target so many times, round by round, in a fresh profile each, and return what was seen.

    Before, each is loaded once untimed, with instruments in it: what they tell is `inside` its first visit. Raises TaskError
    where there is no browser, and where a page cannot be loaded. A page with errors of its own is measured; it says so.
    The first eight things that can be touched are touched: a page where that does harm is none to measure.
    """
    asked = {
        "browser": _browser(),
        "pages": [urljoin(url, page) for page in target.pages or ("/",)],
        "times": times,
        "network": asdict(network),
    }
    loads = len(target.pages or ("/",)) * (times + 2)
    bounded = replace(turn, seconds=min(inf if turn.seconds is None else turn.seconds, _ALL + _EACH * loads))
    with TemporaryDirectory(prefix="bmadp-", dir=_short(), ignore_cleanup_errors=True) as scratch:
        ended = run_child(
            [sys.executable, "-P", "-m", __name__],
            folder=Path(scratch),
            environment=_environment(scratch),
            turn=bounded,
            stdin=json.dumps(asked).encode(),
            hard=False,
        )
    return _read(target, ended, url)


def _short() -> str:
    """Return a folder for temporary files in which a browser can have its socket, whose path the kernel bounds."""
    usual = gettempdir()
    return usual if len(usual) <= _LONGEST else "/tmp"  # noqa: S108 - the folder made in it has a name of its own


def _browser() -> str:
    """Return the command of a browser that can be led; raises TaskError where it or what leads it is missing."""
    if find_spec("playwright") is None:
        raise TaskError(
            "pages need `playwright`", hint='pip install "bmad-provisioner[web]"; without it pages are left out', started=False
        )
    command = browsing.found()
    if command is None:
        raise TaskError("pages need a Chromium, and there is none", hint=browsing.INSTALL, started=False)
    return command


def _environment(scratch: str) -> dict[str, str]:
    """Return the environment of a browser: all it keeps goes into a folder that is deleted, and no secret of ours into it."""
    ours = Path(bmad_provisioner.__file__).parent.parent
    homes = {"TMPDIR": scratch, "XDG_CONFIG_HOME": scratch, "XDG_CACHE_HOME": scratch, "PYTHONPATH": str(ours)}
    return environment((), **homes)


def _read(target: Target, ended: Ended, url: str) -> tuple[Visit, ...]:
    if ended.ending is not Ending.EXITED:
        raise TaskError(
            f"`{target.name}`: its pages were not seen to the end: the browser was {ended.ending.value}", hint=f"open {url} by hand"
        )
    if ended.code:
        lines = ended.stderr.decode("utf-8", "replace").splitlines()
        why = next((line for line in reversed(lines) if _ERROR.match(line)), f"it ended with {ended.code}")
        raise TaskError(f"`{target.name}`: the browser failed: {scrubbed(why)[:300]}", hint=f"open {url} by hand")
    said = json.loads(ended.stdout)
    if "refused" in said:
        raise TaskError(f"`{target.name}`: {said['refused']}", hint=said["hint"])
    return tuple(visit(one) for one in said["visits"])


def _seen(asked: dict[str, Any]) -> list[Visit]:
    from bmad_provisioner.kinds.performance.inspecting import inspect  # noqa: PLC0415 - for the child alone

    network = Network(**asked["network"])
    pages: Sequence[str] = asked["pages"]
    with browsing.browser(asked["browser"]) as one:
        insides = {page: inspect(one, page, network) for page in pages}
        seen = [browsing.visit(one, page, network) for _ in range(asked["times"]) for page in pages]
    return [replace(one, inside=insides[one.url]) if place < len(pages) else one for place, one in enumerate(seen)]


def main() -> None:
    """Visit what the standard input asks for, in a process of its own: JSON in, JSON out."""
    try:
        said: dict[str, Any] = {"visits": [asdict(one) for one in _seen(json.load(sys.stdin))]}
    except browsing.Refused as refused:
        said = {"refused": str(refused), "hint": refused.hint}
    json.dump(said, sys.stdout)


if __name__ == "__main__":
    main()
