"""Rows merge: the user's survive byte for byte, ours are brought up to date."""

import csv
import io

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bmad_provisioner.tree.merge import Merged
from bmad_provisioner.tree.merge_csv import merge_csv

H = b"id,v\n"
W = b"k,id,v\n"  # with rows whose first cell is not unique

CLEAN = [
    ("absent file", H + b"a,1\n", None, H + b"a,2\n", H + b"a,2\n"),
    ("all absent", None, None, None, b""),
    ("empty file", None, b"", H + b"a,1\n", H + b"a,1\n"),
    ("blank file", None, b"\n\n", H + b"a,1\n", H + b"a,1\n"),
    ("added at the end", None, H + b"u,1\n", H + b"a,1\nb,2\n", H + b"u,1\na,1\nb,2\n"),
    ("added behind ours", H + b"a,1\n", H + b"a,1\nu,1\n", H + b"a,1\nb,2\n", H + b"a,1\nb,2\nu,1\n"),
    ("put back", H + b"a,1\nb,2\n", H + b"a,1\nu,1\n", H + b"a,1\nb,2\n", H + b"a,1\nb,2\nu,1\n"),
    ("updated in place", H + b"a,1\nb,2\n", H + b"u,0\na,1\nw,0\nb,2\n", H + b"a,9\nb,2\n", H + b"u,0\na,9\nw,0\nb,2\n"),
    ("edited stays", H + b"a,1\n", H + b"a,5\n", H + b"a,1\nb,2\n", H + b"a,5\nb,2\n"),
    ("dropped", H + b"a,1\nb,2\n", H + b"a,1\nu,1\nb,2\n", H + b"b,2\n", H + b"u,1\nb,2\n"),
    ("edited is not dropped", H + b"a,1\nb,2\n", H + b"a,5\nb,2\n", H + b"b,2\n", H + b"a,5\nb,2\n"),
    ("replaced where it stood", H + b"a,1\n", H + b"a,1\nu,1\n", H + b"b,2\n", H + b"b,2\nu,1\n"),
    ("taken out whole", H + b"a,1\n", H + b"a,1\n\n", None, b""),
    ("the user's row stays", H + b"a,1\n", H + b"a,1\nu,1\n", None, H + b"u,1\n"),
    ("the user's header stays", H + b"a,1\n", b"id,v,note\na,1,\n", None, b"id,v,note\n"),
    (
        "spelling survives",
        H + b"a,1\n",
        b'"id",v\n"u","x\ny"\n a ,"1"\n"a","1"\n',
        H + b"a,1\nb,2\n",
        b'"id",v\n"u","x\ny"\n a ,"1"\n"a","1"\nb,2\n',
    ),
    ("our spelling", H, H + b"u,1\n", H + b'"b","2 ""x"""\n', H + b'u,1\n"b","2 ""x"""\n'),
    ("CRLF", H + b"a,1\n", b"id,v\r\na,1\r\nu,1\r\n", H + b"a,2\nb,2\n", b"id,v\r\na,2\r\nb,2\r\nu,1\r\n"),
    ("BOM", H, b"\xef\xbb\xbf" + H + b"u,1\n", H + b"a,1\n", b"\xef\xbb\xbf" + H + b"u,1\na,1\n"),
    ("no final newline", H, H + b"u,1", H + b"a,1\n", H + b"u,1\na,1"),
    ("no final newline, and back", H + b"a,1\n", H + b"u,1\na,1", None, H + b"u,1"),
    ("blank lines stay below", H, H + b"u,1\n\n", H + b"a,1\n", H + b"u,1\na,1\n\n"),
    ("a column of the user's", H + b"a,1\nb,1\n", b"id,note,v\na,hi,1\nb,,1\n", H + b"a,2\nc,3\n", b"id,note,v\na,hi,2\nc,,3\n"),
    ("a noted row is not dropped", H + b"a,1\nb,1\n", b"id,note,v\na,hi,1\nb,,1\n", H + b"b,1\n", b"id,note,v\na,hi,1\nb,,1\n"),
    ("columns moved", H + b"a,1\n", b"v,id\n1,a\n", H + b"a,2\nb,3\n", b"v,id\n2,a\n3,b\n"),
    ("a column we no longer know", b"id,v,w\na,1,1\n", b"id,v,w\na,1,1\nu,1,1\n", H + b"a,2\n", b"id,v,w\na,2,\nu,1,1\n"),
    (
        "no key: by the whole row",
        W + b"k,a,1\nk,b,1\n",
        W + b"k,a,1\nk,u,0\nk,b,1\n",
        W + b"k,a,2\nk,b,1\n",
        W + b"k,u,0\nk,b,1\nk,a,2\n",
    ),
    ("no key: the user's twin stays", W + b"k,a,1\nk,b,1\n", W + b"k,a,1\nk,a,1\nk,b,1\n", W + b"k,b,1\n", W + b"k,a,1\nk,b,1\n"),
    ("no key: put back", W + b"k,a,1\nk,b,1\n", W + b"k,b,1\n", W + b"k,a,1\nk,b,1\n", W + b"k,b,1\nk,a,1\n"),
    ("ragged rows of the user's", H + b"a,1\n", H + b"u\nw,1,2,3\na,1\n", H + b"a,2\n", H + b"u\nw,1,2,3\na,2\n"),
    ("short row is a full one with empty cells", H + b"a,\n", H + b"a\nu,1\n", H + b"a,2\n", H + b"a,2\nu,1\n"),
]


