"""Suggested limits and bands hold on the past that they were measured on."""

from __future__ import annotations

import random
from math import exp

from hypothesis import given
from hypothesis import strategies as st

from treasury.backtest.config import Planning
from treasury.backtest.history import Row
from treasury.backtest.suggestion import round_up, suggest

WALLET = "0x" + "ab" * 20


def _rows(count: int, seed: int, sigma: float = 1.0) -> list[Row]:
    dice, time, rows = random.Random(seed), 1_600_000_000, []
    for index in range(count):
        time += int(dice.expovariate(1 / 900))
        to = f"0x{dice.randrange(200):040x}"
        rows.append(
            Row(time, f"0x{index:064x}", WALLET, to, "ETH", exp(dice.gauss(0, sigma)), None)
        )
    return rows


def test_suggested_limits_let_the_past_through() -> None:
    """No payment and no day of the past is above what is suggested."""
    rows = _rows(2_000, 1)
    one = suggest(rows, Planning())[0]

    assert one.per_transfer >= max(row.amount for row in rows)
    assert one.first_use_day_amount <= one.day_amount
    assert one.day_count >= 96


def test_bands_are_ordered_and_run_dry_no_more_than_planned() -> None:
    """Floor < target < cap, and the trial on the past keeps both promises."""
    for seed in range(5):
        plan = Planning(approval_lead_s=6 * 3_600, dry_share_max=0.02, refills_per_day_max=2.0)
        one = suggest(_rows(3_000, seed, sigma=1.5), plan)[0]

        assert 0 < one.floor < one.target < one.cap
        assert one.dry_share <= 0.02
        assert one.refills_per_day <= 2.0
        assert one.mean_balance <= one.target


def test_a_longer_lead_time_needs_a_higher_floor() -> None:
    """Slow treasurers cost exposure, and the report says how much."""
    rows = _rows(3_000, 2)
    floors = [
        suggest(rows, Planning(approval_lead_s=hours * 3_600))[0].floor for hours in (1, 6, 24)
    ]

    assert sorted(set(floors)) == floors


def test_too_few_payments_are_not_measured() -> None:
    """A dozen is the least."""
    assert [] == suggest(_rows(11, 3), Planning())


@given(st.floats(1e-12, 1e15))
def test_rounding_goes_up_by_at_most_a_tenth(amount: float) -> None:
    """Two significant digits, never below the amount."""
    rounded = round_up(amount)

    assert amount * (1 - 1e-9) <= rounded <= amount * 1.11


def test_bands_of_an_asset_paid_out_rarely_reach_its_payments() -> None:
    """Payments weeks apart: the usual hours of a refill see none, yet the floor covers them."""
    times = [1_600_000_000 + 1_500_000 * index for index in range(14)]
    rows = [
        Row(time, f"0x{index:064x}", WALLET, "0x" + "22" * 20, "ETH", 100.0 + index, None)
        for index, time in enumerate(times)
    ]
    one = suggest(rows, Planning())[0]

    assert one.dry_share == 0.0
    assert 100.0 <= one.floor < one.target < 200.0
