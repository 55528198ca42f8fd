"""Discover: what a project's own files say of its workload, its limits and what watches it; nothing is run, nothing is guessed."""

from bmad_provisioner.kinds.performance.discover.facts import Found
from bmad_provisioner.kinds.performance.discover.survey import found
from bmad_provisioner.kinds.performance.discover.workload import mix

__all__ = ["Found", "found", "mix"]
