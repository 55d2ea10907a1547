"""Assess: the hand-checked table of balances, with what is on its way."""

from __future__ import annotations

from pathlib import Path

import pytest

from policies.lifecycles import RefillState
from policies.terms import NATIVE, Address, Purpose
from tests.fakes.belt import Belt
from tests.laws import ETH, GONE, TOKEN, USDC, address_of, make_law

FLOOR, TARGET, CAP = 20 * ETH, 60 * ETH, 100 * ETH


def asked(belt: Belt) -> list[tuple[str, int]]:
    """Look once, and return what the belt then asks for."""
    belt.watch()
    found = [("refill", refill.amount) for refill in belt.refills()]
    return found + [(t.purpose.value, t.amount) for t in belt.transfers()]


@pytest.mark.parametrize(
    ("balance", "expected"),
    [
        (FLOOR - 1, [("refill", 40 * ETH)]),
        (FLOOR, []),
        (FLOOR + 1, []),
        (TARGET, []),
        (CAP - 1, []),
        (CAP, []),
        (CAP + 1, [("sweep", 40 * ETH + 1 - ETH // 100)]),
        (150 * ETH, [("sweep", 90 * ETH - ETH // 100)]),
        (0, [("refill", 60 * ETH)]),
    ],
)
def test_the_table_of_bands(
    directory: Path, quiet: None, balance: int, expected: list[tuple[str, int]]
) -> None:
    """One base unit decides, at the floor and at the cap."""
    assert expected == asked(Belt(directory, hot=balance))


def test_one_open_refill_per_wallet_and_asset(low: Belt) -> None:
    """Looking again proposes nothing new."""
    low.watch()
    low.run(3)

    assert 1 == len(low.refills())


def test_what_is_on_its_way_counts_once(low: Belt) -> None:
    """In flight, mined and settled: never a second refill, never a sweep."""
    low.settle_one()
    low.run(5)

    assert [RefillState.SETTLED] == [refill.state for refill in low.refills()]
    assert [Purpose.REFILL] == [transfer.purpose for transfer in low.transfers()]


def test_two_lanes_out_of_step_count_it_once(low: Belt) -> None:
    """The look is newer than the receipts: the arrived refill is not counted twice."""
    low.watch()
    low.approve(low.only_refill(), "alice", "bob")
    low.money()
    low.next_block()
    low.watch()
    low.next_block()
    low.watch()

    assert [Purpose.REFILL] == [transfer.purpose for transfer in low.transfers()]


def test_a_sweep_goes_home_without_anybody(calm: Belt) -> None:
    """R2.10: above the cap the excess goes to the vault, and needs no approval."""
    calm.fund("hot-a", 60 * ETH)
    calm.run(6)

    (sweep,) = calm.transfers()
    assert (Purpose.SWEEP, "CONFIRMED") == (sweep.purpose, sweep.state)
    assert address_of("vault") == sweep.destination
    assert 60 * ETH == calm.chain.balance(address_of("hot-a")) // ETH * ETH


def test_tokens_too(low: Belt) -> None:
    """Whatever holds for the native coin holds for a token; its own schedule is asked."""
    usdc = Address(TOKEN)
    low.fund("vault", 100_000 * USDC, usdc)
    low.fund("hot-a", 50 * ETH)
    low.clock.advance(62 * 3600)  # a Monday morning in Singapore
    low.chain.mine(3)

    assert [("refill", 60_000 * USDC)] == asked(low)


def test_outside_the_schedule_nothing_is_proposed(low: Belt) -> None:
    """A weekday window is closed on a Friday night in Singapore."""
    usdc = Address(TOKEN)
    low.fund("vault", 100_000 * USDC, usdc)
    low.fund("hot-a", 50 * ETH)
    low.chain.mine(3)

    assert [] == asked(low)


def test_gas_is_topped_up_where_no_band_gives_it(directory: Path, quiet: None) -> None:
    """A pool of tokens alone gets gas from the sponsor, up to twice its reserve, unasked."""
    law = make_law(**{"pools.main.assets.ETH": GONE}).law
    belt = Belt(directory, law=law, hot=ETH // 10)
    belt.run(5)

    (top_up,) = belt.transfers()
    assert (Purpose.TOP_UP, 3 * ETH // 10) == (top_up.purpose, top_up.amount)
    assert 4 * ETH // 10 == belt.chain.balance(address_of("hot-a"))


@pytest.mark.parametrize(("tokens", "expected"), [(0, []), (USDC, [("top_up", 4 * ETH // 10)])])
def test_a_wallet_that_holds_tokens_gets_gas_where_refills_come_late(
    low: Belt, tokens: int, expected: list[tuple[str, int]]
) -> None:
    """A standby wallet is not refilled, but what lies in it must be able to go home."""
    low.fund("hot-a", 50 * ETH)
    low.fund("hot-b", -60 * ETH)
    low.fund("hot-b", tokens, Address(TOKEN))
    low.chain.mine(3)

    assert expected == asked(low)


def test_unknown_asks_for_nothing(low: Belt) -> None:
    """An unknown balance is neither below the floor nor above the cap."""
    low.chain.unknown.add((address_of("hot-a"), Address("0x" + "00" * 20)))

    assert [] == asked(low)


@pytest.mark.parametrize(("lost", "expected"), [(0, [NATIVE, TOKEN]), (1, [NATIVE])])
def test_nothing_is_proposed_where_an_arrival_may_hide_a_drop(
    directory: Path, quiet: None, lost: int, expected: list[str]
) -> None:
    """I10: as soon as a refill is mined, a base unit too few stops every proposal of its wallet."""
    belt = Belt(directory, law=make_law(**{"pools.main.assets.USDC.refill.schedule": GONE}).law)
    belt.fund("vault", 100_000 * USDC, Address(TOKEN))
    belt.chain.unknown.add((address_of("hot-a"), Address(TOKEN)))
    belt.watch()
    belt.approve(belt.only_refill(), "alice", "bob")
    belt.money()
    belt.next_block()
    belt.money()
    belt.fund("hot-a", -lost)
    belt.chain.unknown.clear()
    belt.watch()

    assert expected == [refill.asset for refill in belt.refills()]
    assert not belt.standing("hot-a").frozen


def test_a_silent_chain_is_a_visible_state(low: Belt) -> None:
    """The failed look is written, nothing is proposed, and the lane ends."""
    from treasury.ledger.queries import watch

    low.chain.is_down = True
    outcomes = low.watch()

    with low.ledger.read() as session:
        tick = watch.last_tick(session, 31337)
    assert outcomes[1].ends_lane
    assert tick is not None
    assert (False, "the node does not answer") == (tick.ok, tick.error)
    assert [] == low.refills()
