"""Lists as people ask for them: by state, wallet, asset and time, newest first, page by page.

Only questions; what stations ask, and single things by number, stand in `queries`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import func
from sqlmodel import Session, col, select

from policies.terms import Address
from treasury.ledger import facts, tables, tables_seen
from treasury.ledger.reading import read_as, tick_from

Fact = TypeVar("Fact")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What a list is narrowed to; empty tuples and None narrow nothing.

    `since` is unix seconds of the last change; at most `limit` rows with numbers below `before`.
    """

    states: tuple[str, ...] = ()
    assets: tuple[Address, ...] | None = None
    since: int | None = None
    before: int | None = None
    limit: int = 50


def refills(session: Session, wanted: Filter, *, wallet: str = "") -> tuple[facts.Refill, ...]:
    """Return refills, of one hot wallet when it is named."""
    query = _narrowed(tables.RefillRow, wanted)
    if wallet:
        query = query.where(tables.RefillRow.wallet == wallet)
    return _all(session, facts.Refill, query)


def transfers(
    session: Session, wanted: Filter, *, address: str = "", purpose: str = ""
) -> tuple[facts.Transfer, ...]:
    """Return transfers, from or to one address when it is named, of one purpose likewise."""
    row = tables.TransferRow
    query = _narrowed(row, wanted)
    if address:
        query = query.where((col(row.source) == address) | (col(row.destination) == address))
    if purpose:
        query = query.where(row.purpose == purpose)
    return _all(session, facts.Transfer, query)


def withdrawals(
    session: Session, wanted: Filter, *, pools: Collection[str] | None = None, key: str = ""
) -> tuple[facts.Withdrawal, ...]:
    """Return withdrawals, of some pools or one idempotency key when they are named."""
    query = _narrowed(tables.WithdrawalRow, wanted)
    if pools is not None:
        query = query.where(col(tables.WithdrawalRow.pool).in_(pools))
    if key:
        query = query.where(tables.WithdrawalRow.idempotency_key == key)
    return _all(session, facts.Withdrawal, query)


def motions(session: Session, wanted: Filter) -> tuple[facts.Motion, ...]:
    """Return motions."""
    return _all(session, facts.Motion, _narrowed(tables.MotionRow, wanted))


def approvers(session: Session, digests: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    """Return the addresses whose approvals have arrived for each digest."""
    row = tables.ApprovalRow
    query = select(row).where(col(row.digest).in_(digests)).order_by(col(row.id))
    found: dict[str, tuple[str, ...]] = {}
    for approval in session.exec(query):
        found[approval.digest] = (*found.get(approval.digest, ()), approval.treasurer)
    return found


def last_ticks(session: Session) -> Mapping[int, facts.Tick]:
    """Return the newest look at every chain, by chain id."""
    row = tables_seen.TickRow
    newest = select(func.max(row.id)).group_by(col(row.chain_id))
    found = session.exec(select(row).where(col(row.id).in_(newest)))
    return {tick.chain_id: tick_from(tick) for tick in found}


def state_counts(session: Session) -> Mapping[str, Mapping[str, int]]:
    """Return how many refills, transfers, withdrawals and motions are in each state."""
    kinds: Mapping[str, Any] = {
        "refills": tables.RefillRow.state,
        "transfers": tables.TransferRow.state,
        "withdrawals": tables.WithdrawalRow.state,
        "motions": tables.MotionRow.state,
    }
    return {
        name: {str(s): int(n) for s, n in session.exec(select(c, func.count()).group_by(c))}
        for name, c in kinds.items()
    }


def _narrowed(row: Any, wanted: Filter) -> Any:  # noqa: ANN401 - the columns are what they share
    query = select(row).order_by(col(row.id).desc()).limit(wanted.limit)
    if wanted.states:
        query = query.where(col(row.state).in_(wanted.states))
    if wanted.assets is not None:
        query = query.where(col(row.asset).in_(wanted.assets))
    if wanted.since is not None:
        query = query.where(col(row.changed_at) >= wanted.since)
    if wanted.before is not None:
        query = query.where(col(row.id) < wanted.before)
    return query


def _all(session: Session, kind: type[Fact], query: Any) -> tuple[Fact, ...]:  # noqa: ANN401
    return tuple(read_as(kind, row) for row in session.exec(query))
