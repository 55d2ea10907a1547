"""Sizes without prices, follow-up costs and the rhythm of the week."""

from __future__ import annotations

import random
from math import exp, log

from policies.outflow.follow import Follow
from policies.outflow.rhythm import HOURS, Rhythm
from policies.outflow.scale import Scale

HOUR_S = 3_600


def _learned(values: list[float], per_hour: int = 4) -> Scale:
    scale = Scale()
    for index, value in enumerate(values):
        scale.learn(log(value), index // per_hour)
    return scale


def test_size_one_is_about_the_ninth_decile() -> None:
    """Nine in ten lognormal payments are below size 1, whatever the unit."""
    dice = random.Random(1)
    for unit in (1e-9, 1.0, 1e18):
        values = [unit * exp(dice.gauss(0.0, 1.5)) for _ in range(3_000)]
        scale = _learned(values)
        below = sum(scale.size(log(value)) < 0.0 for value in values) / len(values)

        assert 0.86 < below < 0.94


def test_the_first_amount_of_an_asset_is_ordinary() -> None:
    """Without a past no amount is large."""
    assert Scale().size(log(1e30)) < 0.0


def test_a_flood_of_crumbs_does_not_make_the_usual_a_giant() -> None:
    """After an airdrop of thousands of crumbs an ordinary payment is still below size ten."""
    dice = random.Random(2)
    scale = _learned([100.0 * exp(dice.gauss(0.0, 1.0)) for _ in range(400)])
    for index in range(5_000):
        scale.learn(log(0.01), 101 + index // 1_000)

    assert exp(scale.size(log(100.0))) < 10.0


def test_an_earlier_hour_counts_as_the_last() -> None:
    """A clock that was set back neither breaks the scale nor gives a flood an hour to ebb."""
    forth, back = Scale(), Scale()
    for hour in (480_000, 480_000, 480_001):
        forth.learn(log(100.0), hour)
        back.learn(log(100.0), hour)
    forth.learn(log(100.0), 480_001)
    back.learn(log(100.0), 479_990)

    assert (back.hour, back.hours, back.flood) == (480_001, 2, forth.flood)
    assert back.high == forth.high


def test_one_giant_moves_the_scale_little() -> None:
    """A step is clipped, so one payment teaches next to nothing."""
    scale = _learned([100.0, 90.0, 120.0, 80.0] * 50)
    before = scale.high
    scale.learn(log(1e12), 1_000)

    assert scale.high - before < 0.3


def test_quick_follow_ups_cost_nothing_where_they_are_usual() -> None:
    """A wallet that pays again within a minute pays no surprise for it; another pays much."""
    usual, seldom = Follow(), Follow()
    usual.payments = seldom.payments = 1_000.0
    usual.gaps[usual.slot(40)] = 900.0
    seldom.gaps[seldom.slot(40_000)] = 100.0
    usual.refresh()
    seldom.refresh()

    assert usual.costs[usual.slot(50)] < 0.1
    assert seldom.costs[seldom.slot(50)] > 3.0
    assert seldom.costs[seldom.slot(86_400)] < 1.1


def test_quiet_hours_weigh_more_after_two_weeks() -> None:
    """Nights of silence and days of traffic: a payment at night counts for more."""
    rhythm = Rhythm()
    for hour in range(1, 3 * HOURS):
        rhythm.advance(hour * HOUR_S)
        assert hour > 2 * HOURS or rhythm.weight == 1.0
        rhythm.count += 50 if 8 <= hour % 24 < 20 else 0
    by_night = Rhythm()
    by_night.usual, by_night.hours_seen = list(rhythm.usual), rhythm.hours_seen
    by_night.hour = 10 * HOURS + 2
    by_night.advance((10 * HOURS + 3) * HOUR_S)
    by_day = Rhythm()
    by_day.usual, by_day.hours_seen = list(rhythm.usual), rhythm.hours_seen
    by_day.hour = 10 * HOURS + 12
    by_day.advance((10 * HOURS + 13) * HOUR_S)

    assert by_night.weight == 3.0
    assert by_day.weight < 1.0
