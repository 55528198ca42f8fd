"""Levels: whatever becomes of memory, disk and server, a result is found as it was put, or not at all."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import struct
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from redis import Redis
from zstandard import ZstdCompressor

from bmad_provisioner.blobs import Blobs
from bmad_provisioner.digest import canonical, digest, fingerprint
from bmad_provisioner.engine.breaker import UNKNOWN, Breakers, State
from bmad_provisioner.engine.cache import UNREPORTED, Made, Trace, spelled
from bmad_provisioner.engine.circuits import DiskStore
from bmad_provisioner.engine.eviction import Bounded
from bmad_provisioner.engine.levels import Levels, LevelStats
from bmad_provisioner.engine.parcel import WITHIN, beside, decode, encode, pack, unpack
from bmad_provisioner.engine.shared import Shared, seal
from bmad_provisioner.engine.task import Action, Effect, Keeping, Lane, Output
from bmad_provisioner.engine.worth import DOLLAR, FADING, Weight, surplus
from bmad_provisioner.errors import DamagedError
from bmad_provisioner.usage import Usage
from engine.test_cache import outputs
from engine.test_shared import commands, free_port, kill, serving
from engine.work import SAY, Shop, statuses, task

LARGE = os.urandom(WITHIN + 1)
SLOW = Action("slow", "1", SAY.function, Lane.IO, external=True)


class Clock:
    now = 1e9

    def __call__(self):
        return self.now


class Project:
    """A project with all levels: its blobs, its clock, and what the shared level warned of."""

    def __init__(self, server=None, *, blobs=None, clock=None, ttl=None, memory=1 << 20):
        self.blobs, self.clock, self.said = blobs or Blobs(None), clock or Clock(), []
        url = None if server is None else f"redis://127.0.0.1:{server.port}"
        self.shared = None if url is None else Shared(url, warn=self.said.append, patience=5.0)
        held = Bounded(memory, clock=self.clock) if memory else None
        self.levels = Levels(self.blobs, memory=held, shared=self.shared, ttl=ttl, now=self.clock)
        self.shop = Shop(blobs=self.blobs, cache=self.levels)

    def again(self):
        """Return the project as the next process finds it."""
        self.close()
        other = Project(blobs=self.blobs, clock=self.clock)
        other.shared = other.levels.shared = None if self.shared is None else self.shared
        return other

    def find(self, key, work):
        hit = self.levels.get_many({key: work}).get(key)
        return None if hit is None else (hit.level, hit.output)

    def close(self):
        self.levels.commit()
        if self.shared is not None:
            self.shared.close()


@pytest.fixture(scope="module")
def running():
    with serving(**{"maxmemory": "256mb", "maxmemory-policy": "allkeys-lfu"}) as server:
        yield server


@pytest.fixture
def raw(running):
    with closing(Redis(port=running.port)) as client:
        client.flushall()
        yield client


@pytest.fixture
def project(running, raw):
    made = []

    def make(server=running, **options):
        made.append(Project(server, **options))
        return made[-1]

    yield make
    for one in made:
        if one.shared is not None:
            one.shared.close()


def kept(level="shared", **options):
    return replace(task("a", action=SLOW), keeping=Keeping(level=level, **options))


def made(key, output, work, seconds=2.0):
    body = spelled(output)
    return Made(key, output, body, digest(body), work, seconds)


KEY = fingerprint("key")
PAID = Usage(cost=0.25)


# --- what is shared ---------------------------------------------------------------------------------------------------


def graph(**options):
    keeping = Keeping(level="shared", **options)
    tasks = [task("a", action=SLOW), task("b", action=SLOW, needs=("a",)), task("c", needs=("b",))]
    return [replace(one, keeping=keeping) for one in tasks]


def test_what_one_project_made_another_finds_with_its_files(project):
    one, other = project(), project()
    first = one.shop.run(*graph())
    assert set(statuses(first).values()) == {"done"}
    found = other.shop.run(*graph())
    assert set(statuses(found).values()) == {"cached"} and other.shop.started == []
    assert {outcome.level for outcome in found.values()} == {"shared"}
    for name in first:
        assert replace(first[name].output, usage=Usage()) == replace(found[name].output, usage=Usage())
        assert [other.blobs.get(entry.digest) for entry in found[name].output.entries]
    assert {outcome.level for outcome in other.shop.run(*graph()).values()} == {"memory"}
    assert {outcome.level for outcome in other.again().shop.run(*graph()).values()} == {"disk"}
    assert one.said == other.said == []


@pytest.mark.parametrize("compress", [True, False])
def test_files_of_every_size_come_back_and_large_ones_cost_one_more_question(project, raw, compress):
    one, other, work = project(), project(), kept(compress=compress)
    files = {"large": LARGE, "text": b"text " * 1000, "none": b"", "same": LARGE}
    output = Output(
        {path: one.blobs.keep(data, path == "text") for path, data in files.items()},
        hands={"handed": one.blobs.keep(b"handed")},
        usage=PAID,
    )
    one.levels.put(made(KEY, output, work))
    one.levels.commit()
    raw.config_resetstat()
    assert other.find(KEY, work) == ("shared", output)
    assert commands(raw)["mget"] == 2
    assert {path: other.blobs.get(entry.digest) for path, entry in output.files.items()} == files
    assert sorted(raw.keys()) == sorted([b"bmadp:1:" + KEY.encode(), b"bmadp:1:blob:" + digest(LARGE).encode()])


def test_only_what_wants_to_be_shared_is_sent_or_asked_for(project, raw):
    one = project()
    raw.config_resetstat()
    for level in ("disk", "memory", "never"):
        one.levels.put(made(fingerprint(level), Output(), kept(level)))
        one.levels.get_many({fingerprint([level]): kept(level)})
    one.levels.commit()
    assert raw.keys() == [] and "mget" not in commands(raw)


def test_what_was_not_there_is_not_asked_for_again_for_a_while(project, raw):
    one, other, work = project(), project(), kept()
    raw.config_resetstat()
    for _ in range(3):
        assert one.find(KEY, work) is None
    assert commands(raw)["mget"] == 1
    other.levels.put(made(KEY, Output(), work))
    other.levels.commit()
    one.clock.now += 61
    assert one.find(KEY, work) == ("shared", Output())


def test_a_frontier_is_one_question(project, raw):
    one = project()
    raw.config_resetstat()
    assert one.levels.get_many({fingerprint(n): kept() for n in range(400)}) == {}
    assert commands(raw)["mget"] == 1


def test_what_cannot_travel_stays_at_home(project, raw, monkeypatch):
    monkeypatch.setattr("bmad_provisioner.engine.parcel.LARGEST", 100_000)
    one, work = project(), kept()
    one.levels.put(made(KEY, Output({"large": one.blobs.keep(LARGE)}), work))
    one.levels.commit()
    assert raw.keys() == [] and one.find(KEY, work) is not None


# --- what is damaged, forged, late or gone ----------------------------------------------------------------------------


def damaged(change):
    """Return a way to spoil a value that leaves its codec and its seal intact."""
    return lambda value: encode(change(decode(value)), eager=False)


def headed(change):
    def spoil(plain):
        size = struct.unpack(">I", plain[:4])[0]
        head = json.loads(plain[4 : 4 + size])
        change(head)
        fresh = json.dumps(head, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        return struct.pack(">I", len(fresh)) + fresh + plain[4 + size :]

    return damaged(spoil)


BOMB = ZstdCompressor().compress(b"\0" * ((256 << 20) + 1))
POISON = {
    "empty": lambda value: b"",
    "another codec": lambda value: b"\7" + value[1:],
    "no zstd": lambda value: b"\1" + value[1:],
    "zstd cut off": lambda value: b"\1" + ZstdCompressor().compress(decode(value))[:-1],
    "zstd and more": lambda value: b"\1" + ZstdCompressor().compress(decode(value)) + b"x",
    "zstd without a size": lambda value: b"\1" + ZstdCompressor(write_content_size=False).compress(decode(value)),
    "a bomb": lambda value: b"\1" + BOMB,
    "truncated": damaged(lambda plain: plain[:-1]),
    "longer": damaged(lambda plain: plain + b"x"),
    "no head": damaged(lambda plain: b"\xff\xff\xff\xff" + plain[4:]),
    "head is a list": damaged(lambda plain: b"\0\0\0\2[]"),
    "deep": damaged(lambda plain: struct.pack(">I", 200_000) + b"[" * 200_000),
    "no usage": headed(lambda head: head.pop("usage")),
    "endless seconds": headed(lambda head: head.update(seconds=float("inf"))),
    "no seconds": headed(lambda head: head.update(seconds=1)),
    "seconds before": headed(lambda head: head.update(seconds=-1.0)),
    "made in no year": headed(lambda head: head.update(made=float("nan"))),
    "money": headed(lambda head: head.update(usage="0 0 0 inf 1 0")),
    "another body": headed(lambda head: head.update(body=head["body"] - 1)),
    "another file": damaged(lambda plain: plain[:-1] + bytes([plain[-1] ^ 1])),
    "a file less": headed(lambda head: head.update(files=[])),
    "a size": headed(lambda head: head.update(files=[[name, -size] for name, size in head["files"]])),
}


@pytest.mark.parametrize("poison", POISON.values(), ids=POISON)
def test_what_is_poisoned_is_a_miss_and_is_replaced(project, raw, poison):
    one, work = project(), graph()[0]
    outcome = one.shop.run(work)["a"]
    (name,) = raw.keys()
    key = name.decode().removeprefix("bmadp:1:")
    good = raw.get(name)
    payload = good[len(seal(key, b"", None)) :]
    raw.set(name, seal(key, poison(payload), None))
    other = project()
    assert statuses(other.shop.run(work)) == {"a": "done"} and other.shop.started == ["a"]
    assert unpack(raw.get(name)[len(seal(key, b"", None)) :]).output.files == outcome.output.files
    assert statuses(project().shop.run(work)) == {"a": "cached"}


FORGED = {
    "climbs": {"files": {"a/../../b": ["0" * 64, False]}, "findings": [], "facts": {}},
    "absolute": {"files": {}, "findings": [], "facts": {}, "hands": {"/etc/b": ["0" * 64, False]}},
    "nul": {"files": {"a\0b": ["0" * 64, False]}, "findings": [], "facts": {}},
    "name": {"files": {"a": ["../" + "0" * 61, False]}, "findings": [], "facts": {}},
    "number": {"files": {"a": [5, False]}, "findings": [], "facts": {}},
    "switch": {"files": {"a": ["0" * 64, "yes"]}, "findings": [], "facts": {}},
    "finding": {"files": {}, "findings": [[1, "r", "m", "error", None, ""]], "facts": {}},
    "line": {"files": {}, "findings": [["p", "r", "m", "error", "1", ""]], "facts": {}},
    "leaves": {"files": {}, "findings": [], "facts": {}, "leaves": [1]},
    "order": '{"findings":[],"files":{},"facts":{}}',
}


@pytest.mark.parametrize("plain", FORGED.values(), ids=FORGED)
def test_an_output_that_no_task_could_have_said_is_a_miss(plain):
    body = plain.encode() if isinstance(plain, str) else canonical(plain)
    head = canonical({"body": len(body), "files": [], "made": 1.0, "seconds": 1.0, "usage": ""})
    assert unpack(encode(struct.pack(">I", len(head)) + head + body, eager=False)) is None


def test_values_that_changed_places_are_misses(project, raw):
    one, works = project(), [task("x", action=SLOW), task("y", action=SLOW)]
    works = [replace(work, keeping=Keeping(level="shared")) for work in works]
    first = one.shop.run(*works)
    x, y = raw.keys()
    values = raw.get(y), raw.get(x)
    raw.set(x, values[0])
    raw.set(y, values[1])
    other = project()
    again = other.shop.run(*works)
    assert statuses(again) == {"x": "done", "y": "done"} and len(other.said) == 1
    assert {name: o.output.files for name, o in again.items()} == {name: o.output.files for name, o in first.items()}


@pytest.mark.parametrize("spoil", [None, b"", b"\0other", LARGE])
def test_a_result_whose_large_file_is_lost_or_another_is_a_miss(project, raw, spoil):
    one, other, work = project(), project(), kept()
    one.levels.put(made(KEY, Output({"large": one.blobs.keep(LARGE)}), work))
    one.levels.commit()
    name = beside(digest(LARGE))
    raw.delete(f"bmadp:1:{name}")
    if spoil is not None:
        raw.set(f"bmadp:1:{name}", seal(name, spoil, None))
    assert other.find(KEY, work) is None and digest(b"other") not in other.blobs
    raw.delete(f"bmadp:1:{name}")
    one.levels.put(made(KEY, Output({"large": one.blobs.keep(LARGE)}), work))
    one.levels.commit()
    other.clock.now += 61
    assert other.find(KEY, work) is not None and other.blobs.get(digest(LARGE)) == LARGE


def test_a_server_killed_in_mid_run_costs_a_warning_and_no_result():
    with serving(free_port()) as server:
        one = Project(server)

        def end(inputs):
            kill(server)
            return SAY.function(inputs)

        works = [*graph()[:2], replace(task("z", needs=("b",), action=Action("end", "1", end, Lane.IO, external=True)))]
        works += [replace(task(f"after {n}", needs=("z",), action=SLOW), keeping=Keeping(level="shared")) for n in range(5)]
        works = [replace(work, keeping=Keeping(level="shared")) for work in works]
        outcomes = one.shop.run(*works)
    assert set(statuses(outcomes).values()) == {"done"} and len(one.said) == 1
    assert set(statuses(one.again().shop.run(*works)).values()) == {"cached"}
    one.shared.close()


@pytest.mark.parametrize(("own", "longest", "expected"), [(None, 50.0, 50), (20.0, 50.0, 20), (90.0, 50.0, 50), (70.0, None, 70)])
@pytest.mark.parametrize("level", ["memory", "disk", "shared"])
def test_a_result_is_forgotten_after_its_own_time_or_that_of_the_level(project, raw, level, own, longest, expected):
    one = project(ttl={level: longest})
    key, work = fingerprint([level, own]), kept(level, ttl=own)
    one.levels.put(made(key, Output(), work))
    one.levels.commit()
    if level == "shared":
        assert (expected - 20) * 1000 < raw.pttl(f"bmadp:1:{key}") <= expected * 1000
        return
    finder = one if level == "memory" else project(blobs=one.blobs, clock=one.clock, memory=0)
    one.clock.now += expected - 1
    assert finder.find(key, work) == (level, Output())
    one.clock.now += 2
    assert finder.find(key, work) is None


def test_a_result_that_travels_grows_no_younger(project):
    one, work = project(), kept(ttl=100.0)
    one.levels.put(made(KEY, Output(), work))
    one.levels.commit()
    other = project()
    other.clock.now += 60
    assert other.find(KEY, work) == ("shared", Output())
    other.clock.now += 39
    assert other.find(KEY, work) == ("memory", Output()) and other.again().find(KEY, work) == ("disk", Output())
    other.clock.now += 2
    assert other.find(KEY, work) is None and other.again().find(KEY, work) is None
    third = project()
    third.clock.now += 101
    assert third.find(KEY, work) is None


# --- near levels ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("level", "found"), [("memory", "memory"), ("never", None)])
def test_what_is_not_for_the_disk_leaves_no_result_there(level, found):
    one, work = Project(), kept(level)
    one.levels.put(made(KEY, Output({"a": one.blobs.keep(b"a")}), work))
    assert (one.find(KEY, work) or (None,))[0] == found
    assert one.levels.disk.size() == 0 and one.again().find(KEY, work) is None


def test_what_must_not_be_done_twice_outlives_the_memory_it_was_kept_in():
    one, work = Project(), replace(kept("memory"), effect=Effect.ONCE)
    one.levels.begin(KEY, "a")
    assert one.levels.begun(KEY, "a") == UNREPORTED
    one.levels.put(made(KEY, Output(), work))
    assert one.again().find(KEY, work) == ("disk", Output())


def test_what_must_not_be_done_twice_and_is_kept_nowhere_may_be_done_again():
    one, work = Project(), replace(kept("never"), effect=Effect.ONCE)
    one.levels.begin(KEY, "a")
    one.levels.put(made(KEY, Output(), work))
    assert not one.levels.begun(KEY, "a") and one.find(KEY, work) is None


def test_what_must_not_be_done_twice_is_neither_too_old_nor_too_much():
    one, work = Project(ttl={"disk": 60.0}), replace(kept("disk", ttl=60.0), effect=Effect.ONCE)
    one.levels.put(made(KEY, Output(facts={"sent": "x" * 100_000}), work))
    one.levels.put(made(fingerprint("other"), Output(), kept("disk")))
    one.clock.now += 10 * FADING
    assert one.levels.trim(0) == 1
    assert one.again().find(KEY, work) is not None


def test_a_result_in_memory_that_lost_its_bytes_is_a_miss():
    one, work = Project(), kept("memory")
    one.levels.put(made(KEY, Output({"a": one.blobs.keep(b"a")}), work))
    assert one.find(KEY, work)[0] == "memory"
    one.blobs.prune(())
    assert one.find(KEY, work) is None


@pytest.mark.parametrize("compress", [True, False])
def test_files_are_compressed_in_the_file_where_that_is_asked_for_and_helps(tmp_path, compress):
    texts = [b"text " * 10_000, os.urandom(50_000), b""]
    one = Project(blobs=Blobs(tmp_path / "blobs.db"))
    output = Output({str(n): one.blobs.keep(text) for n, text in enumerate(texts)})
    for _ in range(2):
        one.levels.put(made(KEY, output, kept("disk", compress=compress)))
        assert [one.blobs.get(output.files[str(n)].digest) for n in range(3)] == texts
        assert (one.blobs.size()[1] < 60_000) is compress
    assert one.blobs.put(texts[0]) == digest(texts[0]) and one.blobs.size()[0] == 3
    one.blobs.connection.execute("UPDATE blobs SET data = substr(data, 1, length(data) - 1) WHERE length(data) > 0")
    for text in texts[:2]:
        with pytest.raises(DamagedError):
            one.blobs.get(digest(text))
    one.blobs.close()


def test_what_is_dropped_is_gone_from_the_levels_named(project):
    one, work = project(), kept()
    one.levels.put(made(KEY, Output(), work))
    one.levels.commit()
    assert one.levels.drop([KEY]) == 1
    assert one.find(KEY, work)[0] == "shared"
    assert one.levels.drop([KEY], everywhere=True) == 1
    assert one.find(KEY, work) is None
    one.levels.put(made(KEY, Output(), work))
    assert one.levels.clear() == 1 and one.levels.disk.size() == 0


def test_traces_are_the_disks():
    one = Project()
    one.levels.remember("a", KEY, Trace({"action": digest(b"")}))
    assert one.again().levels.trace("a") == Trace({"action": digest(b"")})


LEVEL = st.sampled_from(["memory", "disk", "shared", "never"])
STEPS = st.lists(st.tuples(st.sampled_from(["put", "get", "next process", "elsewhere", "drop"]), st.integers(0, 3)), max_size=12)


@given(st.lists(LEVEL, min_size=4, max_size=4), STEPS)
@example(["shared"] * 4, [("put", 0), ("elsewhere", 0), ("get", 0), ("next process", 0), ("get", 0)])
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_mix_of_levels_answers_like_a_dictionary(running, raw, chosen, steps):
    raw.flushall()
    here, known = Project(running), {"memory": set(), "disk": set(), "shared": set()}
    works = [kept(level) for level in chosen]
    for step, number in steps:
        key, level, blobs = fingerprint([chosen, number]), chosen[number], here.blobs
        if step == "put":
            here.levels.put(made(key, Output({"f": here.blobs.keep(b"%d" % number)}, facts={"n": number}), works[number]))
            for name in ("memory", "disk", "shared")[: ("never", "memory", "disk", "shared").index(level)]:
                known[name].add(number)
        elif step == "drop":
            here.levels.commit()
            here.levels.drop([key], everywhere=True)
            for numbers in known.values():
                numbers.discard(number)
        elif step == "get":
            here.clock.now += 61
            found = here.levels.get_many({fingerprint([chosen, n]): works[n] for n in range(4)})
            expected = {n for numbers in known.values() for n in numbers}
            assert {hit.output.facts["n"] for hit in found.values()} == expected
            assert all(here.blobs.get(hit.output.files["f"].digest) == b"%d" % hit.output.facts["n"] for hit in found.values())
            for hit in found.values():
                n = hit.output.facts["n"]
                known["memory"].add(n)
                known["disk"] |= {n} if chosen[n] != "memory" else set()
        else:
            clock, nearer = here.clock, ("memory",) if step == "next process" else ("memory", "disk")
            here.close()
            here = Project(running, blobs=blobs if step == "next process" else None, clock=clock)
            for name in nearer:
                known[name].clear()
    here.close()
    assert here.said == []


@given(outputs.filter(lambda output: not output.entries), st.floats(0, 1e9), st.floats(0, 1e10), st.booleans())
def test_a_parcel_opens_as_it_was_packed(output, seconds, at, compress):
    output = replace(output, usage=PAID)
    values = pack(made(KEY, output, kept(compress=compress), seconds), at, {}.__getitem__)
    parcel = unpack(values[KEY])
    assert (parcel.output, parcel.seconds, parcel.made, parcel.body) == (output, seconds, at, spelled(output))


def test_what_says_that_it_is_too_large_is_not_unpacked():
    assert decode(b"\1" + BOMB) is None and decode(encode(b"x" * 1000, eager=True)) == b"x" * 1000


@given(st.binary(max_size=200))
def test_no_bytes_at_all_make_it_stumble(value):
    assert unpack(value) is None and unpack(b"\0" + value) is None and unpack(b"\1" + value) is None


# --- numbers ----------------------------------------------------------------------------------------------------------


def test_hits_misses_and_what_they_saved_are_counted_across_processes(project):
    one, work = project(), kept()
    assert one.find(KEY, work) is None
    one.levels.put(made(KEY, Output(usage=PAID), work, seconds=2.0))
    for _ in range(2):
        one.find(KEY, work)
    stats = one.levels.stats()
    assert stats["memory"] == LevelStats(2, 1, 2.0, 0.25) and stats["disk"] == LevelStats(0, 1) == stats["shared"]
    one.levels.commit()
    other = one.again()
    other.find(KEY, work)
    stats = other.again().levels.stats()
    assert stats["memory"] == LevelStats(2, 2, 2.0, 0.25) and stats["disk"] == LevelStats(1, 1, 2.0, 0.25)


def test_what_takes_no_time_is_not_counted():
    one = Project()
    one.shop.run(task("a"))
    one.shop.run(task("a"))
    assert set(one.levels.stats().values()) == {LevelStats()}


def test_results_that_had_to_leave_are_counted():
    one = Project(memory=3000)
    for n in range(5):
        one.levels.put(made(fingerprint(n), Output(), kept("memory")))
    evicted = one.levels.stats()["memory"].evictions
    assert evicted > 0 and one.again().levels.stats()["memory"].evictions == evicted


def test_numbers_wait_while_another_process_writes(tmp_path):
    blobs = Blobs(tmp_path / "blobs.db")
    one = Project(blobs=blobs)
    one.levels.put(made(KEY, Output(), kept("disk")))
    one.levels.commit()
    one.levels.stats()
    one.find(KEY, kept("disk"))
    with closing(sqlite3.connect(tmp_path / "blobs.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        started = time.monotonic()
        one.levels.commit()
        assert time.monotonic() - started < 9, "it waited for the other process"
        assert other.execute("SELECT count(*) FROM levels").fetchone() == (0,)
        other.execute("ROLLBACK")
        one.levels.commit()
        assert other.execute("SELECT hits FROM levels WHERE level = 'memory'").fetchone() == (1,)
    blobs.close()


# --- the bound of the disk --------------------------------------------------------------------------------------------


def weight(name, *, size=100, files=(), cost=1.0, used=0.0):
    return Weight(fingerprint(name), size, frozenset(files), cost, used)


A, B = digest(b"a"), digest(b"b")
CHEAP, DEAR = weight("cheap", cost=1.0), weight("dear", cost=5.0)
SURPLUS = {
    "enough room": ([CHEAP, DEAR], {}, 200, []),
    "the cheap goes first": ([DEAR, CHEAP], {}, 199, [CHEAP]),
    "both have to": ([DEAR, CHEAP], {}, 0, [CHEAP, DEAR]),
    "the larger is worth less a byte": ([weight("s", files=[A]), weight("l", files=[B])], {A: 10, B: 900}, 300, ["l"]),
    "cost fades": ([weight("old", cost=3.0, used=-2 * FADING), CHEAP], {}, 100, ["old"]),
    "of equals the older goes": ([weight("n", cost=0.0, used=2.0), weight("o", cost=0.0, used=1.0)], {}, 100, ["o"]),
    "a shared file is freed last": ([weight("p", files=[A]), weight("q", cost=2.0, files=[A])], {A: 500}, 550, ["p", "q"]),
    "and counts once": ([weight("p", files=[A]), weight("q", files=[A])], {A: 500}, 700, []),
    "a file that is gone takes no room": ([weight("p", files=[A])], {}, 100, []),
}


@pytest.mark.parametrize(("weights", "sizes", "most", "gone"), SURPLUS.values(), ids=SURPLUS)
def test_what_is_worth_least_goes_first(weights, sizes, most, gone):
    expected = [one.key if isinstance(one, Weight) else fingerprint(one) for one in gone]
    assert surplus(weights, sizes, most, 0.0) == expected


def test_a_full_disk_keeps_what_is_dear(tmp_path):
    one = Project(blobs=Blobs(tmp_path / "blobs.db"), memory=0)
    work = kept("disk")
    for n in range(8):
        output = Output({"f": one.blobs.keep(os.urandom(50_000))}, usage=Usage(cost=n / DOLLAR))
        one.levels.put(made(fingerprint(n), output, work, seconds=0.0))
    one.levels.put(made(KEY, Output(), kept("disk", ttl=1.0)))
    one.levels.commit()
    assert one.levels.trim(1 << 30) == 0
    one.clock.now += 2
    assert one.levels.trim(1 << 30) == 1, "what has expired goes in any case"
    assert one.levels.disk.held()[0] == 8 and one.levels.disk.held()[1] > 400_000
    assert one.levels.trim(205_000) == 4 and one.levels.disk.held()[1] <= 205_000
    assert len([n for n in range(4, 8) if one.find(fingerprint(n), work)]) == 4
    assert one.levels.stats()["disk"].evictions == 5
    assert one.blobs.size()[0] == 8, "bytes may be a receipt's: they go with the next prune"
    one.blobs.close()


# --- breakers ---------------------------------------------------------------------------------------------------------


def test_a_breaker_that_opened_is_open_in_the_next_process():
    blobs, clock = Blobs(None), Clock()
    one = Breakers(DiskStore(blobs), clock=clock, failures=1)
    one.failed(one.ask("model"))
    blobs.commit()
    other = Breakers(DiskStore(blobs), clock=clock, failures=1)
    assert other.ask("model") == 30.0 and other.states()["model"].phase == "open"
    clock.now += 31
    permit = other.ask("model")
    assert DiskStore(blobs).load()["model"].phase == "half-open"
    other.succeeded(permit)
    assert DiskStore(blobs).load()["model"].phase == "closed" and DiskStore(Blobs(None)).load() == {}


KILLED = """
import os, signal, sys
from pathlib import Path
from bmad_provisioner.blobs import Blobs
from bmad_provisioner.engine.breaker import State
from bmad_provisioner.engine.circuits import DiskStore
blobs = Blobs(Path(sys.argv[1]))
store = DiskStore(blobs)
store.save("model", State(4, 1.0))
store.save("model", State(5, 2.5, None, 7))
blobs.commit()
store.save("model", State())
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_state_survives_a_kill_after_the_commit(tmp_path):
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "blobs.db")], check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    with closing(Blobs(tmp_path / "blobs.db")) as blobs:
        assert DiskStore(blobs).load() == {"model": State(5, 2.5, None, 7)} and UNKNOWN.phase == "closed"
