"""Questions about pace: how much flows out of wallets, and how long refills usually take."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from sqlmodel import Session, col, select

from policies.lifecycles import RefillState, TransferState
from policies.terms import Address, Purpose
from treasury.ledger.queries.watch import Depth
from treasury.ledger.tables import RefillRow, TransferRow
from treasury.ledger.tables_seen import ObservationRow, TickRow

_MOVING = (TransferState.IN_FLIGHT, TransferState.MINED, TransferState.CONFIRMED)
_TOWARD_SAFETY = (Purpose.SWEEP, Purpose.EVACUATION)
Outflows = Counter[tuple[Address, Address]]


def first_look_at(session: Session, chain_id: int) -> int | None:
    """Return when a chain was first seen (unix), None when never."""
    query = select(TickRow.at).where(TickRow.chain_id == chain_id, col(TickRow.ok).is_(True))
    return session.exec(query.order_by(col(TickRow.id)).limit(1)).first()


def paid_out(session: Session, chain_id: int, since: int) -> Outflows:
    """Return what withdrawals that began after `since` took, by (wallet, asset)."""
    query = select(TransferRow.source, TransferRow.asset, TransferRow.amount).where(
        TransferRow.chain_id == chain_id,
        TransferRow.purpose == Purpose.WITHDRAWAL.value,
        TransferRow.created_at > since,
        col(TransferRow.state).in_([state.value for state in _MOVING]),
    )
    sums: Outflows = Counter()
    for source, asset, amount in session.exec(query):
        sums[Address(source), Address(asset)] += amount
    return sums


def drops_seen(session: Session, chain_id: int, wallet: Address, since: int) -> Outflows:
    """Return by how much a wallet's balances fell after `since`, our own sweeps left out.

    For wallets that others sign for too: their payouts are no transfers of ours.
    """
    query = (
        select(ObservationRow.cell, ObservationRow.value)
        .join(TickRow, col(TickRow.id) == col(ObservationRow.tick_id))
        .where(
            ObservationRow.chain_id == chain_id,
            ObservationRow.address == wallet,
            ObservationRow.depth == Depth.HEAD.value,
            TickRow.at > since,
        )
        .order_by(col(ObservationRow.id))
    )
    seen: dict[str, list[int]] = {}
    for cell, value in session.exec(query):
        if value is not None and cell.startswith("0x"):
            seen.setdefault(cell, []).append(value)
    sums: Outflows = Counter()
    for cell, values in seen.items():
        fell = sum(max(before - after, 0) for before, after in pairwise(values))
        ours = _sent_home(session, chain_id, wallet, Address(cell), since)
        sums[wallet, Address(cell)] = max(fell - ours, 0)
    return sums


def waits(session: Session, pool: str, most: int) -> tuple[int, ...]:
    """Return how many seconds the newest settled refills of a pool took from their proposal."""
    query = (
        select(RefillRow.changed_at, RefillRow.proposed_at)
        .where(RefillRow.pool == pool, RefillRow.state == RefillState.SETTLED.value)
        .order_by(col(RefillRow.id).desc())
        .limit(most)
    )
    return tuple(settled - proposed for settled, proposed in session.exec(query))


def _sent_home(session: Session, chain_id: int, wallet: Address, asset: Address, since: int) -> int:
    query = select(TransferRow.amount).where(
        TransferRow.chain_id == chain_id,
        TransferRow.source == wallet,
        TransferRow.asset == asset,
        TransferRow.created_at > since,
        col(TransferRow.purpose).in_([purpose.value for purpose in _TOWARD_SAFETY]),
        col(TransferRow.state).in_([state.value for state in _MOVING]),
    )
    return sum(session.exec(query))
