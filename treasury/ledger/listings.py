"""Lists and single things as people ask for them: by id, by order id, by state, newest first.

Only questions; what stations ask stands in `queries`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import func
from sqlmodel import Session, SQLModel, col, select

from policies.terms import Address
from treasury.ledger import facts, tables
from treasury.ledger.reading import read_as, tick_from

Fact = TypeVar("Fact")
Lookup = int | str
"""A number that people use, or the 0x-digest that both books use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What a list is narrowed to; empty tuples and None narrow nothing.

    `since` is unix seconds of the last change; at most `limit` rows, newest first, with ids
    below `before`.
    """

    states: tuple[str, ...] = ()
    wallets: tuple[str, ...] = ()
    assets: tuple[Address, ...] | None = None
    since: int | None = None
    before: int | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The newest value of a cell (None: unknown) and the block that it was read at."""

    value: int | None
    block_number: int


def refills(session: Session, wanted: Filter) -> tuple[facts.Refill, ...]:
    """Return refills, newest first; `wallets` are names of hot wallets."""
    query = _narrowed(tables.RefillRow, wanted)
    if wanted.wallets:
        query = query.where(col(tables.RefillRow.wallet).in_(wanted.wallets))
    return _all(session, facts.Refill, query)


def refill(session: Session, key: Lookup) -> facts.Refill | None:
    """Return one refill by number or order id."""
    return _one(session, facts.Refill, tables.RefillRow, key, tables.RefillRow.order_id)


def transfers(
    session: Session, wanted: Filter, addresses: Sequence[Address] = ()
) -> tuple[facts.Transfer, ...]:
    """Return transfers, newest first; `addresses` narrows to those from or to one of them."""
    row = tables.TransferRow
    query = _narrowed(row, wanted)
    if wanted.wallets:
        query = query.where(col(row.source).in_(addresses) | col(row.destination).in_(addresses))
    return _all(session, facts.Transfer, query)


def transfer(session: Session, key: Lookup) -> facts.Transfer | None:
    """Return one transfer by number or order id."""
    return _one(session, facts.Transfer, tables.TransferRow, key, tables.TransferRow.order_id)


def attempts(session: Session, transfer_id: int) -> tuple[facts.Attempt, ...]:
    """Return the attempts of a transfer, oldest first."""
    row = tables.AttemptRow
    query = select(row).where(row.transfer_id == transfer_id).order_by(col(row.number))
    return _all(session, facts.Attempt, query)


def withdrawals(session: Session, wanted: Filter) -> tuple[facts.Withdrawal, ...]:
    """Return withdrawals, newest first; `wallets` are names of pools."""
    query = _narrowed(tables.WithdrawalRow, wanted)
    if wanted.wallets:
        query = query.where(col(tables.WithdrawalRow.pool).in_(wanted.wallets))
    return _all(session, facts.Withdrawal, query)


def withdrawal(session: Session, number: int) -> facts.Withdrawal | None:
    """Return one withdrawal by number."""
    row = session.get(tables.WithdrawalRow, number)
    return None if row is None else read_as(facts.Withdrawal, row)


def withdrawal_by_key(session: Session, key: str) -> facts.Withdrawal | None:
    """Return the withdrawal that a service asked for under an idempotency key."""
    row = tables.WithdrawalRow
    found = session.exec(select(row).where(row.idempotency_key == key)).first()
    return None if found is None else read_as(facts.Withdrawal, found)


def motions(session: Session, wanted: Filter) -> tuple[facts.Motion, ...]:
    """Return motions, newest first."""
    return _all(session, facts.Motion, _narrowed(tables.MotionRow, wanted))


def motion(session: Session, key: Lookup) -> facts.Motion | None:
    """Return one motion by number or digest."""
    return _one(session, facts.Motion, tables.MotionRow, key, tables.MotionRow.digest)


def approvals(session: Session, digest: str) -> tuple[facts.Approval, ...]:
    """Return the approvals of a digest in the order of their arrival."""
    row = tables.ApprovalRow
    query = select(row).where(row.digest == digest).order_by(col(row.id))
    return _all(session, facts.Approval, query)


def vetoes(session: Session, digest: str) -> tuple[facts.Approval, ...]:
    """Return the vetoes against a digest in the order of their arrival."""
    row = tables.VetoRow
    query = select(row).where(row.digest == digest).order_by(col(row.id))
    return _all(session, facts.Approval, query)


def approval_counts(session: Session, digests: Sequence[str]) -> Mapping[str, int]:
    """Return how many approvals have arrived for each digest."""
    row = tables.ApprovalRow
    query = (
        select(row.digest, func.count()).where(col(row.digest).in_(digests)).group_by(row.digest)
    )
    return {str(digest): int(count) for digest, count in session.exec(query)}


def standings(session: Session) -> tuple[facts.Standing, ...]:
    """Return all wallets, by name."""
    row = tables.WalletRow
    return _all(session, facts.Standing, select(row).order_by(col(row.name)))


def incidents(session: Session) -> tuple[facts.Incident, ...]:
    """Return the incidents that are not closed, oldest first."""
    row = tables.IncidentRow
    query = select(row).where(row.state != "CLOSED").order_by(col(row.id))
    return _all(session, facts.Incident, query)


def exposure(session: Session) -> facts.Exposure | None:
    """Return whether money may leave toward exposure; None before the daemon's first start."""
    row = session.get(tables.ExposureRow, 1)
    return None if row is None else read_as(facts.Exposure, row)


def last_ticks(session: Session) -> tuple[facts.Tick, ...]:
    """Return the newest tick of every chain."""
    row = tables.TickRow
    newest = select(func.max(row.id)).group_by(col(row.chain_id))
    found = session.exec(select(row).where(col(row.id).in_(newest)).order_by(col(row.chain_id)))
    return tuple(tick_from(tick) for tick in found)


def seen_at_head(session: Session, chain_id: int) -> Mapping[tuple[str, str], Seen]:
    """Return the newest cells of a chain at its head, by address and cell."""
    row = tables.CellRow
    query = select(row).where(row.chain_id == chain_id, row.depth == "head")
    return {
        (found.address, found.cell): Seen(value=found.value, block_number=found.block_number)
        for found in session.exec(query)
    }


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


def _one(
    session: Session, kind: type[Fact], row: type[SQLModel], key: Lookup, digest: object
) -> Fact | None:
    if isinstance(key, int):
        found = session.get(row, key)
    else:
        found = session.exec(select(row).where(digest == key)).first()
    return None if found is None else read_as(kind, found)
