"""Questions about judged outflows and what was learned from them."""

from __future__ import annotations

from sqlmodel import Session, col, func, select

from policies.lifecycles import TransferState, WithdrawalState
from policies.terms import Address, Purpose, Reason
from treasury.ledger.facts import Withdrawal
from treasury.ledger.facts_outflow import JudgedOutflow, Learned
from treasury.ledger.reading import read_as
from treasury.ledger.tables import TransferRow, WithdrawalRow
from treasury.ledger.tables_outflow import LearnedRow, OutflowRow

WITHDRAWAL = "withdrawal:"
"""How the subject of a withdrawal's verdict begins; its number follows."""
_AGREED = (WithdrawalState.QUEUED.value, WithdrawalState.PAID.value)


def by_subject(session: Session, subject: str) -> JudgedOutflow | None:
    """Return how that outflow was judged; None when it was not yet."""
    row = session.exec(select(OutflowRow).where(OutflowRow.subject == subject)).first()
    return None if row is None else _read(row)


def newest_id(session: Session, pool: str) -> int:
    """Return the number of the pool's last judged outflow; 0 before the first."""
    query = select(func.max(OutflowRow.id)).where(OutflowRow.pool == pool)
    return session.exec(query).one() or 0


def after(session: Session, pool: str, outflow_id: int) -> tuple[JudgedOutflow, ...]:
    """Return the pool's judged outflows after that one, oldest first."""
    query = select(OutflowRow).where(OutflowRow.pool == pool, col(OutflowRow.id) > outflow_id)
    return tuple(_read(row) for row in session.exec(query.order_by(col(OutflowRow.id))))


def since(session: Session, pool: str, at: int) -> tuple[JudgedOutflow, ...]:
    """Return the pool's outflows that were judged after a time (unix), oldest first."""
    query = select(OutflowRow).where(OutflowRow.pool == pool, OutflowRow.at > at)
    return tuple(_read(row) for row in session.exec(query.order_by(col(OutflowRow.id))))


def newest_at(session: Session, pool: str) -> int:
    """Return when the pool's last outflow was judged (unix); 0 before the first."""
    query = select(func.max(OutflowRow.at)).where(OutflowRow.pool == pool)
    return session.exec(query).one() or 0


def newest_of(
    session: Session, pool: str, verdicts: tuple[str, ...], at: int
) -> JudgedOutflow | None:
    """Return the pool's newest outflow with any of the verdicts that was judged after a time."""
    query = select(OutflowRow).where(
        OutflowRow.pool == pool, OutflowRow.at > at, col(OutflowRow.verdict).in_(verdicts)
    )
    row = session.exec(query.order_by(col(OutflowRow.id).desc()).limit(1)).first()
    return None if row is None else _read(row)


def not_agreed_before(
    session: Session, judged: JudgedOutflow, verdicts: tuple[str, ...]
) -> tuple[Withdrawal, ...]:
    """Return the pool's earlier withdrawals to the same recipient that nobody let go, oldest first.

    Only those count that got any of the verdicts.
    """
    subjects = select(OutflowRow.subject).where(
        OutflowRow.pool == judged.pool,
        OutflowRow.recipient == judged.recipient,
        col(OutflowRow.id) < judged.id,
        col(OutflowRow.verdict).in_(verdicts),
    )
    found = [one for one in session.exec(subjects) if one.startswith(WITHDRAWAL)]
    if not found:
        return ()
    query = select(WithdrawalRow).where(
        col(WithdrawalRow.id).in_([int(one.removeprefix(WITHDRAWAL)) for one in found]),
        col(WithdrawalRow.state).not_in(_AGREED),
    )
    rows = session.exec(query.order_by(col(WithdrawalRow.id)))
    return tuple(read_as(Withdrawal, row) for row in rows)


def learned(session: Session, pool: str) -> Learned | None:
    """Return what a pool's watch had learned when it was last written down."""
    row = session.get(LearnedRow, pool)
    return None if row is None else Learned(upto_id=row.upto_id, state=row.state)


def paid_before_judging(
    session: Session, pool: str, chain_id: int, sources: tuple[Address, ...]
) -> tuple[tuple[int, Address, Address, int], ...]:
    """Return (created at, recipient, asset, amount) of what left those addresses unjudged.

    That is every payout older than the first that was judged: from there on the rows tell.
    """
    oldest = session.exec(select(func.min(OutflowRow.at)).where(OutflowRow.pool == pool)).one()
    query = (
        select(
            TransferRow.created_at, TransferRow.destination, TransferRow.asset, TransferRow.amount
        )
        .where(
            TransferRow.chain_id == chain_id,
            TransferRow.purpose == Purpose.WITHDRAWAL.value,
            TransferRow.state == TransferState.CONFIRMED.value,
            col(TransferRow.source).in_(sources),
        )
        .order_by(col(TransferRow.created_at), col(TransferRow.id))
    )
    if oldest is not None:
        query = query.where(TransferRow.created_at < oldest)
    return tuple((at, Address(to), Address(asset), n) for at, to, asset, n in session.exec(query))


def _read(row: OutflowRow) -> JudgedOutflow:
    return JudgedOutflow(
        id=row.id or 0,
        subject=row.subject,
        pool=row.pool,
        wallet=row.wallet,
        at=row.at,
        recipient=Address(row.recipient),
        asset=Address(row.asset),
        amount=row.amount,
        size=row.size,
        is_first_use=row.is_first_use,
        verdict=row.verdict,
        score=row.score,
        reasons=tuple(Reason(code=one["code"], text=one["text"]) for one in row.reasons),
        balance=row.balance,
    )
