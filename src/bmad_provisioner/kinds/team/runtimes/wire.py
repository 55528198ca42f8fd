"""Wire: ask a server once over HTTP, within bounds of time and size; and what its status means."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NoReturn
from urllib.parse import urlsplit

import httpx

from bmad_provisioner.engine.task import Turn
from bmad_provisioner.errors import TaskError

MOST = 32 * 1024 * 1024
"""Bytes of an answer that are read at most."""

_CONNECT = 30.0
_IDLE = 900.0
"""Seconds without a byte: a model that thinks before it answers says nothing for long."""
_TICK = 0.05
_SECONDS = re.compile(r"\d{1,9}(\.\d{1,9})?")
_SPAN = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(ms|s|m|h|d)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


@dataclass(frozen=True, slots=True)
class Post:
    """What is sent, and where to."""

    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Received:
    """What came back; `whole` is false where reading stopped at `MOST` bytes."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    whole: bool = True


def post(what: Post, turn: Turn) -> Received:
    """Return what the server says; raises TaskError when it says nothing, or nothing whole, in time. Follows no redirect."""
    try:
        return asyncio.run(_watched(what, turn))
    except httpx.InvalidURL as error:
        raise TaskError(f"`{what.url}` is no address: {error}") from error
    except (httpx.UnsupportedProtocol, httpx.LocalProtocolError) as error:
        raise TaskError(f"`{what.url}` cannot be asked: {error}") from error
    except httpx.TransportError as error:
        said = str(error) or type(error).__name__
        raise TaskError(f"no answer from `{what.url}`: {said}", heals=True, hint=_hint(error)) from error


def _hint(error: httpx.TransportError) -> str:
    return "is the server running, and is the network up?" if isinstance(error, httpx.ConnectError) else ""


async def _watched(what: Post, turn: Turn) -> Received:
    """Wait for the exchange, and give it up when its time is over or nobody waits for it any more."""
    exchange = asyncio.create_task(_exchange(what))
    deadline = None if turn.seconds is None else time.monotonic() + turn.seconds
    while not exchange.done():
        await asyncio.wait({exchange}, timeout=_TICK)
        if exchange.done():
            break
        if turn.stopped():
            raise TaskError(f"stopped while `{what.url}` was answering")
        if deadline is not None and time.monotonic() >= deadline:
            raise TaskError(f"`{what.url}` did not answer within {turn.seconds:g} s", heals=True)
    return exchange.result()


async def _exchange(what: Post) -> Received:
    headers = {**what.headers, "accept-encoding": "identity"}  # so that the bytes counted are the bytes kept
    async with _client() as client, client.stream("POST", what.url, headers=headers, content=what.body) as response:
        body = bytearray()
        async for part in response.aiter_raw():
            body += part
            if len(body) > MOST:
                break
    return Received(response.status_code, response.headers, bytes(body[:MOST]), len(body) <= MOST)


def _client() -> httpx.AsyncClient:
    try:
        return httpx.AsyncClient(timeout=httpx.Timeout(_IDLE, connect=_CONNECT), follow_redirects=False)
    except (ImportError, ValueError) as error:
        raise TaskError(f"the proxy or the certificates that the environment names cannot be used: {error}") from error


def refuse(what: Post, status: int, said: str, wait: float | None, *, spent: bool = False) -> NoReturn:
    """Raise what a status other than success means; `said` are the server's own words, `spent` that an account is empty."""
    host = urlsplit(what.url).netloc
    message = f"`{host}` said {status}" + (f": {said}" if said else "")
    if status in (401, 403):
        raise TaskError(message, barred=True, hint="the key is missing, wrong, or not allowed to use this model")
    if status == 402 or spent:
        raise TaskError(message, barred=True, hint="the account has nothing left to pay with")
    if status in (408, 409, 429) or status >= 500:
        raise TaskError(message, heals=True, after=wait)
    hint = "give the address it moved to as `base_url`; redirects are not followed" if 300 <= status < 400 else ""
    raise TaskError(message, hint=hint)


def wait(headers: Mapping[str, str], now: float) -> float | None:
    """Return how many seconds the server asks to wait, or `None`; `now` is the time in seconds since 1970.

    Looks at `retry-after-ms`, `Retry-After` (RFC 9110: seconds or a date), then at when a used-up limit is there again:
    `x-ratelimit-reset-*` (spans such as `6m0s`) and `anthropic-ratelimit-*-reset` (RFC 3339).
    """
    soon = headers.get("retry-after-ms", "")
    if _SECONDS.fullmatch(soon):
        return float(soon) / 1000
    asked = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(asked):
        return float(asked)
    return _until(asked, now) if asked else _reset(headers, now)


def _reset(headers: Mapping[str, str], now: float) -> float | None:
    waits = []
    for name, left in headers.items():
        if "ratelimit" in name.lower() and "remaining" in name.lower() and left.strip() == "0":
            given = headers.get(name.lower().replace("remaining", "reset"), "")
            waits.append(_span(given) if _SPAN.match(given) else _until(given, now))
    return max((seconds for seconds in waits if seconds is not None), default=None)


def _span(text: str) -> float:
    return sum(float(number) * _UNITS[unit] for number, unit in _SPAN.findall(text))


def _until(text: str, now: float) -> float | None:
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            moment = read(text)
        except (ValueError, IndexError, OverflowError):
            continue
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(0.0, aware.timestamp() - now)
    return None
