"""Strangers: who else has the signer sign is found in its book, and the wallet is cut off."""

from __future__ import annotations

from pathlib import Path

import pytest

from hsm.wire.answers import Fees, Signed
from policies.lifecycles import TransferState, WalletState
from policies.terms import Purpose
from tests.fakes.belt import Belt
from tests.laws import ETH
from tests.treasury.stations.test_adopt import kinds
from treasury.book.epoch import begin_epoch
from treasury.orders.drafts import order_id_of

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture
def belt(directory: Path) -> Belt:
    """A treasury in balance, led by a daemon that has taken over all of the book."""
    made = Belt(directory, hot=60 * ETH)
    made.signer.epoch = begin_epoch(made.ledger, made.signer)
    made.run(3)
    return made


def order(belt: Belt) -> None:
    """Have the signer sign what no ledger knows, as somebody with its socket could."""
    terms = belt.room.order(Purpose.SWEEP, amount=10 * ETH)
    order_id = bytes.fromhex(order_id_of(terms, belt.world.deployment)[2:])
    fees = Fees(gas_limit=21_000, max_fee_per_gas=10**10, max_priority_fee_per_gas=10**9, l1_fee=0)
    assert isinstance(belt.signer.sign(order_id, fees, order=terms), Signed)


def test_who_signs_for_a_stranger_is_isolated(belt: Belt) -> None:
    """The count of the book and ours differ by one order: proof, without any chain."""
    order(belt)
    belt.money()

    assert WalletState.ISOLATED is belt.standing("hot-a").state
    assert WalletState.ACTIVE is belt.standing("hot-b").state
    assert "our ledger did not order" in belt.standing("hot-a").why


def test_our_own_orders_are_no_strangers(belt: Belt) -> None:
    """Payouts, sweeps, cancels and bumps of this daemon: each stood in the ledger before."""
    belt.ask_withdrawal(ETH, "customer")
    belt.fund("hot-a", 50 * ETH)
    belt.run(8)

    assert WalletState.ACTIVE is belt.standing("hot-a").state
    assert "unknown_order_adopted" not in kinds(belt)


def test_what_was_signed_before_this_daemon_began_is_the_past(belt: Belt) -> None:
    """A ledger that forgot it rings and takes it over; nobody is cut off for being forgotten."""
    order(belt)
    belt.signer.epoch = begin_epoch(belt.ledger, belt.signer)
    belt.run(4)

    assert WalletState.ACTIVE is belt.standing("hot-a").state
    assert "unknown_order_adopted" in kinds(belt)
    assert [TransferState.CONFIRMED] == [t.state for t in belt.transfers()]


def test_a_younger_daemon_is_no_stranger(belt: Belt) -> None:
    """Whatever it orders is its own: the older one halts, and cuts nobody off."""
    ours, younger = belt.signer.epoch, begin_epoch(belt.ledger, belt.signer)
    belt.signer.epoch = younger
    belt.signer.lead()
    order(belt)
    belt.signer.epoch = ours
    belt.money()

    assert WalletState.ISOLATED is not belt.standing("hot-a").state
