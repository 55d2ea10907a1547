"""Confirm: let receipts, and nothing else, say what became of a transfer.

A receipt of any attempt makes it MINED; a receipt that vanished, or moved to another block, takes
that back and the same bytes are sent again. At finality the outcome is written once, together
with the refill or withdrawal that it carries out. When the chain's final nonce has passed ours
and none of our hashes has a receipt, somebody else signed with this key: USURPED.

The finality rule stands in `_is_final` alone: a receipt counts as final when its block is at or
below the final block and is still the block of that number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from policies.law import Asset, Role
from policies.lifecycles import (
    AttemptState,
    Owner,
    RefillState,
    TransferState,
    WithdrawalState,
)
from policies.terms import NATIVE, Reason, Stamp
from policies.tokens import Movement, judge_movement
from treasury.chain.errors import ChainError, MissingBlockError
from treasury.chain.port import Receipt, TokenTransfer
from treasury.clock import unix
from treasury.errors import StaleRowError
from treasury.halting import halt
from treasury.ledger import Session, marks, moves, token_marks
from treasury.ledger.facts import Attempt, Transfer
from treasury.ledger.queries import refills, requests, standings, transfers
from treasury.world import Deeds, Outcome, World, law_here

_NAME = "confirm"
_CANCEL = "cancel"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """One unsettled transfer with its attempts and what the chain says to each hash.

    `spent` is how many nonces of its sender are final.
    """

    transfer: Transfer
    attempts: tuple[Attempt, ...]
    receipts: Mapping[str, Receipt | None]
    final: Stamp
    spent: int

    @property
    def won(self) -> tuple[Attempt, Receipt] | None:
        """Return the attempt that has a receipt; there is at most one, they share a nonce."""
        for attempt in self.attempts:
            receipt = self.receipts.get(attempt.hash)
            if receipt is not None:
                return attempt, receipt
        return None


def confirm(world: World, now: datetime) -> Outcome:
    """Ask for the receipts of every attempt of every unsettled transfer."""
    deeds = Deeds(_NAME)
    with world.ledger.read() as session:
        unsettled = transfers.in_states(
            session, world.chain_id, TransferState.IN_FLIGHT, TransferState.MINED
        )
        attempts = transfers.attempts_of(session, [transfer.id for transfer in unsettled])
    if not unsettled:
        return deeds.outcome()
    try:
        # Nonces before receipts: a receipt that is missing afterwards is missing for good.
        final = world.chain.finalised(world.chain.head())
        spent = {
            source: world.chain.transaction_nonce(source, final)
            for source in {transfer.source for transfer in unsettled}
        }
        hashes = [attempt.hash for group in attempts.values() for attempt in group]
        receipts = world.chain.receipts(hashes)
        for transfer in unsettled:
            case = _Case(
                transfer=transfer,
                attempts=attempts[transfer.id],
                receipts=receipts,
                final=final,
                spent=spent[transfer.source],
            )
            _judge(world, case, deeds, unix(now))
    except ChainError as error:
        return deeds.broken_off(error)
    return deeds.outcome()


def _judge(world: World, case: _Case, deeds: Deeds, now: int) -> None:
    try:
        if case.transfer.state is TransferState.MINED:
            _judge_mined(world, case, deeds, now)
        elif case.won is not None:
            _mine(world, case, deeds, now)
        elif case.transfer.nonce is not None and case.spent > case.transfer.nonce:
            _usurp(world, case, deeds, now)
    except StaleRowError:
        deeds.add(f"left transfer {case.transfer.id}: it was moved meanwhile")


def _mine(world: World, case: _Case, deeds: Deeds, now: int) -> None:
    won = case.won
    assert won is not None, "only a transfer with a receipt is mined"
    winner, receipt = won
    moved = _movement(world, case.transfer, winner, receipt)
    odd = _suspicions(world, case.transfer, moved)
    with world.ledger.write() as session:
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
            moved_out=moved.left if moved else None,
            moved_in=moved.arrived if moved else None,
        )
        for attempt in case.attempts:
            state = AttemptState.WON if attempt is winner else AttemptState.LOST
            _move_attempt(session, attempt, state, now)
        if odd is not None:
            asset, reasons = odd
            actor = Owner.CONFIRM.value
            token_marks.quarantine(session, world.chain_id, asset, reasons, actor=actor, now=now)
    if odd is not None:
        deeds.add(f"quarantined {odd[0].symbol}: " + "; ".join(r.text for r in odd[1]))
    deeds.add(f"transfer {case.transfer.id} is mined in block {receipt.block_number}")


def _movement(
    world: World, transfer: Transfer, winner: Attempt, receipt: Receipt
) -> Movement | None:
    """Ask what a token really moved, while the block is young enough for every node to tell."""
    if transfer.asset == NATIVE or winner.kind == _CANCEL or not receipt.succeeded:
        return None
    asked = TokenTransfer(
        asset=transfer.asset,
        source=transfer.source,
        destination=transfer.destination,
        asked=transfer.amount,
    )
    return world.chain.token_movement(asked, receipt)


def _suspicions(
    world: World, transfer: Transfer, moved: Movement | None
) -> tuple[Asset, tuple[Reason, ...]] | None:
    """Return in what the token did something else than it was asked for."""
    found = law_here(world)
    asset = found[0].asset_at(transfer.chain_id, transfer.asset) if found and moved else None
    if asset is None or moved is None:
        return None
    reasons = judge_movement(asset, moved)
    return (asset, reasons) if reasons else None


def _judge_mined(world: World, case: _Case, deeds: Deeds, now: int) -> None:
    transfer, won = case.transfer, case.won
    if won is None or won[1].block_hash != transfer.block_hash:
        _unmine(world, case, deeds, now)
    elif _is_final(world, case.final, won[1]):
        _settle(world, case, deeds, now)


def _is_final(world: World, final: Stamp, receipt: Receipt) -> bool:
    if receipt.block_number > final.number:
        return False
    try:
        return world.chain.stamp_at(receipt.block_number).hash == receipt.block_hash
    except MissingBlockError:
        return False


def _unmine(world: World, case: _Case, deeds: Deeds, now: int) -> None:
    """Take MINED back after a reorg; every attempt may win again, and is due to be sent."""
    with world.ledger.write() as session:
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
    deeds.add(f"transfer {case.transfer.id} fell back: its block is gone")


def _settle(world: World, case: _Case, deeds: Deeds, now: int) -> None:
    """Write the outcome, and what it means for refill or withdrawal, in one commit."""
    won = case.won
    assert won is not None, "only a mined transfer is settled"
    winner, receipt = won
    if winner.kind == _CANCEL:
        state, why = TransferState.CANCELLED, "its nonce was spent by our cancel"
    elif (case.transfer.moved_out, case.transfer.moved_in) == (0, 0):
        # Judged by what it did: a contract that reports success and moves nothing has not paid.
        state, why = TransferState.REVERTED, "the token says success and moved nothing"
    elif receipt.succeeded:
        state, why = TransferState.CONFIRMED, f"final in block {receipt.block_number}"
    else:
        state, why = TransferState.REVERTED, f"reverted in block {receipt.block_number}"
    with world.ledger.write() as session:
        moves.move(session, case.transfer, state, actor=Owner.CONFIRM, why=why, now=now)
        _close_cause(session, case.transfer, state, now)
    deeds.add(f"transfer {case.transfer.id} is {state.value}")


def _usurp(world: World, case: _Case, deeds: Deeds, now: int) -> None:
    """Write that a foreign transaction spent our nonce: the key is not ours alone any more."""
    transfer = case.transfer
    text = (
        f"nonce {transfer.nonce} of {transfer.source} was spent by a transaction that is not ours"
    )
    why = (Reason(code="usurped", text=text),)
    with world.ledger.write() as session:
        moves.move(session, transfer, TransferState.USURPED, actor=Owner.CONFIRM, why=why, now=now)
        for attempt in case.attempts:
            _move_attempt(session, attempt, AttemptState.LOST, now)
        _close_cause(session, transfer, TransferState.USURPED, now)
        _ring(session, transfer, why, now)
    deeds.add(f"transfer {transfer.id} was usurped")


def _ring(session: Session, transfer: Transfer, why: tuple[Reason, ...], now: int) -> None:
    """Freeze the wallet whose key is in foreign hands; halt when it is no hot wallet."""
    standing = standings.wallet_at(session, transfer.chain_id, transfer.source)
    if standing is not None and not standing.frozen:
        marks.freeze(session, standing, actor=Owner.CONFIRM.value, why=why[0].text, now=now)
    if standing is None or standing.role != Role.HOT:
        halt(session, actor=Owner.CONFIRM, why=why, now=now)


def _close_cause(session: Session, transfer: Transfer, state: TransferState, now: int) -> None:
    is_paid = state is TransferState.CONFIRMED
    why = f"transfer {transfer.id} is {state.value}"
    refill = refills.by_transfer(session, transfer.id)
    if refill is not None and refill.state is RefillState.RELEASED:
        to = RefillState.SETTLED if is_paid else RefillState.FAILED
        moves.move(session, refill, to, actor=Owner.CONFIRM, why=why, now=now)
    withdrawal = requests.by_transfer(session, transfer.id)
    # Not paid: the withdrawal stays queued, and `pay` decides about another transfer.
    if withdrawal is not None and is_paid:
        moves.move(session, withdrawal, WithdrawalState.PAID, actor=Owner.CONFIRM, why=why, now=now)


def _move_attempt(session: Session, attempt: Attempt, to: AttemptState, now: int) -> None:
    if attempt.state is to:
        return
    columns: dict[str, object] = {"sent_at": None} if to is AttemptState.BROADCAST else {}
    if attempt.state is AttemptState.SIGNED and to is AttemptState.BROADCAST:
        return
    moves.move(session, attempt, to, actor=Owner.CONFIRM, why="by receipt", now=now, **columns)
