"""Making: which agents make a path, or something that fits a pattern."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bmad_provisioner.kinds.team.team import Team
from bmad_provisioner.patterns import is_pattern, meet


@dataclass(frozen=True, slots=True)
class Makers:
    """Who makes what: by path, and pairs of a pattern and who makes what fits it."""

    plain: Mapping[str, tuple[str, ...]]
    patterns: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, team: Team) -> Makers:
        """Return the makers of a team."""
        plain: dict[str, tuple[str, ...]] = {}
        made = tuple((path, agent.name) for agent in team.agents.values() for path in agent.makes)
        for path, maker in made:
            if not is_pattern(path):
                plain[path] = (*plain.get(path, ()), maker)
        return cls(plain, tuple((path, maker) for path, maker in made if is_pattern(path)))

    def of_path(self, path: str, *, besides: str = "") -> tuple[str, ...]:
        """Return who makes `path`, or something that fits it; what the agent `besides` makes of it does not count."""
        if is_pattern(path):
            exact = [maker for each, makers in self.plain.items() if meet(path, each) for maker in makers]
        else:
            exact = list(self.plain.get(path, ()))
        every = dict.fromkeys((*exact, *(maker for pattern, maker in self.patterns if meet(path, pattern))))
        return tuple(maker for maker in every if maker != besides)
