"""Meter: run one command and say what its whole process tree cost. Run it with `python -I -S`.

It is a process of its own because Linux counts the memory of the one who starts a command as the command's own peak;
a Python without site-packages is the smallest that we have, about 9 MB, and so the least that can be told.
"""

import json
import os
import signal
import sys
import time


def main(seconds: float, log: str, command: "list[str]") -> "dict[str, float]":
    sink = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    moves = [(os.POSIX_SPAWN_DUP2, nothing, 0), (os.POSIX_SPAWN_DUP2, sink, 1), (os.POSIX_SPAWN_DUP2, sink, 2)]
    late = []

    def stop(*_: object) -> None:
        late.append(True)
        os.killpg(child, signal.SIGKILL)

    signal.signal(signal.SIGALRM, stop)
    start = time.perf_counter()
    child = os.posix_spawnp(command[0], command, os.environ, file_actions=moves, setpgroup=0)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    _child, status, used = os.wait4(child, 0)
    wall = time.perf_counter() - start
    signal.setitimer(signal.ITIMER_REAL, 0)
    return {
        "wall": wall,
        "cpu": used.ru_utime + used.ru_stime,
        "memory": used.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        "code": -1 if late else os.waitstatus_to_exitcode(status),
    }


if __name__ == "__main__":
    print(json.dumps(main(float(sys.argv[1]), sys.argv[2], sys.argv[3:])))
