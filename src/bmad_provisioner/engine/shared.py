"""Shared: bytes under keys on a Redis or Valkey server, for all who run the same work; never needed, never trusted."""

from __future__ import annotations

import hashlib
import hmac
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

from bmad_provisioner.characters import shown
from bmad_provisioner.engine.breaker import Breakers, MemoryStore
from bmad_provisioner.errors import UsageError

if TYPE_CHECKING:
    from redis import Redis

T = TypeVar("T")

PREFIX = "bmadp:1:"
"""What every key of ours starts with; the number is the format of the values."""
MAGIC = b"bmadp\x01"
TAG = 32
"""Bytes of the SHA-256 that follows the magic, of key and payload; an HMAC where there is a secret."""
CHUNK = 500
"""Keys of one MGET."""
BATCH = 4 << 20
"""Bytes of one pipeline, give or take the last value."""
LARGEST = 64 << 20
"""Bytes; a larger value is not sent."""
HAULED = 64 << 20
"""Bytes a second: a network below this speed is too slow for values larger than a batch."""
COOL_OFF = 30.0
"""Seconds for which a server that was down or slow is left alone."""
PAGES = 200
"""How many pages of 1,000 keys are scanned at most to count ours."""
POLICY = "allkeys-lfu"

SCHEMES = {"redis": "redis", "valkey": "redis", "rediss": "rediss", "valkeys": "rediss", "unix": "unix"}
OPTIONS = {"redis": {"db"}, "unix": {"db"}, "rediss": {"db", "ssl_ca_certs", "ssl_certfile", "ssl_keyfile"}}
"""What the query of a URL may set: nothing that would change how long we wait or what comes back."""


@dataclass(frozen=True, slots=True)
class SharedStats:
    """What the server says of itself: bytes used and allowed (0: any), what it evicts by, how often it did; and our keys.

    `counted` is false when there were too many keys to count ours to the end. `warnings` are for people.
    """

    up: bool = False
    used: int = 0
    limit: int = 0
    policy: str = ""
    evictions: int = 0
    keys: int = 0
    counted: bool = True
    warnings: tuple[str, ...] = ()


