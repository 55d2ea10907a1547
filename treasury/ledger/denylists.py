"""Address lists that others publish: taken in part by part, active when complete, then replaced.

They deny withdrawals in the daemon alone, as a preview. The signer's own list stands in the law,
which a quorum adopts; nothing here can widen it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, func, update
from sqlalchemy import select as sql_select
from sqlalchemy.dialects.sqlite import insert
from sqlmodel import Session, col, select

from policies.terms import Address, Reason
from treasury.ledger.marks import tell
from treasury.ledger.reading import ask, read_as
from treasury.ledger.tables_listed import DeniedRow, DenylistRow

_MOST_AT_ONCE = 500
_LISTED = sql_select(
    col(DeniedRow.address), col(DenylistRow.name), col(DenylistRow.dated), col(DenylistRow.source)
).where(
    col(DeniedRow.denylist_id) == col(DenylistRow.id),
    col(DenylistRow.is_active).is_(True),
    col(DeniedRow.address).in_(bindparam("addresses", expanding=True)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Denylist:
    """One list; `digest` is the SHA-256 of the file that it came from (hex)."""

    id: int
    name: str
    source: str
    dated: str
    digest: str
    addresses: int
    loaded_at: int
    is_active: bool


def take_in(
    session: Session, wanted: Denylist, addresses: Sequence[Address], *, now: int
) -> Denylist:
    """Take in some addresses of a list; the last ones make it active. Repeating changes nothing.

    `wanted` says what the whole list is; its `id`, `loaded_at` and `is_active` do not count.
    """
    query = select(DenylistRow).where(
        DenylistRow.name == wanted.name, DenylistRow.digest == wanted.digest
    )
    row = session.exec(query).first()
    if row is None:
        row = DenylistRow(
            name=wanted.name,
            source=wanted.source,
            dated=wanted.dated,
            digest=wanted.digest,
            addresses=wanted.addresses,
            loaded_at=now,
            is_active=False,
        )
        session.add(row)
        session.flush()
    number = row.id or 0
    if addresses and not row.is_active:
        values = [{"denylist_id": number, "address": address} for address in addresses]
        session.connection().execute(insert(DeniedRow).on_conflict_do_nothing(), values)
    count = select(func.count()).select_from(DeniedRow).where(DeniedRow.denylist_id == number)
    if not row.is_active and session.exec(count).one() >= row.addresses:
        _activate(session, row, now)
    return read_as(Denylist, row)


def denylists(session: Session) -> tuple[Denylist, ...]:
    """Return the active lists by name."""
    query = select(DenylistRow).where(col(DenylistRow.is_active).is_(True))
    rows = session.exec(query.order_by(col(DenylistRow.name)))
    return tuple(read_as(Denylist, row) for row in rows)


def newest_date(session: Session, name: str) -> str:
    """Return the day of the active list of that name, empty when there is none."""
    query = select(DenylistRow.dated).where(
        DenylistRow.name == name, col(DenylistRow.is_active).is_(True)
    )
    return session.exec(query).first() or ""


def listed_among(session: Session, addresses: Collection[Address]) -> Mapping[Address, Reason]:
    """Return, for those of the addresses that stand on an active list, on which and since when."""
    found: dict[Address, Reason] = {}
    wanted = sorted(addresses)
    for start in range(0, len(wanted), _MOST_AT_ONCE):
        some = {"addresses": wanted[start : start + _MOST_AT_ONCE]}
        for address, name, dated, source in ask(session, _LISTED, some):
            text = f"{address} stands on the list {name} of {dated} ({source})"
            found[Address(address)] = Reason(code="listed", text=text)
    return found


def _activate(session: Session, row: DenylistRow, now: int) -> None:
    old = select(DenylistRow.id).where(DenylistRow.name == row.name, col(DenylistRow.id) != row.id)
    replaced = [number for number in session.exec(old) if number is not None]
    connection = session.connection()
    connection.execute(delete(DeniedRow).where(col(DeniedRow.denylist_id).in_(replaced)))
    connection.execute(
        update(DenylistRow).where(col(DenylistRow.id).in_(replaced)).values(is_active=False)
    )
    row.is_active, row.loaded_at = True, now
    session.add(row)
    body = {
        "source": row.source,
        "dated": row.dated,
        "sha256": row.digest,
        "addresses": str(row.addresses),
    }
    tell(session, "denylist_loaded", f"denylist:{row.name}", body, now=now, actor="a person")
