"""A node that lags shows the past, and the past of a wallet that was filled looks like a theft."""

from __future__ import annotations

from pathlib import Path

import pytest

from policies.lifecycles import WalletState
from policies.terms import Address, Stamp
from tests.fakes.belt import Belt
from tests.laws import ETH, TOKEN, address_of
from treasury.ledger import Session
from treasury.ledger.facts import Tick
from treasury.ledger.queries import watch

HOT, USDC = address_of("hot-a"), 10**6
DEPTHS = (1, 3, 5, 7, 11)


@pytest.fixture
def filled(directory: Path, quiet: None) -> Belt:
    """A belt whose hot-a got coins by a refill and tokens by a deposit, both final long ago."""
    belt = Belt(directory)
    belt.settle_one()
    belt.chain.fund(HOT, 60_000 * USDC, Address(TOKEN))
    belt.run(4)
    return belt


def fall_back(belt: Belt, blocks: int) -> Stamp:
    """Let every answer be that of a node which is so many blocks behind; return its head."""
    behind = belt.chain.stamp_at(belt.chain.head().number - blocks)
    belt.chain.head = lambda: behind  # type: ignore[method-assign]
    return behind


def newest(session: Session, belt: Belt) -> Tick:
    """Return the newest look, good or failed."""
    found = watch.last_tick(session, belt.chain.chain_id)
    assert found is not None
    return found


@pytest.mark.parametrize("blocks", DEPTHS)
def test_no_lag_is_a_theft(filled: Belt, blocks: int) -> None:
    """However far a node lags: nobody is isolated, held or frozen, and nothing is proposed."""
    refills = len(filled.refills())
    fall_back(filled, blocks)
    for _ in range(3):
        filled.watch()
        filled.money()

    found = [filled.standing(name) for name in ("hot-a", "hot-b", "vault", "sponsor")]
    assert all(standing.is_calm for standing in found)
    assert WalletState.ACTIVE is found[0].state
    assert (False, refills) == (filled.is_halted(), len(filled.refills()))


def test_a_head_below_finality_is_no_look(filled: Belt) -> None:
    """It is written as failed with both numbers, so that the chain counts as unseen and rings."""
    with filled.ledger.read() as session:
        good = watch.last_good_tick(session, filled.chain.chain_id)
    assert good is not None
    assert good.head is not None
    assert good.final is not None
    behind = fall_back(filled, good.head.number - good.final.number + 2)
    filled.watch()
    with filled.ledger.read() as session:
        look = newest(session, filled)

    assert not look.ok
    assert f"the head is block {behind.number}" in look.error


def test_a_theft_is_seen_as_soon_as_the_node_is_back(filled: Belt) -> None:
    """What left while the node showed the past is proof at the first look at the present."""
    ahead = filled.chain.head
    fall_back(filled, DEPTHS[-2])
    filled.watch()
    filled.chain.spend(HOT, address_of("thief"), 5 * ETH)
    filled.chain.mine()
    filled.watch()
    before = filled.standing("hot-a").state
    filled.chain.head = ahead  # type: ignore[method-assign]
    filled.watch()

    assert [WalletState.ACTIVE, WalletState.ISOLATED] == [before, filled.standing("hot-a").state]
