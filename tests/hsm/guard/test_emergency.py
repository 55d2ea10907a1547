"""The emergency tier at the signer itself: whatever the daemon says, only its own book opens it."""

from __future__ import annotations

from pathlib import Path

import pytest

from hsm.wire.message import Result
from tests.fakes.clock import FakeClock
from tests.fakes.vault_room import VaultRoom, codes
from tests.laws import ETH, address_of, make_law

REFILL = "pools.main.assets.ETH.refill"
LAW = make_law(
    **{
        f"{REFILL}.tiers": [{"approvals": 2, "time_lock_s": 600}],
        f"{REFILL}.emergency": {"up_to": "30 ETH", "approvals": 2, "time_lock_s": 0},
    }
).law
HOT_B = address_of("hot-b")


@pytest.fixture
def peaceful(tmp_path: Path, clock: FakeClock) -> VaultRoom:
    """Return a room whose law has an emergency tier."""
    return VaultRoom(tmp_path, clock, law=LAW)


@pytest.fixture
def robbed(peaceful: VaultRoom) -> VaultRoom:
    """Return the same room after hot-a was isolated and hot-b took over."""
    peaceful.call("isolate", {"wallet": "hot-a", "why": "a thief"})
    assert Result.OK is peaceful.call("activate", {"wallet": "hot-b"}).result
    return peaceful


def test_it_is_closed_while_nobody_is_isolated(peaceful: VaultRoom) -> None:
    """R2.10: the usual time-lock counts for the active wallet and for a standby."""
    active = peaceful.sign(peaceful.order(amount=30 * ETH), "alice", "bob")
    standby = peaceful.sign(peaceful.order(amount=30 * ETH, destination=HOT_B), "alice", "bob")

    assert [Result.NOT_READY] * 2 == [active.result, standby.result]


def test_it_opens_for_who_took_over_up_to_its_bound(robbed: VaultRoom) -> None:
    """M of N sign as ever and nobody waits; beyond the bound, in two parts too, the usual way."""
    alone = robbed.sign(robbed.order(amount=30 * ETH, destination=HOT_B), "alice")
    first = robbed.sign(robbed.order(amount=20 * ETH, destination=HOT_B), "alice", "bob")
    second = robbed.sign(robbed.order(amount=10 * ETH + 1, destination=HOT_B), "alice", "bob")
    third = robbed.sign(robbed.order(amount=10 * ETH, destination=HOT_B), "alice", "bob")

    assert {"quorum_missing"} == codes(alone)
    assert [Result.SIGNED, Result.NOT_READY, Result.SIGNED] == [
        first.result,
        second.result,
        third.result,
    ]


def test_it_is_never_open_for_the_isolated_one(robbed: VaultRoom) -> None:
    """R2.6: an emergency refills who took over, and nobody else."""
    refused = robbed.sign(robbed.order(amount=30 * ETH), "alice", "bob")

    assert "destination_isolated" in codes(refused)
