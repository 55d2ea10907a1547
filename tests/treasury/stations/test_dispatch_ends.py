"""Dispatch: what a queued transfer waits for, in which order nonces leave, what an end leads to."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from hsm.errors import TokenAwayError
from policies.lifecycles import TransferState, WithdrawalState
from tests.fakes.belt import Belt
from tests.laws import ETH, address_of
from tests.treasury.stations.test_dispatch import queued
from treasury.ledger import marks
from treasury.stations.dispatch import dispatch

AWAY = TokenAwayError("unplugged")


def pause(belt: Belt, name: str) -> None:
    """Freeze a wallet, as a person does."""
    standing = belt.standing(name)
    with belt.ledger.write() as session:
        marks.freeze(session, standing, actor="ops", why="a look", now=belt.clock.unix())


def lift(belt: Belt, name: str) -> None:
    """Lift the freeze of a wallet."""
    standing = belt.standing(name)
    with belt.ledger.write() as session:
        marks.unfreeze(session, standing, actor="ops", why="well", now=belt.clock.unix())


@pytest.mark.parametrize("name", ["vault", "hot-a"])
def test_a_refill_waits_while_one_of_its_ends_is_frozen(low: Belt, name: str) -> None:
    """Neither out of a frozen wallet nor into one; it says so, and leaves after the lift."""
    queued(low)
    pause(low, name)
    dispatch(low.world, low.clock())
    (waiting,) = low.transfers()
    lift(low, name)
    dispatch(low.world, low.clock())

    assert (TransferState.QUEUED, ["not_calm"]) == (
        waiting.state,
        [reason.code for reason in waiting.reasons],
    )
    assert TransferState.IN_FLIGHT is low.transfers()[0].state


def test_a_payout_whose_time_ran_out_gets_another_transfer(calm: Belt) -> None:
    """An hour without the token ends the transfer, not the promise: it is paid, once."""
    asked = calm.ask_withdrawal(2 * ETH, "customer")
    calm.room.tokens.trouble = AWAY
    calm.money()
    calm.clock.advance(calm.transfers()[0].expires_at - calm.clock.unix())
    calm.watch()
    dispatch(calm.world, calm.clock())
    between = calm.withdrawal(asked.id).state
    calm.room.tokens.trouble = None
    calm.until(lambda: calm.withdrawal(asked.id).state is WithdrawalState.PAID)

    assert between is not WithdrawalState.REFUSED
    assert [t.state for t in sorted(calm.transfers(), key=lambda t: t.id)] == [
        TransferState.CANCELLED,
        TransferState.CONFIRMED,
    ]
    assert calm.chain.balance(address_of("customer")) == 2 * ETH


def test_nonces_leave_in_their_order(directory: Path, quiet: None) -> None:
    """Of two that hold a nonce the lower goes first, though the other goes home."""
    belt = Belt(directory, hot=60 * ETH)
    settings = dataclasses.replace(belt.world.settings, hot_in_flight=2)
    belt.world = dataclasses.replace(belt.world, settings=settings)
    belt.run(1)
    belt.ask_withdrawal(ETH, "customer")
    belt.room.tokens.trouble_at_signing = AWAY
    belt.money()
    belt.fund("hot-a", 60 * ETH)
    belt.chain.mine(3)
    belt.watch()
    belt.money()
    belt.room.tokens.trouble_at_signing = None
    belt.money()

    assert {"withdrawal": 0, "sweep": 1} == {t.purpose.value: t.nonce for t in belt.transfers()}
    assert [0, 1] == [transaction.nonce for transaction in belt.chain.mempool]
