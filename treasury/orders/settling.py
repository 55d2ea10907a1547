"""What `confirm` writes once receipts have spoken: one piece of a transaction for each outcome.

Every function writes one transfer with everything that goes with it (attempts, the refill or
withdrawal that it carries out, a freeze or a halt) and returns in the past tense what was done.
None of them asks a node; what they write was read before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from policies.law import Asset, Role
from policies.lifecycles import (
    AttemptState,
    Owner,
    RefillState,
    TransferState,
    WithdrawalState,
)
from policies.terms import Purpose, Reason, Stamp
from policies.tokens import Movement
from treasury.chain.port import Receipt
from treasury.ledger import Session, marks, moves, token_marks
from treasury.ledger.facts import Attempt, Transfer, Withdrawal
from treasury.ledger.queries import refills, standings
from treasury.safety.halting import halt

CANCEL = "cancel"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One unsettled transfer with its attempts and what the chain says to each hash.

    `spent` is how many nonces of its sender are final, `withdrawal` what it carries out.
    """

    transfer: Transfer
    attempts: tuple[Attempt, ...]
    receipts: Mapping[str, Receipt | None]
    final: Stamp
    spent: int
    withdrawal: Withdrawal | None = None

    @property
    def won(self) -> tuple[Attempt, Receipt] | None:
        """Return the attempt that has a receipt; there is at most one, they share a nonce."""
        for attempt in self.attempts:
            receipt = self.receipts.get(attempt.hash)
            if receipt is not None:
                return attempt, receipt
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What a token did in the block of a transfer, and the reasons to quarantine it, if any.

    `asset` is None when the law does not know the token any more.
    """

    movement: Movement
    asset: Asset | None
    suspicions: tuple[Reason, ...]


def mine(session: Session, *, case: Case, moved: Moved | None, now: int) -> str:
    """Write that an attempt is in a block, and what the token did there."""
    won = case.won
    assert won is not None, "only a transfer with a receipt is mined"
    winner, receipt = won
    moves.move(
        session,
        case.transfer,
        TransferState.MINED,
        actor=Owner.CONFIRM,
        why=f"attempt {winner.number} is in block {receipt.block_number}",
        now=now,
        block_number=receipt.block_number,
        block_hash=receipt.block_hash,
        settled_fee=receipt.fee_paid,
        moved_out=moved.movement.left if moved else None,
        moved_in=moved.movement.arrived if moved else None,
    )
    for attempt in case.attempts:
        state = AttemptState.WON if attempt is winner else AttemptState.LOST
        _move_attempt(session, attempt, state, now)
    deed = f"transfer {case.transfer.id} is mined in block {receipt.block_number}"
    if moved is None or moved.asset is None or not moved.suspicions:
        return deed
    asset, reasons, chain_id = moved.asset, moved.suspicions, case.transfer.chain_id
    actor = Owner.CONFIRM.value
    token_marks.quarantine(session, chain_id, asset, reasons, actor=actor, now=now)
    return f"{deed}; quarantined {asset.symbol}: " + "; ".join(r.text for r in reasons)


def unmine(session: Session, *, case: Case, now: int) -> str:
    """Take MINED back after a reorg; every attempt may win again, and is due to be sent."""
    moves.move(
        session,
        case.transfer,
        TransferState.IN_FLIGHT,
        actor=Owner.CONFIRM,
        why="its block is no longer part of the chain",
        now=now,
        block_number=None,
        block_hash=None,
        settled_fee=None,
        moved_out=None,
        moved_in=None,
    )
    for attempt in case.attempts:
        _move_attempt(session, attempt, AttemptState.BROADCAST, now)
    return f"transfer {case.transfer.id} fell back: its block is gone"


def settle(session: Session, *, case: Case, now: int) -> str:
    """Write the outcome, and what it means for refill or withdrawal."""
    won = case.won
    assert won is not None, "only a mined transfer is settled"
    winner, receipt = won
    if winner.kind == CANCEL:
        state, why = TransferState.CANCELLED, "its nonce was spent by our cancel"
    elif (case.transfer.moved_out, case.transfer.moved_in) == (0, 0):
        # Judged by what it did: a contract that reports success and moves nothing has not paid.
        state, why = TransferState.REVERTED, "the token says success and moved nothing"
    elif receipt.succeeded:
        state, why = TransferState.CONFIRMED, f"final in block {receipt.block_number}"
    else:
        state, why = TransferState.REVERTED, f"reverted in block {receipt.block_number}"
    moves.move(session, case.transfer, state, actor=Owner.CONFIRM, why=why, now=now)
    _close_cause(session, case, state, now)
    return f"transfer {case.transfer.id} is {state.value}"


def usurp(session: Session, *, case: Case, now: int) -> str:
    """Write that a foreign transaction spent our nonce: the key is not ours alone any more."""
    transfer = case.transfer
    text = (
        f"nonce {transfer.nonce} of {transfer.source} was spent by a transaction that is not ours"
    )
    why = (Reason(code="usurped", text=text),)
    moves.move(session, transfer, TransferState.USURPED, actor=Owner.CONFIRM, why=why, now=now)
    for attempt in case.attempts:
        _move_attempt(session, attempt, AttemptState.LOST, now)
    _close_cause(session, case, TransferState.USURPED, now)
    _ring(session, transfer, why, now)
    return f"transfer {transfer.id} was usurped"


def _ring(session: Session, transfer: Transfer, why: tuple[Reason, ...], now: int) -> None:
    """Freeze the wallet whose key is in foreign hands; halt when it is no hot wallet."""
    standing = standings.wallet_at(session, transfer.chain_id, transfer.source)
    if standing is not None and not standing.frozen:
        marks.freeze(session, standing, actor=Owner.CONFIRM.value, why=why[0].text, now=now)
    if standing is None or standing.role != Role.HOT:
        halt(session, actor=Owner.CONFIRM, why=why, now=now)


def _close_cause(session: Session, case: Case, state: TransferState, now: int) -> None:
    transfer = case.transfer
    is_paid = state is TransferState.CONFIRMED
    why = f"transfer {transfer.id} is {state.value}"
    if transfer.purpose is Purpose.REFILL:
        refill = refills.by_transfer(session, transfer.id)
        if refill is not None and refill.state is RefillState.RELEASED:
            to = RefillState.SETTLED if is_paid else RefillState.FAILED
            moves.move(session, refill, to, actor=Owner.CONFIRM, why=why, now=now)
    elif case.withdrawal is not None and is_paid:
        # Not paid: the withdrawal stays queued, and `pay` decides about another transfer.
        to_paid = WithdrawalState.PAID
        moves.move(session, case.withdrawal, to_paid, actor=Owner.CONFIRM, why=why, now=now)


def _move_attempt(session: Session, attempt: Attempt, to: AttemptState, now: int) -> None:
    if attempt.state is to:
        return
    columns: dict[str, object] = {"sent_at": None} if to is AttemptState.BROADCAST else {}
    if attempt.state is AttemptState.SIGNED and to is AttemptState.BROADCAST:
        return
    moves.move(session, attempt, to, actor=Owner.CONFIRM, why="by receipt", now=now, **columns)
