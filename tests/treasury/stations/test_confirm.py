"""Confirm: receipts alone decide, and finality writes the outcome once."""

from __future__ import annotations

import pytest

from policies.lifecycles import AttemptState, RefillState, TransferState
from policies.terms import Address
from policies.tokens import Movement
from tests.fakes.belt import CHAIN_ID, Belt
from tests.laws import ETH, TOKEN, USDC, address_of
from treasury.chain.port import Receipt, TokenTransfer
from treasury.ledger import marks
from treasury.ledger.facts import Attempt
from treasury.ledger.queries import transfers
from treasury.stations.confirm import confirm


def sent(belt: Belt) -> Belt:
    """Take a refill to its first broadcast."""
    belt.watch()
    belt.approve(belt.only_refill(), "alice", "bob")
    belt.money()
    return belt


def attempts(belt: Belt, transfer_id: int = 1) -> tuple[Attempt, ...]:
    """Return the attempts of a transfer."""
    with belt.ledger.read() as session:
        return transfers.attempts(session, transfer_id)


def test_mined_is_not_yet_final(low: Belt) -> None:
    """A receipt makes it MINED; the refill settles only at depth."""
    sent(low).next_block()
    low.money()
    mined = low.transfers()[0]
    low.chain.mine(1)
    low.money()
    before = low.only_refill().state
    low.chain.mine(1)
    low.money()

    assert (TransferState.MINED, 4) == (mined.state, mined.block_number)
    assert 21_000 * 2 * 10**9 == mined.settled_fee
    assert (RefillState.RELEASED, RefillState.SETTLED) == (before, low.only_refill().state)


@pytest.mark.parametrize("keep", [True, False])
def test_a_reorg_falls_back_and_the_same_bytes_win(low: Belt, keep: bool) -> None:
    """R4.5: whether the node still knows it or not, the stored bytes are mined once more."""
    sent(low).next_block()
    low.money()
    before = attempts(low)
    low.chain.reorg(1, keep=keep)
    low.clock.advance(12)
    low.money()
    fallen, fallen_sent_at = low.transfers()[0], attempts(low)[0].sent_at
    low.run(4)

    assert TransferState.IN_FLIGHT is fallen.state
    assert (None, None, None) == (fallen.block_number, fallen.block_hash, fallen.settled_fee)
    assert fallen_sent_at == (before[0].sent_at or 0) + 24, "sent at once, not in its time"
    assert [before[0].raw] == [attempt.raw for attempt in attempts(low)]
    assert TransferState.CONFIRMED is low.transfers()[0].state
    assert 1 == low.paid("vault", address_of("hot-a"))


def test_a_reorg_into_another_block_is_seen(low: Belt) -> None:
    """R4.5: the same transaction in another block is not the same receipt."""
    sent(low).next_block()
    low.money()
    first = low.transfers()[0].block_hash
    low.chain.reorg(1)
    low.chain.mine()
    low.run(5)

    found = low.transfers()[0]
    assert TransferState.CONFIRMED is found.state
    assert first != found.block_hash


def test_a_receipt_of_a_block_that_is_gone_settles_nothing(low: Belt) -> None:
    """R4.5: a node that still tells of the old block is not believed: the final one is another."""
    sent(low).next_block()
    low.money()
    old = low.transfers()[0]
    told = low.chain.receipts([attempts(low)[0].hash])
    low.chain.reorg(1, keep=False)
    low.chain.mine(3)
    low.chain.receipts = lambda _hashes: told  # type: ignore[method-assign,assignment]
    confirm(low.world, low.clock())

    assert TransferState.MINED is low.transfers()[0].state
    assert low.chain.stamp_at(old.block_number or 0).hash != old.block_hash


def test_any_attempt_may_win(low: Belt) -> None:
    """R4.3: the receipt of an older attempt counts; its siblings are LOST."""
    sent(low)
    original = low.chain.mempool
    low.clock.advance(100)
    low.money()
    low.chain.drop_mempool()
    low.chain.send(original[0].raw)
    low.next_block()
    low.run(4)

    states = [(a.kind, a.state) for a in attempts(low)]
    assert [("original", AttemptState.WON), ("bump", AttemptState.LOST)] == states
    assert RefillState.SETTLED is low.only_refill().state


