"""Working: commands and functions run again and again, a number from each process; and a database that is asked for advice."""

from __future__ import annotations

import os
from typing import Any, cast

from bmad_provisioner.engine.task import Inputs, Output
from bmad_provisioner.errors import TaskError
from bmad_provisioner.kinds.performance.asked import wanted
from bmad_provisioner.kinds.performance.causes import cause, merged
from bmad_provisioner.kinds.performance.imports import Imported, imported
from bmad_provisioner.kinds.performance.measured import MEASURED, Found, Missing, Part, Worked
from bmad_provisioner.kinds.performance.order import order
from bmad_provisioner.kinds.performance.packing import packed
from bmad_provisioner.kinds.performance.processes import Ran, runs
from bmad_provisioner.kinds.performance.scratch import laid

RUNS, QUICK = 20, 8
_ADVICE = 20.0
"""Seconds that a database is asked things for."""


def work(inputs: Inputs) -> Output:
    """Run a command or a function again and again; raises TaskError where it fails every time."""
    asked, target = wanted(inputs)
    with laid(inputs) as folder:
        ran = runs(target, folder, inputs.turn, QUICK if asked.quick else RUNS)
    return Output(facts={MEASURED: packed(Part(worked=(worked(target.name, target.sort, ran),)))})


def worked(name: str, sort: str, ran: tuple[Ran, ...]) -> Worked:
    """Return what runs came to: of those that failed only that they did."""
    good = [one for one in ran if not one.problem]
    values = {
        "duration": tuple(one.seconds for one in good),
        "cpu": tuple(one.cpu for one in good),
        "peak_memory": tuple(float(one.peak) for one in good),
    }
    bad = [one for one in ran if one.problem]
    return Worked(
        name, sort, len(ran), {what: some for what, some in values.items() if any(some)}, len(bad), bad[0].problem if bad else ""
    )


def imports(inputs: Inputs) -> Output:
    """Read what other tools measured; raises TaskError for a file that is not there, and UsageError for one of another form."""
    wanted_ = order(cast("Any", inputs.args["document"]))
    found: list[Worked] = []
    for path in wanted_.imports:
        if inputs.files.get(path) is None:
            raise TaskError(f"`{path}` is not there", hint="`imports` names files inside the project")
        found += [_of_others(one) for one in imported(inputs.read(path).decode("utf-8", "replace"), path)]
    return Output(facts={MEASURED: packed(Part(worked=tuple(found)))})


def _of_others(one: Imported) -> Worked:
    """Return what another tool says: iterations inside one process are one number, the least of them."""
    seconds = (min(one.seconds),) if one.rounds and one.seconds else one.seconds
    runs = len(seconds) + one.failures
    return Worked(
        one.name, one.tool, runs, {"duration": seconds} if seconds else {}, one.failures, "it failed" if one.failures else ""
    )


def database(inputs: Inputs) -> Output:
    """Ask a database, which is only read, what its statements cost and which index would help."""
    from bmad_provisioner.kinds.performance.postgres.advice import advise  # noqa: PLC0415 - an extra
    from bmad_provisioner.kinds.performance.postgres.telling import clues, said  # noqa: PLC0415

    _, target = wanted(inputs)
    dsn = os.environ.get(target.dsn_env, "")
    if not dsn:
        hint = f"export {target.dsn_env}=postgresql://... ; it is only read, and never written down"
        raise TaskError(f"`{target.name}`: the variable `{target.dsn_env}` is not set", hint=hint)
    advice = advise(dsn, inputs.turn, _ADVICE)
    causes = merged(cause(clue, target.name) for clue in clues(advice, target.name))
    missing = tuple(Missing(one.what, one.remedy, one.left_out) for one in advice.missing)
    found = Found(target.name, causes, tuple(said(advice)), missing)
    return Output(facts={MEASURED: packed(Part(found=(found,)))}, fleeting=True)
