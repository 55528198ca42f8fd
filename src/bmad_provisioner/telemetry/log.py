"""Log: how long every step and every task took, as lines of JSON in a file that does not grow for ever."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from pathlib import Path

from bmad_provisioner.digest import Plain
from bmad_provisioner.event import Event, FellBack, Listener, StepFinished, TaskFinished, TaskRetried, Warned

NAME = "performance.jsonl"
_MOST = 8 * 1024 * 1024
"""Bytes after which the file becomes `NAME.1`, in the place of the one before."""


def logging(path: Path, told: Listener, *, most: int = _MOST) -> Listener:
    """Return a listener that writes what takes time to the file at `path`, and tells everything to another.

    Each line holds `at` (seconds since 1970), `process` (its id), `event`, `name`, and what the event says besides.
    A file that cannot be written is no reason to stop.
    """

    def hear(event: Event) -> None:
        told(event)
        line = _line(event)
        if line is None:
            return
        stamp: dict[str, Plain] = {"at": round(time.time(), 3), "process": os.getpid()}
        with suppress(OSError):
            if path.exists() and path.stat().st_size > most:
                path.replace(path.with_name(f"{path.name}.1"))
            with open(path, "a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(json.dumps({**stamp, **line}, ensure_ascii=False) + "\n")

    return hear


def _line(event: Event) -> dict[str, Plain] | None:
    """Return what an event says, or `None` where it says nothing of time."""
    match event:
        case StepFinished():
            return {"event": "step", "name": event.step, "seconds": round(event.seconds, 6)}
        case TaskFinished():
            said: dict[str, Plain] = {"event": "task", "name": event.task, "action": event.action, "status": event.status}
            return {**said, "lane": event.lane, "seconds": round(event.seconds, 6)}
        case TaskRetried():
            return {"event": "retry", "name": event.task, "number": event.number, "waits": event.seconds, "reason": event.reason}
        case FellBack() | Warned():
            return {"event": "warning", "name": event.reason if isinstance(event, FellBack) else event.message}
    return None
