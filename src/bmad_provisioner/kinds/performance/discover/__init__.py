"""Discover: what a project's own files say of its workload, its limits and what watches it; nothing is run, nothing is guessed."""

from bmad_provisioner.kinds.performance.discover.architecture import architecture_md
from bmad_provisioner.kinds.performance.discover.facts import Found
from bmad_provisioner.kinds.performance.discover.requirements import requirements_md
from bmad_provisioner.kinds.performance.discover.sentences import sentences
from bmad_provisioner.kinds.performance.discover.survey import PATTERNS, found
from bmad_provisioner.kinds.performance.discover.telemetry import telemetry_md
from bmad_provisioner.kinds.performance.discover.workload import mix

__all__ = ["PATTERNS", "Found", "architecture_md", "found", "mix", "requirements_md", "sentences", "telemetry_md"]
