"""Child: run one graph in one way, in this process, and print what it took. Run by `run.py`, with a Python that has the peer."""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from shapes import SHAPES, UNIT, Node

Work = Callable[[str], str]


def worker(nodes: list[Node]) -> tuple[Work, list[str]]:
    """Return what a task does, and the list in which it notes that it was done; with `NOTES`, in that file too."""
    units = {node.name: node.units for node in nodes}
    done: list[str] = []
    notes = os.environ.get("NOTES", "")

    def work(name: str) -> str:
        if units[name]:
            time.sleep(units[name] * UNIT)
        done.append(name)
        if notes:
            handle = os.open(notes, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            os.write(handle, f"{name}\n".encode())
            os.close(handle)
        return name

    return work, done


def main() -> None:
    module, row, shape, folder = sys.argv[1:]
    nodes = SHAPES[shape]
    work, done = worker(nodes)
    run = importlib.import_module(module).ROWS[row](nodes, Path(folder), work)
    start, busy = time.perf_counter(), time.process_time()
    run()
    wall, cpu = time.perf_counter() - start, time.process_time() - busy
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    memory = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    # Straight to the file: some peers leave `sys.stdout` redirected.
    os.write(1, ("\n" + json.dumps({"wall": wall, "cpu": cpu, "ran": len(done), "memory": memory}) + "\n").encode())


if __name__ == "__main__":
    main()
