"""Death at every commit and around every outside call: each payment is mined exactly once.

Each case dies at one passage, starts both processes again over what is on disk, and goes on with
the same ticks. Recovery is not a mode.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from policies.lifecycles import RefillState, TransferState, WithdrawalState
from tests.fakes.belt import Belt, Crash
from tests.laws import ETH, address_of
from treasury.ledger import journal

pytestmark = [pytest.mark.crash, pytest.mark.usefixtures("quiet")]

NEVER = 10_000
REFILL_PASSAGES = 26
STUCK_PASSAGES = 16
WITHDRAWAL_PASSAGES = 14
MOST_ROUNDS = 30


def survive(belt: Belt, step: Callable[[], object]) -> None:
    """Do one step; on death start again."""
    try:
        step()
    except Crash:
        belt.restart()


def approve_all(belt: Belt) -> None:
    """Hand in what is missing of two approvals, as people do who see that one was lost."""
    for refill in belt.open_refills():
        for name in ("alice", "bob"):
            if address_of(name) not in belt.approvers(refill):
                belt.approve(refill, name)


def live_through(belt: Belt, number: int, is_over: Callable[[], bool]) -> int:
    """Run rounds with one death at the given passage; return how many were passed until over."""
    belt.crash_at(number)
    for _ in range(MOST_ROUNDS):
        for step in (belt.watch, lambda: approve_all(belt), belt.money):
            survive(belt, step)
        belt.next_block()
        if is_over():
            return belt.fuse.passed
    raise AssertionError(f"not over after {MOST_ROUNDS} rounds; trail {belt.fuse.trail}")


def is_sound(belt: Belt) -> bool:
    """Say whether the journal verifies from end to end."""
    with belt.ledger.read() as session:
        return journal.verify(session).ok


def one_refill(directory: Path, number: int) -> Belt:
    """Take a refill from its proposal to its settlement."""
    belt = Belt(directory)
    live_through(belt, number, lambda: RefillState.SETTLED in {r.state for r in belt.refills()})
    return belt


def one_stuck_refill(directory: Path, number: int) -> Belt:
    """Take a refill that waits for cheaper blocks, with resends and bumps, to its settlement."""
    belt = Belt(directory)
    belt.watch()
    belt.approve(belt.only_refill(), "alice", "bob")
    belt.money()
    belt.chain.base_fee *= 50
    belt.crash_at(number)
    for _ in range(MOST_ROUNDS):
        survive(belt, belt.watch)
        survive(belt, belt.money)
        belt.next_block()
        belt.chain.base_fee = max(belt.chain.base_fee * 3 // 4, 10**9)
        if not belt.open_transfers():
            return belt
    raise AssertionError("not over")


def one_withdrawal(directory: Path, number: int) -> Belt:
    """Take a customer's withdrawal from the API to its payment."""
    belt = Belt(directory, hot=60 * ETH)
    belt.watch()
    belt.ask_withdrawal(2 * ETH, "customer")
    live_through(belt, number, lambda: belt.withdrawal(1).state is WithdrawalState.PAID)
    return belt


@pytest.mark.parametrize("number", range(1, REFILL_PASSAGES + 1))
def test_a_refill_is_mined_once_wherever_we_die(directory: Path, number: int) -> None:
    """R4.1, R6.1: one death anywhere, and the vault still pays exactly once."""
    belt = one_refill(directory, number)

    assert 1 == belt.paid("vault", address_of("hot-a"))
    assert 60 * ETH == belt.chain.balance(address_of("hot-a"))
    assert [RefillState.SETTLED] == [refill.state for refill in belt.refills()]
    assert is_sound(belt)
    assert not belt.is_halted()


@pytest.mark.parametrize("number", range(1, STUCK_PASSAGES + 1))
def test_a_stuck_refill_is_mined_once_wherever_we_die(directory: Path, number: int) -> None:
    """R4.1, R6.1: with resends and bumps in play, one nonce is spent, once."""
    belt = one_stuck_refill(directory, number)

    assert 1 == belt.paid("vault", address_of("hot-a"))
    assert [TransferState.CONFIRMED] == [transfer.state for transfer in belt.transfers()]
    assert [RefillState.SETTLED] == [refill.state for refill in belt.refills()]
    assert is_sound(belt)


@pytest.mark.parametrize("number", range(1, WITHDRAWAL_PASSAGES + 1))
def test_a_withdrawal_is_paid_once_wherever_we_die(directory: Path, number: int) -> None:
    """R4.1, R6.1: a customer's withdrawal is mined once."""
    belt = one_withdrawal(directory, number)

    assert 1 == belt.paid("hot-a", address_of("customer"))
    assert 2 * ETH == belt.chain.balance(address_of("customer"))
    assert is_sound(belt)


@pytest.mark.parametrize(
    ("story", "passages"),
    [
        (one_refill, REFILL_PASSAGES),
        (one_stuck_refill, STUCK_PASSAGES),
        (one_withdrawal, WITHDRAWAL_PASSAGES),
    ],
)
def test_no_passage_is_left_out(
    directory: Path, story: Callable[[Path, int], Belt], passages: int
) -> None:
    """The tables above name every commit and every outside call of their stories."""
    assert passages == story(directory, NEVER).fuse.passed
