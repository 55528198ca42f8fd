"""Progress: one live line on stderr for what takes longer than a second, and the timings of `--timings`."""

from __future__ import annotations

import sys
import time

from bmad_provisioner.event import (
    ChangeCommitted,
    Event,
    FellBack,
    Recovered,
    StepFinished,
    TaskFinished,
    TaskRetried,
    TaskStarted,
    Waiting,
    Warned,
)

_PATIENCE = 1.0


class Progress:
    """A listener that shows a line on a terminal once work takes longer than a second."""

    def __init__(self, *, live: bool, timings: bool) -> None:
        self._live, self._timings = live, timings
        self._start = self._shown = time.monotonic()
        self._tasks = self._files = 0
        self._running: dict[str, None] = {}
        self._steps: dict[str, tuple[float, float]] = {}

    def __call__(self, event: Event) -> None:
        """Hear one event."""
        match event:
            case TaskStarted():
                self._tasks += 1
                self._running[event.task] = None
                others = f" and {len(self._running) - 1} more" if len(self._running) > 1 else ""
                self._show(f"{event.action}: {event.task}{others} ({self._tasks})")
            case ChangeCommitted():
                self._files += 1
                self._show(f"writing: {event.path} ({self._files})")
            case StepFinished():
                seconds = self._steps.get(event.step, (0.0, 0.0))[0] + event.seconds
                self._steps[event.step] = (seconds, _peak() if self._timings else 0.0)
            case Waiting():
                self._say(f"waiting for {event.owner}")
            case Recovered():
                self._say(f"an interrupted run was {'finished' if event.forward else 'taken back'} first")
            case TaskFinished():
                self._running.pop(event.task, None)
                if event.lane == "io" and self._live:
                    self._say(f"\r\x1b[K  {event.status} {event.task} ({event.seconds:.1f} s)")
            case TaskRetried():
                self._say(f"  {event.task}: {event.reason}; try {event.number} in {event.seconds:.1f} s")
            case FellBack() | Warned():
                self._say(f"warning: {event.reason if isinstance(event, FellBack) else event.message}")

    def close(self) -> None:
        """Clear the line and, if asked, print where the time and memory went."""
        if self._shown > self._start:
            sys.stderr.write("\r\x1b[K")
        if self._timings:
            for step, (seconds, peak) in self._steps.items():
                self._say(f"{step:<10} {seconds * 1000:9.1f} ms   memory by then {peak:5.0f} MB")
            self._say(f"{'process':<10} {time.process_time() * 1000:9.1f} ms of CPU, peak memory {_peak():.0f} MB")

    def _show(self, text: str) -> None:
        now = time.monotonic()
        if self._live and now - self._start > _PATIENCE and now - self._shown > 0.1:
            self._shown = now
            sys.stderr.write(f"\r\x1b[K{text[:100]}")
            sys.stderr.flush()

    @staticmethod
    def _say(text: str) -> None:
        sys.stderr.write(f"{text}\n")


def _peak() -> float:
    """Return the most memory this process has held so far, in MB (`ru_maxrss` is in KB on Linux)."""
    # Only for `--timings`.
    import resource  # noqa: PLC0415

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
