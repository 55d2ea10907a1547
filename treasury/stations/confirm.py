"""Confirm: let receipts, and nothing else, say what became of a transfer.

A receipt of any attempt makes it MINED; a receipt that vanished, or moved to another block, takes
that back and the same bytes are sent again. At finality the outcome is written once, together
with the refill or withdrawal that it carries out. When the chain's final nonce has passed ours
and none of our hashes has a receipt, somebody else signed with this key: USURPED. Ours are also
the hashes that only the signer's book knows: while it has any that `adopt` did not take over yet,
or does not answer, the transfer waits.

The finality rule stands in `_is_final` alone: a receipt counts as final when its block is at or
below the final block and is still the block of that number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from hsm.errors import HsmError
from policies.lifecycles import TransferState
from policies.terms import NATIVE, Stamp
from policies.tokens import judge_movement
from treasury.book.unadopted import unadopted
from treasury.chain.errors import ChainError
from treasury.chain.port import Receipt, TokenTransfer
from treasury.clock import unix
from treasury.ledger.facts import Attempt, Transfer, Withdrawal
from treasury.ledger.queries import requests, transfers
from treasury.orders.settling import CANCEL, Case, Moved, mine, settle, unmine, usurp
from treasury.orders.together import Piece, write_together
from treasury.world import Deeds, Outcome, World, law_here

_NAME = "confirm"
_MOST_IN_COMMIT = 128
"""The watch lane waits for a commit to end, so none may hold the ledger for long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Round:
    """One round: the time, which block each number in question is, and whose nonce is spent."""

    world: World
    now: int
    blocks: dict[int, Stamp | None] = field(default_factory=dict)
    overtaken: list[Case] = field(default_factory=list)


def confirm(world: World, now: datetime) -> Outcome:
    """Ask for the receipts of every attempt of every unsettled transfer."""
    deeds = Deeds(_NAME)
    with world.ledger.read() as session:
        unsettled = transfers.in_states(
            session, world.chain_id, TransferState.IN_FLIGHT, TransferState.MINED
        )
        attempts = transfers.attempts_of(session, [transfer.id for transfer in unsettled])
        paying = requests.by_transfers(session, [transfer.id for transfer in unsettled])
    if not unsettled:
        return deeds.outcome()
    turn = _Round(world=world, now=unix(now))
    pieces: list[Piece[str]] = []
    try:
        cases = list(_cases(world, unsettled, attempts, paying))
        turn.blocks.update(_blocks(world, cases))
        for case in cases:
            piece = _judge(turn, case)
            if piece is not None:
                pieces.append(piece)
    except ChainError as error:
        _write(world, pieces, deeds)
        return deeds.broken_off(error)
    pieces += _usurped(turn, deeds)
    _write(world, pieces, deeds)
    return deeds.outcome()


def _cases(
    world: World,
    unsettled: tuple[Transfer, ...],
    attempts: dict[int, tuple[Attempt, ...]],
    paying: dict[int, Withdrawal],
) -> Iterator[Case]:
    # Nonces before receipts: a receipt that is missing afterwards is missing for good.
    final = world.chain.finalised(world.chain.head())
    spent = {
        source: world.chain.transaction_nonce(source, final)
        for source in dict.fromkeys(transfer.source for transfer in unsettled)
    }
    hashes = [attempt.hash for group in attempts.values() for attempt in group]
    receipts = world.chain.receipts(hashes)
    for transfer in unsettled:
        yield Case(
            transfer=transfer,
            attempts=attempts[transfer.id],
            receipts=receipts,
            final=final,
            spent=spent[transfer.source],
            withdrawal=paying.get(transfer.id),
        )


def _blocks(world: World, cases: Sequence[Case]) -> Mapping[int, Stamp | None]:
    """Ask once which blocks now stand where mined transfers that may be final were seen."""
    numbers = {
        case.won[1].block_number
        for case in cases
        if case.transfer.state is TransferState.MINED and case.won is not None
    }
    wanted = sorted(number for number in numbers if number <= cases[0].final.number)
    return world.chain.stamps_at(wanted) if wanted else {}


def _write(world: World, pieces: list[Piece[str]], deeds: Deeds) -> None:
    for start in range(0, len(pieces), _MOST_IN_COMMIT):
        for told in write_together(world.ledger, pieces[start : start + _MOST_IN_COMMIT]):
            deeds.add(told if isinstance(told, str) else f"left a transfer: {told}")


def _judge(turn: _Round, case: Case) -> Piece[str] | None:
    """Return what is to be written about a transfer, if anything."""
    if case.transfer.state is TransferState.MINED:
        return _judge_mined(turn, case)
    if case.won is not None:
        return partial(mine, case=case, moved=_moved(turn.world, case), now=turn.now)
    if case.transfer.nonce is not None and case.spent > case.transfer.nonce:
        turn.overtaken.append(case)
    return None


def _usurped(turn: _Round, deeds: Deeds) -> list[Piece[str]]:
    """Give up what was overtaken, unless what overtook it may be ours."""
    if not turn.overtaken:
        return []
    try:
        ours = unadopted(turn.world)
    except HsmError as error:
        deeds.add(f"left {len(turn.overtaken)} transfers whose nonce is spent: {error}")
        return []
    gone = [case for case in turn.overtaken if case.transfer.order_id not in ours]
    return [partial(usurp, case=case, now=turn.now) for case in gone]


def _moved(world: World, case: Case) -> Moved | None:
    """Ask what a token really moved, while the block is young enough for every node to tell."""
    transfer, won = case.transfer, case.won
    assert won is not None, "only a transfer with a receipt moved anything"
    winner, receipt = won
    if transfer.asset == NATIVE or winner.kind == CANCEL or not receipt.succeeded:
        return None
    asked = TokenTransfer(
        asset=transfer.asset,
        source=transfer.source,
        destination=transfer.destination,
        asked=transfer.amount,
    )
    movement = world.chain.token_movement(asked, receipt)
    found = law_here(world)
    asset = found[0].asset_at(transfer.chain_id, transfer.asset) if found else None
    suspicions = judge_movement(asset, movement) if asset else ()
    return Moved(movement=movement, asset=asset, suspicions=suspicions)


def _judge_mined(turn: _Round, case: Case) -> Piece[str] | None:
    transfer, won = case.transfer, case.won
    if won is None or won[1].block_hash != transfer.block_hash:
        return partial(unmine, case=case, now=turn.now)
    if _is_final(turn, case.final, won[1]):
        return partial(settle, case=case, now=turn.now)
    return None


def _is_final(turn: _Round, final: Stamp, receipt: Receipt) -> bool:
    if receipt.block_number > final.number:
        return False
    stamp = turn.blocks.get(receipt.block_number)
    return stamp is not None and stamp.hash == receipt.block_hash
