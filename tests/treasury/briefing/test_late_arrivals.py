"""A transfer of ours that arrives before its receipt hides nothing that leaves beside it."""

from __future__ import annotations

from policies.lifecycles import WalletState
from policies.terms import NATIVE
from tests.fakes.belt import CHAIN_ID, Belt
from tests.laws import ETH, address_of
from treasury.ledger.queries import watch


def test_a_drop_beside_an_arrival_whose_receipt_is_late_is_found(low: Belt) -> None:
    """What left in the block of our own refill is missed as soon as the receipt is there."""
    low.watch()
    low.approve(low.only_refill(), "alice", "bob")
    low.money()
    low.chain.mine()
    low.fund("hot-a", -3 * ETH)
    low.chain.mine(3)
    low.watch()
    with low.ledger.read() as session:
        anchor = watch.anchors(session, CHAIN_ID)[address_of("hot-a"), NATIVE]
    low.run(4)

    assert 10 * ETH == anchor.value
    assert WalletState.ISOLATED is low.standing("hot-a").state


def test_an_arrival_whose_receipt_is_late_is_no_theft(low: Belt) -> None:
    """Without a drop beside it the anchor follows once the receipt is there, and all is calm."""
    low.watch()
    low.approve(low.only_refill(), "alice", "bob")
    low.money()
    low.chain.mine(4)
    low.watch()
    low.run(5)
    with low.ledger.read() as session:
        anchor = watch.anchors(session, CHAIN_ID)[address_of("hot-a"), NATIVE]

    assert low.chain.balance(address_of("hot-a")) == anchor.value
    assert low.standing("hot-a").is_calm
    assert WalletState.ACTIVE is low.standing("hot-a").state
