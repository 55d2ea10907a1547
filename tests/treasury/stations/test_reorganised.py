"""Reorganisations: no drop that the chain took back is a theft, and no look at a lost block counts.

The guard isolates without grace where nothing of ours can be late, so whatever a reorganisation
within finality does to balances must not look like that; and a theft must not hide behind one.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from policies.lifecycles import RefillState, WalletState
from tests.fakes.bank import open_bank
from tests.fakes.belt import Belt
from tests.fakes.crowd import DECIMALS, WHOLE, Crowd, crowd_law
from tests.fakes.nodes import RealNode
from tests.laws import ETH, address_of
from treasury.ledger.queries import standings
from treasury.stations.release import release
from treasury.stations.tally import tally

HOT, THIEF = address_of("hot-a"), address_of("thief")
pytestmark = pytest.mark.usefixtures("quiet")


def test_a_deposit_that_is_taken_back_is_no_theft(calm: Belt) -> None:
    """R4.5: what came and went within finality was never anchored, so nothing is missing."""
    before = calm.chain.balance(HOT)
    calm.next_block()
    calm.fund("hot-a", 7 * ETH)
    calm.watch()
    calm.chain.reorg(1)
    calm.run(6)

    assert before == calm.chain.balance(HOT)
    assert WalletState.ACTIVE is calm.standing("hot-a").state
    assert calm.standing("hot-a").is_calm


def test_a_payout_that_is_taken_back_and_comes_again_is_no_theft(calm: Belt) -> None:
    """R4.5: ours, mined twice; between the two its receipt is of a block that is gone."""
    calm.ask_withdrawal(ETH, "customer")
    calm.run(2)
    for depth in (1, 1, 1):
        calm.chain.reorg(depth)
        calm.watch()
        calm.money()
    calm.run(8)

    assert WalletState.ACTIVE is calm.standing("hot-a").state
    assert calm.standing("hot-a").is_calm
    assert ETH == calm.chain.balance(address_of("customer"))


def test_a_theft_that_is_taken_back_stays_an_incident(calm: Belt) -> None:
    """Whoever signed it has the key: that the block is gone brings nobody back into use."""
    calm.chain.spend(HOT, THIEF, 3 * ETH)
    calm.next_block()
    calm.watch()
    calm.chain.reorg(1, keep=False)
    calm.run(4)

    assert WalletState.ISOLATED is calm.standing("hot-a").state


def test_a_theft_in_the_block_that_replaced_ours_is_seen(calm: Belt) -> None:
    """A reorganisation that takes our payout away and pays the thief instead is no excuse."""
    calm.ask_withdrawal(ETH, "customer")
    calm.run(2)
    calm.chain.reorg(1, keep=False)
    calm.chain.spend(HOT, THIEF, 3 * ETH)
    calm.next_block()
    calm.run(4)

    assert WalletState.ISOLATED is calm.standing("hot-a").state


@pytest.mark.parametrize("seed", range(4))
def test_random_reorganisations_isolate_nobody(calm: Belt, seed: int) -> None:
    """R4.5: deposits, payouts and lost blocks in any order, as deep as finality allows."""
    lots = random.Random(seed)
    for step in range(10):
        if lots.random() < 0.4:
            calm.ask_withdrawal(ETH // 10, "customer", key=f"payout {step}")
        if lots.random() < 0.3:
            calm.fund("hot-a", lots.randrange(ETH))
        calm.round(mines=lots.random() < 0.8)
        if lots.random() < 0.5:
            calm.chain.reorg(1, keep=lots.random() < 0.8, grow=lots.randint(0, 2))
    calm.run(6)

    assert WalletState.ACTIVE is calm.standing("hot-a").state
    assert not calm.is_halted()


def test_nothing_is_released_on_a_block_that_is_gone(low: Belt) -> None:
    """R4.5: what was seen there never happened; the next look decides, and then it goes."""
    low.watch()
    low.approve(low.only_refill(), "alice", "bob")
    tally(low.world, low.clock())
    low.chain.reorg(1)
    release(low.world, low.clock())
    kept = low.only_refill()
    low.watch()
    release(low.world, low.clock())

    assert (RefillState.APPROVED, {"block_replaced"}) == (
        kept.state,
        {reason.code for reason in kept.reasons},
    )
    assert RefillState.RELEASED is low.only_refill().state


def test_nothing_is_released_while_nobody_tells(low: Belt) -> None:
    """Whether the block is still there is not known: that is no yes."""
    low.watch()
    low.approve(low.only_refill(), "alice", "bob")
    tally(low.world, low.clock())
    low.chain.is_down = True
    release(low.world, low.clock())

    assert {"block_unknown"} == {reason.code for reason in low.only_refill().reasons}


@pytest.mark.sockets
@pytest.mark.parametrize("dev_chain", ["anvil"], indirect=True)
def test_a_real_node_that_reorganises_frightens_nobody(dev_chain: RealNode, tmp_path: Path) -> None:
    """R4.5: anvil takes a deposit's block back, twice; no wallet is held, frozen or isolated."""
    ours = [address_of(f"hot-{n}") for n in range(10)]
    bank = open_bank(dev_chain, ours, tokens=1)
    bank.fund(ours, WHOLE * 10**18, WHOLE * 10**DECIMALS)
    bank.fund([address_of("vault")], 10**24, 10**12)
    node = dev_chain.node
    with dev_chain.connect() as chain:
        places = {"T1": bank.tokens[0].address}
        crowd = Crowd(tmp_path, chain, law=crowd_law(wallets=10, addresses=places))
        for _ in range(4):
            node.mine()
            crowd.watch()
        for depth in (1, 2):
            bank.change(0.5)
            crowd.watch()
            raised = chain.head()
            node.call("anvil_reorg", depth, [])
            for _ in range(4):
                assert not any(outcome.ends_lane for outcome in crowd.watch())
                node.mine()
            assert chain.stamp_at(raised.number).hash != raised.hash
        with crowd.ledger.read() as session:
            found = standings.wallets(session)
        crowd.close()

    assert all(standing.is_calm for standing in found)
    assert WalletState.ISOLATED not in {standing.state for standing in found}
