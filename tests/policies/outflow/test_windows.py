"""Rolling sums and the record of their peaks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from policies.outflow.windows import DAY_S, Flow, Window

HOUR_S = 3_600


def _flow() -> Flow:
    return Flow("fresh", (Window(HOUR_S, margin=1.4), Window(24 * HOUR_S, margin=1.4)))


def _after_days(days: int, daily: float) -> tuple[Flow, int]:
    flow = _flow()
    time = 1_600_000_000 - 1_600_000_000 % DAY_S
    for _ in range(days):
        flow.roll(time + 600)
        flow.total += daily
        time += DAY_S
        flow.learn_day(float(days), look_at=1.0, hold_at=2.5)
        flow.roll(time)
    return flow, time


@given(st.lists(st.tuples(st.integers(0, 20_000), st.floats(0.0, 100.0)), max_size=80))
def test_a_window_never_sums_more_than_its_span_and_never_less_than_five_sixths(
    steps: list[tuple[int, float]],
) -> None:
    """The sum lies between the exact sums over five sixths of the span and over the span."""
    window = Window(HOUR_S, margin=1.0)
    time, total = 1_600_000_000, 0.0
    seen: list[tuple[int, float]] = []
    for gap, size in steps:
        time += gap
        if time >= window.grain_end:
            window.roll(time, total)
        total += size
        seen.append((time, size))
        held = total - window.base
        most = sum(s for t, s in seen if t > time - HOUR_S - 1)
        least = sum(s for t, s in seen if t > time - HOUR_S * 5 // 6)

        assert least - 1e-6 <= held <= most + 1e-6


def test_a_window_says_nothing_before_five_active_days() -> None:
    """Four days of peaks are no record."""
    flow, _ = _after_days(4, 10.0)

    assert flow.windows[0].decades(1e9) == 0.0
    assert flow.bar == float("inf")


def test_a_sum_far_above_every_day_is_rare_and_one_below_the_margin_is_not() -> None:
    """A record is beaten by its margin before anything is said."""
    flow, _ = _after_days(30, 10.0)

    assert flow.windows[1].decades(13.0) == 0.0
    assert flow.windows[1].decades(200.0) > 2.5


def test_one_day_cannot_teach_a_new_normal() -> None:
    """A peak beyond the bound is cut to the bound before it is learned."""
    flow, time = _after_days(30, 10.0)
    before = flow.windows[1].level(2.5)
    flow.roll(time + 600)
    flow.total += 1e6
    flow.learn_day(31.0, look_at=1.0, hold_at=2.5)

    assert flow.windows[1].record <= before


def test_accepted_sums_are_asked_about_again_when_they_have_grown_much() -> None:
    """After a person was asked the bar stands at five times the present sum."""
    flow, time = _after_days(30, 10.0)
    flow.roll(time + 600)
    flow.total += 100.0
    flow.accept(time + 600)

    flow.total += 350.0
    assert flow.total < flow.bar
    flow.total += 100.0

    assert flow.total > flow.bar


def test_acceptance_ends_with_the_span() -> None:
    """A day later the usual bar is back."""
    flow, time = _after_days(30, 10.0)
    flow.roll(time + 600)
    flow.total += 100.0
    flow.accept(time + 600)
    flow.roll(time + 3 * DAY_S)

    assert flow.windows[1].accepted == 0.0
