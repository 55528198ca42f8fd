"""Installation: what is known of the BMAD that a project holds."""

from __future__ import annotations

from dataclasses import dataclass

from bmad_provisioner.finding import Finding
from bmad_provisioner.kinds.skills.versions import rank, release


@dataclass(frozen=True, slots=True)
class Installation:
    """The BMAD of a project: its version, its era of layout, and what it brings.

    `era` is `none`, `v4`, or `A0` `A` `B` `C` `D` `E` `F` (see `era_of`). `version` is `None` where BMAD is absent
    or its manifest cannot be read; the era is then guessed from the files that stand there. `agents` holds each
    agent under its full and its short name (`bmad-agent-dev` and `dev`). `faults` say what could not be understood.
    """

    version: str | None = None
    era: str = "none"
    ides: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    skills: frozenset[str] = frozenset()
    agents: frozenset[str] = frozenset()
    faults: tuple[Finding, ...] = ()

    @property
    def release(self) -> tuple[int, int]:
        """Major and minor version, or those of the era's first release when the version is not known."""
        return release(self.version) if self.version else _FIRST[self.era]


_FIRST = {"none": (0, 0), "v4": (4, 0), "A0": (6, 0), "A": (6, 0), "B": (6, 1), "C": (6, 3), "D": (6, 5), "E": (6, 11), "F": (7, 0)}


def era_of(version: str) -> str:
    """Return the era of layout that `version` belongs to; `none` for what is no BMAD version.

    A0: 6.0 alphas; A: 6.0, commands; B: 6.1-6.2, skills that point into `_bmad/`; C: 6.3, self-contained skills;
    D: 6.4-6.10, TOML overrides; E: 6.11 and later 6.x, rendered skills; F: 7, a flat tree of skills.
    """
    order = rank(version)
    if order is None:
        return "none"
    (major, minor, _), _, parts = order
    if major != 6:
        return "F" if major > 6 else "v4" if major >= 4 else "none"
    if minor == 0:
        return "A0" if parts and parts[0][2].startswith("alpha") else "A"
    return next(era for least, era in ((11, "E"), (4, "D"), (3, "C"), (1, "B")) if minor >= least)


def has_toml_overrides(installation: Installation) -> bool:
    """Return whether BMAD reads `_bmad/custom/*.toml` and `customize.toml` (6.4 and later)."""
    return installation.release >= (6, 4)
