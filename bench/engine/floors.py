"""Floors: the least that walking a graph takes, with what Python brings along."""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Callable, Iterable
from functools import partial
from graphlib import TopologicalSorter
from hashlib import sha256
from pathlib import Path

from child import Work
from shapes import WORKERS, Node

Run = Callable[[], None]


def _sorter(nodes: list[Node]) -> TopologicalSorter[str]:
    sorter = TopologicalSorter({node.name: node.needs for node in nodes})
    sorter.prepare()
    return sorter


def graphlib(nodes: list[Node], _folder: Path, work: Work) -> Run:
    """Return one task after the other."""

    def run() -> None:
        sorter = _sorter(nodes)
        while sorter:
            for name in sorter.get_ready():
                work(name)
                sorter.done(name)

    return run


def threads(nodes: list[Node], _folder: Path, work: Work) -> Run:
    """Return threads that take from a queue and put into another."""

    def serve(todo: queue.SimpleQueue[str | None], ended: queue.SimpleQueue[str]) -> None:
        while (name := todo.get()) is not None:
            work(name)
            ended.put(name)

    def run() -> None:
        todo: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        ended: queue.SimpleQueue[str] = queue.SimpleQueue()
        crew = [threading.Thread(target=serve, args=(todo, ended)) for _ in range(WORKERS)]
        for one in crew:
            one.start()
        sorter = _sorter(nodes)
        while sorter:
            for name in sorter.get_ready():
                todo.put(name)
            sorter.done(ended.get())
        for _ in crew:
            todo.put(None)

    return run


def event_loop(nodes: list[Node], _folder: Path, work: Work) -> Run:
    """Return tasks of asyncio behind a semaphore; what sleeps does so in a thread."""
    import asyncio  # noqa: PLC0415 - heavy, and the other floors do without

    sleeps = any(node.units for node in nodes)

    async def walk() -> None:
        sorter, room, ended = _sorter(nodes), asyncio.Semaphore(WORKERS), asyncio.Queue[str]()

        async def one(name: str) -> None:
            async with room:
                if sleeps:
                    await asyncio.to_thread(work, name)
                else:
                    work(name)
            ended.put_nowait(name)

        running = set()
        while sorter:
            running |= {asyncio.create_task(one(name)) for name in sorter.get_ready()}
            sorter.done(await ended.get())
        await asyncio.gather(*running)

    return lambda: asyncio.run(walk())


def rows(nodes: list[Node], folder: Path, work: Work, *, each: bool = False) -> Run:
    """Return one task after the other, each with a key of its needs' keys and a row in SQLite: the least that remembers.

    With `each`, a row is committed before the next task starts: the least that survives a kill at any time.
    """
    file = sqlite3.connect(folder / "rows.sqlite", isolation_level=None)
    file.execute("PRAGMA journal_mode=WAL")
    file.execute("PRAGMA synchronous=NORMAL")
    file.execute("CREATE TABLE IF NOT EXISTS rows (key BLOB PRIMARY KEY, said TEXT) WITHOUT ROWID")
    needs = {node.name: node.needs for node in nodes}
    keys: dict[str, bytes] = {}

    def known(names: Iterable[str]) -> set[bytes]:
        wanted = [keys[name] for name in names]
        marks = ",".join("?" * len(wanted))
        return {key for (key, _said) in file.execute(f"SELECT key, said FROM rows WHERE key IN ({marks})", wanted)}

    def run() -> None:
        sorter = _sorter(nodes)
        if not each:
            file.execute("BEGIN")
        while sorter:
            names = sorter.get_ready()
            for name in names:
                keys[name] = sha256(name.encode() + b"".join(keys[need] for need in needs[name])).digest()
            there = known(names)
            for name in names:
                if keys[name] not in there:
                    file.execute("INSERT INTO rows VALUES (?, ?)", (keys[name], work(name)))
            sorter.done(*names)
        file.commit()

    return run


ROWS = {
    "graphlib": graphlib,
    "threads": threads,
    "asyncio": event_loop,
    "SQLite, at the end": rows,
    "SQLite, each": partial(rows, each=True),
}
