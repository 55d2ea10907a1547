"""Scenes: who fell behind is asked for alone, and who did not stir has nothing to tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from policies.terms import NATIVE
from tests.fakes.belt import CHAIN_ID, Belt
from tests.laws import ETH, address_of
from treasury.briefing.scenes import RENEW_BLOCKS, Scene, gather
from treasury.ledger import cell_marks
from treasury.ledger.cell_marks import Cell
from treasury.ledger.queries.watch import Depth

pytestmark = pytest.mark.usefixtures("quiet")
NAMES = ("vault", "hot-a", "hot-b", "sponsor")
WALLETS = {name: address_of(name) for name in NAMES}


def scene_of(belt: Belt) -> Scene:
    """Gather the newest scene."""
    with belt.ledger.read() as session:
        found = gather(session, belt.law, CHAIN_ID, belt.clock.unix(), set(WALLETS.values()))
    assert found is not None
    return found


def anchored_at(belt: Belt, name: str) -> int:
    """Return the block of the anchor of a wallet's native coin."""
    return scene_of(belt).anchors[WALLETS[name], NATIVE].block_number


@pytest.fixture
def calm(directory: Path) -> Belt:
    """A belt at its target, watched until nothing stirs."""
    belt = Belt(directory, hot=60 * ETH)
    belt.run(4)
    return belt


def test_only_who_stirred_is_judged_closely(calm: Belt) -> None:
    """A deposit stirs its wallet until its anchor followed; a payment of ours stirs both ends."""
    assert not scene_of(calm).stirred
    calm.fund("hot-b", ETH)
    calm.chain.mine()
    calm.watch()

    assert {WALLETS["hot-b"]} == set(scene_of(calm).stirred)
    calm.run(3)
    assert not scene_of(calm).stirred


def test_what_did_not_stir_has_lost_nothing_and_renews_nothing(calm: Belt) -> None:
    """At every step of a refill and a theft, the quick answer is the close one."""
    for step in range(12):
        if step == 3:
            calm.chain.spend(WALLETS["hot-a"], address_of("thief"), 55 * ETH)
        calm.round()
        scene = scene_of(calm)
        for wallet in set(WALLETS.values()) - set(scene.stirred):
            assert not scene.lost(wallet)
            assert not list(scene.renewed(wallet))


def test_anchors_follow_finality(calm: Belt) -> None:
    """Each wallet renews within a hundred blocks, and not all of them in the same one."""
    before = anchored_at(calm, "hot-a")
    calm.chain.mine(RENEW_BLOCKS // 2 - 3)
    calm.watch()
    assert before == anchored_at(calm, "hot-a")
    blocks = set()
    for _ in range(RENEW_BLOCKS // 2 + 4):
        calm.next_block()
        calm.watch()
        blocks |= {anchored_at(calm, name) for name in NAMES}

    assert anchored_at(calm, "hot-a") > before
    assert len(blocks) > 2


def test_who_fell_behind_is_asked_for_alone(low_and_settled: Belt) -> None:
    """An anchor from before everything: the refill that came since still explains the balance."""
    belt = low_and_settled
    belt.chain.mine(3 * RENEW_BLOCKS)
    belt.watch()
    belt.watch()
    old = Cell(Depth.CALM, WALLETS["vault"], NATIVE, 1_000 * ETH, 1)
    with belt.ledger.write() as session:
        cell_marks.write_newest(session, CHAIN_ID, [old])
    assert {WALLETS["vault"], WALLETS["hot-a"]} == set(scene_of(belt).movements)
    belt.watch()

    assert belt.standing("vault").is_calm
    assert {"refill"} == {t.purpose.value for t in belt.transfers()}
    assert anchored_at(belt, "vault") > 3 * RENEW_BLOCKS
    assert not scene_of(belt).movements


@pytest.fixture
def low_and_settled(directory: Path) -> Belt:
    """A belt whose hot wallet was refilled from the vault, long ago."""
    belt = Belt(directory)
    belt.settle_one()
    return belt
