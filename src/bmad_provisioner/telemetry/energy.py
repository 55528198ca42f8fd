"""Energy: an estimate of what the models of a run consumed, from the tokens they wrote.

The figures are those of EcoLogits (https://ecologits.ai/), which is an extra. It knows no more of a closed model than
what is guessed of its size, so an estimate is a range.
"""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_PROVIDERS: Mapping[str, str] = {
    "claude": "anthropic",
    "gpt": "openai",
    "o1": "openai",
    "o3": "openai",
    "o4": "openai",
    "gemini": "google_genai",
    "mistral": "mistralai",
    "codestral": "mistralai",
    "command": "cohere",
}
"""Who offers the models whose names begin so, as EcoLogits spells it."""


@dataclass(frozen=True, slots=True)
class Wrote:
    """That a model wrote so many tokens, in so many seconds."""

    model: str
    tokens: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Energy:
    """Watt-hours, at least and at most."""

    low: float
    high: float


def energy(written: Iterable[Wrote]) -> Energy | None:
    """Return what was consumed for all that was written; `None` where EcoLogits is not installed or knows none of the models."""
    known = [one for each in written if each.tokens and (one := _of(each)) is not None]
    return Energy(sum(one.low for one in known), sum(one.high for one in known)) if known else None


def _of(each: Wrote) -> Energy | None:
    name = each.model.rpartition("/")[2]
    provider = next((provider for start, provider in _PROVIDERS.items() if name.startswith(start)), "")
    if not provider:
        return None
    with contextlib.suppress(ImportError):
        # An extra, and slow to load.
        from ecologits.tracers.utils import llm_impacts  # noqa: PLC0415

        logging.getLogger("ecologits").setLevel(logging.ERROR)  # that a model's size is not published is said by the range
        undated = re.sub(r"-(\d{8}|\d{4}-\d{2}-\d{2})$", "", name)
        found = llm_impacts(
            provider=provider, model_name=undated, output_token_count=each.tokens, request_latency=max(each.seconds, 0.001)
        )
        if found is not None and found.energy is not None:
            value: Any = found.energy.value  # in kWh; one number where the model is open
            return Energy(getattr(value, "min", value) * 1000, getattr(value, "max", value) * 1000)
    return None
