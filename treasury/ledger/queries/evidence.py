"""Questions that an incident file asks: what was written and seen about one wallet, in order."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlmodel import Session, col, or_, select

from policies.terms import Address
from treasury.ledger.facts import Entry
from treasury.ledger.reading import read_as
from treasury.ledger.tables import JournalRow
from treasury.ledger.tables_seen import ObservationRow, TickRow

_MOST = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One reading that differed from the one before; `cell` is an asset's address or "nonce".

    `at` is unix seconds; `value` None: the reading failed.
    """

    at: int
    depth: str
    block_number: int | None
    block_hash: str | None
    cell: str
    value: int | None


def lines_about(
    session: Session, subjects: Collection[str], kinds: Collection[str], *, since: int
) -> tuple[Entry, ...]:
    """Return journal lines about these subjects or of these kinds, oldest first, 5,000 at most."""
    row = JournalRow
    query = select(row).where(
        col(row.at) >= since, or_(col(row.subject).in_(subjects), col(row.kind).in_(kinds))
    )
    found = session.exec(query.order_by(col(row.seq)).limit(_MOST))
    return tuple(read_as(Entry, line) for line in found)


def history(session: Session, chain_id: int, address: Address, *, since: int) -> tuple[Seen, ...]:
    """Return what changed of one address, oldest first, 5,000 readings at most."""
    seen, tick = ObservationRow, TickRow
    query = (
        select(seen, tick)
        .where(
            col(seen.tick_id) == col(tick.id),
            seen.chain_id == chain_id,
            seen.address == address,
            col(tick.at) >= since,
        )
        .order_by(col(seen.id))
        .limit(_MOST)
    )
    return tuple(_seen(row, look) for row, look in session.exec(query))


def _seen(row: ObservationRow, look: TickRow) -> Seen:
    is_head = row.depth == "head"
    return Seen(
        at=look.at,
        depth=row.depth,
        block_number=look.head_number if is_head else look.final_number,
        block_hash=look.head_hash if is_head else look.final_hash,
        cell=row.cell,
        value=row.value,
    )
