"""Sitecustomize: a witness inside the process that is looked into; it writes down what runs, waits, asks, opens and is kept.

It is loaded by the interpreter of a service that was started to be looked into, never to be timed. Only the standard
library, and nothing of ours: the service may live in another environment. What it tells goes to one file a process in
`BMADP_WITNESS`, a JSON array a line: what it is, seconds of the monotonic clock, and the rest. A file `held-N` that somebody
puts there asks what memory is held, by line; it is answered in the same way.
"""

from __future__ import annotations

import atexit
import json
import os
import sys
import threading
import time

import bmadp_drivers

_FOLDER = os.environ.get("BMADP_WITNESS", "")
_ROOTS = tuple(
    {
        os.path.join(one, "")
        for root in [os.environ.get("BMADP_WITNESS_ROOT", os.getcwd())]
        for one in (root, os.path.realpath(root))
    }
)
_PERIOD = 0.005
_SWITCH = 0.0005
"""Seconds after which a thread that computes lets others in: else looks would fall where it lets go by itself."""
_LONGEST = 4000
_MOST_TASKS = 200
_DEPTH = 12
_NOT_OURS = ("site-packages/", "dist-packages/", "lib/python", ".venv/", "node_modules/")
_HEARD = frozenset({"socket.connect", "subprocess.Popen", "sqlite3.connect", "socket.getaddrinfo"})
_AWAITED = frozenset({"coroutine", "async_generator", "generator"})
_WRAPPERS = frozenset({"coroutine_wrapper", "async_generator_asend", "async_generator_athrow", "anext_awaitable"})
_WAITS = frozenset({"wait", "result", "acquire", "join", "get", "_wait_for_tstate_lock"})


