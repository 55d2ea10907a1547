"""Explain a balance by what we moved ourselves, or tell how much is missing.

The anchor is the last final value up to which everything was explained. From there,

    expected = anchor + what we received - what we sent - the fees that we paid

and a balance below that is a drop that nobody of ours caused. More than expected is a deposit and
no concern. At finality every number is exact, so a single missing base unit shows. At the head a
transfer whose outcome is still open is counted in the wallet's favour: as sent with the largest
fee, and not yet as received.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from policies.lifecycles import TransferState
from policies.terms import NATIVE, Address
from treasury.ledger.facts import Transfer

_MOVED = frozenset({TransferState.MINED, TransferState.CONFIRMED})
_OUTCOME_KNOWN = frozenset(
    {TransferState.CONFIRMED, TransferState.REVERTED, TransferState.CANCELLED}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """A balance in base units that was explained, at the block of that number."""

    value: int
    block_number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """One wallet's balance of one asset in one block, with the wallet's nonce there."""

    wallet: Address
    asset: Address
    value: int
    nonce: int
    block_number: int


def missing(anchor: Anchor, sight: Sight, transfers: Iterable[Transfer]) -> int:
    """Return how much less than expected is there, in base units; zero when it is explained."""
    expected = anchor.value + sum(
        _effect(transfer, sight) for transfer in transfers if _is_between(transfer, anchor, sight)
    )
    return max(expected - sight.value, 0)


def is_settled(sight: Sight, transfers: Iterable[Transfer]) -> bool:
    """Say whether the outcome of each of our transfers that the block contains is known."""
    return not any(
        transfer.state not in _OUTCOME_KNOWN
        for transfer in transfers
        if sight.wallet in (transfer.source, transfer.destination) and _is_in(transfer, sight)
    )


def _is_between(transfer: Transfer, anchor: Anchor, sight: Sight) -> bool:
    is_older = transfer.block_number is not None and transfer.block_number <= anchor.block_number
    return not is_older and _is_in(transfer, sight)


def _is_in(transfer: Transfer, sight: Sight) -> bool:
    """Say whether the block contains the transfer: by the nonce where it is ours to judge.

    A receipt may be late, or of a block that a reorg took away; the nonce in the same reading is
    neither.
    """
    if transfer.source == sight.wallet:
        return transfer.nonce is not None and transfer.nonce < sight.nonce
    return transfer.block_number is not None and transfer.block_number <= sight.block_number


def _effect(transfer: Transfer, sight: Sight) -> int:
    effect = 0
    moved = transfer.state in _MOVED or transfer.state is TransferState.IN_FLIGHT
    if transfer.source == sight.wallet:
        if sight.asset == NATIVE:
            effect -= transfer.max_fee if transfer.settled_fee is None else transfer.settled_fee
        if sight.asset == transfer.asset and moved:
            effect -= transfer.amount if transfer.moved_out is None else transfer.moved_out
    if (
        transfer.destination == sight.wallet
        and sight.asset == transfer.asset
        and transfer.state is TransferState.CONFIRMED
    ):
        effect += transfer.amount if transfer.moved_in is None else transfer.moved_in
    return effect
