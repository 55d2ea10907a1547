"""Tend: what no node will ever take does not stop what comes after it."""

from __future__ import annotations

from pathlib import Path

import pytest

from policies.lifecycles import TransferState
from policies.terms import Purpose
from tests.fakes.belt import Belt
from tests.laws import ETH, address_of

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture
def robbed(directory: Path) -> Belt:
    """A belt whose isolated wallet lost money after its evacuation was signed, and unsent."""
    belt = Belt(directory, hot=60 * ETH)
    belt.run(4)
    belt.room.isolate("hot-a")
    belt.chain.drops_sends = True
    belt.until(lambda: [t.state for t in belt.open_transfers()] == [TransferState.IN_FLIGHT])
    belt.chain.drops_sends = False
    belt.fund("hot-a", -10 * ETH)
    return belt


def test_an_evacuation_that_cannot_be_paid_makes_room(robbed: Belt) -> None:
    """A thief takes more after the evacuation was signed: it gives way, and the rest is saved."""
    robbed.run(16)
    evacuations = [t.state for t in robbed.transfers() if t.purpose is Purpose.EVACUATION]

    assert evacuations[:2] == [TransferState.CANCELLED, TransferState.CONFIRMED]
    assert robbed.chain.balance(address_of("hot-a")) < ETH // 10
    assert 1_049 * ETH < robbed.chain.balance(address_of("vault"))


def test_a_refusal_for_funds_alone_cancels_nothing(robbed: Belt) -> None:
    """A node says that money lacks; our own look at the head says otherwise: it is sent again."""
    robbed.fund("hot-a", 10 * ETH)
    robbed.run(12)
    evacuations = [t.state for t in robbed.transfers() if t.purpose is Purpose.EVACUATION]

    assert evacuations[0] is TransferState.CONFIRMED
