"""Runway and waits: measured, rounded toward asking early, unknown when barely measured."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.bands import Hold, Refill, assess
from policies.runway import HOUR_S, is_within, outflow_per_h, runway_s, usual_wait_s
from tests.laws import ETH
from tests.policies.band_facts import BAND, facts


@pytest.mark.parametrize(
    ("outflow", "span_s", "expected"),
    [
        (10, HOUR_S, 10),
        (10, HOUR_S - 1, None),
        (10, 2 * HOUR_S, 5),
        (11, 2 * HOUR_S, 6),
        (1, 86_400, 1),
        (0, HOUR_S, 0),
    ],
)
def test_outflow_per_hour(outflow: int, span_s: int, expected: int | None) -> None:
    """A rate is rounded up; less than an hour of measuring says nothing."""
    assert expected == outflow_per_h(outflow, span_s)


@pytest.mark.parametrize(
    ("projected", "per_h", "expected"),
    [
        (30 * ETH, 5 * ETH, 2 * HOUR_S),
        (30 * ETH - 1, 5 * ETH, 2 * HOUR_S - 1),
        (20 * ETH, 5 * ETH, 0),
        (10 * ETH, 5 * ETH, 0),
        (30 * ETH, 0, None),
    ],
)
def test_runway(projected: int, per_h: int, expected: int | None) -> None:
    """Seconds until the floor, rounded down; never negative; endless without outflow."""
    assert expected == runway_s(projected, BAND, per_h)


@pytest.mark.parametrize(
    ("waits", "expected"),
    [
        ([], None),
        ([5, 6], None),
        ([9, 1, 5], 9),
        (list(range(10)), 8),
        (list(range(1, 101)), 90),
        ([60] * 9 + [86_400], 60),
        ([60] * 8 + [86_400] * 2, 86_400),
    ],
)
def test_the_usual_wait(waits: list[int], expected: int | None) -> None:
    """One slow weekend in ten does not count, two do."""
    assert expected == usual_wait_s(waits)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 60 * ETH), st.integers(1, 50 * ETH), st.integers(0, 86_400))
def test_the_bands_ask_early_exactly_when_the_runway_is_shorter_than_the_wait(
    projected: int, per_h: int, wait_s: int
) -> None:
    """A refill is wanted when, and only when, the wallet would reach its floor while waiting."""
    verdict = assess(facts(observed=projected, outflow_per_h=per_h, lead_time_s=wait_s), BAND)
    runway = runway_s(projected, BAND, per_h)
    codes = [reason.code for reason in verdict.reasons]

    assert runway is not None
    if BAND.floor <= projected < BAND.target:
        assert (runway < wait_s) == ("short_runway" in codes)
    assert isinstance(verdict, Refill | Hold)


@given(
    projected=st.integers(0, 3 * BAND.cap),
    outflow=st.integers(0, BAND.cap),
    lead=st.integers(0, 86_400),
)
def test_within_means_that_nothing_is_asked_for(projected: int, outflow: int, lead: int) -> None:
    """The question that is asked first is the verdict itself: hold, because it lies within."""
    seen = facts(observed=projected, outflow_per_h=outflow, lead_time_s=lead)
    verdict = assess(seen, BAND)

    codes = [reason.code for reason in verdict.reasons]
    assert is_within(BAND, projected, outflow, lead) is (codes == ["within_band"])
