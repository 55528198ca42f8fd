"""The cache: what cannot be read, or has lost its bytes, is a miss and never a wrong answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmad_provisioner.blobs import Blobs
from bmad_provisioner.digest import Entry, digest, fingerprint
from bmad_provisioner.engine.cache import Made, MemoryCache, Trace, revive, spelled
from bmad_provisioner.engine.disk import DiskCache
from bmad_provisioner.engine.task import Output
from bmad_provisioner.finding import Finding, Severity
from engine.work import Shop, statuses, task

KEY = fingerprint("key")
texts = st.text(max_size=5)
entries = st.builds(Entry, st.binary(max_size=4).map(digest), st.booleans())
findings = st.builds(Finding, texts, texts, texts, st.sampled_from(Severity), st.none() | st.integers(1, 99), texts)
facts = st.dictionaries(texts, st.none() | st.booleans() | st.integers() | texts | st.lists(texts, max_size=2), max_size=3)
files = st.dictionaries(texts, entries, max_size=3)
outputs = st.builds(Output, files, st.lists(findings, max_size=2).map(tuple), facts, files, st.lists(texts, max_size=2).map(tuple))


def made(output: Output) -> Made:
    return Made(KEY, output, spelled(output), digest(spelled(output)), task("a"), 1.0)


def plant(store: Blobs, body: str) -> None:
    """Lay down an entry whose text is damaged and whose checksum is right."""
    DiskCache(store).put(made(Output()))
    store.commit()
    claimed = bytes.fromhex(digest(body.encode()))
    store.connection.execute("UPDATE results SET body = ?, said = ?", (body.encode(), claimed))


@pytest.fixture
def store(tmp_path):
    store = Blobs(tmp_path / "blobs.db")
    yield store
    store.close()


@given(outputs)
def test_an_output_comes_back_as_it_was(output):
    assert revive(spelled(output)) == output


def test_an_output_is_there_after_the_file_was_closed(tmp_path):
    store = Blobs(tmp_path / "blobs.db")
    output = Output({"a": store.keep(b"a", True)}, (Finding("a", "rule", "text", line=3),), {"n": [1, "x"]})
    DiskCache(store).put(made(output))
    DiskCache(store).remember("task", KEY, Trace({"action": digest(b"")}, {"action": "say"}))
    store.close()
    store = Blobs(tmp_path / "blobs.db")
    assert DiskCache(store).get(KEY) == output
    assert DiskCache(store).trace("task") == Trace({"action": digest(b"")}, {"action": "say"})
    assert DiskCache(store).last("task") == KEY
    assert DiskCache(store).trace("other") == Trace() and DiskCache(store).last("other") is None
    store.close()


def test_what_was_never_put_is_a_miss(store):
    assert DiskCache(store).get(KEY) is None and not MemoryCache().get_many({KEY: task("a")})


def test_an_output_that_lost_its_bytes_is_a_miss(store):
    cache = DiskCache(store)
    cache.put(made(Output({"a": Entry(digest(b"never kept"))})))
    assert cache.get(KEY) is None


BODIES = ["", "{", "[]", "null", "5", '{"files": {}}', '{"files": {"a": 5}, "findings": [], "facts": {}}']
BODIES += ['{"files": {}, "findings": [["x"]], "facts": {}}', '{"files": {}, "findings": [], "facts": []}']
BODIES += ['{"files": [], "findings": [], "facts": {}}', '{"files": {"a": ["zz", false]}, "findings": [], "facts": {}}']


@pytest.mark.parametrize("body", BODIES)
def test_an_entry_that_is_damaged_is_a_miss(store, body):
    plant(store, body)
    assert DiskCache(store).get(KEY) is None


@pytest.mark.parametrize("body", ["", "{", "5", "-1:", "1:a", "3:1:a0:", "0:3:1:a", "x:y", "2:ab1:c"])
def test_a_trace_that_is_damaged_is_none(store, body):
    cache = DiskCache(store)
    store.connection.execute("INSERT INTO traced VALUES ('', 'task', ?, ?)", (bytes.fromhex(KEY), body.encode()))
    assert cache.trace("task") == Trace()


def test_a_damaged_cache_is_run_again_and_mended():
    shop = Shop()
    tasks = [task("a"), task("b", needs=("a",))]
    first = shop.run(*tasks)
    shop.blobs.commit()
    shop.blobs.connection.execute("UPDATE results SET body = '{'")
    again = shop.run(*tasks)
    assert statuses(again) == {"a": "done", "b": "done"}
    assert again["a"].because == ("its output is no longer cached",)
    assert [o.output for o in first.values()] == [o.output for o in again.values()]
    assert set(statuses(shop.run(*tasks)).values()) == {"cached"}


def test_clearing_forgets_outputs_and_traces_and_counts_them(store):
    cache = DiskCache(store)
    cache.put(made(Output({"a": store.keep(b"a")})))
    cache.remember("task", KEY, Trace({"action": digest(b"")}))
    assert cache.size() == 1 and cache.digests() == {digest(b"a")}
    assert cache.clear() == 1
    assert cache.size() == 0 and cache.trace("task") == Trace() and cache.get(KEY) is None
    assert digest(b"a") in store


def test_the_digests_of_a_damaged_entry_do_not_stop_a_prune(store):
    plant(store, "{")
    assert DiskCache(store).digests() == set()


def test_what_was_put_is_found_before_anything_is_written(store):
    cache, output = DiskCache(store), Output(facts={"n": 1})
    cache.put(made(output))
    assert cache.get(KEY) == output and not store.connection.in_transaction
    cache.commit()
    assert cache.get(KEY) == output and DiskCache(store).get(KEY) == output


def test_what_was_put_and_dropped_or_has_expired_is_a_miss(store):
    now = [0.0]
    cache = DiskCache(store, longest=60.0, now=lambda: now[0])
    cache.put(made(Output()))
    now[0] = 60.0
    assert cache.get(KEY) is None
    cache.put(made(Output()))
    assert cache.drop([KEY]) == 1 and cache.get(KEY) is None


def test_what_waits_to_be_written_is_bounded(store):
    """However long nobody commits: more than a few hundred outputs do not wait in memory."""
    cache = DiskCache(store)
    keys = [fingerprint(number) for number in range(1300)]
    for key in keys:
        cache.put(made(Output())._replace(key=key))
    assert store.connection.in_transaction and set(cache.find(keys)) == set(keys)


@given(st.dictionaries(texts, st.binary(max_size=2).map(digest)), st.dictionaries(texts, texts), st.lists(texts).map(tuple))
def test_a_trace_comes_back_as_it_was(parts, shown, because):
    cache = DiskCache(Blobs(None))
    cache.remember("task", KEY, Trace(parts, shown, because))
    assert cache.trace("task") == Trace(parts, shown, because)
