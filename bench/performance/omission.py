"""Omission: what is told of a server that stands still for 1 s of every 5, by us and by tools that wait for each answer.

    python bench/performance/omission.py [--seconds 40] [--rate 100]

The truth is reckoned from when the server stood still and when requests were due (bench/performance/stall.py). Tools that are
not installed are left out; Debian has `hey`.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

from stall import truth

from bmad_provisioner.engine.task import Turn
from bmad_provisioner.kinds.performance.arrivals import Stretch
from bmad_provisioner.kinds.performance.asking import Asker
from bmad_provisioner.kinds.performance.loading import generate, quantile
from bmad_provisioner.kinds.performance.order import Ask

SERVICE, STALL, EVERY = 0.01, 1.0, 5.0
PARTS = (0.90, 0.95, 0.99)


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--seconds", type=float, default=40)
    asked.add_argument("--rate", type=float, default=100)
    given = asked.parse_args()
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    words = [sys.executable, str(Path(__file__).with_name("stall.py")), str(port), str(SERVICE), str(STALL), str(EVERY)]
    url = f"http://127.0.0.1:{port}/"
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
        time.sleep(1)
        offered = generate(url, [Ask("/")], [Stretch(given.rate, given.seconds)], Turn())
        rows = {"one after the other": closed(url, given.seconds), **tools(url, given.seconds, given.rate)}
        time.sleep(EVERY)
        server.terminate()
        stalled = [(float(begin), float(end)) for begin, end in map(str.split, server.stdout.read().splitlines())]
    true = sorted(truth([offered.began + one.due for one in offered.samples], stalled, SERVICE))
    tell("truth", [quantile(true, part) for part in PARTS])
    tell("bmadp", [quantile(sorted(one.response for one in offered.samples), part) for part in PARTS])
    tell("bmadp, from when it was sent", [quantile(sorted(one.service for one in offered.samples), part) for part in PARTS])
    for name, found in rows.items():
        tell(name, found)
    lag = quantile(sorted(one.lag for one in offered.samples), 0.99)
    print(
        json.dumps({"requests": len(offered.samples), "dropped": offered.dropped, "generator late, p99, ms": round(1000 * lag, 2)})
    )


def tell(name: str, seconds: list[float]) -> None:
    print(
        json.dumps(
            {"by": name, **{f"p{part * 100:.0f} ms": round(1000 * one, 1) for part, one in zip(PARTS, seconds, strict=True)}}
        )
    )


def closed(url: str, seconds: float) -> list[float]:
    """Return the percentiles of who asks again when the answer came."""
    asker, end, found = Asker(url), time.monotonic() + seconds, []
    while time.monotonic() < end:
        found.append(asker.ask(Ask("/")).seconds)
    asker.close()
    return [quantile(sorted(found), part) for part in PARTS]


def tools(url: str, seconds: float, rate: float) -> dict[str, list[float]]:
    found = {}
    if shutil.which("hey"):
        said = run("hey", "-z", f"{seconds:.0f}s", "-q", f"{rate:.0f}", "-c", "1", url)
        found["hey -c 1"] = [float(re.search(rf"{part * 100:.0f}% in ([\d.]+) secs", said)[1]) for part in PARTS]
    return found


def run(*words: str) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    main()