@pytest.mark.parametrize(("base", "mine", "theirs", "wanted"), [case[1:] for case in CLEAN], ids=[case[0] for case in CLEAN])
def test_rows_merge(base: bytes | None, mine: bytes | None, theirs: bytes | None, wanted: bytes) -> None:
    assert merge_csv(base, mine, theirs) == Merged(wanted, 0)


@pytest.mark.parametrize(
    ("base", "mine", "theirs", "wanted", "note"),
    [
        (H + b"a,1\n", H + b"a,5\n", H + b"a,2\nb,1\n", H + b"a,5\nb,1\n", "row `a`"),
        (None, H + b"a,5\n", H + b"a,2\n", H + b"a,5\n", "row `a`"),
        (H, b"id,x\nu,1\n", H + b"a,2\n", b"id,x\nu,1\n", "header"),
        (H, b"id,v,v\nu,1,2\n", H + b"a,2\n", b"id,v,v\nu,1,2\n", "header"),
    ],
)
def test_a_conflict_is_named_and_keeps_the_user_s_row(
    base: bytes | None, mine: bytes, theirs: bytes, wanted: bytes, note: str
) -> None:
    merged = merge_csv(base, mine, theirs)
    assert merged is not None
    assert (merged.data, merged.conflicts) == (wanted, 1)
    assert merged.notes[0].startswith(note)


@pytest.mark.parametrize("mine", [b'id,v\n"a,1\n', b'id,v\n"a"b,1\n', b"id,v\ra,1\r", b"id,v\na\0,1\n", b"id,\xff\n"])
def test_what_is_no_csv_does_not_merge(mine: bytes) -> None:
    assert merge_csv(H + b"a,1\n", mine, H + b"a,2\n") is None


# --- properties ----------------------------------------------------------------------------------------------------------------

Rows = list[list[str]]

values = st.sampled_from(["", "1", "2", 'q"', "x,y", "m\nn", " s", "é"])


def cells(row: list[str], spelling: int) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n", quoting=csv.QUOTE_ALL if spelling else csv.QUOTE_MINIMAL).writerow(row)
    return out.getvalue().removesuffix("\r\n")


def rows(keys: str, *, unique: bool = True) -> st.SearchStrategy[Rows]:
    row = st.tuples(st.sampled_from(keys), values, values).map(list)
    return st.lists(row, max_size=5, unique_by=(lambda row: row[0]) if unique else None)


def ours(content: Rows) -> bytes:
    return "".join(cells(row, 0) + "\n" for row in [["id", "v", "w"], *content]).encode()


@st.composite
def spelled(draw: st.DrawFn, content: st.SearchStrategy[Rows]) -> tuple[Rows, bytes]:
    """Rows, and one of the many ways to write them."""
    value = draw(content)
    end = draw(st.sampled_from(["\n", "\r\n"]))
    text = end.join(
        [*(cells(row, draw(st.integers(0, 1))) for row in [["id", "v", "w"], *value]), *draw(st.sampled_from([[], [""], ["", ""]]))]
    )
    return value, draw(st.sampled_from([b"", b"\xef\xbb\xbf"])) + text.encode()


def read(data: bytes) -> Rows:
    found = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    return [row for row in found if row][1:]


side = st.one_of(rows("abcd"), rows("abcd", unique=False))
absent = st.one_of(st.none(), side.map(ours))


