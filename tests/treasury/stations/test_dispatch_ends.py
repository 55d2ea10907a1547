"""Dispatch: what a queued transfer waits for, in which order nonces leave, what an end leads to."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from hsm.errors import TokenAwayError
from hsm.wire.fields import to_hex
from policies.consent import veto_digest
from policies.lifecycles import RefillState, TransferState, WithdrawalState
from policies.terms import Address
from tests.fakes.belt import Belt
from tests.laws import ETH, GONE, TOKEN, USDC, address_of, make_law, sign
from tests.treasury.stations.test_dispatch import attempts, queued
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


def test_a_refill_that_holds_a_nonce_when_its_wallet_is_cut_off(low: Belt) -> None:
    """The token failed after the nonce was recorded: a cancel spends that nonce on nothing."""
    queued(low)
    low.room.tokens.trouble_at_signing = AWAY
    low.money()
    low.room.tokens.trouble_at_signing = None
    low.room.isolate("hot-a")
    low.until(lambda: not low.open_transfers())

    assert ["cancel"] == [attempt.kind for attempt in attempts(low)]
    assert TransferState.CANCELLED is low.transfer_of("refill").state
    assert RefillState.FAILED is low.refill(1).state
    assert 0 == low.paid("vault", address_of("hot-a"))


def test_an_asset_that_the_law_forgot_is_not_sent(directory: Path, quiet: None) -> None:
    """People strike a token from the law while a refill of it waits: it is given up."""
    tokens = "pools.main.assets.USDC"
    belt = Belt(directory, law=make_law(**{f"{tokens}.refill.schedule": GONE}).law, hot=60 * ETH)
    belt.fund("vault", 1_000_000 * USDC, Address(TOKEN))
    belt.chain.mine(3)
    queued(belt)
    forgets = {"chains.devnet.tokens": GONE, "chains.devnet.max_loss.USDC": GONE, tokens: GONE}
    belt.room.adopt(make_law(**forgets).law)
    belt.clock.advance(1)
    belt.money()

    assert Address(TOKEN) == belt.only_refill().asset
    assert [TransferState.CANCELLED] == [transfer.state for transfer in belt.transfers()]
    assert ["unknown_asset"] == [reason.code for reason in belt.transfers()[0].reasons]
    assert RefillState.FAILED is belt.only_refill().state


def test_what_cannot_be_cancelled_yet_waits_and_says_why(low: Belt) -> None:
    """Its consent ran out and it holds a nonce; the token that would sign the cancel is away."""
    queued(low)
    low.room.tokens.trouble_at_signing = AWAY
    low.money()
    low.clock.advance(3_601)
    low.watch()
    low.money()

    (found,) = low.transfers()
    assert (TransferState.QUEUED, 0) == (found.state, found.nonce)
    assert ["expired", "token_away"] == [reason.code for reason in found.reasons]
    assert RefillState.RELEASED is low.only_refill().state


def test_a_payout_that_was_vetoed_at_the_signer_is_refused(calm: Belt) -> None:
    """A person says no past the daemon, after it was queued: it gets no other transfer."""
    asked = calm.ask_withdrawal(2 * ETH, "customer")
    calm.room.tokens.trouble = AWAY
    calm.money()
    calm.room.tokens.trouble = None
    digest = bytes.fromhex(calm.transfers()[0].order_id[2:])
    no = sign("carol", veto_digest(digest, calm.world.deployment))
    calm.room.call("veto", {"digest": to_hex(digest), "signature": to_hex(no)})
    calm.run(4)

    assert WithdrawalState.REFUSED is calm.withdrawal(asked.id).state
    assert [TransferState.CANCELLED] == [transfer.state for transfer in calm.transfers()]
    assert 0 == calm.chain.balance(address_of("customer"))


def test_a_refused_cancel_ends_nothing(low: Belt) -> None:
    """The book has given it a nonce: while that cannot be filled, the transfer is not over."""
    queued(low)
    low.room.tokens.trouble_at_signing = AWAY
    low.money()
    low.room.tokens.trouble_at_signing = None
    low.chain.base_fee = 1_000_000 * 10**9
    low.clock.advance(3_601)
    low.watch()
    low.money()

    (found,) = low.transfers()
    assert (TransferState.QUEUED, 0) == (found.state, found.nonce)
    assert {"expired", "fee_too_high"} == {reason.code for reason in found.reasons}
    assert RefillState.RELEASED is low.only_refill().state
