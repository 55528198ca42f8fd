"""Keys merge: the user's survive, ours are brought up to date, and what is written always reads as it should."""

import json
import tomllib
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bmad_provisioner.tree.merge import Merged
from bmad_provisioner.tree.merge_toml import frozen, merge_toml, merge_values, same

# --- the law by key ----------------------------------------------------------------------------------------------------

LAW = [
    ("added", {}, {}, {"a": 1}, {"a": 1}, 0),
    ("put back though recorded", {"a": 1}, {}, {"a": 1}, {"a": 1}, 0),
    ("equal", {}, {"a": 1}, {"a": 1}, {"a": 1}, 0),
    ("untouched is updated", {"a": 1}, {"a": 1}, {"a": 2}, {"a": 2}, 0),
    ("edited stays", {"a": 1}, {"a": 3}, {"a": 1}, {"a": 3}, 0),
    ("edited and updated", {"a": 1}, {"a": 3}, {"a": 2}, {"a": 3}, 1),
    ("both new and different", {}, {"a": 3}, {"a": 2}, {"a": 3}, 1),
    ("dropped", {"a": 1}, {"a": 1, "u": 1}, {}, {"u": 1}, 0),
    ("edited is not dropped", {"a": 1}, {"a": 2}, {}, {"a": 2}, 0),
    ("one is not true", {"a": 1}, {"a": True}, {"a": 2}, {"a": True}, 1),
    ("nan is nan", {"a": float("nan")}, {"a": float("nan")}, {"a": 2}, {"a": 2}, 0),
    ("table inside", {"t": {"a": 1}}, {"t": {"a": 1, "u": 1}}, {"t": {"a": 2, "b": 1}}, {"t": {"a": 2, "u": 1, "b": 1}}, 0),
    ("emptied table goes", {"t": {"a": 1, "b": 1}}, {"t": {"a": 1}}, {}, {}, 0),
    ("table with a user's key stays", {"t": {"a": 1}}, {"t": {"a": 1, "u": 1}}, {}, {"t": {"u": 1}}, 0),
    ("table against scalar", {"t": 1}, {"t": {"u": 1}}, {"t": 2}, {"t": {"u": 1}}, 1),
    ("array", {"l": ["a", "b"]}, {"l": ["u", "a", "b"]}, {"l": ["b", "c"]}, {"l": ["u", "b", "c"]}, 0),
    ("array put back", {"l": ["a", "b"]}, {"l": ["u", "b"]}, {"l": ["a", "b"]}, {"l": ["u", "b", "a"]}, 0),
    ("untouched array takes the new order", {"l": ["a"]}, {"l": ["a"]}, {"l": ["b", "a"]}, {"l": ["b", "a"]}, 0),
    ("array dropped", {"l": ["a"]}, {"l": ["a", "u"]}, {}, {"l": ["u"]}, 0),
    ("emptied array goes", {"l": ["a", "b"]}, {"l": ["a"]}, {}, {}, 0),
    (
        "named tables",
        {"m": [{"code": "x", "d": 1}, {"code": "y"}]},
        {"m": [{"code": "u"}, {"code": "x", "d": 1, "mine": 1}, {"code": "y"}]},
        {"m": [{"code": "x", "d": 2}, {"code": "z"}]},
        {"m": [{"code": "u"}, {"code": "x", "d": 2, "mine": 1}, {"code": "z"}]},
        0,
    ),
    (
        "named table edited and dropped",
        {"m": [{"id": "x", "d": 1}]},
        {"m": [{"id": "x", "d": 2}]},
        {},
        {"m": [{"id": "x", "d": 2}]},
        0,
    ),
    (
        "named table edited twice",
        {"m": [{"id": "x", "d": 1}]},
        {"m": [{"id": "x", "d": 2}]},
        {"m": [{"id": "x", "d": 3}]},
        {"m": [{"id": "x", "d": 2}]},
        1,
    ),
    ("nameless tables", {"m": [{"d": 1}]}, {"m": [{"d": 1}, {"d": 9}]}, {"m": [{"d": 2}]}, {"m": [{"d": 9}, {"d": 2}]}, 0),
]


@pytest.mark.parametrize(
    ("base", "mine", "theirs", "wanted", "conflicts"), [case[1:] for case in LAW], ids=[case[0] for case in LAW]
)
def test_the_law_by_key(base: Any, mine: Any, theirs: Any, wanted: Any, conflicts: int) -> None:
    got, notes = merge_values(base, mine, theirs)
    assert same(got, wanted)
    assert len(notes) == conflicts


