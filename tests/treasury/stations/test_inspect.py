"""Inspect, and what confirm sees tokens do: quarantine stops exposure, never safety."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from policies.lifecycles import RefillState, TransferState, WithdrawalState
from policies.terms import Address, MotionKind
from policies.tokens import Movement
from tests.fakes.belt import CHAIN_ID, Belt
from tests.fakes.motions import approve, propose
from tests.laws import ETH, GONE, TOKEN, USDC, address_of, make_law
from treasury.ledger import marks, token_marks
from treasury.ledger.facts import Token
from treasury.ledger.queries import standings, tokens
from treasury.stations.inspect import AGAIN_AFTER_S, UNKNOWN_AFTER_S
from treasury.stations.observe import observe

COIN = Address(TOKEN)
RULE = {
    "pools.main.assets.USDC.refill.schedule": GONE,
    "pools.main.assets.USDC.withdrawal": {
        "per_transfer": "5000 USDC",
        "window_s": 3600,
        "window_amount": "50000 USDC",
        "window_count": 100,
        "first_use_amount": "50000 USDC",
    },
}


@pytest.fixture
def belt(directory: Path, quiet: None) -> Belt:
    """A wallet at its targets, seen by two rounds; its pool pays USDC."""
    made = Belt(directory, law=make_law(**RULE).law, hot=60 * ETH)
    made.fund("hot-a", 60_000 * USDC, COIN)
    made.fund("vault", 1_000_000 * USDC, COIN)
    made.chain.mine(3)
    made.run(2)
    return made


def token_of(belt: Belt) -> Token:
    """Return how USDC is judged."""
    with belt.ledger.read() as session:
        return tokens.tokens(session, CHAIN_ID)[COIN]


def drain(belt: Belt) -> None:
    """Let the wallet hold less than its floor, as if it had always been so."""
    belt.fund("hot-a", -50_000 * USDC, COIN)
    belt.chain.mine(3)
    observe(belt.world, belt.clock())
    with belt.ledger.write() as session:
        standing = standings.wallet(session, "hot-a")
        assert standing is not None
        marks.unfreeze(session, standing, actor="test", why="funding backwards", now=0)


def pay(belt: Belt, movement: Movement | None = None) -> int:
    """Pay a customer 1000 USDC; the token then does what `movement` says. Return its number."""
    asked = belt.ask_withdrawal(1_000 * USDC, "customer", asset=COIN)
    belt.money()
    (sent,) = belt.chain.mempool
    if movement is not None:
        belt.chain.movements[sent.hash] = movement
    belt.next_block()
    belt.run(5)
    return asked.id


def test_a_token_that_is_what_the_law_says_may_move(belt: Belt) -> None:
    """It is judged once, and again after a while (R4.10)."""
    first = token_of(belt)
    assert not first.is_quarantined
    assert first.facts == belt.chain.tokens[COIN]

    belt.clock.advance(AGAIN_AFTER_S)
    belt.watch()

    assert token_of(belt).judged_at > first.judged_at


@pytest.mark.parametrize(
    "changes", [{"decimals": 18}, {"symbol": "USDT"}, {"code": b"other code"}, {"code": b""}]
)
def test_a_token_that_differs_is_quarantined(belt: Belt, changes: dict[str, object]) -> None:
    """Other decimals, symbol or code: no refill is proposed and no payment is queued (R4.10)."""
    belt.chain.tokens[COIN] = replace(belt.chain.tokens[COIN], **changes)  # type: ignore[arg-type]
    belt.clock.advance(AGAIN_AFTER_S)
    belt.next_block()
    drain(belt)
    belt.watch()
    asked = belt.ask_withdrawal(1_000 * USDC, "customer", asset=COIN)
    belt.run(4)

    assert token_of(belt).is_quarantined
    assert [] == belt.refills()
    assert [] == belt.transfers()
    held = belt.withdrawal(asked.id)
    assert WithdrawalState.HELD is held.state
    assert "quarantined" in {reason.code for reason in held.reasons}


def test_a_quarantined_token_is_still_swept(belt: Belt) -> None:
    """Toward safety nothing is asked of the contract."""
    belt.chain.tokens[COIN] = replace(belt.chain.tokens[COIN], decimals=18)
    belt.clock.advance(AGAIN_AFTER_S)
    belt.fund("hot-a", 60_000 * USDC, COIN)
    belt.chain.mine(3)
    belt.run(6)

    assert token_of(belt).is_quarantined
    (sweep,) = belt.transfers()
    assert ("sweep", TransferState.CONFIRMED) == (sweep.purpose.value, sweep.state)
    assert 60_000 * USDC == belt.chain.balance(address_of("hot-a"), COIN)


def test_a_quarantine_stays_until_a_quorum_has_looked(belt: Belt) -> None:
    """That the contract looks right again lifts nothing; then it is judged afresh."""
    good = belt.chain.tokens[COIN]
    belt.chain.tokens[COIN] = replace(good, decimals=18)
    belt.clock.advance(AGAIN_AFTER_S)
    belt.run(1)
    belt.chain.tokens[COIN] = replace(good, code=b"upgraded")
    belt.clock.advance(AGAIN_AFTER_S)
    belt.run(1)
    assert token_of(belt).is_quarantined

    with belt.ledger.write() as session:
        token_marks.release(session, token_of(belt), why="motion 1", now=belt.clock.unix())
    belt.run(1)

    assert not token_of(belt).is_quarantined
    assert belt.chain.tokens[COIN] == token_of(belt).facts


def test_a_quorum_ends_a_quarantine(belt: Belt) -> None:
    """Two people resume; a contract that still differs is quarantined again."""
    belt.chain.tokens[COIN] = replace(belt.chain.tokens[COIN], decimals=18)
    belt.clock.advance(AGAIN_AFTER_S)
    belt.run(1)

    approve(belt, propose(belt, MotionKind.RESUME, {"why": "we looked"}), "alice", "bob")
    belt.money()
    assert not token_of(belt).is_quarantined

    belt.watch()
    assert token_of(belt).is_quarantined


def test_a_contract_that_cannot_be_read_waits_and_recovers_by_itself(
    directory: Path, quiet: None
) -> None:
    """Unknown is no permission, and no alarm that people must end."""
    belt = Belt(directory, law=make_law(**RULE).law, hot=60 * ETH)
    good = belt.chain.tokens.pop(COIN)
    belt.fund("vault", 1_000_000 * USDC, COIN)
    belt.chain.mine(3)
    belt.run(2)
    assert [] == belt.refills()

    belt.chain.tokens[COIN] = good
    belt.clock.advance(UNKNOWN_AFTER_S)
    belt.watch()

    assert not token_of(belt).is_quarantined
    assert [RefillState.PROPOSED] == [refill.state for refill in belt.refills()]


def test_a_payment_that_moved_what_was_asked_is_paid(belt: Belt) -> None:
    """The balances of both sides stand in the books."""
    number = pay(belt)

    (transfer,) = belt.transfers()
    assert (1_000 * USDC, 1_000 * USDC) == (transfer.moved_out, transfer.moved_in)
    assert WithdrawalState.PAID is belt.withdrawal(number).state


def test_a_token_that_keeps_a_part_is_quarantined_and_paid_once(belt: Belt) -> None:
    """The customer got less: the alarm rings, and nobody pays a second time (R4.10)."""
    asked = 1_000 * USDC
    number = pay(belt, Movement(asked=asked, logged=asked, left=asked, arrived=asked - USDC))

    assert token_of(belt).is_quarantined
    assert WithdrawalState.PAID is belt.withdrawal(number).state
    assert 1 == belt.paid("hot-a", address_of("customer"))


def test_a_token_that_says_yes_and_moves_nothing_has_not_paid(belt: Belt) -> None:
    """Success without a movement is a failure, told to people and never repeated (R4.10)."""
    number = pay(belt, Movement(asked=1_000 * USDC, logged=0, left=0, arrived=0))

    assert token_of(belt).is_quarantined
    transfer = belt.transfer_of("withdrawal")
    assert TransferState.REVERTED is transfer.state
    assert WithdrawalState.CANCELLED is belt.withdrawal(number).state
