"""A reader of a section gets that section, spelled so that what happens elsewhere, and formatting, leaves it as it is."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmad_provisioner.kinds.team.sections import has_sections, section, sections

PRD = b"""# Product

## 1. Goals
Sell  more.

## Screens

### Login   \r
A form.

```sh
# not a heading
```

### Errors
Red.

\xc3\x89crans
------
Oui.

## Server
### Errors
500.
"""
YAML = b"services:\n  web:\n    ports: [80, 443]   # open\n    image: nginx\n---\nother: {a.b: 1}\n"
TOML = b'[tool]\nname = "x"\nsince = 2026-01-01\n[[tool.many]]\nn = 1\n[[tool.many]]\nn = 2\n'
PY = b'''import os

LIMIT: int = 3
A = B = 1


@cache
def load(path):
    """Load."""
    return path   \r


class Store:
    """Keeps."""

    def get(self):  # why
        return 1

    def put(self): ...
'''


@pytest.mark.parametrize(
    ("path", "data", "selector", "found"),
    [
        ("docs/prd.md", PRD, "goals", "## 1. Goals\nSell  more.\n"),
        ("docs/prd.md", PRD, "login", "### Login\nA form.\n\n```sh\n# not a heading\n```\n"),
        ("docs/prd.md", PRD, "Screens/Errors", "### Errors\nRed.\n"),
        ("docs/prd.md", PRD, "errors", "### Errors\nRed.\n\n### Errors\n500.\n"),
        ("docs/prd.md", PRD, "ecrans", "## Écrans\nOui.\n"),
        ("docs/prd.md", PRD, "server", "## Server\n### Errors\n500.\n"),
        ("docs/prd.md", PRD, "not-a-heading", None),
        ("docs/prd.md", PRD, "", None),
        ("a.json", b'{"paths": {"/users": {"b": 1, "a": [1, {"c": 2.0}]}}}', "/paths/~1users", '{"a":[1,{"c":2.0}],"b":1}'),
        ("a.json", b'{"paths": {"/users": {"a": [1, 2]}}}', "/paths/~1users/a/1", "2"),
        ("a.json", b'{"paths": 1}', "/path", None),
        ("a.json", b"[1]", "/1", None),
        ("a.json", b"[1]", "/-1", None),
        ("a.json", b'{"b": 1, "a": null}', "", '{"a":null,"b":1}'),
        ("a.json", b'{"a": null}', "/a", "null"),
        ("c.yaml", YAML, "services.web", '{"image":"nginx","ports":[80,443]}'),
        ("c.yml", YAML, "services.web.ports.1", "443"),
        ("c.yaml", YAML, "/other/a.b", "1"),
        ("p.toml", TOML, "tool.many.1", '{"n":2}'),
        ("p.toml", TOML, "tool.since", '"2026-01-01"'),
        ("m.py", PY, "load", '@cache\ndef load(path):\n    """Load."""\n    return path\n'),
        ("m.py", PY, "Store.get", "    def get(self):  # why\n        return 1\n"),
        ("m.py", PY, "LIMIT", "LIMIT: int = 3\n"),
        ("m.py", PY, "B", "A = B = 1\n"),
        ("m.py", PY, "Store.load", None),
        ("m.py", PY, "os", None),
        ("notes.txt", b"# A\n", "a", None),
        ("Makefile", b"a:\n", "a", None),
    ],
)
def test_a_selector_takes_one_part(path: str, data: bytes, selector: str, found: str | None) -> None:
    assert section(data, path, selector) == (None if found is None else found.encode())


def test_what_has_sections_is_known_by_its_name() -> None:
    names = ["a.md", "b/A.JSON", "c.yml", "d.toml", "e.py", "f.txt", "md", "docs.md/x"]
    assert [has_sections(name) for name in names] == [True] * 5 + [False, True, False]


@pytest.mark.parametrize(
    ("path", "data", "message"),
    [
        ("a.md", b"\xff\xfe", "`a.md` is not UTF-8: byte 0 is 0xff"),
        ("a.json", b"{", "`a.json` cannot be read"),
        ("a.json", b"[NaN]", "`NaN` is no JSON"),
        ("a.json", b"[" * 200_000, "`a.json` is nested too deeply"),
        ("a.json", b"1" * 5_000, "`a.json` cannot be read"),
        ("a.yaml", b"a: &x [1]\nb: *x\n", "`a.yaml` cannot be read: line 1"),
        ("a.yaml", b"[" * 100_000, "`a.yaml` cannot be read"),
        ("a.toml", b"a = ", "`a.toml` cannot be read"),
        ("a.toml", b"a = " + b"[" * 100_000, "`a.toml`"),
        ("a.py", b"def", "`a.py` cannot be read"),
        ("a.py", b"a\x00", "`a.py` cannot be read"),
        ("a.py", b"(" * 100_000, "`a.py`"),
        ("a.py", b"-" * 100_000 + b"1", "`a.py`"),
        ("a.py", b"a" + b".b" * 100_000, "`a.py`"),
        ("a.md", b"x" * (4 * 1024 * 1024 + 1), "`a.md` has more than 4 MiB"),
    ],
    ids=lambda value: repr(value[:10]),
)
def test_what_cannot_be_read_says_so(path: str, data: bytes, message: str) -> None:
    with pytest.raises(ValueError) as raised:
        section(data, path, "a")
    assert str(raised.value).startswith("`a.") and message in str(raised.value)


# --- properties ------------------------------------------------------------------------------------------------------

name = st.text("abcdef", min_size=1, max_size=5)
body = st.lists(st.text("abc #-`é", max_size=20).map(lambda text: text.replace("`", "'")), max_size=6).map("\n".join)
parts = st.dictionaries(name.map(lambda each: f"s{each}"), body.map(lambda text: "x" + text), min_size=2, max_size=5)


def markdown(content: dict[str, str], spaces: str = "", end: str = "\n") -> bytes:
    text = "# Title\n\n" + "\n".join(f"## {title}{spaces}\n\n{_plain(text)}{spaces}\n{spaces}" for title, text in content.items())
    return text.replace("\n", end).encode()


def _plain(text: str) -> str:
    return "\n".join(f".{line}" for line in text.split("\n"))


@given(parts, st.data())
def test_editing_one_section_changes_no_other(content: dict[str, str], data: st.DataObject) -> None:
    edited = data.draw(st.sampled_from(sorted(content)))
    after = content | {edited: content[edited] + "\nmore"}
    for each in content:
        assert (section(markdown(content), "a.md", each) == section(markdown(after), "a.md", each)) is (each != edited)


@given(parts, st.sampled_from(["", " ", "\t  "]), st.sampled_from(["\n", "\r\n"]))
def test_white_space_at_line_ends_changes_nothing(content: dict[str, str], spaces: str, end: str) -> None:
    for each in content:
        assert section(markdown(content, spaces, end), "a.md", each) == section(markdown(content), "a.md", each)


@given(parts, st.randoms(use_true_random=False))
def test_the_order_of_sections_changes_none(content: dict[str, str], random: object) -> None:
    names = list(content)
    random.shuffle(names)  # type: ignore[attr-defined]
    other = {each: content[each] for each in names}
    for each in content:
        assert section(markdown(content), "a.md", each) == section(markdown(other), "a.md", each)


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab/~.", max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text("ab/~.", max_size=3), plain, min_size=1), plain, st.sampled_from([None, 2]))
def test_json_is_taken_whatever_its_spelling_and_its_neighbours(
    content: dict[str, object], other: object, indent: int | None
) -> None:
    written = json.dumps(content).encode()
    neighbour = json.dumps({"zzz": other} | dict(reversed(content.items())), indent=indent, ensure_ascii=indent is None).encode()
    for key, value in content.items():
        pointer = "/" + key.replace("~", "~0").replace("/", "~1")
        found = section(written, "a.json", pointer)
        assert found is not None and section(neighbour, "a.json", pointer) == found
        assert json.loads(found) == json.loads(json.dumps(value))


@given(st.binary(max_size=200), st.sampled_from(["a.md", "a.json", "a.yaml", "a.toml", "a.py"]), st.text("a/.~0", max_size=5))
def test_any_bytes_give_a_part_or_nothing_or_a_clear_error(data: bytes, path: str, selector: str) -> None:
    try:
        section(data, path, selector)
    except ValueError as error:
        assert str(error).startswith(f"`{path}` ")


SEVERAL = {
    "Markdown": ("a.md", "# A\n\none\n\n# B\n\ntwo\n", ["b", "a", "c"], b"# B\n\ntwo\n\n# A\n\none\n", ("c",)),
    "Python": ("a.py", "x = 1\n\n\ndef f():\n    return 2\n", ["f", "x"], b"def f():\n    return 2\n\nx = 1\n", ()),
    "JSON": ("a.json", '{"b": {"c": 1}, "a": [2]}', ["b.c", "/a/0"], b'{"/a/0":2,"b.c":1}', ()),
    "TOML": ("a.toml", "[s]\nport = 1\nhost = 'x'\n", ["s.port", "s.host"], b'{"s.host":"x","s.port":1}', ()),
    "YAML, one of two": ("a.yaml", "a: 1\n", ["a", "b"], b"1", ("b",)),
    "none": ("a.md", "# A\n", ["b"], b"", ("b",)),
}


@pytest.mark.parametrize("case", SEVERAL)
def test_several_sections_come_in_the_order_asked_for_and_what_is_missing_is_named(case: str) -> None:
    path, text, selectors, joined, missing = SEVERAL[case]
    assert sections(text.encode(), path, selectors) == (joined, missing)
