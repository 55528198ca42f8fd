"""Noise: how much this machine strays from itself, found by measuring the same work again and again, before anything else."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from math import log
from pathlib import Path
from tempfile import TemporaryDirectory

from bmad_provisioner.engine.child import Ending, environment, run_child
from bmad_provisioner.engine.task import Inputs, Output, Turn
from bmad_provisioner.errors import TaskError
from bmad_provisioner.kinds.performance.measured import Noise
from bmad_provisioner.kinds.performance.packing import packed
from bmad_provisioner.kinds.performance.stats import Rule, detectable, false_alarms

WORK = """
import sys, time, json
def once():
    text = "".join(chr(97 + n * 7 % 26) for n in range(20000))
    return json.dumps({word: sorted(word) for word in (text[n:n + 8] for n in range(0, 20000, 8))}, sort_keys=True)
wall, cpu = [], []
for _ in range(int(sys.argv[1])):
    began, spent = time.perf_counter(), time.process_time()
    once()
    wall.append(time.perf_counter() - began)
    cpu.append(time.process_time() - spent)
print(min(wall), min(cpu))
"""
"""What is measured: text, dictionaries and sorting, for some milliseconds; of a process the fastest time counts."""
USUAL, QUICK = 30, 12
"""Processes."""
_TIMES = 10
_PAIRS = 10


def noise(inputs: Inputs) -> Output:
    """Return what this machine says of the same work, as the fact `noise`; raises TaskError where it cannot even do that."""
    count = int(str(inputs.args["runs"]))
    return Output(facts={"noise": packed(measure(count, inputs.turn))})


def measure(count: int, turn: Turn) -> Noise:
    """Run the same work in `count` processes, one after the other."""
    with TemporaryDirectory(prefix="bmadp-") as scratch:
        told = [_once(Path(scratch), turn) for _ in range(count)]
    wall, cpu = tuple(one for one, _ in told), tuple(other for _, other in told)
    by_name = {"wall": wall, "cpu": cpu}
    rule = Rule(min(_PAIRS, count // 2))
    ratios = {name: paired(values) for name, values in by_name.items()}
    return Noise(
        count,
        wall,
        cpu,
        ratios,
        {name: false_alarms(values, rule) for name, values in by_name.items()},
        {name: detectable(each, rule) for name, each in ratios.items()},
        os.getloadavg()[0],
        round(time.time(), 1),
    )


def paired(values: Sequence[float]) -> tuple[float, ...]:
    """Return the log ratios of neighbours: what a comparison of the same with itself would see."""
    return tuple(log(after / before) for before, after in zip(values[::2], values[1::2], strict=False) if before > 0 and after > 0)


def _once(folder: Path, turn: Turn) -> tuple[float, float]:
    ended = run_child(
        [sys.executable, "-I", "-c", WORK, str(_TIMES)], folder=folder, environment=environment(PYTHONHASHSEED="0"), turn=turn
    )
    if ended.ending is not Ending.EXITED or ended.code:
        raise TaskError(f"the machine's noise could not be measured: {ended.ending.value} {ended.code}")
    wall, cpu = ended.stdout.split()
    return float(wall), float(cpu)
