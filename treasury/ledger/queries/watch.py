"""Questions about what was seen on a chain."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import bindparam
from sqlalchemy import select as sql_select
from sqlmodel import Session, col

from policies.terms import Address, Stamp
from treasury.ledger.facts import Cells, Tick
from treasury.ledger.facts_seen import Anchor
from treasury.ledger.reading import ask, rows_of, tick_from
from treasury.ledger.snapshots import snapshot
from treasury.ledger.tables_seen import NONCE, Depth, ObservationRow, TickRow

__all__ = [
    "NONCE",
    "Depth",
    "anchors",
    "balance",
    "balance_at",
    "cells",
    "last_good_tick",
    "last_tick",
    "newest",
]
_LAST = (
    rows_of(TickRow)
    .where(col(TickRow.chain_id) == bindparam("chain_id"))
    .order_by(col(TickRow.id).desc())
    .limit(1)
)
_LAST_GOOD = _LAST.where(col(TickRow.ok).is_(True))

_HISTORY = (
    sql_select(col(ObservationRow.value))
    .join(TickRow, col(TickRow.id) == col(ObservationRow.tick_id))
    .where(
        col(ObservationRow.chain_id) == bindparam("chain_id"),
        col(ObservationRow.address) == bindparam("address"),
        col(ObservationRow.cell) == bindparam("cell"),
        col(ObservationRow.depth) == Depth.HEAD.value,
        col(ObservationRow.value).is_not(None),
    )
    .limit(1)
)
_LATEST_BEFORE = _HISTORY.where(col(TickRow.at) <= bindparam("at")).order_by(
    col(ObservationRow.id).desc()
)
_FIRST = _HISTORY.order_by(col(ObservationRow.id))


def last_tick(session: Session, chain_id: int) -> Tick | None:
    """Return the newest look at a chain, successful or not."""
    return _newest(session, chain_id, only_ok=False)


def last_good_tick(session: Session, chain_id: int) -> Tick | None:
    """Return the newest look at a chain that gave facts."""
    return _newest(session, chain_id, only_ok=True)


def cells(session: Session, chain_id: int, depth: Depth, stamp: Stamp) -> Cells:
    """Return the newest values at a depth; `stamp` is that of the tick that wrote them."""
    found = snapshot(session, chain_id, depth)
    return Cells(stamp=stamp, balances=found.balances, nonces=found.nonces)


def balance(session: Session, chain_id: int, address: Address, asset: Address) -> int | None:
    """Return the newest balance at the head in base units; None when unknown."""
    return snapshot(session, chain_id, Depth.HEAD).balances.get((address, asset))


def balance_at(
    session: Session, chain_id: int, address: Address, asset: Address, at: int
) -> int | None:
    """Return what was seen at the head at that time (unix seconds), in base units; None unknown.

    A cell that was never seen before then is told as it was first seen.
    """
    values = {"chain_id": chain_id, "address": address, "cell": asset, "at": at}
    row = ask(session, _LATEST_BEFORE, values).first() or ask(session, _FIRST, values).first()
    return None if row is None else row[0]


def newest(session: Session, chain_id: int) -> tuple[Tick, Cells, Cells] | None:
    """Return the newest successful look with its facts at head and at finality."""
    tick = last_good_tick(session, chain_id)
    if tick is None or tick.head is None or tick.final is None:
        return None
    head = cells(session, chain_id, Depth.HEAD, tick.head)
    final = cells(session, chain_id, Depth.FINAL, tick.final)
    return tick, head, final


def anchors(session: Session, chain_id: int) -> Mapping[tuple[Address, Address], Anchor]:
    """Return every balance up to which the guard was calm."""
    return snapshot(session, chain_id, Depth.CALM).anchors


def _newest(session: Session, chain_id: int, *, only_ok: bool) -> Tick | None:
    query = _LAST_GOOD if only_ok else _LAST
    row = ask(session, query, {"chain_id": chain_id}).first()
    return None if row is None else tick_from(row)
