"""Discovering: what a project says of itself, before anything is started: requirements, instruments, architecture."""

from __future__ import annotations

from typing import cast

from bmad_provisioner.digest import Plain
from bmad_provisioner.engine.task import Inputs, Output
from bmad_provisioner.kinds.performance.asked import fact, told
from bmad_provisioner.kinds.performance.discover import survey
from bmad_provisioner.kinds.performance.discover.architecture import architecture_md
from bmad_provisioner.kinds.performance.discover.requirements import requirements_md
from bmad_provisioner.kinds.performance.discover.sentences import sentences
from bmad_provisioner.kinds.performance.discover.telemetry import telemetry_md
from bmad_provisioner.kinds.performance.discover.workload import mix
from bmad_provisioner.kinds.performance.order import SERVICE, order
from bmad_provisioner.kinds.performance.packing import packed


def discover(inputs: Inputs) -> Output:
    """Write what was found; the facts are the mix of requests of each service, and all that was found."""
    asked = order(cast("dict[str, Plain]", inputs.args["document"]))
    paths = [path for path, entry in inputs.files.items() if entry is not None and entry.is_plain]
    found = survey.found(asked, paths, inputs.read)
    mixes: dict[str, Plain] = {
        target.name: [told(one) for one in mix(found, target)] for target in asked.targets if target.sort == SERVICE
    }
    pages = {
        "requirements.md": requirements_md(asked, found),
        "telemetry.md": telemetry_md(asked, found),
        "architecture.md": architecture_md(asked, found),
    }
    facts: dict[str, Plain] = {fact(name): rows for name, rows in mixes.items()}
    facts |= {"mixes": mixes, "project": packed(found), "discovered": list(sentences(found))}
    return Output({f"{asked.folder}/{name}": inputs.keep(text.encode()) for name, text in pages.items()}, facts=facts)
