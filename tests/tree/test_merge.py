"""Lines merge: three ways, with the user's every line in the result."""

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bmad_provisioner.tree.merge import Merged, merge, strategy


def lines(text: str) -> bytes:
    """One line a letter."""
    return "".join(f"{letter}\n" for letter in text).encode()


def conflict(yours: str, recorded: str, manifest: str) -> bytes:
    return b"".join(
        (
            b"<<<<<<< yours\n",
            lines(yours),
            b"||||||| recorded\n",
            lines(recorded),
            b"=======\n",
            lines(manifest),
            b">>>>>>> manifest\n",
        )
    )


@pytest.mark.parametrize(
    ("path", "how"),
    [
        ("a.csv", "rows"),
        ("x/A.CSV", "rows"),
        ("a.toml", "keys"),
        ("a.md", "lines"),
        ("csv", "lines"),
        (".toml", "lines"),
        ("a.csv/b", "lines"),
    ],
)
def test_the_suffix_says_how_to_merge(path: str, how: str) -> None:
    assert strategy(path) == how


@pytest.mark.parametrize(
    ("base", "mine", "theirs", "wanted"),
    [
        ("abc", "abc", "abc", "abc"),
        ("abc", "aXc", "abc", "aXc"),
        ("abc", "abc", "aYc", "aYc"),
        ("abc", "aXc", "aXc", "aXc"),
        ("abcde", "Xbcde", "abcdY", "XbcdY"),
        ("abcd", "aXcd", "abYd", "aXYd"),  # neighbours
        ("abcd", "aXcd", "abd", "aXd"),
        ("abc", "abXc", "abY", "abXY"),  # an insertion at the edge of a change
        ("abc", "ac", "abcY", "acY"),
        ("abc", "Xabc", "abcY", "XabcY"),
        ("abc", "abcX", "abY", "abYX"),
        ("abc", "", "abc", ""),
        ("abcd", "cd", "abcdY", "cdY"),
        ("", "ab", "", "ab"),
        ("aaaa", "aaXaa", "aaaaY", "aaXaaY"),
        ("abcabc", "abcXabc", "abcabY", "abcXabY"),
    ],
)
def test_changes_that_do_not_meet_merge(base: str, mine: str, theirs: str, wanted: str) -> None:
    assert merge("a.md", lines(base), lines(mine), lines(theirs)) == Merged(lines(wanted), 0)
    assert merge("a.md", lines(base), lines(theirs), lines(mine)) == Merged(lines(wanted), 0)


@pytest.mark.parametrize(
    ("base", "mine", "theirs", "wanted", "count"),
    [
        ("abc", "aXc", "aYc", lines("a") + conflict("X", "b", "Y") + lines("c"), 1),
        ("abc", "aXc", "ac", lines("a") + conflict("X", "b", "") + lines("c"), 1),
        ("ac", "aXc", "aYc", lines("a") + conflict("X", "", "Y") + lines("c"), 1),
        ("abcd", "aXYd", "abZd", lines("a") + conflict("XY", "bc", "bZ") + lines("d"), 1),
        ("abcde", "XbcdX", "YbcdY", conflict("X", "a", "Y") + lines("bcd") + conflict("X", "e", "Y"), 2),
        ("abc", "", "abY", conflict("", "abc", "abY"), 1),
    ],
)
def test_changes_that_meet_are_marked(base: str, mine: str, theirs: str, wanted: bytes, count: int) -> None:
    merged = merge("a.md", lines(base), lines(mine), lines(theirs))
    assert merged is not None
    assert merged.data == wanted
    assert merged.conflicts == len(merged.notes) == count


@pytest.mark.parametrize(
    ("base", "mine", "theirs", "wanted"),
    [
        (b"a\nb\nc\n", b"a\r\nX\r\nc\r\n", b"a\nb\nY\n", b"a\r\nX\r\nY\r\n"),
        (b"a\nb\nc\n", b"a\nX\nc\n", b"a\r\nb\r\nY\r\n", b"a\nX\nY\n"),
        (b"a\nb\nc\n", b"a\r\nX\nc\r\n", b"a\nb\nY\n", b"a\r\nX\nY\r\n"),
        (b"a\nb\nc\n", b"\xef\xbb\xbfa\nX\nc\n", b"a\nb\nY\n", b"\xef\xbb\xbfa\nX\nY\n"),
        (b"a\nb\nc\n", b"a\nX\nc\n", b"\xef\xbb\xbfa\nb\nY\n", b"a\nX\nY\n"),
        (b"a\nb\nc\n", b"X\nb\nc", b"a\nb\nY\n", b"X\nb\nY"),
        (b"a\nb\nc", b"X\nb\nc\n", b"a\nb\nY", b"X\nb\nY\n"),
        (b"a\nb\nc\n", b"a\nb\nc", b"a\nb\nc\nY\n", b"a\nb\nc\nY"),
        (b"a\x0cb\n", b"a\x0cb\nX\n", b"Y\na\x0cb\n", b"Y\na\x0cb\nX\n"),
    ],
)
def test_line_ends_bom_and_final_newline_are_those_of_mine(base: bytes, mine: bytes, theirs: bytes, wanted: bytes) -> None:
    assert merge("a.md", base, mine, theirs) == Merged(wanted, 0)


