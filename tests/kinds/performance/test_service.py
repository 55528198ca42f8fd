"""Service: what is measured is started, waited for, looked at, and ended without a trace."""

from __future__ import annotations

import socket
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from bmad_provisioner.engine.task import Turn
from bmad_provisioner.errors import TaskError
from bmad_provisioner.kinds.performance.order import SERVICE, Target
from bmad_provisioner.kinds.performance.service import running

_FORKS = """
import os, sys, http.server
if os.fork() == 0:
    os.setsid()
handler = http.server.BaseHTTPRequestHandler
class Answer(handler):
    def do_GET(self):
        sum(n * n for n in range(300000))
        self.send_response(200 if self.path == '/ready' else 500); self.end_headers()
    def log_message(self, *args): pass
try:
    http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), Answer).serve_forever()
except OSError:
    import time; time.sleep(600)
"""


@pytest.fixture
def port() -> Iterator[int]:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        number = one.getsockname()[1]
    yield number
    with suppress(OSError), socket.create_connection(("127.0.0.1", number), timeout=0.5):
        pytest.fail("somebody answers at the port still")


def _target(port: int, *start: str, ready: str = "/ready", wait: float = 20.0) -> Target:
    return Target("web", SERVICE, f"http://127.0.0.1:{port}/", start, ready, wait)


def test_a_service_is_ready_measured_and_gone_with_all_it_forked(port: int, tmp_path: Path) -> None:
    with running(_target(port, sys.executable, "-c", _FORKS, str(port)), tmp_path, Turn()) as one:
        before = one.spent()
        for _ in range(20):
            with urllib.request.urlopen(f"{one.url}ready") as answer:
                assert answer.status == 200
        assert one.spent() > before
        assert one.memory() > 1_000_000
        assert len(one.pids()) == 2
        assert one.alive()


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import sys; sys.exit('no such table')", "never ready: it ended with 1: no such table"),
        ("import time; time.sleep(60)", "was not ready after"),
    ],
)
def test_what_is_never_ready_is_an_error_that_says_why(port: int, tmp_path: Path, code: str, said: str) -> None:
    with pytest.raises(TaskError, match=said), running(_target(port, sys.executable, "-c", code, wait=1.0), tmp_path, Turn()):
        pass


def test_a_page_that_answers_with_an_error_is_not_ready(port: int, tmp_path: Path) -> None:
    target = _target(port, sys.executable, "-c", _FORKS, str(port), ready="/nowhere", wait=2.0)
    with pytest.raises(TaskError, match="answers 500"), running(target, tmp_path, Turn()):
        pass


def test_a_taken_port_is_not_measured_by_mistake(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        target = _target(other.getsockname()[1], sys.executable, "-c", "")
        with pytest.raises(TaskError, match="already"), running(target, tmp_path, Turn()):
            pass


def test_what_we_do_not_start_has_to_run(port: int, tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="was not ready") as error, running(_target(port), tmp_path, Turn()):
        pass
    assert "start it first" in (error.value.hint or "")


_CHATTY = "print('x' * 300_000, flush=True)\n" + _FORKS


def test_a_service_that_prints_a_lot_does_not_stand_still(port: int, tmp_path: Path) -> None:
    with running(_target(port, sys.executable, "-c", _CHATTY, str(port)), tmp_path, Turn()) as one:
        assert one.alive()
