"""Flame graph: sampled stacks become one picture that any browser shows, and that says what the stacks say."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from bmad_provisioner.kinds.performance.exports.flamegraph import LIBRARY, NATIVE, PROJECT, WIDTH, flamegraph, sort
from bmad_provisioner.kinds.performance.exports.profiles import Frame, Stacks
from bmad_provisioner.kinds.performance.quantities import told_size

_SVG = "{http://www.w3.org/2000/svg}"
_MAIN, _READ, _WORK = Frame("main", "shop/app.py", 9), Frame("read", "shop/app.py", 3), Frame("work", "shop/app.py", 5)
_STACKS: Stacks = {(_MAIN, _READ): 30, (_MAIN, _WORK): 60, (_MAIN, Frame("work", "shop/app.py", 6)): 10}


def _boxes(svg: str) -> dict[str, tuple[float, float, float]]:
    """Return left, width and top of each box by what it says of itself."""
    found = {}
    for group in ElementTree.fromstring(svg).iter(f"{_SVG}g"):
        title, box = group.find(f"{_SVG}title"), group.find(f"{_SVG}rect")
        assert title is not None
        assert box is not None
        found[str(title.text)] = (float(box.get("x", 0)), float(box.get("width", 0)), float(box.get("y", 0)))
    return found


def test_a_function_is_as_wide_as_its_part_and_stands_on_its_caller() -> None:
    boxes = _boxes(flamegraph("shop", _STACKS))
    main, read, work = (
        boxes[said] for said in (
            "main (shop/app.py): 100 samples, 100.0%", "read (shop/app.py): 30 samples, 30.0%", "work (shop/app.py): 70 samples, 70.0%",
        )
    )  # fmt: skip
    assert main[1] == pytest.approx(WIDTH - 20, abs=1)
    assert (read[1], work[1]) == (pytest.approx(0.3 * main[1], abs=1), pytest.approx(0.7 * main[1], abs=1))
    assert main[0] == read[0] < work[0]
    assert read[2] == work[2] < main[2]
    assert work[0] + work[1] <= WIDTH


def test_the_same_stacks_give_the_same_picture_in_whatever_order_they_come() -> None:
    assert flamegraph("shop", _STACKS) == flamegraph("shop", dict(reversed(_STACKS.items())))


@pytest.mark.parametrize(
    "name", ["<lambda> & \"co\" 'x'", "</title><script>", "nul \x00 bell \x07 \x1b[31m", "\ud800", "\ufffe", "a\nb"]
)
def test_whatever_a_function_is_called_the_picture_is_well_formed_and_runs_nothing(name: str) -> None:
    root = ElementTree.fromstring(flamegraph(name, {(Frame(name, f"{name}.py"),): 3}).encode())
    assert {element.tag.removeprefix(_SVG) for element in root.iter()} == {"svg", "title", "rect", "text", "g"}


def test_names_are_cut_to_the_room_there_is() -> None:
    long = Frame("a_function_with_a_name_of_some_length", "a.py")
    svg = flamegraph("a title " * 60, {(long,): 5, (Frame("b", "a.py"),): 95, (Frame("c", "a.py"),): 1})
    texts = [str(text.text) for group in ElementTree.fromstring(svg).iter(f"{_SVG}g") for text in group.iter(f"{_SVG}text")]
    assert texts == ["a_func…", "b"]
    assert "a_function_with_a_name_of_some_length (a.py)" in svg


def test_what_is_too_narrow_to_point_at_is_left_out_and_so_is_how_modules_are_found() -> None:
    load = Frame("_find_and_load", "<frozen importlib._bootstrap>")
    boxes = _boxes(flamegraph("it", {(_MAIN, load, _READ): 9_999, (_MAIN, Frame("rare", "a.py")): 1}))
    assert [said.split(" ")[0] for said in boxes] == ["main", "read"]


@pytest.mark.parametrize(
    ("frame", "whose"),
    [
        (_MAIN, PROJECT),
        (Frame("loads", "/usr/lib/python3/json/decoder.py", 3), LIBRARY),
        (Frame("_find_and_load", "<frozen importlib._bootstrap>", 3), NATIVE),
        (Frame("memcpy", "libc.so.6"), NATIVE),
        (Frame("thread 7"), NATIVE),
    ],
)
def test_a_frame_has_the_colour_of_whose_it_is(frame: Frame, whose: str) -> None:
    assert sort(frame) == whose
    assert f'class="{whose}"' in flamegraph("it", {(Frame("main", "a.py"), frame): 1}) or frame.path.startswith("<frozen")


def test_weights_are_told_as_what_they_are_and_nothing_is_a_picture_too() -> None:
    assert "12 MB" in flamegraph("memory", {(_MAIN,): 12e6}, told_size)
    assert _boxes(flamegraph("nothing", {})) == {}
    deep = tuple(Frame(f"f{depth}", "a.py") for depth in range(2_000))
    assert len(_boxes(flamegraph("deep", {deep: 1}))) == 2_000
