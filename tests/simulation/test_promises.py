"""Promises that need a story of their own: nothing sent twice, given back, or replaced."""

from __future__ import annotations

from pathlib import Path

import pytest

from hsm.wire.answers import Fees
from hsm.wire.message import Result
from policies.lifecycles import TransferState
from policies.terms import Purpose
from tests.fakes.belt import Belt
from tests.fakes.chain import GWEI
from tests.fakes.clock import FakeClock
from tests.fakes.vault_room import VaultRoom, codes
from tests.laws import ETH, address_of
from treasury.chain.port import SendAnswer, SendKind

_DEARER = Fees(gas_limit=21_000, max_fee_per_gas=4 * GWEI, max_priority_fee_per_gas=2 * GWEI)


@pytest.mark.parametrize("kind", [SendKind.UNDERPRICED, SendKind.NONCE_LOW, SendKind.FUNDS])
def test_a_node_that_says_no_gets_no_second_transfer(tmp_path: Path, kind: SendKind) -> None:
    """R4.4: whatever a node says, an unmined payout keeps its one transfer and its one nonce."""
    belt = Belt(tmp_path, hot=60 * ETH)
    belt.watch()
    belt.ask_withdrawal(2 * ETH, "customer")
    belt.chain.next_answers.append(SendAnswer(kind=kind, text="no"))
    belt.money()
    belt.chain.base_fee *= 1_000
    belt.run(6)
    in_flight = [transfer.state for transfer in belt.transfers()]
    belt.chain.base_fee = GWEI
    belt.run(6)

    assert in_flight == [TransferState.IN_FLIGHT]
    assert belt.paid("hot-a", address_of("customer")) == 1
    assert [TransferState.CONFIRMED] == [transfer.state for transfer in belt.transfers()]


def test_a_cancel_gives_no_window_back(tmp_path: Path, clock: FakeClock) -> None:
    """I4: what was signed counts for its whole window, also when it was cancelled afterwards."""
    room = VaultRoom(tmp_path, clock)
    people = ("alice", "bob", "carol")
    first, second = room.order(Purpose.REFILL), room.order(Purpose.REFILL)
    signed = room.sign(first, *people)
    cancelled = room.again("cancel", first, _DEARER)
    room.lodge(second, *people)
    clock.advance(61)
    again = room.sign(second, *people)
    third = room.sign(room.order(Purpose.REFILL), *people)
    room.close()

    assert (signed.result, cancelled.result) == (Result.SIGNED, Result.SIGNED)
    assert again.result is Result.SIGNED
    assert "refill_window" in codes(third)


def test_money_that_left_without_a_nonce_is_not_replaced(tmp_path: Path) -> None:
    """I10: while a drop below the floor is only held, no refill is proposed for it."""
    belt = Belt(tmp_path, hot=60 * ETH)
    belt.run(4)
    belt.fund("hot-a", -45 * ETH)
    belt.signer.is_away = True  # so nobody can say that nothing of ours is late
    seen = []
    for _ in range(4):
        belt.watch()
        seen.append(belt.standing("hot-a").hold_since is not None)
        belt.next_block()

    assert seen[0]
    assert [] == [refill for refill in belt.refills() if refill.wallet == "hot-a"]


@pytest.mark.parametrize("is_held_first", [False, True], ids=["unseen", "held"])
def test_what_could_not_be_read_explains_nothing(tmp_path: Path, *, is_held_first: bool) -> None:
    """I10: while a wallet's nonce is unknown, a drop stays unexplained and nothing is proposed."""
    belt = Belt(tmp_path, hot=60 * ETH)
    belt.run(4)
    belt.fund("hot-a", -45 * ETH)
    if is_held_first:
        belt.signer.is_away = True  # so nobody can say that nothing of ours is late
        belt.watch()
        belt.signer.is_away = False
        belt.next_block()
    before = belt.standing("hot-a").hold_since
    belt.chain.unknown.add(address_of("hot-a"))
    belt.watch()

    assert before == belt.standing("hot-a").hold_since
    assert (before is not None) == is_held_first
    assert [] == [refill for refill in belt.refills() if refill.wallet == "hot-a"]


def test_a_nonce_that_a_thief_spent_for_us_explains_nothing(tmp_path: Path) -> None:
    """I10: a thief who spends the nonce of our own unmined payout gets us no refill."""
    belt = Belt(tmp_path, hot=24 * ETH)
    belt.run(4)
    belt.ask_withdrawal(4 * ETH, "customer")
    belt.chain.drops_sends = True
    belt.watch()
    belt.money()
    belt.chain.spend(address_of("hot-a"), address_of("thief"), 4 * ETH + 10**15)
    for _ in range(3):
        belt.next_block()
        belt.watch()
        belt.money()

    assert [TransferState.USURPED] == [transfer.state for transfer in belt.transfers()]
    assert [] == [refill for refill in belt.refills() if refill.wallet == "hot-a"]
