"""Hostile circumstances: damaged state, no rights, no room, two runs at once, a kill; the user's bytes outlive all of it."""

from __future__ import annotations

import fcntl
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

from cli.home import FRONTEND, LEADER, MANIFEST, TWO, fast, powerless

COMMAND = [sys.executable, "-m", "bmad_provisioner"]
VERBS = [
    ("analyze",),
    ("diff",),
    ("why", LEADER),
    ("apply", "--yes"),
    ("restore", "--yes"),
    ("heal", "--yes"),
    ("history",),
    ("history", "--verify"),
    ("cache", "stats"),
    ("cache", "clear"),
    ("cache", "prune"),
]


@pytest.fixture
def home():
    with fast() as lent:
        assert lent.apply(MANIFEST).code == 0
        lent.bmadp("analyze")
        yield lent


def damage(path, how):
    data = path.read_bytes()
    path.unlink()
    {
        "garbage": lambda: path.write_bytes(b"\0garbage\xff" * 500),
        "half": lambda: path.write_bytes(data[: len(data) // 2]),
        "empty": lambda: path.write_bytes(b""),
        "folder": path.mkdir,
        "link": lambda: path.symlink_to("/etc/passwd"),
        "gone": lambda: None,
    }[how]()


@pytest.mark.parametrize("how", ["garbage", "half", "empty", "folder", "link", "gone"])
@pytest.mark.parametrize("name", ["blobs.db", "index.json", "recorded.json", "lock", "journal"])
def test_damaged_state_never_costs_a_byte_of_the_user(home, name, how):
    (home.root / LEADER).write_text("my edit\n")
    home.write(TWO)
    path = next((home.state / name).iterdir()) if name == "journal" else home.state / name
    if not path.exists():
        path.write_bytes(b"{}")
    damage(path, how)
    beside = home.outside()
    for verb in VERBS:
        said = home.bmadp(*verb)
        assert said.code in (0, 1, 2) and "bug of ours" not in said.err, (verb, said)
        assert said.code == 0 or "error: " in said.err, (verb, said)
        assert (home.root / LEADER).read_text() == "my edit\n", verb
    assert home.outside() == beside


def test_a_lost_store_of_bytes_can_be_lived_without(home):
    (home.root / LEADER).write_text("my edit\n")
    (home.state / "blobs.db").unlink()
    home.write(TWO)

    assert home.bmadp("apply", "--yes").is_one_error(1, LEADER)
    assert home.bmadp("apply", "--yes", "--ours", LEADER).code == 0
    assert (home.root / LEADER).read_text() == "my edit\n"
    assert home.bmadp("analyze", "--exit-code").code == 5


def test_clearing_the_cache_mends_damaged_bytes(home):
    with sqlite3.connect(home.state / "blobs.db") as store:
        store.execute("UPDATE blobs SET data = X'6576696c'")
    store.close()
    (home.root / LEADER).unlink()
    assert home.bmadp("apply", "--yes").is_one_error(1, "cache clear")
    assert not (home.root / LEADER).exists()
    assert home.bmadp("cache", "clear").code == 0
    assert home.bmadp("apply", "--yes").code == 0
    assert "evil" not in (home.root / LEADER).read_text()


def test_an_unfinished_transaction_that_is_damaged_stops_the_writers(home):
    left = home.state / "txn/00000009-1"
    left.mkdir(parents=True)
    (left / "steps.json").write_text("{")
    before = home.files()
    for verb in ("apply", "restore", "heal"):
        assert home.bmadp(verb, "--yes").is_one_error(1, "interrupted run"), verb
    assert home.files() == before
    assert home.bmadp("analyze").code == 1


@pytest.mark.parametrize("verb", [("apply", "--yes"), ("restore", "--yes"), ("heal", "--yes"), ("cache", "clear")])
def test_a_project_that_cannot_be_written_stays_and_says_so(home, verb):
    home.write(TWO)
    for path in [home.root, *home.root.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    before = home.files()
    said = home.process(*verb, preexec_fn=powerless)

    assert said.is_one_error(1, "cannot be written"), said
    assert home.files() == before
    looked = home.process("analyze", preexec_fn=powerless)
    assert looked.code == 0 and "4 missing" in looked.out, looked


def test_a_merge_is_planned_where_nothing_can_be_written(home):
    (home.root / FRONTEND).write_text((home.root / FRONTEND).read_text() + "\nmy line\n")
    home.write(MANIFEST.replace("Frontend Developer", "Interface Developer"))
    for path in [home.root, *home.root.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    said = home.process("analyze", preexec_fn=powerless)
    assert said.code == 0 and "merged" in said.out, said


def test_a_manifest_that_may_not_be_read_is_an_error(home):
    home.manifest.chmod(0)
    assert home.process("analyze", preexec_fn=powerless).is_one_error(2, "cannot be read: permission denied")


@pytest.mark.parametrize("size", [0, 4096, 40_000])
def test_no_file_may_grow_and_nothing_is_half_done(size):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    with fast() as home:
        home.write(MANIFEST)
        before, beside = home.files(), home.outside()
        assert home.process("apply", "--yes", preexec_fn=limit).is_one_error(1)
        assert home.files() == before and home.outside() == beside
        assert home.apply().code == 0


@pytest.mark.parametrize("kilobytes", [4, 64, 200])
def test_a_full_disk_leaves_everything_as_it_was(kilobytes):
    with fast() as home:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(home.root)]
        mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
        if not mounted:  # only root may mount; RLIMIT_FSIZE above shows the same to everybody else
            return
        try:
            home.write(MANIFEST)
            before = home.files()
            said = home.process("apply", "--yes")
            assert said.is_one_error(1) and "move it away" not in said.err, said
            assert home.files() == before
        finally:
            subprocess.run(["umount", str(home.root)], check=True)


def test_two_runs_at_once_do_it_once(home):
    home.write(TWO)
    runs = [subprocess.Popen([*COMMAND, "apply", "--yes"], cwd=home.root, stdout=-1, stderr=-1, text=True) for _ in range(3)]
    ends = [(run.communicate(timeout=60), run.returncode) for run in runs]

    assert [code for _said, code in ends if code not in (0, 1)] == [], ends
    assert sum("as receipt 2" in out for (out, _err), _code in ends) == 1, ends
    assert all("bug of ours" not in err for (_out, err), _code in ends)
    assert home.bmadp("analyze", "--exit-code").code == 0
    assert home.bmadp("history", "--verify").code == 0


MANY = 'project:\n  name: P\n  bmad_version: ">=6.4,<7"\n  leaders:\n    - name: dev-leader\n      specialists:\n' + "".join(
    f"        - {{id: s{number}, domain: d{number}}}\n" for number in range(300)
)


@pytest.mark.parametrize("verb", [("analyze",), ("apply", "--yes"), ("restore", "--yes"), ("history", "--verify")])
def test_after_a_kill_any_verb_works(verb):
    with fast() as home:
        home.apply(MANIFEST)
        mine = home.root / ".claude/skills/dev-s1/NOTES.md"
        mine.parent.mkdir(parents=True)
        mine.write_text("mine\n")
        home.write(MANY)
        run = subprocess.Popen([*COMMAND, "apply", "--yes"], cwd=home.root, stdout=-1, stderr=-1)
        until = time.monotonic() + 20
        while time.monotonic() < until and run.poll() is None and not list(home.state.glob("txn/*")):
            time.sleep(0.001)
        os.kill(run.pid, signal.SIGKILL)
        run.communicate()
        said = home.bmadp(*verb)

        assert said.code in (0, 1) and "bug of ours" not in said.err, said
        assert mine.read_text() == "mine\n"
        assert home.bmadp("apply", "--yes").code == 0
        assert home.bmadp("analyze", "--exit-code").code == 0
        assert home.bmadp("history", "--verify").code == 0


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_termination_end_with_130_and_everything_as_it_was(end):
    with fast() as home:
        home.write(MANIFEST)
        before = home.files()
        lock = home.state / "lock"
        home.state.mkdir()
        with open(lock, "w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            run = subprocess.Popen([*COMMAND, "apply", "--yes"], cwd=home.root, stdout=-1, stderr=subprocess.PIPE, text=True)
            assert run.stderr is not None and "waiting for" in run.stderr.readline()
            run.send_signal(end)
            _out, err = run.communicate(timeout=30)
        assert run.returncode == 130 and "interrupted" in err and "Traceback" not in err
        assert home.files() == before
