"""Questions about what was seen on a chain."""

from __future__ import annotations

from enum import StrEnum

from sqlmodel import Session, col, select

from policies.terms import Address, Stamp
from treasury.ledger.facts import Cells, Tick
from treasury.ledger.reading import tick_from
from treasury.ledger.tables_seen import CellRow, TickRow

NONCE = "nonce"
"""The cell of an address that holds its nonce; every other cell is named by its asset."""


class Depth(StrEnum):
    """At which block a cell was read."""

    HEAD = "head"
    FINAL = "final"
    CALM = "calm"
    """The guard's anchor: the newest final value up to which every movement is explained."""


def last_tick(session: Session, chain_id: int) -> Tick | None:
    """Return the newest look at a chain, successful or not."""
    return _newest(session, chain_id, only_ok=False)


def last_good_tick(session: Session, chain_id: int) -> Tick | None:
    """Return the newest look at a chain that gave facts."""
    return _newest(session, chain_id, only_ok=True)


def cells(session: Session, chain_id: int, depth: Depth, stamp: Stamp) -> Cells:
    """Return the newest values at a depth; `stamp` is that of the tick that wrote them."""
    balances: dict[tuple[Address, Address], int | None] = {}
    nonces: dict[Address, int | None] = {}
    for (address, cell), value in values_of(session, chain_id, depth).items():
        if cell == NONCE:
            nonces[Address(address)] = value
        else:
            balances[Address(address), Address(cell)] = value
    return Cells(stamp=stamp, balances=balances, nonces=nonces)


def values_of(session: Session, chain_id: int, depth: Depth) -> dict[tuple[str, str], int | None]:
    """Return the newest value of every (address, cell) at a depth."""
    # Columns instead of rows: thousands of cells are read several times per tick.
    query = select(CellRow.address, CellRow.cell, CellRow.value).where(
        CellRow.chain_id == chain_id, CellRow.depth == depth.value
    )
    return {(address, cell): value for address, cell, value in session.exec(query)}


def newest(session: Session, chain_id: int) -> tuple[Tick, Cells, Cells] | None:
    """Return the newest successful look with its facts at head and at finality."""
    tick = last_good_tick(session, chain_id)
    if tick is None or tick.head is None or tick.final is None:
        return None
    head = cells(session, chain_id, Depth.HEAD, tick.head)
    final = cells(session, chain_id, Depth.FINAL, tick.final)
    return tick, head, final


def anchors(session: Session, chain_id: int) -> dict[tuple[Address, str], tuple[int, int]]:
    """Return (value, block number) of every cell up to which the guard was calm."""
    query = select(CellRow.address, CellRow.cell, CellRow.value, CellRow.block_number).where(
        CellRow.chain_id == chain_id, CellRow.depth == Depth.CALM.value
    )
    return {
        (Address(address), cell): (value, block_number)
        for address, cell, value, block_number in session.exec(query)
        if value is not None
    }


def _newest(session: Session, chain_id: int, *, only_ok: bool) -> Tick | None:
    query = select(TickRow).where(TickRow.chain_id == chain_id)
    if only_ok:
        query = query.where(col(TickRow.ok).is_(True))
    row = session.exec(query.order_by(col(TickRow.id).desc()).limit(1)).first()
    return None if row is None else tick_from(row)
