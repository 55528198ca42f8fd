"""Pictures: the plots that an account has data for, with what each shows in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bmad_provisioner.kinds.performance.report.account import Account


@dataclass(frozen=True, slots=True)
class Picture:
    """A plot: the name of its file without `.svg`, the phase it belongs to, its title, what it shows in words, its bytes."""

    name: str
    phase: str
    title: str
    words: str
    svg: bytes


def pictures(account: Account) -> tuple[Picture, ...]:
    """Draw all plots that there are data for; none where matplotlib is not installed."""
    return tuple(_pictures(account))


def _pictures(account: Account) -> Iterator[Picture]:
    yield from ()