@pytest.mark.parametrize(
    ("base", "mine", "theirs", "wanted", "conflicts"), [case[1:] for case in LAW], ids=[case[0] for case in LAW]
)
def test_the_law_holds_in_a_file_too(base: Any, mine: Any, theirs: Any, wanted: Any, conflicts: int) -> None:
    merged = merge_toml(plain(base), b"# of the user\n" + plain(mine), plain(theirs))
    assert merged is not None
    assert same(tomllib.loads(merged.data.decode()), wanted)
    assert merged.conflicts == conflicts
    assert b"# of the user" in merged.data


# --- text -----------------------------------------------------------------------------------------------------------------

BLOCK = b"# >>> bmad-provisioner\n[agents.dev]\ntitle = 'Dev'\n# <<< bmad-provisioner\n"
BLOCK2 = b"# >>> bmad-provisioner\n[agents.qa]\ntitle = 'QA'\n# <<< bmad-provisioner\n"
USER = b"# my file\nlanguage   =   'fr'   # keep\n\n[agents.own]\nx = [ 1,\n  2 ]  # odd\n"

TEXT = [
    ("absent file", None, None, BLOCK, BLOCK),
    ("empty file", None, b"", BLOCK, BLOCK),
    ("all absent", None, None, None, b""),
    ("block goes to the end", None, USER, BLOCK, USER + b"\n" + BLOCK),
    ("block for block", BLOCK, USER + b"\n" + BLOCK + b"\n[more]\n", BLOCK2, USER + b"\n" + BLOCK2 + b"\n[more]\n"),
    ("block taken out", BLOCK, USER + b"\n" + BLOCK, None, USER),
    ("block taken out of the middle", BLOCK, USER + b"\n" + BLOCK + b"\n[more]\n", None, USER + b"\n[more]\n"),
    ("nothing left", BLOCK, b"\n" + BLOCK + b"\n\n", None, b""),
    ("only a comment left", BLOCK, b"# mine\n\n" + BLOCK, None, b"# mine\n"),
    ("same thing spelled otherwise", BLOCK, b'[agents]\ndev = {title = "Dev"}\n', BLOCK, b'[agents]\ndev = {title = "Dev"}\n'),
    ("no final newline", None, b"a = 1", b"[b]\n", b"a = 1\n\n[b]"),
    ("no final newline, and back", b"[b]\n", b"a = 1\n\n[b]", None, b"a = 1"),
    ("CRLF", None, b"a = 1\r\n", b"[b]\nc = 1\n", b"a = 1\r\n\r\n[b]\r\nc = 1\r\n"),
    ("BOM", None, b"\xef\xbb\xbfa = 1\n", b"[b]\n", b"\xef\xbb\xbfa = 1\n\n[b]\n"),
    (
        "a root key does not land in the last table",
        None,
        b"u = 1 # u\n[t]\nv = 1\n",
        b"a = 1\n",
        b"u = 1 # u\na = 1\n\n[t]\nv = 1\n",
    ),
    (
        "block edited, and updated",
        BLOCK,
        BLOCK.replace(b"'Dev'\n", b"'Dev'\nicon = 'X' # mine\n"),
        BLOCK.replace(b"'Dev'", b"'Developer'"),
        b"# >>> bmad-provisioner\n[agents.dev]\ntitle = \"Developer\"\nicon = 'X' # mine\n# <<< bmad-provisioner\n",
    ),
    (
        "block edited, and taken out",
        BLOCK,
        BLOCK.replace(b"'Dev'\n", b"'Dev'\nicon = 'X' # mine\n"),
        None,
        b"[agents.dev]\nicon = 'X' # mine\n",
    ),
    (
        "array keeps its spelling",
        b"x = [1]\n",
        b"x = [\n  1, # one\n  7, # seven\n]\n",
        b"x = [1, 2]\n",
        b"x = [\n  1, # one\n  7, # seven\n  2,\n]\n",
    ),
]


@pytest.mark.parametrize(("base", "mine", "theirs", "wanted"), [case[1:] for case in TEXT], ids=[case[0] for case in TEXT])
def test_the_text_of_mine_survives(base: bytes | None, mine: bytes | None, theirs: bytes | None, wanted: bytes) -> None:
    assert merge_toml(base, mine, theirs) == Merged(wanted, 0)


