"""Energy: an estimate of what a run consumed, from the processor seconds it used."""

from __future__ import annotations

from dataclasses import dataclass

from bmad_provisioner.kinds.performance.estimate import Estimate

WATTS = Estimate(4.0, 1.0, 10.0)
"""What one busy logical processor is taken to draw more than an idle one: from many-core servers to desktops."""


@dataclass(frozen=True, slots=True)
class Energy:
    """Joules, and what was assumed to get there."""

    joules: Estimate
    assumption: str

    @property
    def watt_hours(self) -> Estimate:
        """The same as people are billed for it."""
        return self.joules * (1 / 3600)


def energy(cpu_seconds: float, watts: Estimate | None = None) -> Energy:
    """Estimate the energy of `cpu_seconds` at some `watts` for each busy processor: those of the machine where they are known."""
    drawn = watts or WATTS
    whose = "as given" if watts else "not measured here"
    return Energy(
        drawn * cpu_seconds,
        f"{drawn.low:g} to {drawn.high:g} W for each busy logical processor ({whose}); "
        "idle machines, memory, disks, the network and cooling are not in it",
    )
