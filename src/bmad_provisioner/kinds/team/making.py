"""Making: which agents make a path, or something that fits a pattern, and who amends it one after the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bmad_provisioner.kinds.team.team import Agent, Team
from bmad_provisioner.patterns import is_pattern, meet


@dataclass(frozen=True, slots=True)
class Makers:
    """Who makes what: by path, and pairs of a pattern and who makes what fits it; pairs of what is amended and by whom; and
    by agent, those that need it.
    """

    plain: Mapping[str, tuple[str, ...]]
    patterns: tuple[tuple[str, str], ...]
    amended: tuple[tuple[str, str], ...]
    needed_by: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, team: Team) -> Makers:
        """Return the makers of a team."""
        plain: dict[str, tuple[str, ...]] = {}
        needed_by: dict[str, tuple[str, ...]] = {}
        made = tuple((path, agent.name) for agent in team.agents.values() for path in agent.makes)
        for path, maker in made:
            if not is_pattern(path):
                plain[path] = (*plain.get(path, ()), maker)
        for agent in team.agents.values():
            for need in agent.needs:
                needed_by[need] = (*needed_by.get(need, ()), agent.name)
        amended = tuple((path, agent.name) for agent in team.agents.values() for path in agent.amends)
        return cls(plain, tuple((path, maker) for path, maker in made if is_pattern(path)), amended, needed_by)

    def of_path(self, path: str, *, besides: str = "") -> tuple[str, ...]:
        """Return who makes `path`, or something that fits it; not the agent `besides`, nor who goes on from its work."""
        if is_pattern(path):
            exact = [maker for each, makers in self.plain.items() if meet(path, each) for maker in makers]
        else:
            exact = list(self.plain.get(path, ()))
        every = dict.fromkeys((*exact, *(maker for pattern, maker in self.patterns if meet(path, pattern))))
        later = self.after(besides) if besides and any(maker != besides for maker in every) else {besides}
        return tuple(maker for maker in every if maker not in later)

    def covers(self, path: str, makers: tuple[str, ...]) -> bool:
        """Say whether one of `makers` has to make the very file, or what fits a pattern that it fits."""
        return any(maker in makers for maker in self.of_path(path))

    def before(self, path: str, reader: str) -> tuple[str, ...]:
        """Return who amends `path`, or something that fits it, before a reader, in the order in which they do."""
        amenders = dict.fromkeys(name for each, name in self.amended if name != reader and meet(path, each))
        later = {name: self.after(name) for name in amenders}
        return tuple(sorted((name for name in amenders if reader in later[name]), key=lambda name: -len(later[name])))

    def handed_on(self, agent: Agent, chosen: set[str]) -> tuple[str, ...]:
        """Return what others of those that are `chosen` amend after an agent: it hands on what it did to that."""
        later = self.after(agent.name) & chosen - {agent.name} if agent.amends else set()
        return tuple(sorted({path for path, name in self.amended if name in later}))

    def after(self, name: str) -> set[str]:
        """Return an agent and all that need it, at first or second hand."""
        found, todo = {name}, [name]
        while todo:
            fresh = set(self.needed_by.get(todo.pop(), ())) - found
            found |= fresh
            todo += fresh
        return found
