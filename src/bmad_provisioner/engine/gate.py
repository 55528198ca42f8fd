"""Gate: where tries tell that they have a place on a Ray cluster, and where those wait that must not start unnoted."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import TYPE_CHECKING, Any

from bmad_provisioner.engine.lanes import unpack

if TYPE_CHECKING:
    from asyncio import Event


class Gate:
    """An actor on the cluster: what waits in Ray's queue did not come yet. When it is lost, it is asked anew."""

    def __init__(self) -> None:
        from asyncio import Queue  # noqa: PLC0415 - only where an actor runs

        self._came: Queue[int] = Queue()
        self._opened: dict[int, Event] = {}

    async def enter(self, number: int) -> None:
        """Tell that a try has its place."""
        self._came.put_nowait(number)

    async def wait(self, number: int) -> None:
        """Tell that a try has its place, and return when it may start."""
        from asyncio import Event  # noqa: PLC0415

        event = self._opened.setdefault(number, Event())
        self._came.put_nowait(number)
        await event.wait()

    async def open(self, number: int) -> None:
        """Let a try start that waits."""
        event = self._opened.pop(number, None)
        if event is not None:
            event.set()

    async def came(self) -> list[int]:
        """Return those that told that they have a place since the last time, at least one."""
        numbers = [await self._came.get()]
        while not self._came.empty():
            numbers.append(self._came.get_nowait())
        return numbers


def served(data: bytes, gate: Any, number: int, waits: bool) -> bytes:
    """Run a parcelled try where it has its place, after telling so; called in a worker of the cluster."""
    if waits:
        with ThreadPoolExecutor(1) as beside:  # whoever waits in the first thread gives its processors to others meanwhile
            beside.submit(import_module("ray").get, gate.wait.remote(number)).result()
    else:
        gate.enter.remote(number)
    return unpack(data)
