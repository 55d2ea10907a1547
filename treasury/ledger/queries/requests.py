"""Questions about what people and services asked for: withdrawals and motions."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import bindparam
from sqlmodel import Session, col, select

from policies.lifecycles import MotionState, TransferState, WithdrawalState
from treasury.ledger.facts import Motion, Withdrawal
from treasury.ledger.reading import ask, read_as, rows_of
from treasury.ledger.tables import MotionRow, TransferRow, WithdrawalRow

_BY_TRANSFERS = rows_of(WithdrawalRow).where(
    col(WithdrawalRow.transfer_id).in_(bindparam("transfer_ids", expanding=True))
)
_IN_STATES = (
    rows_of(WithdrawalRow)
    .where(
        col(WithdrawalRow.chain_id) == bindparam("chain_id"),
        col(WithdrawalRow.state).in_(bindparam("states", expanding=True)),
    )
    .order_by(col(WithdrawalRow.id))
)
_OVER = (TransferState.CANCELLED, TransferState.REVERTED, TransferState.USURPED)
_UNPAID = (
    rows_of(WithdrawalRow)
    .join(TransferRow, col(TransferRow.id) == col(WithdrawalRow.transfer_id))
    .where(
        col(WithdrawalRow.chain_id) == bindparam("chain_id"),
        col(WithdrawalRow.state) == WithdrawalState.QUEUED.value,
        col(TransferRow.state).in_([state.value for state in _OVER]),
    )
    .order_by(col(WithdrawalRow.id))
)
_MOTIONS_IN = (
    rows_of(MotionRow)
    .where(col(MotionRow.state).in_(bindparam("states", expanding=True)))
    .order_by(col(MotionRow.id))
)


def withdrawal(session: Session, withdrawal_id: int) -> Withdrawal | None:
    """Return the withdrawal that people call by this number."""
    row = session.get(WithdrawalRow, withdrawal_id)
    return None if row is None else read_as(Withdrawal, row)


def by_key(session: Session, idempotency_key: str) -> Withdrawal | None:
    """Return the withdrawal that was asked for under this key."""
    query = select(WithdrawalRow).where(WithdrawalRow.idempotency_key == idempotency_key)
    row = session.exec(query).first()
    return None if row is None else read_as(Withdrawal, row)


def by_transfer(session: Session, transfer_id: int) -> Withdrawal | None:
    """Return the withdrawal that a transfer carries out at present."""
    query = select(WithdrawalRow).where(WithdrawalRow.transfer_id == transfer_id)
    row = session.exec(query).first()
    return None if row is None else read_as(Withdrawal, row)


def by_transfers(session: Session, transfer_ids: Iterable[int]) -> dict[int, Withdrawal]:
    """Return the withdrawals that several transfers carry out at present, by transfer."""
    rows = ask(session, _BY_TRANSFERS, {"transfer_ids": list(transfer_ids)})
    return {row.transfer_id: read_as(Withdrawal, row) for row in rows}


def by_order(session: Session, order_id: str) -> Withdrawal | None:
    """Return the withdrawal whose present terms have this digest."""
    row = session.exec(select(WithdrawalRow).where(WithdrawalRow.order_id == order_id)).first()
    return None if row is None else read_as(Withdrawal, row)


def withdrawals_in(
    session: Session, chain_id: int, *states: WithdrawalState
) -> tuple[Withdrawal, ...]:
    """Return the withdrawals of a chain in any of the states, oldest first."""
    values = {"chain_id": chain_id, "states": [state.value for state in states]}
    return tuple(read_as(Withdrawal, row) for row in ask(session, _IN_STATES, values))


def unpaid(session: Session, chain_id: int) -> tuple[Withdrawal, ...]:
    """Return queued withdrawals whose transfer is over without having paid, oldest first."""
    rows = ask(session, _UNPAID, {"chain_id": chain_id})
    return tuple(read_as(Withdrawal, row) for row in rows)


def motion(session: Session, motion_id: int) -> Motion | None:
    """Return the motion that people call by this number."""
    row = session.get(MotionRow, motion_id)
    return None if row is None else read_as(Motion, row)


def motion_by_digest(session: Session, digest: str) -> Motion | None:
    """Return the motion whose terms have this digest."""
    row = session.exec(select(MotionRow).where(MotionRow.digest == digest)).first()
    return None if row is None else read_as(Motion, row)


def motions_in(session: Session, *states: MotionState) -> tuple[Motion, ...]:
    """Return the motions in any of the states, oldest first."""
    values = {"states": [state.value for state in states]}
    return tuple(read_as(Motion, row) for row in ask(session, _MOTIONS_IN, values))
