"""What is written about looks at a chain: ticks, the cells that changed, the guard's anchors.

All rows of one call go out in two statements, and share one revision (see `snapshots`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import bindparam, insert, update
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlmodel import Session, col

from policies.terms import Address, Stamp
from treasury.ledger.facts import Tick
from treasury.ledger.tables_seen import CellRevisionRow, CellRow, Depth, ObservationRow, TickRow

_NEW_TICK = insert(TickRow).returning(col(TickRow.id))


class Cell(NamedTuple):
    """One balance or nonce to be written; `value` None is unknown."""

    depth: Depth
    address: Address
    cell: str
    value: int | None
    block_number: int


def write_tick(
    session: Session, chain_id: int, *, at: int, head: Stamp, final: Stamp, digest: str
) -> Tick:
    """Write a successful look at a chain."""
    values = {
        "chain_id": chain_id,
        "at": at,
        "ok": True,
        "error": "",
        "head_number": head.number,
        "head_hash": head.hash,
        "head_time": head.time,
        "final_number": final.number,
        "final_hash": final.hash,
        "final_time": final.time,
        "digest": digest,
    }
    number = session.connection().execute(_NEW_TICK, values).scalar_one()
    return Tick(id=number or 0, chain_id=chain_id, at=at, ok=True, error="", head=head, final=final)


def write_failed_tick(session: Session, chain_id: int, *, at: int, error: str) -> None:
    """Write that a look at a chain gave nothing; the facts of the last good one grow old."""
    session.add(TickRow(chain_id=chain_id, at=at, ok=False, error=error))


def write_cells(session: Session, chain_id: int, tick_id: int, cells: Sequence[Cell]) -> None:
    """Write changed cells: their history, and the newest value."""
    if not cells:
        return
    history = [
        {
            "tick_id": tick_id,
            "chain_id": chain_id,
            "address": cell.address,
            "cell": cell.cell,
            "depth": cell.depth.value,
            "value": cell.value,
        }
        for cell in cells
    ]
    session.connection().execute(insert(ObservationRow), history)
    write_newest(session, chain_id, cells)


def write_newest(session: Session, chain_id: int, cells: Iterable[Cell]) -> None:
    """Write the newest values of cells without history."""
    rows = [
        {
            "chain_id": chain_id,
            "depth": cell.depth.value,
            "address": cell.address,
            "cell": cell.cell,
            "value": cell.value,
            "block_number": cell.block_number,
        }
        for cell in cells
    ]
    if not rows:
        return
    revision = _next_revision(session, chain_id)
    statement = upsert(CellRow)
    changed = {name: statement.excluded[name] for name in ("value", "block_number", "revision")}
    key = ["chain_id", "depth", "address", "cell"]
    session.connection().execute(
        statement.on_conflict_do_update(index_elements=key, set_=changed),
        [{**row, "revision": revision} for row in rows],
    )


def forget_anchors(session: Session, chain_id: int, address: Address) -> None:
    """Let the guard begin anew with a wallet: its anchors are unknown from now on."""
    revision = _next_revision(session, chain_id)
    statement = (
        update(CellRow)
        .where(
            col(CellRow.chain_id) == chain_id,
            col(CellRow.address) == address,
            col(CellRow.depth) == Depth.CALM.value,
        )
        .values(value=None, revision=revision)
    )
    session.connection().execute(statement)


def _next_revision(session: Session, chain_id: int) -> int:
    """Take the chain's next revision; its row stays locked until the transaction ends."""
    statement = upsert(CellRevisionRow).values(chain_id=bindparam("chain_id"), revision=1)
    taken = statement.on_conflict_do_update(
        index_elements=["chain_id"], set_={"revision": col(CellRevisionRow.revision) + 1}
    ).returning(col(CellRevisionRow.revision))
    return session.connection().execute(taken, {"chain_id": chain_id}).scalar_one()
