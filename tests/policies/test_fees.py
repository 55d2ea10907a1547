"""Fees: bids that get in, replacements that nodes take, ceilings that are never lowered to."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.fees import (
    NATIVE_GAS,
    TOKEN_GAS,
    Bid,
    MarketFacts,
    gas_limit_for,
    judge_bid,
    judge_bump,
    make_bid,
    make_bump,
    make_cancel,
    make_counter_bid,
    make_urgent_bid,
)
from policies.terms import UINT256_MAX, Reason
from tests.policies.band_facts import COIN, DOLLAR

GWEI = 10**9
MARKET = MarketFacts(base_fee=10 * GWEI, priority_fee=GWEI)
PRICES = st.integers(0, 10**15)


def _codes(reasons: tuple[Reason, ...]) -> list[str]:
    return [reason.code for reason in reasons]


@pytest.mark.parametrize(
    ("measured", "native", "token"),
    [
        (None, 21_000, 150_000),
        (20_000, 21_000, 150_000),
        (21_000, 21_000, 150_000),
        (21_001, 26_252, 150_000),
        (150_001, 187_502, 187_502),
    ],
)
def test_gas_limits(measured: int | None, native: int, token: int) -> None:
    """The usual limit, or an estimate above it with a quarter of room, rounded up."""
    assert native == gas_limit_for(COIN, measured)
    assert token == gas_limit_for(DOLLAR, measured)


def test_a_bid_survives_five_full_blocks() -> None:
    """Twice the base fee covers five rises of an eighth; the layer-1 fee is part of the total."""
    bid = make_bid(MarketFacts(base_fee=10 * GWEI, priority_fee=GWEI, l1_fee=7), NATIVE_GAS)
    base = 10 * GWEI
    for _ in range(5):
        base = base * 9 // 8

    assert bid.max_fee_per_gas == 21 * GWEI
    assert bid.max_fee_per_gas >= base + bid.max_priority_fee_per_gas
    assert bid.total == 21_000 * 21 * GWEI + 7


@pytest.mark.parametrize(
    ("fee", "tip", "expected_fee", "expected_tip"),
    [
        (100 * GWEI, 8 * GWEI, 112_500_000_000, 9 * GWEI),
        (100 * GWEI + 1, 8 * GWEI + 1, 112_500_000_002, 9 * GWEI + 2),
        (30 * GWEI, 7, 33_750_000_000, GWEI),
        (GWEI, GWEI, 21 * GWEI, 1_125_000_000),
        (40 * GWEI, 0, 45 * GWEI, GWEI),
    ],
)
def test_replacements_rise_by_an_eighth_rounded_up(
    fee: int, tip: int, expected_fee: int, expected_tip: int
) -> None:
    """R4.3: both prices rise by 12.5 % or to the market, whatever is more."""
    bump = make_bump(
        Bid(gas_limit=TOKEN_GAS, max_fee_per_gas=fee, max_priority_fee_per_gas=tip), MARKET
    )

    assert (expected_fee, expected_tip) == (bump.max_fee_per_gas, bump.max_priority_fee_per_gas)
    assert bump.gas_limit == TOKEN_GAS


def test_prices_of_nothing_rise_too() -> None:
    """An eighth of nothing is nothing, and nodes want strictly more."""
    free = MarketFacts(base_fee=0, priority_fee=0)

    bump = make_bump(make_bid(free, NATIVE_GAS), free)

    assert (1, 1) == (bump.max_fee_per_gas, bump.max_priority_fee_per_gas)


def test_a_cancel_needs_a_plain_transfers_gas_only() -> None:
    """A cancel outbids the attempt that it replaces, with the gas of nothing to oneself."""
    token = make_bid(MARKET, TOKEN_GAS)

    cancel = make_cancel(token, MARKET)

    assert cancel.gas_limit == NATIVE_GAS
    assert judge_bump(token, cancel) == ()
    assert cancel.total < token.total


@settings(max_examples=300, deadline=None)
@given(PRICES, PRICES, PRICES, PRICES, st.integers(0, 10**15))
def test_any_bump_is_taken_by_every_node(
    base: int, tip: int, next_base: int, next_tip: int, l1_fee: int
) -> None:
    """R4.3: a bump rises in both prices, stays consistent, and never bids under the market."""
    before = make_bid(MarketFacts(base_fee=base, priority_fee=tip, l1_fee=l1_fee), NATIVE_GAS)
    market = MarketFacts(base_fee=next_base, priority_fee=next_tip)

    bump = make_bump(before, market)

    assert judge_bump(before, bump) == ()
    assert 8 * bump.max_fee_per_gas >= 9 * before.max_fee_per_gas
    assert 8 * bump.max_priority_fee_per_gas >= 9 * before.max_priority_fee_per_gas
    assert bump.max_fee_per_gas > before.max_fee_per_gas
    assert bump.max_priority_fee_per_gas > before.max_priority_fee_per_gas
    assert bump.max_priority_fee_per_gas <= bump.max_fee_per_gas
    assert bump.max_fee_per_gas >= make_bid(market, NATIVE_GAS).max_fee_per_gas
    assert bump.l1_fee >= before.l1_fee
    assert _codes(judge_bid(bump, max_fee=UINT256_MAX, fee_ceiling=UINT256_MAX)) == []


@pytest.mark.parametrize(
    ("max_fee", "ceiling", "codes"),
    [
        (441_000 * GWEI, 441_000 * GWEI, []),
        (441_000 * GWEI - 1, 441_000 * GWEI, ["fee_above_terms"]),
        (441_000 * GWEI, 441_000 * GWEI - 1, ["fee_above_ceiling"]),
        (0, 0, ["fee_above_terms", "fee_above_ceiling"]),
    ],
)
def test_ceilings_are_inclusive_and_never_lowered_to(
    max_fee: int, ceiling: int, codes: list[str]
) -> None:
    """R4.12: exactly the ceiling may be bid, one wei more is refused by terms and law apart."""
    bid = make_bid(MARKET, NATIVE_GAS)

    assert codes == _codes(judge_bid(bid, max_fee=max_fee, fee_ceiling=ceiling))


def test_the_layer_1_fee_counts() -> None:
    """R4.12: the data fee of a rollup is part of what is refused."""
    bid = make_bid(MarketFacts(base_fee=10 * GWEI, priority_fee=GWEI, l1_fee=1), NATIVE_GAS)

    reasons = judge_bid(bid, max_fee=441_000 * GWEI, fee_ceiling=UINT256_MAX)

    assert ["fee_above_terms"] == _codes(reasons)
    assert "441000000000001 wei" in reasons[0].text


@pytest.mark.parametrize(
    ("gas", "fee", "tip", "l1_fee", "codes"),
    [
        (20_999, 2, 1, 0, ["fee_malformed"]),
        (21_000, -1, -1, 0, ["fee_malformed"]),
        (21_000, 2, 1, -1, ["fee_malformed"]),
        (21_000, 1, 2, 0, ["tip_above_fee"]),
        (21_000, 2, 2, 0, []),
        (2**256, 0, 0, 0, ["fee_malformed"]),
        (21_000, 0, 0, UINT256_MAX, []),
    ],
)
def test_malformed_bids_are_refused(
    gas: int, fee: int, tip: int, l1_fee: int, codes: list[str]
) -> None:
    """What no node would take, or no field can hold, never reaches the key."""
    bid = Bid(gas_limit=gas, max_fee_per_gas=fee, max_priority_fee_per_gas=tip, l1_fee=l1_fee)

    assert codes == _codes(judge_bid(bid, max_fee=UINT256_MAX, fee_ceiling=UINT256_MAX))


def test_a_replacement_that_is_too_small_says_what_is_needed() -> None:
    """R4.3: both prices are judged, each with the least that would do."""
    before = Bid(gas_limit=NATIVE_GAS, max_fee_per_gas=80, max_priority_fee_per_gas=8)
    least = Bid(gas_limit=NATIVE_GAS, max_fee_per_gas=90, max_priority_fee_per_gas=9)
    small = Bid(gas_limit=NATIVE_GAS, max_fee_per_gas=89, max_priority_fee_per_gas=8)

    assert judge_bump(before, least) == ()
    assert ["bump_too_small", "bump_too_small"] == _codes(judge_bump(before, small))
    assert "the fee per gas must be 90 wei at least" == judge_bump(before, small)[0].text


@pytest.mark.parametrize(
    ("max_fee", "times", "price", "tip"),
    [
        (10_000, 4, 88, 68),
        (5_005, 4, 50, 30),
        (5_004, 4, 49, 29),
        (1_000, 4, 22, 2),
        (4, 4, 22, 2),
        (10_000, 1, 22, 2),
    ],
    ids=["four times", "as far as it goes", "not a wei further", "usual", "nothing", "once"],
)
def test_an_urgent_bid_goes_as_far_as_the_terms(
    max_fee: int, times: int, price: int, tip: int
) -> None:
    """What races with a thief bids several times the market, tip and all, within its terms."""
    market = MarketFacts(base_fee=10, priority_fee=2, l1_fee=5)
    bid = make_urgent_bid(market, 100, times=times, max_fee=max_fee)

    assert (bid.max_fee_per_gas, bid.max_priority_fee_per_gas) == (price, tip)
    assert (bid.gas_limit, bid.l1_fee) == (100, 5)


def test_an_urgent_bid_without_a_tip_stays_without() -> None:
    """On a chain without tips the usual price leaves none."""
    bid = make_urgent_bid(MarketFacts(base_fee=10, priority_fee=0), 100, times=1, max_fee=10**6)

    assert (bid.max_fee_per_gas, bid.max_priority_fee_per_gas) == (20, 0)


@pytest.mark.parametrize(
    ("base", "tip", "max_fee", "expected"),
    [
        (1, 1, 10_003, (100, 20)),
        (1, 1, 10_002, (57, 12)),
        (100, 5, 10**6, (205, 20)),
        (1, 30, 10**6, (100, 30)),
    ],
    ids=["doubled", "raised a little", "the market's price", "the market's tip"],
)
def test_a_counter_bid_doubles_what_was_too_low(
    base: int, tip: int, max_fee: int, expected: tuple[int, int]
) -> None:
    """A bid that a node called too low is doubled within its terms, else raised by an eighth."""
    before = Bid(gas_limit=100, max_fee_per_gas=50, max_priority_fee_per_gas=10, l1_fee=3)
    market = MarketFacts(base_fee=base, priority_fee=tip)
    bid = make_counter_bid(before, market, max_fee=max_fee)

    assert (bid.max_fee_per_gas, bid.max_priority_fee_per_gas) == expected
    assert (bid.gas_limit, bid.l1_fee) == (100, 3)
