"""Blobs that are too large to be held: kept in parts, and to everybody as if they were one."""

from __future__ import annotations

import io
import os
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from bmad_provisioner import blobs as module
from bmad_provisioner import upkeep
from bmad_provisioner.blobs import Blobs, cut
from bmad_provisioner.digest import Digest, digest
from bmad_provisioner.errors import DamagedError
from team_project import lent
from toy import Bench

PART = module._PART
SIZES = [0, 1, PART - 1, PART, PART + 1, 2 * PART, 5 * PART + 17]


def content(size: int, seed: bytes = b"seed") -> bytes:
    """Return bytes of which no two parts are alike."""
    return b"".join(digest(seed + number.to_bytes(4, "big")).encode() for number in range(size // 64 + 1))[:size]


def keep(store: Blobs, data: bytes) -> Digest:
    return store.put_parts(cut(io.BytesIO(data)))


@pytest.mark.parametrize("size", SIZES)
def test_what_is_put_in_parts_comes_back_whole_and_part_by_part(tmp_path, size):
    data = content(size)
    with closing(Blobs(tmp_path / "blobs.db")) as store:
        assert keep(store, data) == digest(data) == keep(store, data)
    with closing(Blobs(tmp_path / "blobs.db")) as store:
        assert store.get(digest(data)) == data and digest(data) in store
        assert b"".join(store.parts(digest(data))) == data
        assert all(len(part) <= PART for part in store.parts(digest(data)))
        assert store.sizes([digest(data)]) == {digest(data): size}
        assert store.present([digest(data), digest(b"another")]) == {digest(data)}


def test_a_file_is_kept_as_its_bytes_are(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(content(3 * PART))
    store = Blobs(None)
    assert store.keep(path, True) == module.Entry(digest(path.read_bytes()), True)
    assert store.keep(path) == store.keep(path.read_bytes())
    link, pipe = tmp_path / "link", tmp_path / "pipe"
    link.symlink_to(path)
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="symbolic links"):
        store.keep(link)
    assert store.keep(pipe) == store.keep(b""), "nobody waits for whoever might write"


def test_files_that_share_parts_share_their_room():
    store = Blobs(None)
    keep(store, content(4 * PART))
    before = store.size()[1]
    keep(store, content(4 * PART) + b"more")
    assert store.size()[1] == before + len(b"more")


def test_what_is_compressed_in_parts_comes_back_as_it_was():
    store, data = Blobs(None), content(3 * PART)
    name = keep(store, data)
    store.shrink([name])
    assert store.size()[1] < len(data) and store.get(name) == data


def test_pruning_keeps_the_parts_of_what_is_needed_and_no_others(tmp_path):
    mine, other = content(3 * PART), content(3 * PART, b"other")
    with closing(Blobs(tmp_path / "blobs.db")) as store:
        name, gone = keep(store, mine), keep(store, other)
        assert store.prune({name}) == 4
        assert store.get(name) == mine and gone not in store
        assert store.prune(set()) == 4 and store.size() == (0, 0)


BREAKS = {
    "a part is gone": "DELETE FROM blobs WHERE rowid = 2",
    "a part is another": "UPDATE blobs SET data = x'00' WHERE rowid = 2",
    "two parts changed places": "UPDATE wholes SET parts = CAST(substr(parts, 33) || substr(parts, 1, 32) AS BLOB)",
    "the list is cut short": "UPDATE wholes SET parts = substr(parts, 1, 32)",
    "the list is no list": "UPDATE wholes SET parts = x'00'",
    "the list is gone": "DELETE FROM wholes",
}


@pytest.mark.parametrize("what", BREAKS)
def test_what_is_not_what_its_name_says_is_never_taken_for_it(tmp_path, what):
    with closing(Blobs(tmp_path / "blobs.db")) as store:
        name = keep(store, content(3 * PART))
    with closing(sqlite3.connect(tmp_path / "blobs.db")) as raw, raw:
        raw.execute(BREAKS[what])
    with closing(Blobs(tmp_path / "blobs.db")) as store:
        with pytest.raises(DamagedError):
            store.get(name)
        with pytest.raises(DamagedError):
            list(store.parts(name))


def test_what_ends_half_way_leaves_nothing(tmp_path):
    with closing(Blobs(tmp_path / "blobs.db")) as store:
        store.put(b"before")
        store.flush()
    script = f"""
import os
from pathlib import Path
from bmad_provisioner.blobs import Blobs
def parts():
    for number in range(40):
        yield bytes([number]) * {PART}
    os._exit(9)
Blobs(Path({str(tmp_path / "blobs.db")!r})).put_parts(parts())
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 9
    with closing(Blobs(tmp_path / "blobs.db")) as store:
        assert list(store.names()) == [digest(b"before")]


def test_what_there_is_no_room_for_takes_back_nothing_else(tmp_path):
    with closing(Blobs(tmp_path / "blobs.db")) as store:
        store.put(b"before")
        store.connection.execute("PRAGMA max_page_count=400")
        with pytest.raises(OSError, match="No space left on device"):
            keep(store, content(5 * PART))
        store.put(b"after")
        assert set(store.names()) == {digest(b"before"), digest(b"after")}


def test_a_store_of_the_version_before_is_taken_over(tmp_path):
    path = tmp_path / "blobs.db"
    with closing(sqlite3.connect(path)) as old, old:
        old.execute("PRAGMA page_size=8192")
        old.execute("CREATE TABLE blobs (digest BLOB PRIMARY KEY NOT NULL, data BLOB NOT NULL)")
        old.execute("INSERT INTO blobs VALUES (?, ?)", (bytes.fromhex(digest(b"old")), b"old"))
        old.execute("PRAGMA user_version=1")
    borrowing = Blobs(None)
    borrowing.borrow(path)
    assert borrowing.get(digest(b"old")) == b"old" and digest(b"new") not in borrowing
    with closing(Blobs(path)) as store:
        assert store.get(digest(b"old")) == b"old" and store.get(keep(store, content(2 * PART))) == content(2 * PART)


# --- from the project and back ----------------------------------------------------------------------------------------


def test_a_large_file_of_the_users_is_backed_up_and_put_back(tmp_path):
    bench = Bench(tmp_path)
    mine = content(3 * PART) + b"\n"
    bench.apply({"a.txt": "first\n"})
    (tmp_path / "a.txt").write_bytes(mine)
    bench.apply({"a.txt": "second\n"}, **{"a.txt": "theirs"})
    assert (tmp_path / "a.txt").read_text() == "second\n"
    bench.restore()
    assert (tmp_path / "a.txt").read_bytes() == mine
    with bench.session() as session:
        assert digest(mine) in session.blobs and digest(mine[:PART]) in session.blobs
        assert upkeep.verify(session) == ()
        upkeep.clear(session)
        session.blobs.check(digest(mine))
        session.blobs.write("UPDATE blobs SET data = x'00' WHERE digest = ?", [(bytes.fromhex(digest(mine[:PART])),)])
        assert {finding.rule for finding in upkeep.verify(session)} == {"backup-damaged"}


def test_memory_does_not_grow_with_what_is_kept_observed_and_written(tmp_path):
    """In a process of its own, whose bound of memory is a third of the file."""
    script = f"""
import os, resource, sys
from pathlib import Path
sys.path.insert(0, {os.path.dirname(__file__)!r})
from toy import Bench
root = Path({str(tmp_path)!r})
bench = Bench(root)
bench.apply({{"a.txt": "first\\n"}})
with open(root / "a.txt", "wb") as file:
    for number in range(192):
        file.write(number.to_bytes(2, "big") * (1 << 19))
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (64 << 20),) * 2)
bench.apply({{"a.txt": "second\\n"}}, **{{"a.txt": "theirs"}})
bench.restore()
assert (root / "a.txt").stat().st_size == 192 << 20
"""
    done = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


VERBS = {
    "made, handed on and written": ("apply", lambda root: None),
    "looked at": ("run", lambda root: None),
    "put back": ("apply", lambda root: (root / "big.bin").unlink()),
    "taken back": ("restore", lambda root: None),
}


def test_memory_does_not_grow_with_what_agents_make_and_read():
    """The most that each verb held, of a small artefact and of a large one: without parts it was three times that."""
    small, large = held(1 << 20), held(96 << 20)
    assert {verb: most - small[verb] < (24 << 20) for verb, most in large.items()} == dict.fromkeys(VERBS, True)


def held(size: int) -> dict[str, int]:
    """Return the most bytes of memory that each verb held, of a team with an artefact of `size` bytes."""
    script = "import sys; from bmad_provisioner.cli.main import invoke; code = invoke(sys.argv[1:]); "
    script += "print([line for line in open('/proc/self/status') if line.startswith('VmHWM')][0].split()[1]); sys.exit(code)"
    most = {}
    with lent() as project:
        maker = project.shell(f"head -c {size} /dev/urandom > big.bin", makes=["big.bin"])
        reader = project.shell("wc -c < big.bin > size.txt", needs=["maker"], reads=["big.bin"], makes=["size.txt"])
        project.team({"maker": maker, "reader": reader})
        for name, (verb, before) in VERBS.items():
            before(project.root)
            command = [sys.executable, "-c", script, verb, "--yes"]
            done = subprocess.run(command, cwd=project.root, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            most[name] = int(done.stdout.split()[-1]) * 1024
    return most