@pytest.mark.parametrize(
    ("base", "mine", "theirs"),
    [
        (None, b"a\n", b"b\n"),
        (b"a\n", None, b"b\n"),
        (b"a\n", b"b\n", None),
        (None, None, None),
        (b"a\n", b"\xff\n", b"b\n"),
        (b"a\n", b"a\0\n", b"b\n"),
        (b"a\n", b"b\n" * 50_001, b"c\n"),
    ],
)
def test_what_is_no_text_or_not_there_does_not_merge(base: bytes | None, mine: bytes | None, theirs: bytes | None) -> None:
    assert merge("a.md", base, mine, theirs) is None


def test_two_equal_sides_merge_whatever_they_hold() -> None:
    assert merge("a.png", b"\0", b"\0", b"\xff") == Merged(b"\xff", 0)
    assert merge("a.png", b"\0", b"\xff", b"\0") == Merged(b"\xff", 0)
    assert merge("a.png", None, b"\xff", b"\xff") == Merged(b"\xff", 0)


def test_rows_and_keys_go_their_own_way() -> None:
    assert merge("a.csv", b"h\n1\n", b"h\n1\nu\n", b"h\n2\n") == Merged(b"h\n2\nu\n", 0)
    assert merge("a.toml", None, b"a = 1\n", b"b = 2\n") == Merged(b"a = 1\n\nb = 2\n", 0)


@pytest.mark.parametrize(
    "rows",
    [
        [f"line {n}" for n in range(40_000)],
        ["", "x"] * 20_000,
        ["same"] * 40_000,
        [str(n % 700) for n in range(40_000)],
    ],
    ids=["unique", "two", "one", "repeating"],
)
def test_a_long_file_merges_in_seconds(rows: list[str]) -> None:
    mine, theirs = list(rows), list(rows)
    for n in range(0, len(rows), 2):
        mine[n] = f"mine {n}"
    for n in range(1, len(rows), 400):
        theirs[n] = "theirs"
    start = time.process_time()
    merged = merge("a.md", *("\n".join(side).encode() for side in (rows, mine, theirs)))
    assert merged is not None
    assert time.process_time() - start < 10


texts = st.text(st.sampled_from("abcde"), max_size=9).map(lines)
wild = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c", "", "é", " a", "a\r"]), st.sampled_from(["\n", "\r\n"])), max_size=7
).flatmap(
    lambda rows: st.sampled_from(
        ["".join(line + end for line, end in rows), "".join(line + end for line, end in rows).rstrip("\r\n")]
    ).map(str.encode)
)


@given(wild, wild, wild)
def test_what_one_side_left_alone_is_the_other_side(b: bytes, x: bytes, y: bytes) -> None:
    assert merge("a.md", x, x, y) == Merged(y, 0)
    assert merge("a.md", x, y, x) == Merged(y, 0)
    assert merge("a.md", b, y, y) == Merged(y, 0)


@given(wild, wild, wild)
@example(b"a\n", b"", b"a\nb\n")
def test_no_changed_line_of_mine_is_missing(base: bytes, mine: bytes, theirs: bytes) -> None:
    merged = merge("a.md", base, mine, theirs)
    assert merged is not None
    old, have = rows_of(base), rows_of(merged.data)
    for line in set(rows_of(mine)):
        extra = rows_of(mine).count(line) - old.count(line)
        assert extra <= 0 or have.count(line) >= 1, line
        if line not in old:
            assert have.count(line) >= rows_of(mine).count(line)


def rows_of(data: bytes) -> list[bytes]:
    return [row.rstrip(b"\r") for row in data.split(b"\n") if row.rstrip(b"\r")]


@given(texts, texts, texts)
def test_the_sides_may_be_swapped(base: bytes, mine: bytes, theirs: bytes) -> None:
    one, other = merge("a.md", base, mine, theirs), merge("a.md", base, theirs, mine)
    assert one is not None
    assert other is not None
    assert one.conflicts == other.conflicts
    assert resolve(one.data, "<") == resolve(other.data, ">")
    assert resolve(one.data, ">") == resolve(other.data, "<")
    assert resolve(one.data, "|") == resolve(other.data, "|")


def resolve(data: bytes, side: str) -> list[str]:
    """The text with one section taken of each conflict."""
    out: list[str] = []
    section = ""
    for line in data.decode().split("\n"):
        mark = line[:7]
        if mark in ("<<<<<<<", "|||||||", "=======", ">>>>>>>"):
            section = {"<": "<", "|": "|", "=": ">", ">": ""}[mark[0]]
        elif section in ("", side):
            out.append(line)
    return out


@given(texts, texts, texts)
def test_a_merge_is_settled(base: bytes, mine: bytes, theirs: bytes) -> None:
    merged = merge("a.md", base, mine, theirs)
    assert merged is not None
    assert merge("a.md", theirs, merged.data, theirs) == Merged(merged.data, 0)


@given(st.lists(st.sampled_from(["keep", "mine", "theirs"]), max_size=12))
def test_edits_of_different_lines_never_conflict(plan: list[str]) -> None:
    base = [f"line {n}" for n in range(len(plan))]
    mine = [f"{line} mine" if who == "mine" else line for line, who in zip(base, plan, strict=True)]
    theirs = [f"{line} theirs" if who == "theirs" else line for line, who in zip(base, plan, strict=True)]
    both = [f"{line} {who}" if who != "keep" else line for line, who in zip(base, plan, strict=True)]
    assert merge("a.md", *("\n".join(side).encode() for side in (base, mine, theirs))) == Merged("\n".join(both).encode(), 0)
