"""Questions about what was seen on a chain."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import bindparam
from sqlmodel import Session, col

from policies.terms import Address, Stamp
from treasury.ledger.facts import Cells, Tick
from treasury.ledger.facts_seen import Anchor
from treasury.ledger.reading import ask, rows_of, tick_from
from treasury.ledger.snapshots import snapshot
from treasury.ledger.tables_seen import NONCE, Depth, TickRow

__all__ = [
    "NONCE",
    "Depth",
    "anchors",
    "balance",
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
