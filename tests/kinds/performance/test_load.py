"""The load generator: it counts from when a request was due, also when the server stands still, and says when it was late itself."""

from __future__ import annotations

import importlib.util
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from bmad_provisioner.engine.task import Turn
from bmad_provisioner.kinds.performance.arrivals import Stretch
from bmad_provisioner.kinds.performance.load import Offered, Sample
from bmad_provisioner.kinds.performance.loading import generate, quantile, summed
from bmad_provisioner.kinds.performance.order import Ask

STALL = Path(__file__).resolve().parents[3] / "bench/performance/stall.py"
SERVICE = 0.01


def stall_module():
    spec = importlib.util.spec_from_file_location("stall", STALL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@contextmanager
def stalling(stall: float, every: float):
    """Give the URL of a server that stands still, and the list of when it did, whole once it ended."""
    port, said = free_port(), []
    command = [sys.executable, str(STALL), str(port), str(SERVICE), str(stall), str(every)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        end = time.monotonic() + 20
        while time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", port), 0.2).close()
                break
            except OSError:
                time.sleep(0.02)
        try:
            yield f"http://127.0.0.1:{port}/", said
        finally:
            server.terminate()
            said += [tuple(map(float, line.split())) for line in server.stdout.read().splitlines()]


def test_percentiles_are_true_though_the_server_stands_still():
    with stalling(stall=0.8, every=4.0) as (url, stalled):
        offered = generate(url, [Ask("/")], [Stretch(80, 16)], Turn())
        time.sleep(1.0)
    came = [offered.began + one.due for one in offered.samples]
    true = sorted(stall_module().truth(came, stalled, SERVICE))
    response, service = (sorted(getattr(one, what) for one in offered.samples) for what in ("response", "service"))
    assert len(stalled) >= 4 and all(one.ok for one in offered.samples) and not offered.dropped
    # What the generator was late itself it tells; a machine with other work to do is late besides.
    late = 0.02 + quantile(sorted(one.lag for one in offered.samples), 0.99)
    for part in (0.90, 0.95, 0.99):
        assert quantile(response, part) == pytest.approx(quantile(true, part), rel=0.05, abs=late)
    # Whoever waits for the answer before asking again would have asked about one request in each stall.
    assert quantile(response, 0.95) > 20 * SERVICE and len(service) == len(response)


def test_a_load_that_cannot_be_held_is_void():
    """Requests that left late, or not at all, say more of the generator than of the server."""
    on_time = [Sample(0, at / 10, at / 10 + 0.001, at / 10 + 0.02, 200, 2) for at in range(200)]
    late = [Sample(0, at / 10, at / 10 + 0.5, at / 10 + 0.52, 200, 2) for at in range(200)]
    assert summed("baseline", 10, Offered(tuple(on_time), 0, 20), 1.0, ()).void == ""
    assert "could not hold the rate" in summed("baseline", 10, Offered(tuple(late), 0, 20), 1.0, ()).void
    assert "3 requests were due and not sent" in summed("baseline", 10, Offered(tuple(on_time), 3, 20), 1.0, ()).void


def test_a_server_that_refuses_is_no_fast_server():
    offered = generate(f"http://127.0.0.1:{free_port()}/", [Ask("/")], [Stretch(50, 1)], Turn())
    made = summed("baseline", 50, offered, 0.0, ())
    assert made.void == "not one request was answered" and made.error_rate == 1.0
    assert made.problems and "onnect" in made.problems[0][0]


def test_the_rates_of_a_load_are_those_asked_for():
    with stalling(stall=0.0, every=60.0) as (url, _):
        offered = generate(url, [Ask("/"), Ask("/b", weight=3)], [Stretch(50, 4), Stretch(150, 4)], Turn())
    first, second = (sum(begin <= one.due < begin + 4 for one in offered.samples) for begin in (0, 4))
    assert first == pytest.approx(200, rel=0.2) and second == pytest.approx(600, rel=0.15)
    assert sum(one.which for one in offered.samples) == pytest.approx(0.75 * len(offered.samples), rel=0.1)
