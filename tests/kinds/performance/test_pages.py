"""Pages: a real browser tells what a visitor waits for, says why where it cannot, and is gone afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import bmad_provisioner
from bmad_provisioner.engine.task import Turn
from bmad_provisioner.engine.watch import table
from bmad_provisioner.errors import TaskError
from bmad_provisioner.kinds.performance.order import SERVICE, Target
from bmad_provisioner.kinds.performance.pages import MOBILE, Shift, Visit
from bmad_provisioner.kinds.performance.visits import visits
from kinds.performance.site import Answer, noise, page, served

_BUSY = "const until = performance.now() + 320; while (performance.now() < until) {}"


def _target(*pages: str) -> Target:
    return Target("web", SERVICE, pages=pages)


@pytest.fixture(autouse=True)
def _nothing_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give a test a folder of its own for all that is temporary; no file is in it at the end, and no process knows of it."""
    with tempfile.TemporaryDirectory(prefix="v-") as scratch:
        monkeypatch.setattr(tempfile, "tempdir", scratch)
        yield
        assert os.listdir(scratch) == []
        assert [pid for pid in table() if scratch.encode() in _told(pid, "cmdline") + _told(pid, "environ")] == []


def _told(pid: int, what: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{what}").read_bytes()
    except OSError:
        return b""


def test_a_visit_tells_the_vitals_with_the_part_of_the_page_behind_them() -> None:
    script = (
        f"document.querySelector('#go').addEventListener('click', function sortAll() {{ {_BUSY} }});\n"
        "setTimeout(() => document.body.insertAdjacentHTML('afterbegin', '<div id=news style=height:400px>News</div>'), 700);\nnull.broken;"
    )
    hero = Answer(noise(500, 300), packed=False)
    with served(
        {"/": page("<img src=/hero.png width=500 height=300 alt=x><div id=go>Sort</div>", script), "/hero.png": hero}
    ) as url:
        seen = visits(_target("/"), url, 1, Turn())

    one = seen[0]
    assert (len(seen), one.status, one.url) == (1, 200, url)
    assert one.ttfb is not None and one.fcp is not None and one.lcp is not None
    assert 0 < one.ttfb < one.fcp <= one.lcp
    assert one.lcp_element == "main > img"
    assert one.cls > 0.1
    assert [(shift.how, shift.element) for shift in one.shifts] == [("inserted", "div#news")]
    slow = max(one.interactions, key=lambda touch: touch.duration)
    assert one.inp == slow.duration > 0.3
    assert (slow.target, slow.function) == ("div#go", "sortAll")
    document, image = one.resources
    assert (document.kind, document.encoding, document.media) == ("document", "gzip", "text/html")
    assert document.travelled < document.size
    assert (image.kind, image.caching) == ("image", "max-age=31536000, immutable")
    assert image.travelled > image.size == len(hero.body)
    assert "reading 'broken'" in one.problems[0], "a page with errors is measured, and says so"
    assert one.inside is not None
    assert one.inside.hot["div#go"][0].function == "sortAll"
    assert one.inside.made["div#news"].line == one.inside.hot["div#go"][0].line + 1
    assert one.inside.lines["div#go"] == 6


def test_a_page_that_nobody_answers_for_is_an_error_that_names_it() -> None:
    with pytest.raises(TaskError, match=r"`web`: `http://127.0.0.1:9/away` cannot be loaded: net::ERR_"):
        visits(_target("/away"), "http://127.0.0.1:9/", 1, Turn())


def test_a_page_that_is_an_error_is_not_measured() -> None:
    with served({"/": page()}) as url, pytest.raises(TaskError, match=f"`{url}nowhere` answers 404") as error:
        visits(_target("/nowhere", "/"), url, 1, Turn())
    assert "`pages`" in error.value.hint


def test_a_visit_that_is_stopped_midway_leaves_no_browser_and_no_folder() -> None:
    stopped = threading.Event()
    answers = {"/": page("", "fetch('/asked.json')"), "/asked.json": Answer("{}", delay=1.0)}
    with served(answers) as url, pytest.raises(TaskError, match="the browser was stopped"):
        threading.Timer(3.0, stopped.set).start()
        visits(_target("/"), url, 50, Turn(stopped=stopped.is_set))


@pytest.mark.slow
def test_a_page_whose_script_never_ends_is_given_up() -> None:
    endless = page("", "setTimeout(() => { for (;;) {} }, 300)")
    with served({"/": endless}) as url, pytest.raises(TaskError, match="the browser was timed out"):
        visits(_target("/"), url, 1, Turn(seconds=6.0))


def test_without_a_browser_it_is_said_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BMADP_CHROMIUM", "no-such-browser")
    with pytest.raises(TaskError, match="there is none") as error:
        visits(_target("/"), "http://127.0.0.1:9/", 1, Turn())
    assert "apt-get install chromium" in error.value.hint


def test_without_playwright_it_is_said_how_to_get_it() -> None:
    code = (
        "from bmad_provisioner.errors import TaskError\nfrom bmad_provisioner.engine.task import Turn\n"
        "from bmad_provisioner.kinds.performance.order import Target\nfrom bmad_provisioner.kinds.performance.visits import visits\n"
        "try:\n    visits(Target('web', 'service'), 'http://127.0.0.1:9/', 1, Turn())\nexcept TaskError as error:\n    print(error, error.hint)"
    )
    ours = {**os.environ, "PYTHONPATH": str(Path(bmad_provisioner.__file__).parent.parent)}
    said = subprocess.run([sys.executable, "-S", "-c", code], env=ours, capture_output=True, text=True, check=True).stdout
    assert "pages need `playwright`" in said
    assert 'pip install "bmad-provisioner[web]"' in said


@pytest.mark.slow
def test_a_slow_network_and_a_slow_processor_are_applied() -> None:
    with served({"/": page("<script src=/app.js></script>"), "/app.js": Answer("x = 1;" * 20_000, packed=False)}) as url:
        plain, mobile = visits(_target("/"), url, 1, Turn())[0], visits(_target("/"), url, 1, Turn(), MOBILE)[0]
    assert mobile.lcp is not None and plain.lcp is not None
    assert mobile.lcp > plain.lcp + 0.5, "120 kB take 600 ms at 200 kB a second"


@pytest.mark.slow
def test_pages_that_lead_away_ask_or_poll_are_measured_all_the_same() -> None:
    script = "setInterval(() => fetch('/poll.json'), 100)"
    body = (
        "<button onclick=\"alert('hello')\">Ask</button><a href=/other onclick='x = 1'>Other</a>"
        "<form action=/other><input name=q><button>Send</button></form><button onclick=\"location.href = '/other'\">Leave</button>"
    )
    with served({"/": page(body, script), "/other": page(), "/poll.json": Answer("{}")}) as url:
        one = visits(_target("/"), url, 1, Turn())[0]
    assert one.lcp is not None
    assert one.resources[0].url == url
    assert {"input", "button"} & {touch.target.rpartition(" ")[2] for touch in one.interactions}
    assert not one.problems


@pytest.mark.parametrize(
    ("shifts", "score"),
    [
        ((), 0.0),
        ((Shift(1.0, 0.1, ()), Shift(1.5, 0.1, ())), 0.2),
        ((Shift(1.0, 0.1, ()), Shift(2.5, 0.15, ())), 0.15),
        (tuple(Shift(n * 0.9, 0.1, ()) for n in range(8)), 0.6),
    ],
)
def test_the_worst_window_of_shifts_counts(shifts: tuple[Shift, ...], score: float) -> None:
    assert Visit("/", 200, None, None, None, shifts=shifts).cls == pytest.approx(score)
