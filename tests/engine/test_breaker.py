"""Breaker: opens after failures in a row, then exactly one caller tries for all."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from bmad_provisioner.engine.breaker import Breakers, MemoryStore, Permit, State

NAME = "claude api.anthropic.com"


class Clock:
    def __init__(self):
        self.now = 1e9

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store():
    return MemoryStore()


@pytest.fixture
def breakers(store, clock):
    return Breakers(store, clock=clock)


def permit(breakers, name=NAME):
    answer = breakers.ask(name)
    assert isinstance(answer, Permit)
    return answer


def fail(breakers, times=5):
    for _ in range(times):
        breakers.failed(permit(breakers))


def phase(breakers):
    return breakers.states().get(NAME, State()).phase


def test_it_opens_after_five_failures_in_a_row_and_says_how_long_to_wait(breakers, clock):
    fail(breakers, 4)
    assert phase(breakers) == "closed"
    fail(breakers, 1)
    assert phase(breakers) == "open" and breakers.ask(NAME) == 30
    clock.now += 20
    assert breakers.ask(NAME) == 10


def test_five_failures_in_total_do_not_open_it(breakers):
    fail(breakers, 4)
    breakers.succeeded(permit(breakers))
    fail(breakers, 4)
    assert phase(breakers) == "closed"


def test_one_name_does_not_answer_for_another(breakers):
    fail(breakers)
    assert isinstance(breakers.ask("other"), Permit)


def test_one_failure_that_bars_everybody_opens_it(breakers):
    breakers.failed(permit(breakers), barred=True)
    assert phase(breakers) == "open"


def test_a_probe_that_succeeds_closes_it(breakers, clock):
    fail(breakers)
    clock.now += 30
    probe = permit(breakers)
    assert phase(breakers) == "half-open" and breakers.ask(NAME) == 600
    breakers.succeeded(probe)
    assert phase(breakers) == "closed"
    fail(breakers, 4)
    assert phase(breakers) == "closed"


def test_who_is_asked_to_try_it_now_is_the_one_probe(breakers):
    fail(breakers)
    probe = breakers.ask(NAME, now=True)
    assert isinstance(probe, Permit) and breakers.ask(NAME, now=True) == 600
    breakers.succeeded(probe)
    assert phase(breakers) == "closed"


def test_a_probe_that_fails_opens_it_for_another_cool_off(breakers, clock):
    fail(breakers)
    clock.now += 30
    breakers.failed(permit(breakers))
    assert breakers.ask(NAME) == 30
    clock.now += 30
    permit(breakers)


def test_a_probe_that_hangs_loses_its_turn_and_its_say(breakers, clock):
    fail(breakers)
    clock.now += 30
    hung = permit(breakers)
    clock.now += 600
    second = permit(breakers)
    breakers.succeeded(hung)
    assert phase(breakers) == "half-open"
    breakers.failed(second)
    breakers.succeeded(hung)
    assert phase(breakers) == "open"


def test_a_cancelled_probe_gives_its_place_to_the_next(breakers, clock):
    fail(breakers)
    clock.now += 30
    breakers.released(permit(breakers))
    assert phase(breakers) == "open"
    permit(breakers)
    assert isinstance(breakers.ask(NAME), float)


def test_a_cancelled_call_is_no_judgement(breakers):
    fail(breakers, 4)
    breakers.released(permit(breakers))
    fail(breakers, 1)
    assert phase(breakers) == "open"


@pytest.mark.parametrize("late", ["succeeded", "failed", "released"])
def test_a_result_from_before_it_opened_changes_nothing(breakers, clock, late):
    early = permit(breakers)
    fail(breakers)
    before = breakers.states()
    getattr(breakers, late)(early)
    assert breakers.states() == before
    clock.now += 30
    probe = permit(breakers)
    getattr(breakers, late)(early)
    assert phase(breakers) == "half-open"
    breakers.succeeded(probe)
    getattr(breakers, late)(early)
    assert breakers.states()[NAME].failures == 0


def test_it_stays_open_in_the_next_process(breakers, store, clock):
    fail(breakers)
    clock.now += 12
    assert Breakers(store, clock=clock).ask(NAME) == 18


def test_a_probe_whose_process_died_holds_nothing(breakers, store, clock):
    fail(breakers)
    clock.now += 30
    permit(breakers)
    permit(Breakers(store, clock=clock))


def test_a_clock_that_was_set_back_does_not_keep_it_open(breakers, clock):
    fail(breakers)
    clock.now -= 86_400
    permit(breakers)


def test_a_success_of_a_healthy_name_writes_nothing(breakers, store):
    breakers.succeeded(permit(breakers))
    assert store.load() == {}


def test_of_eight_callers_after_the_cool_off_exactly_one_goes_through(breakers, clock):
    fail(breakers)
    for _ in range(50):
        clock.now += 30
        gate = threading.Barrier(8)

        def call(_, gate=gate):
            gate.wait()
            return breakers.ask(NAME)

        with ThreadPoolExecutor(8) as pool:
            probes = [answer for answer in pool.map(call, range(8)) if isinstance(answer, Permit)]
        assert len(probes) == 1
        breakers.failed(probes[0])


class Model(RuleBasedStateMachine):
    """A breaker of 3 failures, 10 s cool-off and 40 s lease beside one that is written as a story and not as a machine."""

    permits = Bundle("permits")

    def __init__(self):
        super().__init__()
        self.clock, self.store = Clock(), MemoryStore()
        self.restart()
        self.row, self.until, self.probe, self.era = 0, None, None, set()

    def restart(self):
        self.breakers = Breakers(self.store, clock=self.clock, failures=3, cool_off=10.0, lease=40.0)

    @rule(seconds=st.sampled_from([1, 9, 10, 40]))
    def wait(self, seconds):
        self.clock.now += seconds

    @rule(target=permits)
    def ask(self):
        answer = self.breakers.ask(NAME)
        if self.until is None:
            assert isinstance(answer, Permit)
            handle = object()
            self.era.add(handle)
        elif self.clock.now < self.until:
            assert answer == self.until - self.clock.now
            handle = None
        else:
            assert isinstance(answer, Permit)
            handle, self.until = object(), self.clock.now + 40
            self.probe = handle
        return answer, handle

    @rule(given=consumes(permits))
    def succeed(self, given):
        answer, handle = given
        if handle is None:
            return
        self.breakers.succeeded(answer)
        if handle is self.probe:
            self.row, self.until, self.probe = 0, None, None
        elif handle in self.era:
            self.row = 0

    @rule(given=consumes(permits), barred=st.booleans())
    def fail(self, given, barred):
        answer, handle = given
        if handle is None:
            return
        self.breakers.failed(answer, barred=barred)
        if handle is not self.probe and handle not in self.era:
            return
        self.row += 1
        if handle is self.probe or barred or self.row >= 3:
            self.until, self.probe, self.era = self.clock.now + 10, None, set()

    @rule(given=consumes(permits))
    def release(self, given):
        answer, handle = given
        if handle is None:
            return
        self.breakers.released(answer)
        if handle is self.probe:
            self.probe, self.until = None, self.clock.now

    @invariant()
    def it_is_shown_and_kept_as_it_is(self):
        state = self.breakers.states().get(NAME, State())
        assert state.phase == ("closed" if self.until is None else "half-open" if self.probe else "open")
        assert self.store.load() == self.breakers.states()
        if self.until is None:
            assert state.failures == self.row


Model.TestCase.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
test_it_does_what_the_plain_model_does = Model.TestCase