class Shared:
    """The shared level of a cache: what it cannot give, at once and proven, is a miss.

    A server that is down or does not answer within `patience` seconds is warned of once and left alone for a while;
    no method raises because of it. With a `secret` only values sealed with the same one are believed; without, values
    are protected against damage and not against other writers. Safe to share among threads.
    """

    def __init__(
        self,
        url: str,
        *,
        secret: bytes | None = None,
        warn: Callable[[str], None],
        clock: Callable[[], float] = time.time,
        patience: float = 0.2,
    ) -> None:
        address, self._place = _address(url)
        self._client = _connect(address, patience)
        # A socket's timeout is for the whole of what is sent at once: a large value gets its own.
        self._hauler = _connect(address, patience + LARGEST / HAULED)
        self._secret, self._warn = secret, warn
        self._breakers = Breakers(MemoryStore(), clock=clock, failures=1, cool_off=COOL_OFF, lease=COOL_OFF)
        self._lock = threading.Lock()
        self._told: set[str] = set()
        self._unproven: set[str] = set()

    def get_many(self, keys: Sequence[str]) -> dict[str, bytes]:
        """Return what is there and proven, in one round trip for every 500 keys."""
        found: dict[str, bytes] = {}
        for chunk in _chunks(dict.fromkeys(keys)):
            values = self._call(partial(_fetch, chunk), self._client)
            for key, value in zip(chunk, values or (), strict=False):
                payload = None if value is None else unseal(key, value, self._secret)
                if payload is not None:
                    found[key] = payload
                elif value is not None:
                    self._distrust(key)
        return found

    def put_many(self, items: Mapping[str, bytes], *, ttl: float | None) -> None:
        """Offer values for `ttl` seconds (`None`: as long as the server likes); what is there and proven stays."""
        if ttl is not None and ttl <= 0:
            return
        milliseconds = None if ttl is None else max(1, int(ttl * 1000))
        for batch in _batches(items):
            large = sum(len(payload) for _, payload in batch) > BATCH
            answers = self._call(partial(self._send, batch, milliseconds), self._hauler if large else self._client)
            refusal = next((answer for answer in answers or () if isinstance(answer, Exception)), None)
            if refusal is not None:
                self._tell("full", f"keeps nothing more: {self._clean(refusal)}")

    def drop(self, keys: Sequence[str]) -> None:
        """Forget these keys."""
        for chunk in _chunks(keys):
            self._call(partial(_forget, chunk), self._client)

    def stats(self) -> SharedStats:
        """Return how the server is, and what is wrong with how it is set up."""
        return self._call(_stats, self._client) or SharedStats(warnings=(f"the shared cache at `{self._place}` cannot be asked",))

    def close(self) -> None:
        """Let go of every connection."""
        self._client.close()
        self._hauler.close()

    def _send(self, batch: Sequence[tuple[str, bytes]], milliseconds: int | None, client: Redis) -> list[Any]:
        pipeline = client.pipeline(transaction=False)
        for key, payload in batch:
            fresh = key not in self._unproven
            pipeline.set(PREFIX + key, seal(key, payload, self._secret), px=milliseconds, nx=fresh)
        return pipeline.execute(raise_on_error=False)

    def _call(self, work: Callable[[Redis], T], client: Redis) -> T | None:
        """Return what `work` returns, or `None` when the server is left alone, fails or refuses."""
        from redis.exceptions import RedisError, ResponseError  # noqa: PLC0415

        permit = self._breakers.ask(self._place)
        if isinstance(permit, float):
            return None
        try:
            result = work(client)
        except ResponseError as error:
            self._breakers.succeeded(permit)
            self._tell("refused", f"refuses: {self._clean(error)}")
            return None
        except (RedisError, OSError, ValueError) as error:
            self._breakers.failed(permit)
            self._tell("down", f"{_trouble(error)}; going on without it")
            return None
        else:
            self._breakers.succeeded(permit)
            return result
        finally:
            self._breakers.released(permit)

    def _distrust(self, key: str) -> None:
        self._unproven.add(key)
        self._tell("unproven", "holds values that are damaged, forged or sealed with another secret; they count as missing")

    def _tell(self, subject: str, text: str) -> None:
        with self._lock:
            if subject in self._told:
                return
            self._told.add(subject)
        self._warn(f"the shared cache at `{self._place}` {text}")

    def _clean(self, error: Exception) -> str:
        """Return what the server said, fit for a terminal, without the password if it repeats that."""
        password = self._client.get_connection_kwargs().get("password")
        text = str(error)
        return shown(text.replace(password, "***") if password else text)[:200]


def seal(key: str, payload: bytes, secret: bytes | None) -> bytes:
    """Return `payload` with the proof that it belongs under `key`."""
    return MAGIC + _tag(key, payload, secret) + payload


def unseal(key: str, value: bytes, secret: bytes | None) -> bytes | None:
    """Return the payload that was sealed under `key`, or `None` when nothing proves that it was."""
    if not isinstance(value, bytes) or not value.startswith(MAGIC):
        return None
    start = len(MAGIC) + TAG
    payload = value[start:]
    return payload if hmac.compare_digest(value[len(MAGIC) : start], _tag(key, payload, secret)) else None


def _tag(key: str, payload: bytes, secret: bytes | None) -> bytes:
    state = hmac.new(secret, digestmod="sha256") if secret else hashlib.sha256()
    name = key.encode()
    state.update(MAGIC + len(name).to_bytes(8, "big") + name)
    state.update(payload)
    return state.digest()


def _chunks(keys: Iterable[str]) -> Iterator[list[str]]:
    every = list(keys)
    return (every[start : start + CHUNK] for start in range(0, len(every), CHUNK))


def _fetch(keys: Sequence[str], client: Redis) -> Sequence[Any]:
    return client.mget([PREFIX + key for key in keys])


def _forget(keys: Sequence[str], client: Redis) -> None:
    client.unlink(*(PREFIX + key for key in keys))