@pytest.mark.parametrize(
    "mine", [b"a = \n", b"\xff", b"a = 1\na = 2\n", b"a = 1\r", b"[a", b"x = " + b"[" * 100_000, b"n = " + b"9" * 9_999]
)
def test_what_is_no_toml_does_not_merge(mine: bytes) -> None:
    assert merge_toml(BLOCK, mine, BLOCK2) is None
    assert merge_toml(mine, USER, BLOCK2) is None


def test_a_conflict_is_named_and_keeps_the_user_s_value() -> None:
    merged = merge_toml(b"[a.b]\nc = 1\n", b"[a.b]\nc = 2 # mine\n", b"[a.b]\nc = 3\n")
    assert merged == Merged(b"[a.b]\nc = 2 # mine\n", 1, ("`a.b.c`: changed on both sides",))


def test_a_comment_on_a_line_to_be_removed_is_a_conflict() -> None:
    merged = merge_toml(b"a = 1\n", b"a = 1 # but why\nu = 1\n", None)
    assert merged is not None
    assert merged.conflicts == 1
    assert merged.data == b"a = 1 # but why\nu = 1\n"
    assert merge_toml(b"[t]\n", b"[t] # but why", None) == Merged(
        b"[t] # but why", 1, ("comment `# but why`: stands on what is to be removed",)
    )


# --- properties --------------------------------------------------------------------------------------------------------------

scalars = st.one_of(
    st.integers(-3, 3),
    st.booleans(),
    st.sampled_from([0.5, 1.0, float("inf")]),
    st.text(st.sampled_from("ab\"'\\#\n\té="), max_size=4),
    st.dates(),
)
words = st.sampled_from("pqrs")


def tables(names: str, depth: int = 2, *, fill: int = 0) -> st.SearchStrategy[dict[str, Any]]:
    """Tables of few names, so that sides meet; `T`, `L`, `M` are always a table, an array, an array of named tables."""
    leaves = st.dictionaries(st.sampled_from(names), st.one_of(scalars, st.lists(scalars, max_size=3)), min_size=fill, max_size=3)
    if not depth:
        return leaves
    inner = tables(names, depth - 1, fill=fill)
    named = st.lists(
        st.tuples(words, inner).map(lambda pair: {**pair[1], "code": pair[0]}), max_size=3, unique_by=lambda item: item["code"]
    )
    special = st.fixed_dictionaries(
        {}, optional={"T": inner, "S": inner, "L": st.lists(words, unique=True), "M": named, "N": st.lists(inner, max_size=2)}
    )
    return st.tuples(leaves, special, st.booleans()).map(lambda x: {**x[0], **x[1]} if x[2] else {**x[1], **x[0]})


