"""Evacuation: the most valuable token first, the coin that pays last, each with its own ceiling."""

from __future__ import annotations

from dataclasses import replace

from policies.evacuation import (
    FEE_ROOM,
    FIRST_BID,
    EvacuationFacts,
    Holding,
    fee_of,
    gas_for_all,
    plan_evacuation,
)
from policies.fees import NATIVE_GAS, TOKEN_GAS
from policies.law import Asset
from policies.terms import NATIVE, Address

ETHER, GWEI = 10**18, 10**9
COIN = Asset(chain="devnet", symbol="ETH", address=NATIVE, decimals=18)


def token(symbol: str) -> Asset:
    """Return a token of six decimals."""
    return Asset(chain="devnet", symbol=symbol, address=Address(f"0x{symbol}"), decimals=6)


def held(asset: Asset, amount: int | None, *, moves: bool = False) -> Holding:
    """Return a holding that may go, or whose evacuation is open."""
    return Holding(asset=asset, amount=amount, cap=100, may_go=not moves, is_moving=moves)


def facts(
    *holdings: Holding,
    price: int = GWEI,
    waits: bool = True,
    is_contained: bool = False,
    is_stuck: bool = False,
) -> EvacuationFacts:
    """Return facts under a law with a ceiling of 0.05 ETH for one transfer."""
    return EvacuationFacts(
        holdings=holdings,
        price=price,
        l1_fee=0,
        fee_ceiling=ETHER // 20,
        waits_for_unknown=waits,
        is_contained=is_contained,
        is_stuck=is_stuck,
    )


def names(case: EvacuationFacts) -> list[str]:
    """Return what would leave now, in order."""
    return [load.asset.symbol for load in plan_evacuation(case)]


def test_tokens_go_by_their_share_of_the_cap_and_the_coin_behind_them() -> None:
    """R2.8: value-descending without a price; the coin leaves behind what all of them may cost."""
    case = facts(
        held(COIN, ETHER), held(token("A"), 10), held(token("B"), 90), held(token("C"), 50)
    )
    loads = plan_evacuation(case)

    assert ["B", "C", "A", "ETH"] == [load.asset.symbol for load in loads]
    assert ETHER == loads[-1].amount + sum(load.max_fee for load in loads)


def test_the_coin_goes_when_no_token_is_left_to_pay_for() -> None:
    """R2.8: all of it but its own fee."""
    (load,) = plan_evacuation(facts(held(COIN, ETHER), held(token("A"), 0)))

    assert load.asset is COIN
    assert load.amount + load.max_fee == ETHER
    assert ETHER // 200 == load.max_fee


def test_the_coin_keeps_the_gas_of_tokens_that_are_on_their_way() -> None:
    """R2.8: the gas that a further bid may need is not sent away."""
    (load,) = plan_evacuation(facts(held(COIN, ETHER), held(token("A"), 5, moves=True)))

    assert ETHER == load.amount + load.max_fee + FEE_ROOM * TOKEN_GAS * GWEI


def test_the_coin_waits_while_it_cannot_pay_for_every_token() -> None:
    """R2.9: none of it leaves as long as a token lacks its gas."""
    coins = 5 * TOKEN_GAS * GWEI
    tokens = (held(token("A"), 10), held(token("B"), 90))

    assert ["B"] == names(facts(held(COIN, coins), *tokens))


def test_an_unknown_token_holds_the_coin_back_for_a_while_only() -> None:
    """R2.8: what was not read may be a fortune that needs gas; but nobody waits for ever."""
    blind = (held(COIN, ETHER), held(token("A"), None))

    assert [] == names(facts(*blind))
    assert ["ETH"] == names(facts(*blind, waits=False))


def test_only_what_the_coin_can_pay_for_is_queued_the_most_valuable_first() -> None:
    """R2.9: with gas for one transfer the most valuable token gets it."""
    coins = 3 * TOKEN_GAS * GWEI
    case = facts(held(COIN, coins), held(token("A"), 10), held(token("B"), 90))

    assert ["B"] == names(case)
    assert 2 * coins == gas_for_all(case)


def test_what_is_on_its_way_needs_its_gas_until_it_has_arrived() -> None:
    """R2.9: an evacuation that the thief left nothing to pay for counts by what it bids."""
    gone = replace(held(token("A"), 10, moves=True), bid=7 * GWEI)
    unsigned, arrived = held(token("B"), 10, moves=True), held(token("C"), 0, moves=True)

    needed = gas_for_all(facts(held(COIN, 0), gone, unsigned, arrived))
    assert 7 * GWEI + FIRST_BID * TOKEN_GAS * GWEI == needed


def test_a_stuck_token_does_not_hold_up_the_others() -> None:
    """R2.8: one whose evacuation reverted is left behind, with nothing waiting for it."""
    stuck = Holding(asset=token("A"), amount=5, cap=100, may_go=False, is_moving=False)

    assert ["ETH"] == names(facts(held(COIN, ETHER), stuck))


def test_every_transfer_may_bid_many_times_the_market_but_never_above_the_law() -> None:
    """R4.12: the ceiling of one evacuation follows the market, up to the law's."""
    cheap, dear = facts(price=GWEI), facts(price=10_000 * GWEI)

    assert FEE_ROOM * TOKEN_GAS * GWEI == fee_of(token("A"), cheap)
    assert FEE_ROOM * NATIVE_GAS * GWEI == fee_of(COIN, cheap)
    assert ETHER // 20 == fee_of(token("A"), dear)


def test_a_rollup_takes_its_data_fee_on_top() -> None:
    """Both in the ceiling of a transfer and in the gas that the sponsor must bring."""
    case = replace(facts(held(token("A"), 5)), l1_fee=7)

    assert fee_of(COIN, case) == FEE_ROOM * NATIVE_GAS * GWEI + 7
    assert gas_for_all(case) == FIRST_BID * TOKEN_GAS * GWEI + 7


def test_a_residue_that_is_not_worth_its_fee_stays() -> None:
    """It ends: what is left below twice its fee is measured and not chased."""
    residue = FEE_ROOM * NATIVE_GAS * GWEI

    assert [] == names(facts(held(COIN, 2 * residue)))
    assert ["ETH"] == names(facts(held(COIN, 2 * residue + 1)))


def test_a_contained_incident_is_not_reopened_by_a_cheaper_gas() -> None:
    """Only more than the law's fee ceiling is worth another round then."""
    assert [] == names(facts(held(COIN, ETHER // 20), is_contained=True))
    assert ["ETH"] == names(facts(held(COIN, ETHER // 20 + 1), is_contained=True))


def test_one_base_unit_fills_a_nonce_that_nobody_holds() -> None:
    """R2.8: what waits behind it keeps its amount and its fees; another token does it as well."""
    fee = fee_of(COIN, facts())
    moving, coin = held(token("A"), 10, moves=True), held(COIN, ETHER, moves=True)
    (filler,) = plan_evacuation(facts(moving, coin, is_stuck=True))

    assert (COIN, 1, fee) == (filler.asset, filler.amount, filler.max_fee)
    assert [] == names(facts(moving, coin))
    assert ["B"] == names(facts(moving, held(COIN, ETHER), held(token("B"), 1), is_stuck=True))
    assert [] == names(facts(moving, held(COIN, fee, moves=True), is_stuck=True))
    assert [] == names(facts(moving, is_stuck=True))