class _Book:
    """The file of one process; whoever forks begins another."""

    def __init__(self):
        self.renew()

    def renew(self):
        self.lock = threading.Lock()
        self.rows = []
        self.file = -1

    def write(self, *row):
        self.rows.append(json.dumps(row, default=repr))

    def flush(self):
        with self.lock:
            rows, self.rows = self.rows, []
            if rows and self.file < 0:
                self.file = os.open(os.path.join(_FOLDER, f"{os.getpid()}.jsonl"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            if rows:
                os.write(self.file, ("\n".join(rows) + "\n").encode("utf-8", "replace"))


_book = _Book()
_own = set()
_rest = time.sleep
_known = {}


def _ours(path):
    """Return the path of a file of the project from its root, or an empty text."""
    found = _known.get(path)
    if found is None:
        whole = path if os.path.isabs(path) else os.path.abspath(path)
        inside = next((whole[len(root) :] for root in _ROOTS if whole.startswith(root)), "")
        found = "" if not inside.endswith(".py") or any(part in inside for part in _NOT_OURS) else inside
        _known[path] = found
    return found


def _line(frame):
    path = _ours(frame.f_code.co_filename)
    return [path, _number_of(frame), getattr(frame.f_code, "co_qualname", frame.f_code.co_name)] if path else None


def _number_of(frame):
    """Return the line of a frame; a jump back to the head of a loop has none of its own, but that before it."""
    number = frame.f_lineno
    if number is None:
        lines = frame.f_code.co_lines()
        number = max(((start, line) for start, _, line in lines if line is not None and start <= frame.f_lasti), default=(0, 0))[1]
    return number or frame.f_code.co_firstlineno


def _leaf(frame):
    return [os.path.basename(frame.f_code.co_filename), _number_of(frame), frame.f_code.co_name]


def _frames(frame):
    """Return the lines of the project on a stack, the outermost first, the frame that the innermost of them called, and
    whether an event loop runs below it."""
    found, called, last, loop = [], None, None, False
    while frame is not None:
        line = _line(frame)
        if line is not None:
            if not found:
                called = last
            found.append(line)
        elif (
            found
            and "asyncio" in frame.f_code.co_filename
            and frame.f_code.co_name in ("_run", "_run_once", "run", "run_until_complete")
        ):
            loop = True
        last, frame = frame, frame.f_back
    found.reverse()
    return found, called, loop


def _chain(frame):
    """Return the lines of the project behind something that happens now; of whoever waits for this thread, if it has none."""
    return _frames(frame)[0] or _behind(threading.get_ident())


def _awaited(task):
    """Return the lines of the project that a task waits in, the outermost first, the innermost place, and what is awaited."""
    found, leaf = [], ["", 0, ""]
    at = task.get_coro()
    for _ in range(_MOST_TASKS):
        frame = getattr(at, "cr_frame", None) or getattr(at, "gi_frame", None) or getattr(at, "ag_frame", None)
        if frame is not None:
            leaf = _leaf(frame)
            line = _line(frame)
            if line is not None:
                found.append(line)
        inner = getattr(at, "cr_await", None) or getattr(at, "gi_yieldfrom", None) or getattr(at, "ag_await", None)
        inner = _unwrapped(inner)
        if inner is None:
            break
        at = inner
    return found, leaf, at


def _unwrapped(awaited):
    """Return what is awaited through an object that only passes it on (`__await__`, an asynchronous generator)."""
    import gc

    for _ in range(3):
        if type(awaited).__name__ not in _WRAPPERS:
            return awaited
        inside = (one for one in gc.get_referents(awaited) if type(one).__name__ in _AWAITED | _WRAPPERS)
        awaited = next(inside, None)
    return awaited


def _tasks():
    asyncio = sys.modules.get("asyncio.tasks")
    if asyncio is None:
        return
    for task in list(getattr(asyncio, "_all_tasks", ())) + list(getattr(asyncio, "_scheduled_tasks", ())):
        if not task.done():
            yield task


def _number(task):
    digits = task.get_name().rpartition("-")[2]
    return int(digits) if digits.isdigit() else 0


def _behind(number):
    """Return the lines of who waits for a thread without any of the project: the youngest task, else a thread that waits."""
    try:
        for task in sorted(_tasks(), key=_number, reverse=True):
            lines = _awaited(task)[0]
            if lines:
                return lines
    except RuntimeError:  # a set of tasks that changes while it is read
        return []
    for other, frame in sys._current_frames().items():
        if other != number and other not in _own and frame.f_code.co_name in _WAITS:
            lines = _frames(frame)[0]
            if lines:
                return lines
    return []


def _spent(number):
    """Return the processor seconds of a thread, 0 where they cannot be told. It may have ended: only the kernel is asked, by
    its own number of the thread (Linux), never the thread library, which does not expect that."""
    thread = threading._active.get(number)
    if thread is None or not thread.native_id or sys.platform != "linux":
        return 0.0
    try:
        return time.clock_gettime((~thread.native_id << 3) | 6)
    except OSError:
        return 0.0


class _Turns:
    """Counts anew whenever somebody waits for something else than at the last look."""

    def __init__(self):
        self.last, self.now = {}, {}

    def of(self, who, what):
        before, count = self.last.get(who, (None, 0))
        count += before is not what
        self.now[who] = (what, count)
        return count

    def end(self):
        self.last, self.now = self.now, {}


def _sample(before, turns):
    primed = bool(before)
    _book.write("look", time.monotonic())
    for number, frame in sys._current_frames().items():
        if number in _own:
            continue
        spent = _spent(number)
        known = before.get(number, 0.0 if primed else spent)
        ran, before[number] = spent - known if spent >= known else spent, spent  # a number may have gone to another thread
        lines, called, loop = _frames(frame)
        if not lines and ran > 0.0005:
            lines = _behind(number)
        if lines:
            _book.write("stack", time.monotonic(), number, round(ran, 6), lines, _leaf(frame), turns.of(number, called), loop)
    for place, task in enumerate(_tasks()):
        lines, leaf, what = _awaited(task)
        if lines:
            _book.write("await", time.monotonic(), id(task), lines, leaf, turns.of(id(task), what))
        if place > _MOST_TASKS:
            break
    turns.end()


def _watch():
    _own.add(threading.get_ident())
    flushed, asked, before, turns = 0.0, 0, {}, _Turns()
    _book.write("here", time.monotonic())
    while True:
        _rest(_PERIOD)
        for what in ("counted", "held"):
            if os.path.exists(os.path.join(_FOLDER, f"{what}-{asked}")):
                _tell_counted(asked) if what == "counted" else _tell_held(asked)
                asked += 1
        try:
            if not asked:
                _sample(before, turns)
        except (RuntimeError, AttributeError, KeyError):  # threads and tasks that come and go while they are read
            continue
        if time.monotonic() - flushed > 0.05:
            _book.flush()
            flushed = time.monotonic()


def _tell_counted(asked):
    """Write down how many small blocks, and how many bytes of larger ones, are held: that costs next to nothing."""
    import gc

    _book.flush()
    gc.collect()
    _told("counted", asked, sys.getallocatedblocks(), _allocated())


def _allocated():
    """Return the bytes that the C library has given out, or 0 where it does not tell."""
    try:
        import ctypes

        class Info(ctypes.Structure):
            _fields_ = [(name, ctypes.c_size_t) for name in ("a", "b", "c", "d", "mapped", "e", "f", "used", "g", "h")]

        tell = ctypes.CDLL(None).mallinfo2
        tell.restype = Info
        found = tell()
    except (ImportError, OSError, AttributeError):
        return 0
    return found.used + found.mapped


def _told(what, asked, *rest):
    _book.write(what, time.monotonic(), asked, *rest)
    _book.flush()
    os.close(os.open(os.path.join(_FOLDER, f"{what}-{asked}-{os.getpid()}"), os.O_WRONLY | os.O_CREAT, 0o600))


def _tell_held(asked):
    """Write down the bytes held by the lines of the project that asked for them; the first time only begin to count."""
    import gc
    import tracemalloc

    held = {}
    gc.collect()
    if not tracemalloc.is_tracing():
        tracemalloc.start(_DEPTH)
    bounded = _bounded()
    sizes = {}
    for _, size, frames, *_ in tracemalloc.take_snapshot().traces._traces:
        sizes[frames] = sizes.get(frames, 0) + size
    for frames, size in sizes.items():
        if any(path == name and first <= line <= last for path, line in frames for name, first, last in bounded):
            continue
        place = next(((_ours(path), line) for path, line in frames if _ours(path)), None)
        if place is not None:
            held[place] = held.get(place, 0) + size
    _told("held", asked, [[path, line, size] for (path, line), size in held.items()])


def _bounded():
    """Return the file and the lines of each function of the project whose cache has an end: what it keeps is no leak."""
    import functools
    import gc

    found = []
    for one in gc.get_objects():
        if type(one) is functools._lru_cache_wrapper:
            code = getattr(getattr(one, "__wrapped__", None), "__code__", None)
            if code is not None and _ours(code.co_filename) and one.cache_info().maxsize is not None:
                found.append((code.co_filename, code.co_firstlineno, max(line or 0 for _, _, line in code.co_lines())))
    return found


def _heard(event, args):
    if event in _HEARD and threading.get_ident() not in _own:
        said = [str(arg)[:_LONGEST] for arg in args[:2]]
        if event == "sqlite3.connect" and not said[0].startswith((":", "file:")):
            said[0] = os.path.abspath(said[0])
        _book.write("event", time.monotonic(), threading.get_ident(), event, said, _chain(sys._getframe(1)))


def _statement(sql):
    _book.write("sql", time.monotonic(), threading.get_ident(), str(sql)[:_LONGEST], _chain(sys._getframe(1)))


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
            _book.write("event", time.monotonic(), threading.get_ident(), "sleep", [str(seconds)], _chain(sys._getframe(1)))
        return _rest(seconds)

    time.sleep = sleep


def _begin():
    threading.Thread(target=_watch, name="bmadp-witness", daemon=True).start()


def _forked():
    _book.renew()
    _own.clear()
    _begin()


def _start():
    sys.setswitchinterval(_SWITCH)
    _sqlite()
    _sleeps()
    sys.meta_path.insert(0, bmadp_drivers.Finder(_statement))
    sys.addaudithook(_heard)
    _begin()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_forked)
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
