"""Sitecustomize: a witness inside the process that is looked into; it writes down what runs, waits, asks and opens.

It is loaded by the interpreter of a service that was started to be looked into, never to be timed. Only the standard
library, and nothing of ours: the service may live in another environment. What it tells goes to one file a process in
`BMADP_WITNESS`, a JSON array a line: what it is, seconds of the monotonic clock, and the rest.
"""

from __future__ import annotations

import atexit
import json
import os
import sys
import threading
import time

_FOLDER = os.environ.get("BMADP_WITNESS", "")
_ROOT = os.environ.get("BMADP_WITNESS_ROOT", os.getcwd()) + os.sep
_PERIOD = 0.005
_LONGEST = 4000
_NOT_OURS = (os.sep + "site-packages" + os.sep, os.sep + "lib" + os.sep + "python", os.sep + ".venv" + os.sep)
_HEARD = frozenset({"socket.connect", "subprocess.Popen", "sqlite3.connect", "socket.getaddrinfo"})


class _Book:
    """The file of one process; whoever forks gets another."""

    def __init__(self):
        self.lock = threading.Lock()
        self.pid = 0
        self.file = None

    def write(self, *row):
        line = json.dumps(row, default=repr) + "\n"
        with self.lock:
            if self.pid != os.getpid():
                self.pid = os.getpid()
                self.file = open(os.path.join(_FOLDER, f"{self.pid}.jsonl"), "a", buffering=1 << 16, encoding="utf-8")  # noqa: SIM115
            self.file.write(line)

    def flush(self):
        with self.lock:
            if self.file is not None and self.pid == os.getpid():
                self.file.flush()


_book = _Book()
_own = set()
_rest = time.sleep


def _is_ours(path):
    return path.startswith(_ROOT) and not any(part in path for part in _NOT_OURS)


def _where(frame):
    """Return the innermost line of the project, or nothing."""
    while frame is not None:
        if _is_ours(frame.f_code.co_filename):
            return [frame.f_code.co_filename[len(_ROOT) :], frame.f_lineno, frame.f_code.co_qualname if hasattr(frame.f_code, "co_qualname") else frame.f_code.co_name]
        frame = frame.f_back
    return None


def _frames(frame):
    """Return the lines of the project on a stack, the outermost first, and the leaf whoever's it is."""
    found = []
    leaf = frame
    while frame is not None:
        code = frame.f_code
        if _is_ours(code.co_filename):
            found.append([code.co_filename[len(_ROOT) :], frame.f_lineno, getattr(code, "co_qualname", code.co_name)])
        frame = frame.f_back
    found.reverse()
    return found, [os.path.basename(leaf.f_code.co_filename), leaf.f_lineno, leaf.f_code.co_name]


def _awaited(task):
    """Return the lines of the project that a task waits in, the outermost first, and the innermost whoever's it is."""
    found, leaf = [], ["", 0, ""]
    at = task.get_coro()
    for _ in range(200):
        frame = getattr(at, "cr_frame", None) or getattr(at, "gi_frame", None) or getattr(at, "ag_frame", None)
        if frame is not None:
            code = frame.f_code
            leaf = [os.path.basename(code.co_filename), frame.f_lineno, code.co_name]
            if _is_ours(code.co_filename):
                found.append([code.co_filename[len(_ROOT) :], frame.f_lineno, getattr(code, "co_qualname", code.co_name)])
        at = getattr(at, "cr_await", None) or getattr(at, "gi_yieldfrom", None) or getattr(at, "ag_await", None)
        if at is None:
            break
    return found, leaf


def _tasks():
    asyncio = sys.modules.get("asyncio.tasks")
    if asyncio is None:
        return
    for task in list(getattr(asyncio, "_all_tasks", ())) + list(getattr(asyncio, "_scheduled_tasks", ())):
        if not task.done():
            yield task


def _spent(number):
    """Return the processor seconds of a thread: it lives, since we hold the lock of the interpreter and it has frames."""
    return time.clock_gettime(time.pthread_getcpuclockid(number)) if hasattr(time, "pthread_getcpuclockid") else 0.0


def _sample(before):
    for number, frame in sys._current_frames().items():  # noqa: SLF001
        if number in _own:
            continue
        spent = _spent(number)
        ran, before[number] = spent - before.get(number, spent), spent
        lines, leaf = _frames(frame)
        if lines:
            _book.write("stack", time.monotonic(), number, round(ran, 6), lines, leaf)
    seen = 0
    for task in _tasks():
        lines, leaf = _awaited(task)
        if lines:
            seen += 1
            _book.write("await", time.monotonic(), id(task), lines, leaf)
        if seen > 200:
            break


def _watch():
    _own.add(threading.get_ident())
    flushed = 0.0
    before = {}
    while True:
        _rest(_PERIOD)
        try:
            _sample(before)
        except RuntimeError:  # a set of tasks that changes while it is read
            continue
        now = time.monotonic()
        if now - flushed > 0.05:
            _book.flush()
            flushed = now


def _heard(event, args):
    if event in _HEARD and threading.get_ident() not in _own:
        said = [str(arg)[:_LONGEST] for arg in args[:2]]
        _book.write("event", time.monotonic(), threading.get_ident(), event, said, _where(sys._getframe(1)))  # noqa: SLF001


def _statement(sql):
    _book.write("sql", time.monotonic(), threading.get_ident(), str(sql)[:_LONGEST], _where(sys._getframe(1)))  # noqa: SLF001


def _sqlite():
    import sqlite3
    import sqlite3.dbapi2

    plain = sqlite3.connect

    def connect(*args, **kwargs):
        connection = plain(*args, **kwargs)
        connection.set_trace_callback(_statement)
        return connection

    sqlite3.connect = sqlite3.dbapi2.connect = connect


def _sleeps():
    """Hear of every sleep: of waits, the one that leaves no other trace."""

    def sleep(seconds):
        if threading.get_ident() not in _own:
            _book.write("event", time.monotonic(), threading.get_ident(), "sleep", [str(seconds)], _where(sys._getframe(1)))  # noqa: SLF001
        return _rest(seconds)

    time.sleep = sleep


def _start():
    _sqlite()
    _sleeps()
    sys.addaudithook(_heard)
    threading.Thread(target=_watch, name="bmadp-witness", daemon=True).start()
    os.register_at_fork(after_in_child=lambda: threading.Thread(target=_watch, name="bmadp-witness", daemon=True).start())
    atexit.register(_book.flush)


def _next():
    """Run the sitecustomize that we stand before, where there is one."""
    here = os.path.dirname(os.path.abspath(__file__))
    paths = [path for path in sys.path if os.path.abspath(path or ".") != here]
    from importlib.machinery import PathFinder

    spec = PathFinder.find_spec("sitecustomize", paths)
    if spec is not None and spec.loader is not None:
        from importlib.util import module_from_spec

        spec.loader.exec_module(module_from_spec(spec))


if _FOLDER:
    _start()
_next()
