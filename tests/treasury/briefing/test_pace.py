"""Pace: outflow measured from the ledger, and refills that are asked for early enough."""

from __future__ import annotations

from pathlib import Path

import pytest

from policies.terms import NATIVE
from tests.fakes.belt import CHAIN_ID, Belt
from tests.laws import ETH, address_of, make_law
from treasury.briefing.pace import Pace, measure

pytestmark = pytest.mark.usefixtures("quiet")
HOUR_S, DAY_S = 3600, 86_400
FREE = {
    "pools.main.assets.ETH.withdrawal.window_amount": "500 ETH",
    "pools.main.assets.ETH.withdrawal.first_use_amount": "500 ETH",
    "pools.main.assets.ETH.withdrawal.window_s": 86400,
}


def pace_of(belt: Belt) -> Pace:
    """Measure the belt's chain now."""
    with belt.ledger.read() as session:
        return measure(session, belt.law, CHAIN_ID, belt.clock.unix())


def pay(belt: Belt, count: int) -> None:
    """Pay that many times 4 ETH, and let everything settle."""
    first = len(belt.transfers())
    for number in range(first, first + count):
        belt.ask_withdrawal(4 * ETH, "customer", key=f"key-{number}")
        belt.run(2)
    belt.run(4)


@pytest.fixture
def busy(directory: Path) -> Belt:
    """A wallet at its target whose law lets a lot go out."""
    belt = Belt(directory, law=make_law(**FREE).law, hot=60 * ETH)
    belt.run(2)
    return belt


def test_nothing_is_measured_within_the_first_hour(busy: Belt) -> None:
    """A rate over a few minutes says nothing, so it is unknown and asks for nothing."""
    pay(busy, 2)

    assert pace_of(busy).outflow(address_of("hot-a"), NATIVE) is None


def test_what_customers_took_is_the_outflow(busy: Belt) -> None:
    """Withdrawals count, per hour, in the busier of the last hour and the last day."""
    busy.clock.advance(HOUR_S)
    busy.next_block()
    pay(busy, 3)
    pace = pace_of(busy)

    assert 12 * ETH == pace.outflow(address_of("hot-a"), NATIVE)
    assert 0 == pace.outflow(address_of("vault"), NATIVE)


def test_a_refill_is_asked_for_early_when_people_take_long(directory: Path) -> None:
    """The runway is shorter than approval usually takes: asked for above the floor."""
    band = {
        f"pools.main.assets.ETH.{key}": value
        for key, value in (
            ("band.target", "28 ETH"),
            ("band.cap", "40 ETH"),
            ("refill.expiry_s", DAY_S),
        )
    }
    belt = Belt(directory, law=make_law(**FREE, **band).law, hot=18 * ETH)
    for _ in range(3):
        _settle_slowly(belt)
        pay(belt, 3)
    _settle_slowly(belt)
    belt.fund("hot-a", 27 * ETH - belt.chain.balance(address_of("hot-a")))
    belt.run(4)
    known = len(belt.refills())

    pay(belt, 1)
    belt.watch()

    assert pace_of(belt).waits["main"] > 2 * HOUR_S
    assert 23 == round(belt.chain.balance(address_of("hot-a")) / ETH)
    assert known + 1 == len(belt.refills())
    assert 5 == round(belt.refills()[-1].amount / ETH)


def test_sweeps_are_no_outflow(busy: Belt) -> None:
    """What goes home to the vault is not what customers take."""
    busy.clock.advance(HOUR_S)
    busy.fund("hot-a", 60 * ETH)
    busy.chain.mine(3)
    busy.run(6)

    assert ["sweep"] == [transfer.purpose.value for transfer in busy.transfers()]
    assert 0 == pace_of(busy).outflow(address_of("hot-a"), NATIVE)


def test_where_others_sign_too_what_was_seen_to_leave_counts(directory: Path) -> None:
    """A payout engine's payments are no transfers of ours: the balance tells."""
    # Nobody registers anything here, and so much may be missing.
    missing = "pools.main.assets.ETH.band.unexplained_max"
    law = make_law(**{"wallets.hot-a.custody": "shared", missing: "50 ETH"}).law
    belt = Belt(directory, law=law, hot=60 * ETH)
    belt.run(2)
    belt.clock.advance(HOUR_S)
    for _ in range(3):
        belt.chain.spend(address_of("hot-a"), address_of("customer"), 2 * ETH)
        belt.run(2)

    seen = pace_of(belt).outflow(address_of("hot-a"), NATIVE)
    assert 5 * ETH < (seen or 0) <= 6 * ETH


def _settle_slowly(belt: Belt) -> None:
    """Let a refill settle that people needed hours for, and a day go by."""
    belt.until(lambda: bool(belt.open_refills()))
    belt.clock.advance(3 * HOUR_S - 600)
    belt.approve(belt.open_refills()[0], "alice", "bob")
    belt.until(lambda: not belt.open_refills() and not belt.open_transfers())
    belt.clock.advance(DAY_S)
    belt.next_block()
