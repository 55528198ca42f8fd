"""Eviction: never more than the bytes allowed, never a wrong value, and each policy lets go of what it says."""

from __future__ import annotations

import random
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from bmad_provisioner.engine.eviction import POLICIES, Bounded
from bmad_provisioner.errors import UsageError

MOST = 40
keys = st.sampled_from("abcdefghijkl")
sizes = st.integers(0, MOST // 2) | st.just(MOST) | st.just(MOST + 1)
costs = st.floats(0, 100)


def filled(policy: str, most: int, *entries: tuple[str, int, float]) -> Bounded[str]:
    cache: Bounded[str] = Bounded(most, policy=policy, clock=lambda: 0.0)
    for key, size, cost in entries:
        cache.put(key, key, size=size, cost=cost)
    return cache


def held(cache: Bounded[str]) -> set[str]:
    return set(cache.keys())


class Cached(RuleBasedStateMachine):
    """Whatever is asked for, in whatever order, beside a plain record of what must be there."""

    @initialize(policy=st.sampled_from(POLICIES))
    def begin(self, policy):
        self.now, self.serial, self.left = 0.0, 0, 0
        self.cache = Bounded(MOST, policy=policy, clock=lambda: self.now)
        self.record: dict[str, tuple[int, int, float | None]] = {}

    @rule(key=keys, size=sizes, cost=costs, lasts=st.none() | st.integers(-1, 9))
    def put(self, key, size, cost, lasts):
        self.serial += 1
        expires = None if lasts is None else self.now + lasts
        self.cache.put(key, self.serial, size=size, cost=cost, expires=expires)
        self.record.pop(key, None)
        if size > MOST or (lasts is not None and lasts <= 0):
            return
        gone = set(self.record) - held(self.cache)
        needed = sum(bytes_ for _, bytes_, _ in self.record.values()) + max(size, 1) - MOST
        assert not gone or needed > sum(sorted(self.record[name][1] for name in gone)[:-1]), "more left than there was need"
        self.left += len(gone)
        for name in gone:
            del self.record[name]
        self.record[key] = (self.serial, max(size, 1), expires)

    @rule(key=keys)
    def get(self, key):
        assert self.cache.get(key) == (self.record[key][0] if key in self.record else None)

    @rule(key=keys)
    def drop(self, key):
        assert self.cache.drop(key) == (self.record.pop(key, None) is not None)

    @rule(seconds=st.integers(0, 5))
    def wait(self, seconds):
        self.now += seconds
        self.record = {key: entry for key, entry in self.record.items() if entry[2] is None or self.now < entry[2]}

    @invariant()
    def holds_what_the_record_says_within_its_bytes(self):
        assert self.cache.size == sum(bytes_ for _, bytes_, _ in self.record.values()) <= MOST
        assert held(self.cache) == set(self.record) and len(self.cache) == len(self.record)
        assert self.cache.evicted == self.left


TestCached = Cached.TestCase
TestCached.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


@given(st.lists(st.tuples(keys, st.integers(1, MOST), st.booleans()), max_size=80))
def test_lru_does_what_an_ordered_dict_does(requests):
    cache: Bounded[int] = Bounded(MOST, policy="lru", clock=lambda: 0.0)
    model: OrderedDict[str, tuple[int, int]] = OrderedDict()
    for number, (key, size, asks) in enumerate(requests):
        if asks:
            assert cache.get(key) == (model[key][0] if key in model else None)
            if key in model:
                model.move_to_end(key)
        else:
            cache.put(key, number, size=size)
            model.pop(key, None)
            while model and sum(held for _, held in model.values()) + size > MOST:
                model.popitem(last=False)
            model[key] = (number, size)
        assert held(cache) == set(model)


@pytest.mark.parametrize(
    ("entries", "left"),
    [
        ([("cheap", 1, 1), ("dear", 1, 9)], "cheap"),
        ([("dear", 1, 9), ("cheap", 1, 1)], "cheap"),
        ([("large", 5, 10), ("small", 1, 3)], "large"),
        ([("large", 5, 50), ("small", 1, 3)], "small"),
        ([("older", 2, 4), ("newer", 1, 2)], "older"),
        ([("paid", 1, 0.1), ("free", 1, 0)], "free"),
        ([("refunded", 1, -5), ("free", 1, 0)], "refunded"),
        ([("priced", 1, 1), ("unknown", 1, float("nan"))], "unknown"),
    ],
)
def test_cost_lets_the_cheapest_byte_go_first(entries, left):
    most = sum(size for _, size, _ in entries)
    cache = filled("cost", most, *entries, ("new", 1, 100))
    assert {key for key, _, _ in entries} - held(cache) == {left}


@pytest.mark.parametrize(("policy", "worth"), [("lfu", 1.0), ("cost", 2.0)])
def test_yesterdays_favourite_leaves(policy, worth):
    cache = filled(policy, 10, ("favourite", 1, 50.0))
    for _ in range(50):
        cache.get("favourite")
    rounds = 0
    while "favourite" in held(cache):
        for key in range(rounds * 12, rounds * 12 + 12):
            cache.put(str(key), "today", size=1, cost=worth)
            cache.get(str(key))
        rounds += 1
        assert rounds < 500, "the old favourite never leaves"


def test_lfu_keeps_what_is_found_more():
    cache = filled("lfu", 2, ("often", 1, 0), ("once", 1, 0))
    cache.get("often")
    cache.put("new", "new", size=1)
    assert held(cache) == {"often", "new"}


def test_adaptive_keeps_what_was_found_when_a_scan_goes_by():
    cache = filled("adaptive", 20, *((f"used{n}", 1, 0) for n in range(10)))
    for number in range(10):
        cache.get(f"used{number}")
    for number in range(1_000):
        cache.put(f"scan{number}", "once", size=1)
    assert sum(key.startswith("used") for key in held(cache)) == 10


def test_adaptive_lets_a_working_set_that_is_over_go():
    cache = filled("adaptive", 20)
    for now in ("old", "new"):
        for number in range(2_000):
            key = f"{now}{number % 15}"
            if cache.get(key) is None:
                cache.put(key, now, size=1)
    assert sum(key.startswith("new") for key in held(cache)) == 15


@pytest.mark.parametrize("policy", POLICIES)
def test_an_entry_larger_than_everything_is_not_held_and_takes_the_old_one_along(policy):
    cache = filled(policy, 10, ("a", 10, 1), ("b", 11, 1))
    assert cache.keys() == ("a",)
    cache.put("a", "larger", size=11)
    assert cache.get("a") is None and cache.size == 0 and cache.evicted == 0


@pytest.mark.parametrize("policy", POLICIES)
def test_what_expires_is_a_miss_and_no_eviction(policy):
    now = [0.0]
    cache: Bounded[str] = Bounded(10, policy=policy, clock=lambda: now[0])
    cache.put("short", "s", size=1, expires=5)
    cache.put("long", "l", size=1, expires=9)
    cache.put("short", "s", size=1, expires=7)
    now[0] = 6.9
    assert cache.get("short") == "s"
    now[0] = 7.0
    assert cache.get("short") is None and cache.keys() == ("long",) and cache.size == 1
    cache.put("gone", "g", size=1, expires=7)
    assert len(cache) == 1 and cache.evicted == 0 and not cache.drop("short")


@pytest.mark.parametrize("policy", POLICIES)
def test_nothing_outgrows_what_is_held(policy):
    cache: Bounded[int] = Bounded(50, policy=policy, clock=lambda: 0.0)
    chance = random.Random(1)
    for number in range(20_000):
        key = str(chance.randrange(500))
        if cache.get(key) is None:
            cache.put(key, number, size=1, cost=chance.random(), expires=1.0)
        if number % 3 == 0:
            cache.drop(str(chance.randrange(500)))
    kept = [
        part for owner in (cache._expiry, cache._policy, getattr(cache._policy, "_order", None)) for part in _collections(owner)
    ]
    assert kept and max(map(len, kept)) <= 2 * 50 + 16


def _collections(owner):
    return [part for part in vars(owner).values() if hasattr(part, "__len__")] if owner else []


@pytest.mark.parametrize("policy", POLICIES)
def test_threads_share_it(policy):
    cache: Bounded[str] = Bounded(200, policy=policy)

    def work(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(3_000):
            key = str(chance.randrange(60))
            found = cache.get(key)
            assert found in (None, key)
            if found is None:
                cache.put(key, key, size=chance.randint(1, 20), cost=chance.random())
            elif chance.random() < 0.1:
                cache.drop(key)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert 0 < cache.size <= 200 and len(cache) == len(cache.keys())


def test_an_unknown_policy_is_refused_with_the_known_ones():
    with pytest.raises(UsageError) as refused:
        Bounded(1, policy="best")
    assert "`best`" in refused.value.message and all(name in refused.value.hint for name in POLICIES)
