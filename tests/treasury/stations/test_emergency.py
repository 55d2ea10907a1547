"""An emergency: the wallet that took over gets a small refill of its own tier, by M of N."""

from __future__ import annotations

from pathlib import Path

import pytest

from policies.lifecycles import RefillState, WalletState
from policies.terms import MotionKind
from tests.fakes.belt import Belt
from tests.fakes.motions import approve, propose
from tests.laws import ETH, address_of, make_law
from treasury.ledger.facts import Refill

REFILL = "pools.main.assets.ETH.refill"
OUT_OF_HOURS = "weekdays 09:00-18:00 Asia/Singapore"
LAW = make_law(
    **{
        f"{REFILL}.schedule": OUT_OF_HOURS,
        f"{REFILL}.tiers": [{"approvals": 2, "time_lock_s": 600}],
        f"{REFILL}.emergency": {"up_to": "30 ETH", "approvals": 2, "time_lock_s": 0},
        "pools.main.assets.ETH.band.urgent_floor": "0 ETH",
    }
).law


@pytest.fixture
def rich(tmp_path: Path) -> Belt:
    """Return a belt at peace, whose standby has almost nothing."""
    belt = Belt(tmp_path, law=LAW, hot=30 * ETH)
    belt.fund("hot-b", -50 * ETH)
    belt.chain.mine(3)
    belt.run(4)
    return belt


@pytest.fixture
def robbed(rich: Belt) -> Belt:
    """Return a belt whose hot-a was robbed, so that hot-b took over."""
    rich.chain.spend(address_of("hot-a"), address_of("thief"), 5 * ETH)
    rich.chain.mine()
    rich.until(lambda: rich.standing("hot-b").state is WalletState.ACTIVE)
    return rich


def towards_b(belt: Belt) -> list[Refill]:
    """Return the refills of the wallet that took over."""
    return [refill for refill in belt.refills() if refill.wallet == "hot-b"]


def test_who_took_over_is_refilled_by_its_own_tier(robbed: Belt) -> None:
    """Out of hours and without a time-lock, up to the bound, after two of three, and once."""
    robbed.until(lambda: bool(towards_b(robbed)))
    (refill,) = towards_b(robbed)
    robbed.approve(refill, "alice")
    robbed.run(2)
    waiting = robbed.refill(refill.id)
    robbed.approve(refill, "bob")
    robbed.until(lambda: robbed.refill(refill.id).state is RefillState.SETTLED)
    robbed.run(3)

    assert 30 * ETH == refill.amount
    assert (RefillState.PROPOSED, 2) == (waiting.state, waiting.required)
    assert 1 == len(towards_b(robbed))


def test_a_pool_at_peace_waits_for_its_hours(tmp_path: Path) -> None:
    """Without an isolated member the same lack waits for the schedule."""
    belt = Belt(tmp_path, law=LAW, hot=10 * ETH)
    belt.run(4)

    assert [] == belt.refills()


def test_the_emergency_ends_with_a_reinstatement(rich: Belt) -> None:
    """What an emergency would let go at once waits for the usual time-lock, says the signer."""
    rich.signer.isolate("hot-a", "a treasurer saw something")
    rich.until(lambda: bool(towards_b(rich)))
    (refill,) = towards_b(rich)
    approve(rich, propose(rich, MotionKind.REINSTATE, {"wallet": "hot-a"}), "alice", "bob")
    rich.until(lambda: rich.standing("hot-a").state is WalletState.STANDBY)
    rich.approve(refill, "alice", "bob")
    rich.run(3)
    found = rich.refill(refill.id)

    assert RefillState.APPROVED is found.state
    assert {"time_lock", "window_closed"} == {reason.code for reason in found.reasons}
