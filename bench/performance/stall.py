"""Stall: a server that stands still on purpose, and how long each request that came would truly have taken.

    python bench/performance/stall.py PORT SERVICE STALL EVERY

It answers after SERVICE seconds, any number at once, and does nothing at all for STALL of every EVERY seconds. Each stall is
told on standard output as it ends: two times of the machine's monotonic clock.
"""

from __future__ import annotations

import asyncio
import sys
import time


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, service: float) -> None:
    try:
        while await reader.readuntil(b"\r\n\r\n"):
            await asyncio.sleep(service)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def stalls(stall: float, every: float) -> None:
    while True:
        await asyncio.sleep(every - stall)
        began = time.monotonic()
        time.sleep(stall)
        print(began, time.monotonic(), flush=True)


async def main() -> None:
    port, service, stall, every = int(sys.argv[1]), *map(float, sys.argv[2:])
    server = await asyncio.start_server(lambda reader, writer: answer(reader, writer, service), "127.0.0.1", port, backlog=1000)
    async with server:
        await stalls(stall, every)


def truth(arrivals: list[float], stalled: list[tuple[float, float]], service: float) -> list[float]:
    """Return how long requests that come at these times truly take: what falls into a stall waits for its end, before and after
    its service."""
    return [_ends(_ends(at, stalled) + service, stalled) - at for at in arrivals]


def _ends(at: float, stalled: list[tuple[float, float]]) -> float:
    return next((end for begin, end in stalled if begin <= at < end), at)


if __name__ == "__main__":
    asyncio.run(main())
