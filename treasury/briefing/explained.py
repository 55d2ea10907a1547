"""Explain a wallet's balances by what we moved ourselves, or tell how much is missing.

The anchor is the last final value up to which everything was explained. From there,

    expected = anchor + what we received - what we sent - the fees that we paid

and a balance below that is a drop that nobody of ours caused. More than expected is a deposit and
no concern. At finality every number is exact, so a single missing base unit shows. At the head a
transfer whose outcome is still open is counted in the wallet's favour: as sent with the largest
fee, and not yet as received. Whoever is about to send more counts it strictly: what is mined has
arrived, or an incoming refill would hide a drop of its own size until it is final.

Each transfer is looked at once per wallet and block, however many assets the wallet has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from policies.lifecycles import TransferState
from policies.terms import NATIVE, Address
from treasury.ledger.facts_seen import Anchor, AnyTransfer

Anchors = Mapping[tuple[Address, Address], Anchor]
_MOVED = frozenset({TransferState.MINED, TransferState.CONFIRMED})
_FINALLY = frozenset({TransferState.CONFIRMED})
STRICTLY = _MOVED
"""The states in which an incoming transfer counts for who is about to send more."""
_OUTCOME_KNOWN = frozenset(
    {TransferState.CONFIRMED, TransferState.REVERTED, TransferState.CANCELLED}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """One wallet in one block: its nonce, and among all balances of that block its own."""

    wallet: Address
    nonce: int
    block_number: int
    balances: Mapping[tuple[Address, Address], int | None]


def by_wallet(transfers: Iterable[AnyTransfer]) -> dict[Address, list[AnyTransfer]]:
    """Sort transfers by the wallets at their two ends."""
    sorted_: dict[Address, list[AnyTransfer]] = {}
    for transfer in transfers:
        sorted_.setdefault(transfer.source, []).append(transfer)
        if transfer.destination != transfer.source:
            sorted_.setdefault(transfer.destination, []).append(transfer)
    return sorted_


def missing(
    anchors: Anchors,
    sight: Sight,
    assets: Iterable[Address],
    transfers: Sequence[AnyTransfer],
    *,
    arrived: frozenset[TransferState] = _FINALLY,
) -> dict[Address, int]:
    """Return how much less than expected is there of which asset, in base units.

    `transfers` are those with the wallet at an end, `arrived` the states in which one that comes
    in is counted. An asset without an anchor, or whose balance is unknown, is left out: nobody
    can say. So is one whose anchor is younger than the sight: a node that lags shows what was.
    """
    effects = _effects(anchors, sight, transfers, arrived) if transfers else {}
    lost: dict[Address, int] = {}
    for asset in assets:
        cell = (sight.wallet, asset)
        anchor, value = anchors.get(cell), sight.balances.get(cell)
        if anchor is None or value is None or anchor.block_number > sight.block_number:
            continue
        expected = anchor.value + effects.get(asset, 0)
        if value < expected:
            lost[asset] = expected - value
    return lost


def is_settled(sight: Sight, transfers: Iterable[AnyTransfer]) -> bool:
    """Say whether the outcome of each of our transfers that the block contains is known."""
    return not any(
        transfer.state not in _OUTCOME_KNOWN
        for transfer in transfers
        if sight.wallet in (transfer.source, transfer.destination) and _is_in(transfer, sight)
    )


def _effects(
    anchors: Anchors,
    sight: Sight,
    transfers: Iterable[AnyTransfer],
    arrived: frozenset[TransferState],
) -> Mapping[Address, int]:
    """Add up what the transfers that the block contains did to each asset since its anchor."""
    effects: dict[Address, int] = {}
    for transfer in transfers:
        if not _is_in(transfer, sight):
            continue
        for asset, amount in _effects_of(transfer, sight.wallet, arrived):
            anchor, block = anchors.get((sight.wallet, asset)), transfer.block_number
            if anchor is not None and (block is None or block > anchor.block_number):
                effects[asset] = effects.get(asset, 0) + amount
    return effects


def _is_in(transfer: AnyTransfer, sight: Sight) -> bool:
    """Say whether the block contains the transfer: by the nonce where it is ours to judge.

    A receipt may be late, or of a block that a reorg took away; the nonce in the same reading is
    neither. What a payout engine registered has no nonce of ours, so its receipt has to do.
    """
    if transfer.source == sight.wallet and transfer.nonce is not None:
        return transfer.nonce < sight.nonce
    return transfer.block_number is not None and transfer.block_number <= sight.block_number


def _effects_of(
    transfer: AnyTransfer, wallet: Address, arrived: frozenset[TransferState]
) -> Iterator[tuple[Address, int]]:
    if transfer.source == wallet:
        yield NATIVE, -(transfer.max_fee if transfer.settled_fee is None else transfer.settled_fee)
        if transfer.state in _MOVED or transfer.state is TransferState.IN_FLIGHT:
            sent = transfer.amount if transfer.moved_out is None else transfer.moved_out
            yield transfer.asset, -sent
    if transfer.destination == wallet and transfer.state in arrived:
        yield transfer.asset, transfer.amount if transfer.moved_in is None else transfer.moved_in