@given(absent, spelled(side), absent)
def test_no_row_of_the_user_s_is_lost(base: bytes | None, mine: tuple[Rows, bytes], theirs: bytes | None) -> None:
    merged = merge_csv(base, mine[1], theirs)
    assert merged is not None
    have = read(merged.data)
    was = read(base or b"")
    for row in mine[0]:
        if row not in was:
            assert have.count(row) >= mine[0].count(row)
    names = {row[0] for row in have}
    assert all(row in have or row[0] in names for row in read(theirs or b""))
    assert merged.conflicts == len(merged.notes)


@given(absent, spelled(side), absent)
def test_lines_of_rows_that_stay_are_not_rewritten(base: bytes | None, mine: tuple[Rows, bytes], theirs: bytes | None) -> None:
    merged = merge_csv(base, mine[1], theirs)
    assert merged is not None
    assume(merged.data)
    known = {row[0] for data in (base, theirs) for row in read(data or b"")}
    for record in read(mine[1]):
        if record[0] not in known:
            assert any(cells(record, spelling).encode() in merged.data for spelling in (0, 1))
    assert merged.data.startswith(mine[1].split(b"\n")[0].rstrip(b"\r"))
    assert merged.data.endswith(b"\n") == mine[1].endswith(b"\n") or mine[1] in (base, theirs)


@given(absent, spelled(side), absent)
def test_a_second_merge_changes_nothing(base: bytes | None, mine: tuple[Rows, bytes], theirs: bytes | None) -> None:
    merged = merge_csv(base, mine[1], theirs)
    assert merged is not None
    assert merge_csv(theirs, merged.data, theirs) == Merged(merged.data, 0)


@given(spelled(rows("uvwx", unique=False)), side.map(ours))
def test_adding_and_taking_out_gives_back_the_user_s_bytes(mine: tuple[Rows, bytes], theirs: bytes) -> None:
    assume(mine[0])
    added = merge_csv(None, mine[1], theirs)
    assert added is not None
    assert added.conflicts == 0
    assert merge_csv(theirs, added.data, None) == Merged(mine[1], 0)


@given(side.map(ours), side.map(ours))
def test_an_untouched_file_becomes_what_is_asked_for(base: bytes, theirs: bytes) -> None:
    assert merge_csv(base, base, theirs) == Merged(theirs, 0)
    assert merge_csv(base, theirs, theirs) == Merged(theirs, 0)
    assert merge_csv(base, base, None) == Merged(b"", 0)


@given(rows("abcd"), rows("abcd"), rows("abcd"))
def test_the_law_by_key(base: Rows, mine: Rows, theirs: Rows) -> None:
    b, m, t = ({row[0]: row for row in content} for content in (base, mine, theirs))
    wanted = dict(m)
    conflicts = 0
    for key in {*b, *t}:
        if key in t and (key not in m or m[key] == b.get(key)):
            wanted[key] = t[key]
        elif key in t:
            conflicts += m[key] != t[key] and t[key] != b.get(key)
        elif m.get(key) == b[key]:
            wanted.pop(key, None)
    merged = merge_csv(ours(base), ours(mine), ours(theirs))
    assert merged is not None
    assert {row[0]: row for row in read(merged.data)} == wanted
    assert merged.conflicts == conflicts


@given(rows("abcd"), spelled(rows("abcd")), rows("abcd"), st.permutations(["id", "v", "w", "note"]))
def test_columns_the_user_added_or_moved_stay(base: Rows, mine: tuple[Rows, bytes], theirs: Rows, head: list[str]) -> None:
    def lay(row: list[str], note: str) -> list[str]:
        named = {"id": row[0], "v": row[1], "w": row[2], "note": note}
        return [named[name] for name in head]

    text = "".join(cells(row, 0) + "\n" for row in [head, *(lay(row, f"note {n}") for n, row in enumerate(mine[0]))]).encode()
    merged = merge_csv(ours(base), text, ours(theirs))
    assert merged is not None
    at = head.index("note")
    assert [row[at] for row in read(merged.data) if row[at]] == [f"note {n}" for n in range(len(mine[0]))]
    straight = merge_csv(ours(base), ours(mine[0]), ours(theirs))
    assert straight is not None
    back = {row[head.index("id")]: [row[head.index(name)] for name in ("id", "v", "w")] for row in read(merged.data)}
    assert all(back[row[0]] == row for row in read(straight.data))
    assert merge_csv(ours(theirs), merged.data, ours(theirs)) == Merged(merged.data, 0)


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_any_bytes_get_an_answer(mine: bytes, theirs: bytes) -> None:
    merge_csv(theirs, mine, H + b"a,1\n")
    merge_csv(None, mine, theirs)
