"""Prices: what tokens cost, where that is known."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from bmad_provisioner.digest import Plain
from bmad_provisioner.usage import Usage

_MILLION = 1_000_000
_DATED = re.compile(r"-(\d{8}|\d{4}-\d{2}-\d{2})$")


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens: read, written, and read from the provider's prompt cache."""

    input: float
    output: float
    cached: float

    def of(self, usage: Usage) -> float:
        """Return what the tokens cost in US dollars."""
        fresh = max(0, usage.read - usage.reused)
        return (fresh * self.input + usage.reused * self.cached + usage.written * self.output) / _MILLION


PRICES = {
    "claude-fable-5": Price(10, 50, 1),
    "claude-fable-5-1": Price(10, 50, 0.25),
    "claude-haiku-4-5": Price(1, 5, 0.1),
    "claude-opus-4-5": Price(5, 25, 0.5),
    "claude-opus-4-7": Price(5, 25, 0.5),
    "claude-opus-4-8": Price(5, 25, 0.5),
    "claude-opus-5": Price(5, 25, 0.5),
    "claude-opus-5-5": Price(4, 20, 0.2),
    "claude-sonnet-5": Price(2, 10, 0.2),
    "gpt-5": Price(1.25, 10, 0.125),
    "gpt-5-mini": Price(0.25, 2, 0.025),
    "gpt-5.4-mini": Price(0.75, 4.5, 0.075),
}
"""List prices of the vendors' own endpoints on 2026-11-21, in US dollars per million tokens.

Each was found the same in two places: the vendors' price pages as published (platform.claude.com, about-claude/pricing;
developers.openai.com, api/docs/pricing) or a dated reprint of them, and the data of `genai-prices` 0.2.3. A model is left out
where the two differ, or where three numbers do not make its price (long prompts that cost more, paid cache writes).
"""


def price(model: str, usage: Usage) -> float | None:
    """Return what `usage` costs with `model` in US dollars, or `None` where that is not known.

    A date at the end of the name (`claude-haiku-4-5-20251001`) names the same model.
    """
    found = PRICES.get(model) or PRICES.get(_DATED.sub("", model))
    return None if found is None else found.of(usage)


def own_price(given: Plain) -> Price | None:
    """Return the price a document gives (`{input, output, cached}`); cached tokens cost as much as others if it does not say."""
    if not isinstance(given, Mapping) or not _is_price(given):
        return None
    cost = {name: float(value) for name, value in given.items() if isinstance(value, int | float)}
    return Price(cost["input"], cost["output"], cost.get("cached", cost["input"]))


def _is_price(given: Mapping[str, Plain]) -> bool:
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) and value >= 0 for value in given.values())
    return numbers and {"input", "output"} <= set(given) <= {"input", "output", "cached"}
