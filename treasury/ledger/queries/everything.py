"""All rows of one kind, oldest first: for who hands the whole ledger to somebody else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import func
from sqlmodel import Session, SQLModel, col, select

from policies.terms import Address
from treasury.ledger.facts import Approval, Attempt, Motion, Refill, Transfer, Withdrawal
from treasury.ledger.reading import read_as
from treasury.ledger.tables import (
    ApprovalRow,
    AttemptRow,
    LawRow,
    MotionRow,
    RefillRow,
    TransferRow,
    VetoRow,
    WithdrawalRow,
)
from treasury.ledger.tables_seen import Depth, ObservationRow, TickRow

Fact = TypeVar("Fact")


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptedLaw:
    """A law as it was taken over from the signer, in canonical form; `adopted_at` is unix."""

    digest: str
    text: str
    adopted_at: int
    current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstSight:
    """The first final value of a cell, in base units, and its block."""

    chain_id: int
    address: Address
    cell: str
    value: int
    block_number: int


def laws(session: Session) -> tuple[AdoptedLaw, ...]:
    """Return every law that was ever in force."""
    return tuple(_all(session, AdoptedLaw, LawRow, LawRow.adopted_at))


def refills(session: Session) -> tuple[Refill, ...]:
    """Return every refill."""
    return tuple(_all(session, Refill, RefillRow, RefillRow.id))


def withdrawals(session: Session) -> tuple[Withdrawal, ...]:
    """Return every withdrawal."""
    return tuple(_all(session, Withdrawal, WithdrawalRow, WithdrawalRow.id))


def motions(session: Session) -> tuple[Motion, ...]:
    """Return every motion."""
    return tuple(_all(session, Motion, MotionRow, MotionRow.id))


def transfers(session: Session) -> tuple[Transfer, ...]:
    """Return every transfer."""
    return tuple(_all(session, Transfer, TransferRow, TransferRow.id))


def attempts(session: Session) -> tuple[Attempt, ...]:
    """Return every signed transaction."""
    return tuple(_all(session, Attempt, AttemptRow, AttemptRow.id))


def approvals(session: Session) -> tuple[Approval, ...]:
    """Return every approval that was handed in."""
    return tuple(_all(session, Approval, ApprovalRow, ApprovalRow.id))


def vetoes(session: Session) -> tuple[Approval, ...]:
    """Return every veto that was handed in."""
    return tuple(_all(session, Approval, VetoRow, VetoRow.id))


def first_sights(session: Session) -> tuple[FirstSight, ...]:
    """Return the first final value of every cell that was ever read."""
    row = ObservationRow
    known = (col(row.depth) == Depth.FINAL.value, col(row.value).is_not(None))
    first = (
        select(func.min(col(row.id)))
        .where(*known)
        .group_by(col(row.chain_id), col(row.address), col(row.cell))
    )
    query = (
        select(row, TickRow.final_number)
        .where(col(row.tick_id) == col(TickRow.id), col(row.id).in_(first))
        .order_by(col(row.id))
    )
    return tuple(
        FirstSight(
            chain_id=seen.chain_id,
            address=Address(seen.address),
            cell=seen.cell,
            value=seen.value or 0,
            block_number=block or 0,
        )
        for seen, block in session.exec(query)
    )


def _all(
    session: Session, kind: type[Fact], table: type[SQLModel], order: object
) -> Iterator[Fact]:
    rows = session.exec(select(table).order_by(col(order)))
    return (read_as(kind, row) for row in rows)
