"""What is written about looks at a chain: ticks, the cells that changed, the guard's anchors.

All rows of one call go out in two statements, and share one revision (see `snapshots`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Dialect, Executable, Insert, bindparam, delete, insert, or_, update
from sqlalchemy.dialects.sqlite import Insert as Upsert
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.sql.compiler import SQLCompiler
from sqlmodel import Session, SQLModel, col

from policies.terms import Address, Stamp
from treasury.ledger.columns import short_text
from treasury.ledger.facts import Tick
from treasury.ledger.queries import watch
from treasury.ledger.snapshots import Written, note_written, snapshot
from treasury.ledger.tables_seen import CellRevisionRow, CellRow, Depth, ObservationRow, TickRow

_NEW_TICK = insert(TickRow).returning(col(TickRow.id))
NO_CHANGE = "0x" + sha256(b"").hexdigest()
"""The digest of a look that changed no cell."""
_HISTORY = ("tick_id", "chain_id", "address", "cell", "depth", "value")
_KEY = ("chain_id", "depth", "address", "cell")
_CHANGING = ("value", "block_number", "revision")


def _new_rows(table: type[SQLModel], names: Iterable[str]) -> Upsert:
    """Return the insertion of rows whose values are given as the columns store them."""
    return upsert(table).values({name: bindparam(name) for name in names}).inline()


def _newest_rows() -> Insert:
    rows = _new_rows(CellRow, (*_KEY, *_CHANGING))
    changed = {name: rows.excluded[name] for name in _CHANGING}
    return rows.on_conflict_do_update(index_elements=_KEY, set_=changed)


def _revision_taken() -> Executable:
    first = upsert(CellRevisionRow).values(chain_id=bindparam("chain_id"), revision=1)
    return first.on_conflict_do_update(
        index_elements=["chain_id"], set_={"revision": col(CellRevisionRow.revision) + 1}
    ).returning(col(CellRevisionRow.revision))


_NEW_HISTORY = _new_rows(ObservationRow, _HISTORY)
_NEWEST = _newest_rows()
_BEHIND = 64
"""Other chains write ticks too, so the one before is not always the number before."""
_FORGET_IDLE = delete(TickRow).where(
    col(TickRow.chain_id) == bindparam("chain_id"),
    col(TickRow.id) < bindparam("number"),
    col(TickRow.id) >= bindparam("oldest"),
    or_(col(TickRow.ok).is_(False), col(TickRow.digest) == NO_CHANGE),
)
_FORGET_FAILED = _FORGET_IDLE.where(col(TickRow.ok).is_(False))
_TAKE_REVISION = _revision_taken()


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
    """Write a successful look at a chain, and forget those before it that told nothing.

    Those are looks that failed or changed no cell: there is one every second, and nobody asks for
    them once a newer one is there.
    """
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
    number = session.connection().execute(_NEW_TICK, values).scalar_one() or 0
    session.connection().execute(_FORGET_IDLE, _before(chain_id, number))
    return Tick(id=number, chain_id=chain_id, at=at, ok=True, error="", head=head, final=final)


def write_failed_tick(session: Session, chain_id: int, *, at: int, error: str) -> None:
    """Write that a look at a chain gave nothing; the facts of the last good one grow old.

    Of several in a row the last one stays.
    """
    row = TickRow(chain_id=chain_id, at=at, ok=False, error=error)
    session.add(row)
    session.flush()
    session.connection().execute(_FORGET_FAILED, _before(chain_id, row.id or 0))


def _before(chain_id: int, number: int) -> dict[str, int]:
    # Only after the new one is there: numbers are never used twice, they are part of causes.
    return {"chain_id": chain_id, "number": number, "oldest": number - _BEHIND}


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
            "value": short_text(cell.value),
        }
        for cell in cells
    ]
    _write_all(session, _NEW_HISTORY, history)
    write_newest(session, chain_id, cells)


def write_newest(session: Session, chain_id: int, cells: Sequence[Cell]) -> None:
    """Write the newest values of cells without history."""
    if not cells:
        return
    revision = _next_revision(session, chain_id)
    rows = [
        {
            "chain_id": chain_id,
            "depth": cell.depth.value,
            "address": cell.address,
            "cell": cell.cell,
            "value": short_text(cell.value),
            "block_number": cell.block_number,
            "revision": revision,
        }
        for cell in cells
    ]
    _write_all(session, _NEWEST, rows)
    note_written(session, Written(chain_id, revision, cells))


def begin_anew(session: Session, chain_id: int, address: Address) -> None:
    """Let the guard take what a wallet has now for explained; what is unknown has no anchor.

    From the head, or what was just accepted would be missing again at the next look. Of head and
    finality the lower counts: what arrived lately may go away with its block.
    """
    _forget_anchors(session, chain_id, address)
    tick = watch.last_good_tick(session, chain_id)
    if tick is None or tick.head is None:
        return
    head, final = (
        snapshot(session, chain_id, depth).balances for depth in (Depth.HEAD, Depth.FINAL)
    )
    anchors = []
    for (owner, asset), value in head.items():
        safe = final.get((owner, asset))
        if owner == address and value is not None and safe is not None:
            least, block = min(value, safe), tick.head.number
            anchors.append(Cell(Depth.CALM, owner, asset, least, block))
    write_newest(session, chain_id, anchors)


def _forget_anchors(session: Session, chain_id: int, address: Address) -> None:
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
    taken = session.connection().execute(_TAKE_REVISION, {"chain_id": chain_id})
    number: int = taken.scalar_one()
    return number


def _write_all(session: Session, statement: Insert, rows: Sequence[Mapping[str, object]]) -> None:
    """Run a statement for all rows by the driver itself: the library looks at every value anew."""
    connection = session.connection()
    text, names = _compiled(statement, connection.dialect)
    values: Any = rows if names is None else list(map(itemgetter(*names), rows))
    connection.exec_driver_sql(text, values)


@lru_cache(maxsize=8)
def _compiled(statement: Insert, dialect: Dialect) -> tuple[str, tuple[str, ...] | None]:
    """Return a statement's text, and the order of its values where the driver goes by place."""
    compiled = statement.compile(dialect=dialect)
    assert isinstance(compiled, SQLCompiler), "a statement of ours is SQL"
    return compiled.string, None if compiled.positiontup is None else tuple(compiled.positiontup)