def test_a_revert_fails_the_refill_for_good(low: Belt) -> None:
    """R2.13: status 0 at finality is FAILED, and nothing retries by itself."""
    usdc = Address(TOKEN)
    low.chain.fund(address_of("vault"), 100_000 * USDC, usdc)
    low.chain.fund(address_of("hot-a"), 50 * ETH)
    low.clock.advance(62 * 3600)  # a Monday morning in Singapore
    low.chain.mine(3)
    low.watch()
    refill = low.only_refill()
    low.approve(refill, "alice", "bob")
    low.money()
    low.chain.fund(address_of("vault"), -100_000 * USDC, usdc)
    low.next_block()
    low.money()
    low.chain.mine(2)
    low.money()

    assert TransferState.REVERTED is low.transfers()[0].state
    assert RefillState.FAILED is low.refill(refill.id).state


def test_a_usurped_nonce_of_the_vault_halts(low: Belt) -> None:
    """Our nonce was spent by a foreign transaction: USURPED, refill FAILED, halt."""
    sent(low)
    low.chain.drop_mempool()
    low.chain.spend(address_of("vault"), address_of("thief"), ETH)
    low.chain.mine(3)
    low.money()

    assert TransferState.USURPED is low.transfers()[0].state
    assert [AttemptState.LOST] == [attempt.state for attempt in attempts(low)]
    assert RefillState.FAILED is low.only_refill().state
    assert low.is_halted()
    assert low.standing("vault").frozen
    assert "nonce 0" in low.standing("vault").frozen_why


def test_a_wallet_that_is_frozen_already_keeps_its_reason(low: Belt) -> None:
    """Who froze it first said why; a usurped nonce halts and does not freeze it again."""
    sent(low)
    with low.ledger.write() as session:
        marks.freeze(session, low.standing("vault"), actor="guard", why="a first thing", now=1)
    low.chain.drop_mempool()
    low.chain.spend(address_of("vault"), address_of("thief"), ETH)
    low.chain.mine(3)
    low.money()

    assert TransferState.USURPED is low.transfers()[0].state
    assert ("a first thing", True) == (low.standing("vault").frozen_why, low.is_halted())


def test_a_usurped_nonce_of_a_hot_wallet_freezes_it_alone(calm: Belt) -> None:
    """One wallet's key is in foreign hands: it is frozen, and the others go on."""
    calm.ask_withdrawal(2 * ETH, "customer")
    calm.money()
    calm.chain.drop_mempool()
    calm.chain.spend(address_of("hot-a"), address_of("thief"), ETH)
    calm.chain.mine(3)
    confirm(calm.world, calm.clock())

    assert TransferState.USURPED is calm.transfers()[0].state
    assert (True, False) == (calm.standing("hot-a").frozen, calm.is_halted())


def test_usurped_waits_for_finality(low: Belt) -> None:
    """A nonce that is spent at the head alone is a question, not an answer."""
    sent(low)
    low.chain.drop_mempool()
    low.chain.spend(address_of("vault"), address_of("thief"), ETH)
    low.chain.mine(1)
    confirm(low.world, low.clock())

    assert TransferState.IN_FLIGHT is low.transfers()[0].state


def test_a_silent_chain_changes_nothing(low: Belt) -> None:
    """A timeout is not an outcome."""
    sent(low).next_block()
    low.chain.is_down = True

    outcome = confirm(low.world, low.clock())

    assert outcome.ends_lane
    assert TransferState.IN_FLIGHT is low.transfers()[0].state


def test_nothing_in_flight_asks_nothing(low: Belt) -> None:
    """Without an unsettled transfer the chain is not even asked."""
    low.chain.is_down = True

    assert not confirm(low.world, low.clock()).ends_lane


def test_all_is_quiet_in_the_end(low: Belt) -> None:
    """A settled transfer is never looked at again."""
    low.settle_one()
    low.chain.reorg(1)
    low.run(3)

    with low.ledger.read() as session:
        assert () == transfers.open_ones(session, CHAIN_ID)


def test_only_a_payment_in_a_token_is_asked_what_it_moved(calm: Belt) -> None:
    """Coins move as the receipt says, and a cancel moves none: no node is asked about either."""
    asked: list[Address] = []
    honest = calm.chain.token_movement

    def look(transfer: TokenTransfer, receipt: Receipt) -> Movement:
        asked.append(transfer.asset)
        return honest(transfer, receipt)

    calm.chain.token_movement = look  # type: ignore[method-assign]
    calm.ask_withdrawal(ETH, "customer")
    calm.run(5)

    (paid,) = calm.transfers()
    assert (TransferState.CONFIRMED, None, None) == (paid.state, paid.moved_out, paid.moved_in)
    assert [] == asked