def literal(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {literal(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(literal(item) for item in value) + "]"
    if isinstance(value, str):
        return json.dumps(value)
    return {"True": "true", "False": "false"}.get(repr(value), str(value))


def is_tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


class Speller:
    """Writes one of the many texts for a table: dotted, inline, with headers, with comments."""

    def __init__(self, draw: Any) -> None:
        self.draw = draw
        self.comments: list[str] = []

    def flip(self) -> bool:
        return bool(self.draw(st.booleans()))

    def remark(self) -> str:
        if self.draw(st.integers(0, 3)):
            return ""
        self.comments.append(f"# user {len(self.comments)}")
        return self.comments[-1]

    def table(self, value: dict[str, Any], at: tuple[str, ...] = ()) -> list[str]:
        lines: list[str] = []
        heads: list[str] = []
        for key, item in value.items():
            path = ".".join((*at, key))
            if isinstance(item, dict) and self.flip():
                body = self.table(item, (*at, key))
                bare = bool(body) and body[0].startswith("[") and self.flip()  # a super table needs no header
                heads += body if bare else [f"[{path}]{' ' + self.remark()}", *body]
            elif isinstance(item, dict) and item and self.flip():
                lines += [f"{key} . {name} = {literal(inner)}" for name, inner in item.items()]
            elif is_tables(item) and self.flip():
                for inner in item:
                    heads += [f"[[{path}]]", *self.table(inner, (*at, key))]
            else:
                lines += [r for r in [self.remark()] if r]
                lines.append(f"{key}  =  {literal(item)} {self.remark()}")
        return lines + ([""] if self.flip() else []) + heads


@st.composite
def spelled(draw: Any, values: st.SearchStrategy[dict[str, Any]]) -> tuple[dict[str, Any], bytes, list[str]]:
    value = draw(values)
    speller = Speller(draw)
    text = "\n".join(speller.table(value)) + draw(st.sampled_from(["", "\n", "\n\n"]))
    data = text.replace("\n", draw(st.sampled_from(["\n", "\n", "\r\n"]))).encode()
    assert same(tomllib.loads(text), value)
    return value, data, speller.comments


def plain(value: dict[str, Any]) -> bytes:
    """Our own spelling."""
    out: list[str] = []

    def table(value: dict[str, Any], at: str) -> None:
        out.extend(f"{key} = {literal(item)}" for key, item in value.items() if not isinstance(item, dict) and not is_tables(item))
        for key, item in value.items():
            for inner in [item] if isinstance(item, dict) else item if is_tables(item) else []:
                out.append(f"[{at}{key}]" if isinstance(item, dict) else f"[[{at}{key}]]")
                table(inner, f"{at}{key}.")

    table(value, "")
    return ("\n".join(out) + "\n").encode()


anything = tables("abc")
ours = tables("abc").map(plain)


@given(ours, spelled(anything), ours)
def test_the_output_reads_as_the_law_says_and_loses_no_comment(
    base: bytes, mine: tuple[dict[str, Any], bytes, list[str]], theirs: bytes
) -> None:
    merged = merge_toml(base, mine[1], theirs)
    if merged is None:
        return
    wanted, notes = merge_values(loads(base), mine[0], loads(theirs))
    if not any(note.startswith("comment") for note in merged.notes):
        assert sorted(merged.notes) == sorted(notes)
        assert same(loads(merged.data), wanted)
    else:
        assert merged.data == mine[1]
    assert merged.conflicts == len(merged.notes)
    assert all(comment.encode() in merged.data for comment in mine[2])


@given(ours, spelled(anything), ours)
def test_a_second_merge_changes_nothing(base: bytes, mine: tuple[dict[str, Any], bytes, list[str]], theirs: bytes) -> None:
    merged = merge_toml(base, mine[1], theirs)
    assume(merged is not None)
    assert merged is not None
    if not any(note.startswith("comment") for note in merged.notes):
        assert merge_toml(theirs, merged.data, theirs) == Merged(merged.data, 0)


@given(anything, anything, anything)
def test_the_law_keeps_what_only_the_user_has(base: Any, mine: Any, theirs: Any) -> None:
    got, _ = merge_values(base, mine, theirs)
    for key in mine.keys() - base.keys() - theirs.keys():
        assert same(got[key], mine[key])
    for key in theirs:
        assert key in got
    assert same(merge_values(theirs, got, theirs)[0], got)
    assert same(merge_values(base, base, theirs)[0], theirs)
    assert same(merge_values(base, theirs, theirs)[0], theirs)


@given(spelled(tables("xyz", fill=1)), ours)
def test_adding_and_taking_out_gives_back_the_user_s_keys(mine: tuple[dict[str, Any], bytes, list[str]], theirs: bytes) -> None:
    value, data, _ = mine
    assume(data.strip())
    assume(not collide(value, loads(theirs)))
    added = merge_toml(None, data, theirs)
    assume(added is not None)
    assert added is not None
    assert added.conflicts == 0
    back = merge_toml(theirs, added.data, None)
    assume(back is not None)
    assert back is not None
    assert same(loads(back.data), value)
    if added.data.startswith(data.rstrip(b"\r\n")) and theirs.strip() in added.data and data.strip() and b"\r" not in data:
        assert back.data == data


@given(spelled(anything), spelled(anything))
def test_an_untouched_file_becomes_what_is_asked_for(one: tuple[Any, bytes, Any], two: tuple[Any, bytes, Any]) -> None:
    assert merge_toml(one[1], one[1], two[1]) == Merged(two[1], 0)
    assert merge_toml(one[1], two[1], two[1]) == Merged(two[1], 0)


def loads(data: bytes) -> dict[str, Any]:
    return tomllib.loads(data.decode())


def collide(one: Any, two: Any) -> bool:
    """Whether something of one cannot be told from something of two, once both stand in one file."""
    if isinstance(one, dict) and isinstance(two, dict):
        return not one or any(key in two and collide(item, two[key]) for key, item in one.items())
    if isinstance(one, list) and isinstance(two, list):
        names = [{json.dumps(item.get("code"), default=str) for item in side if isinstance(item, dict)} for side in (one, two)]
        return not one or bool({frozen(item) for item in one} & {frozen(item) for item in two}) or bool(names[0] & names[1])
    return True
