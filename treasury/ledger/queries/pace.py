"""Questions about pace: how much flows out of wallets, and how long refills usually take."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any, NamedTuple

from sqlalchemy import bindparam, select
from sqlmodel import Session, col

from policies.lifecycles import RefillState, TransferState
from policies.terms import Address, Purpose
from treasury.ledger.reading import ask
from treasury.ledger.tables import RefillRow, TransferRow
from treasury.ledger.tables_seen import NONCE, Depth, ObservationRow, TickRow

_MOVING = (TransferState.IN_FLIGHT, TransferState.MINED, TransferState.CONFIRMED)
_TOWARD_SAFETY = (Purpose.SWEEP, Purpose.EVACUATION)


class Outflow(NamedTuple):
    """What one transfer took out of a wallet, in base units, and when it began (unix)."""

    wallet: Address
    asset: Address
    amount: int
    at: int


class Sight(NamedTuple):
    """A balance that changed at the head, and when that was seen (unix); None is unknown."""

    number: int
    wallet: Address
    asset: Address
    amount: int | None
    at: int


_FIRST_LOOK = (
    select(col(TickRow.at))
    .where(col(TickRow.chain_id) == bindparam("chain_id"), col(TickRow.ok).is_(True))
    .order_by(col(TickRow.id))
    .limit(1)
)
_TAKEN = select(
    col(TransferRow.source),
    col(TransferRow.asset),
    col(TransferRow.amount),
    col(TransferRow.created_at),
).where(
    col(TransferRow.chain_id) == bindparam("chain_id"),
    col(TransferRow.purpose).in_(bindparam("purposes", expanding=True)),
    col(TransferRow.created_at) > bindparam("since"),
    col(TransferRow.state).in_([state.value for state in _MOVING]),
)
_SEEN = (
    select(
        col(ObservationRow.id),
        col(ObservationRow.address),
        col(ObservationRow.cell),
        col(ObservationRow.value),
        col(TickRow.at),
    )
    .join(TickRow, col(TickRow.id) == col(ObservationRow.tick_id))
    .where(
        col(ObservationRow.id) > bindparam("after"),
        col(ObservationRow.chain_id) == bindparam("chain_id"),
        col(ObservationRow.depth) == Depth.HEAD.value,
        col(ObservationRow.cell) != NONCE,
    )
    .order_by(col(ObservationRow.id).desc())
)
_WAITS = (
    select(col(RefillRow.changed_at), col(RefillRow.proposed_at))
    .where(
        col(RefillRow.pool) == bindparam("pool"),
        col(RefillRow.state) == RefillState.SETTLED.value,
    )
    .order_by(col(RefillRow.id).desc())
    .limit(bindparam("most"))
)


def first_look_at(session: Session, chain_id: int) -> int | None:
    """Return when a chain was first seen (unix), None when never."""
    return ask(session, _FIRST_LOOK, {"chain_id": chain_id}).scalar()


def paid_out(session: Session, chain_id: int, since: int) -> Iterator[Outflow]:
    """Yield what withdrawals that began after `since` took."""
    return _taken(session, chain_id, since, (Purpose.WITHDRAWAL,))


def sent_home(session: Session, chain_id: int, since: int) -> Iterator[Outflow]:
    """Yield what sweeps and evacuations that began after `since` took."""
    return _taken(session, chain_id, since, _TOWARD_SAFETY)


def seen_after(
    session: Session, chain_id: int, number: int, since: int, wallets: Collection[Address]
) -> list[Sight]:
    """Return the balances of these wallets that changed after `since`, oldest first.

    Only what is newer than the sight of that number is read at all.
    """
    rows = ask(session, _SEEN, {"chain_id": chain_id, "after": number})
    found = []
    for row in rows:
        if row.at <= since:
            break  # sights are numbered in the order of their looks
        if row.address in wallets:
            found.append(Sight._make(row))
    rows.close()
    return found[::-1]


def waits(session: Session, pool: str, most: int) -> tuple[int, ...]:
    """Return how many seconds the newest settled refills of a pool took from their proposal."""
    rows = ask(session, _WAITS, {"pool": pool, "most": most})
    return tuple(settled - proposed for settled, proposed in rows)


def _taken(
    session: Session, chain_id: int, since: int, purposes: Iterable[Purpose]
) -> Iterator[Outflow]:
    values: dict[str, Any] = {
        "chain_id": chain_id,
        "since": since,
        "purposes": [purpose.value for purpose in purposes],
    }
    return (Outflow._make(row) for row in ask(session, _TAKEN, values))
