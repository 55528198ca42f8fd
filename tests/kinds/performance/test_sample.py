"""Sample: the shop that ships answers, is slow where it was made slow, and found out; its repaired twin is accused of nothing."""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bmad_provisioner.document import parse
from bmad_provisioner.engine.task import Turn
from bmad_provisioner.kinds.performance import model, start
from bmad_provisioner.kinds.performance.clues import Clue, clues
from bmad_provisioner.kinds.performance.kind import PERFORMANCE
from bmad_provisioner.kinds.performance.looking import QUICK, look
from bmad_provisioner.kinds.performance.order import Order, Target, order
from bmad_provisioner.kinds.performance.service import ask, running

_TWIN = Path(__file__).parent / "shop_fixed"
_EFFORT = replace(QUICK, crowd=1.0)
_DECOYS = ("/", "/cart", "/api/report")
_PLANTED = {
    "/api/reviews": ("missing-index", "shop/store.py", "FROM reviews WHERE product = ?"),
    "/api/orders": ("n-plus-one", "shop/store.py", "self._product("),
    "/api/recommendations": ("superlinear", "shop/recommend.py", "for other in products"),
    "/api/availability": ("sequential-io", "shop/suppliers.py", "for name in SUPPLIERS"),
    "/api/shipping": ("lock", "shop/shipping.py", "with _lock"),
    "/api/catalogue": ("no-compression", "", ""),
}
"""What is wrong with each request, and the words of the line that is to blame, in that file; a server that packs nothing has none."""


def _laid(folder: Path, *, repaired: bool = False) -> Path:
    for path, text in start.samples("shop").items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    if repaired:
        shutil.copytree(_TWIN, folder, dirs_exist_ok=True)
    return folder


def _order(folder: Path) -> Order:
    [document] = parse(
        (folder / "bmad-provisioner.yaml").read_bytes(), "bmad-provisioner.yaml", {"Performance": PERFORMANCE}
    ).documents
    return order(document.data)


def _target(folder: Path) -> Target:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    [target] = _order(folder).targets
    return replace(target, url=f"http://127.0.0.1:{port}/", start=(sys.executable, "-m", "shop", "--port", str(port)))


def _found(folder: Path, only: Sequence[str] = ()) -> dict[str, list[Clue]]:
    target = _target(folder)
    asks = [one for one in target.requests if not only or one.path.partition("?")[0] in only]
    return {one.ask.path.partition("?")[0]: list(clues(one)) for one in look(target, folder, Turn(), asks, _EFFORT)}


def _is_named(folder: Path, path: str, found: Sequence[Clue]) -> bool:
    kind, file, words = _PLANTED[path]
    lines = [one.line for one in found if one.kind == kind]
    return any(not file or (line and line.path == file and words in _around(folder / file, line.number)) for line in lines)


def _around(file: Path, line: int) -> str:
    """Return the line, and the one after it: a call of several lines is where it begins."""
    return "\n".join(file.read_text(encoding="utf-8").splitlines()[line - 1 : line + 1])


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return _laid(tmp_path)


def test_what_ships_is_named_and_laid_without_its_ending() -> None:
    assert list(start.samples("")) == ["shop"]
    files = start.samples("shop")
    assert {"bmad-provisioner.yaml", "shop/__main__.py", "shop/schema.sql", "shop/static/shop.js"} <= files.keys()
    assert not any(path.endswith(".txt") for path in files)


@pytest.mark.parametrize("quick", [False, True])
def test_the_document_has_the_form_and_is_quick_where_that_is_asked_for(quick: bool) -> None:
    parsed = parse(
        start.samples("shop", quick)["bmad-provisioner.yaml"].encode(), "bmad-provisioner.yaml", {"Performance": PERFORMANCE}
    )
    [document] = parsed.documents
    assert parsed.findings == PERFORMANCE.check(document) == model.faults(document) == ()
    assert order(document.data).quick is quick


def test_every_file_that_it_needs_is_a_source(shop: Path) -> None:
    taken = {path.relative_to(shop).as_posix() for pattern in _order(shop).sources for path in shop.glob(pattern)}
    assert taken == start.samples("shop").keys() - {"bmad-provisioner.yaml"}


def test_it_answers_all_that_is_asked_and_ends_when_it_is_told_to(shop: Path) -> None:
    target = _target(shop)
    with running(target, shop, Turn()) as one:
        for path in [*target.pages, *(what.path for what in target.requests), "/static/shop.js", "/static/towns.js"]:
            with urllib.request.urlopen(one.url.rstrip("/") + path) as answer:
                assert answer.status == 200
                assert len(answer.read()) > 20


def test_it_ends_cleanly_on_sigterm(shop: Path) -> None:
    target = _target(shop)
    with subprocess.Popen(target.start, cwd=shop, stderr=subprocess.PIPE) as process:
        try:
            _wait_until_up(target)
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=30)
        finally:
            process.kill()
    assert (process.returncode, said) == (0, b"")


def _wait_until_up(target: Target) -> None:
    for _ in range(600):
        if ask(f"{target.url}health")[0] == 200:
            return
        time.sleep(0.05)
    pytest.fail("it is not up")


def test_the_same_data_is_made_at_each_start(shop: Path) -> None:
    say = "import json; from shop import store; store.build(); s = store.Store(); print(json.dumps([s.orders(7), s.reviews(3)]))"
    first, second = (
        subprocess.run([sys.executable, "-c", say], cwd=shop, check=True, capture_output=True).stdout for _ in range(2)
    )
    assert first == second
    orders, reviews = json.loads(first)
    assert len(orders) > 100
    assert len(reviews) == 20


def test_the_repaired_twin_says_the_same(tmp_path: Path) -> None:
    assert _said(_laid(tmp_path / "a")) == _said(_laid(tmp_path / "b", repaired=True))


def _said(folder: Path) -> list[bytes]:
    target = _target(folder)
    with running(target, folder, Turn()) as one:
        said = []
        for what in target.requests:
            if what.path.startswith("/api/"):
                with urllib.request.urlopen(one.url.rstrip("/") + what.path) as answer:
                    said.append(answer.read())
    return said


def test_what_was_planted_is_found_with_its_line(shop: Path) -> None:
    found = _found(shop, ["/api/orders"])
    assert _is_named(shop, "/api/orders", found["/api/orders"])


@pytest.mark.slow
def test_all_that_was_planted_is_found_and_no_decoy_is_accused(shop: Path) -> None:
    found = _found(shop)
    assert [path for path in _PLANTED if not _is_named(shop, path, found[path])] == []
    assert [one for path in _DECOYS for one in found[path] if one.share > 0.25] == []


@pytest.mark.slow
def test_the_repaired_twin_is_accused_of_nothing(tmp_path: Path) -> None:
    found = _found(_laid(tmp_path, repaired=True))
    assert [one for each in found.values() for one in each] == []


def test_nothing_in_it_gives_the_faults_away() -> None:
    for path, text in start.samples("shop").items():
        assert not re.search(r"n\+1|quadratic|slow on purpose|\bfault|planted|todo|fixme", text, re.IGNORECASE), path
