"""What models consumed is estimated as a range, for the models that somebody has figures of."""

from __future__ import annotations

import pytest

from bmad_provisioner.telemetry.energy import Wrote, energy


@pytest.mark.parametrize("model", ["claude-sonnet-4-5", "claude-sonnet-4-5-20250929", "openai/gpt-4o-2024-08-06", "gemini-2.5-pro"])
def test_a_model_that_is_known_has_a_range_that_grows_with_what_it_wrote(model):
    one, ten = energy([Wrote(model, 1000, 10.0)]), energy([Wrote(model, 10_000, 100.0)])
    assert one is not None and ten is not None
    assert 0 < one.low <= one.high < 100 and ten.low > 5 * one.low


def test_models_are_summed_and_what_is_not_known_is_left_out():
    known = Wrote("gpt-5", 1000, 10.0)
    alone, both = energy([known]), energy([known, known, Wrote("nobody-1", 1000, 10.0)])
    assert alone is not None and both is not None
    assert both.low == pytest.approx(2 * alone.low)


@pytest.mark.parametrize("wrote", [[], [Wrote("nobody-1", 10, 1.0)], [Wrote("gpt-5", 0, 1.0)], [Wrote("gpt-no-such", 9, 1.0)]])
def test_of_nothing_known_there_is_no_estimate(wrote):
    assert energy(wrote) is None