def _batches(items: Mapping[str, bytes]) -> Iterator[list[tuple[str, bytes]]]:
    batch: list[tuple[str, bytes]] = []
    size = 0
    for key, payload in items.items():
        if len(payload) > LARGEST:
            continue
        batch.append((key, payload))
        size += len(payload)
        if size >= BATCH or len(batch) == CHUNK:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _stats(client: Redis) -> SharedStats:
    from redis.exceptions import ResponseError  # noqa: PLC0415

    try:
        memory, events = client.info("memory"), client.info("stats")
    except ResponseError:
        return SharedStats(up=True, warnings=("the server does not let us see its memory (INFO)",))
    limit, policy = int(memory.get("maxmemory", 0)), str(memory.get("maxmemory_policy", ""))
    keys, counted = _count(client)
    return SharedStats(
        True,
        int(memory.get("used_memory", 0)),
        limit,
        policy,
        int(events.get("evicted_keys", 0)),
        keys,
        counted,
        _advice(limit, policy),
    )


def _advice(limit: int, policy: str) -> tuple[str, ...]:
    unbounded = () if limit else ("the server has no memory limit: set `maxmemory`",)
    unsuited = () if policy == POLICY else (f"the server evicts by `{shown(policy)}`: set `maxmemory-policy {POLICY}`",)
    return unbounded + unsuited


def _count(client: Redis) -> tuple[int, bool]:
    """Return how many keys are ours, and whether all were looked at."""
    cursor, keys = 0, 0
    for _ in range(PAGES):
        cursor, page = client.scan(cursor, match=f"{PREFIX}*", count=1000)
        keys += len(page)
        if cursor == 0:
            return keys, True
    return keys, False


def _trouble(error: Exception) -> str:
    from redis import exceptions  # noqa: PLC0415

    if isinstance(error, exceptions.TimeoutError):
        return "does not answer in time"
    if isinstance(error, exceptions.AuthenticationError):
        return "does not take our user and password"
    if isinstance(error, (exceptions.ConnectionError, OSError)):
        return "cannot be reached"
    return "does not answer as a Redis server does"


def _connect(address: str, patience: float) -> Redis:
    """Return a client that waits for nothing twice; it connects when it is first used."""
    try:
        from redis import Redis  # noqa: PLC0415
        from redis.backoff import NoBackoff  # noqa: PLC0415
        from redis.retry import Retry  # noqa: PLC0415
    except ImportError:
        hint = "pip install 'bmad-provisioner[redis]'"
        raise UsageError("the shared cache needs the package `redis`, which is not installed", hint=hint) from None
    try:
        return Redis.from_url(
            address,
            socket_timeout=patience,
            socket_connect_timeout=patience,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
        )
    except ValueError:
        raise _unreadable() from None


def _address(url: str) -> tuple[str, str]:
    """Return a URL as the client takes it, and as people may see it: without user, password and options."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "localhost", parts.port or 6379
    except ValueError:
        raise _unreadable() from None
    scheme = SCHEMES.get(parts.scheme)
    misread = parts.fragment or (scheme != "unix" and "@" in parts.path + parts.query)
    nowhere = scheme == "unix" and not parts.path
    if scheme is None or misread or nowhere or not url.lower().startswith(f"{parts.scheme}://"):
        raise _unreadable()
    for option, _ in parse_qsl(parts.query, keep_blank_values=True):
        if option not in OPTIONS[scheme]:
            raise UsageError(
                f"the URL of the shared cache sets `{shown(option)}`", hint="only `db` and, for rediss, `ssl_...` files"
            )
    place = f"unix://{unquote(parts.path)}" if scheme == "unix" else f"{parts.scheme}://{host}:{port}{parts.path}"
    return scheme + url[len(parts.scheme) :], shown(place)


def _unreadable() -> UsageError:
    forms = "redis://[user:password@]host[:port][/db], also rediss://, valkey:// and unix:///path"
    hint = f"{forms}; in a password, percent-encode what is no letter or digit"
    return UsageError("the URL of the shared cache cannot be read", hint=hint)
