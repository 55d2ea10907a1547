"""Questions about what people and services asked for: withdrawals and motions."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import bindparam
from sqlmodel import Session, col

from policies.lifecycles import MotionState, TransferState, WithdrawalState
from treasury.ledger.facts import Motion, Withdrawal
from treasury.ledger.reading import ask, read_all, read_as, read_first, rows_of
from treasury.ledger.tables import MotionRow, TransferRow, WithdrawalRow

_NUMBERED = rows_of(WithdrawalRow).where(col(WithdrawalRow.id) == bindparam("number"))
_OF_KEY = rows_of(WithdrawalRow).where(col(WithdrawalRow.idempotency_key) == bindparam("key"))
_OF_TRANSFER = rows_of(WithdrawalRow).where(
    col(WithdrawalRow.transfer_id) == bindparam("transfer_id")
)
_OF_ORDER = rows_of(WithdrawalRow).where(col(WithdrawalRow.order_id) == bindparam("order_id"))
_MOTION = rows_of(MotionRow).where(col(MotionRow.id) == bindparam("number"))
_MOTION_OF = rows_of(MotionRow).where(col(MotionRow.digest) == bindparam("digest"))
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
    return read_first(session, Withdrawal, _NUMBERED, number=withdrawal_id)


def by_key(session: Session, idempotency_key: str) -> Withdrawal | None:
    """Return the withdrawal that was asked for under this key."""
    return read_first(session, Withdrawal, _OF_KEY, key=idempotency_key)


def by_transfer(session: Session, transfer_id: int) -> Withdrawal | None:
    """Return the withdrawal that a transfer carries out at present."""
    return read_first(session, Withdrawal, _OF_TRANSFER, transfer_id=transfer_id)


def by_transfers(session: Session, transfer_ids: Iterable[int]) -> dict[int, Withdrawal]:
    """Return the withdrawals that several transfers carry out at present, by transfer."""
    rows = ask(session, _BY_TRANSFERS, {"transfer_ids": list(transfer_ids)})
    return {row.transfer_id: read_as(Withdrawal, row) for row in rows}


def by_order(session: Session, order_id: str) -> Withdrawal | None:
    """Return the withdrawal whose present terms have this digest."""
    return read_first(session, Withdrawal, _OF_ORDER, order_id=order_id)


def withdrawals_in(
    session: Session, chain_id: int, *states: WithdrawalState
) -> tuple[Withdrawal, ...]:
    """Return the withdrawals of a chain in any of the states, oldest first."""
    wanted = [state.value for state in states]
    return read_all(session, Withdrawal, _IN_STATES, chain_id=chain_id, states=wanted)


def unpaid(session: Session, chain_id: int) -> tuple[Withdrawal, ...]:
    """Return queued withdrawals whose transfer is over without having paid, oldest first."""
    return read_all(session, Withdrawal, _UNPAID, chain_id=chain_id)


def motion(session: Session, motion_id: int) -> Motion | None:
    """Return the motion that people call by this number."""
    return read_first(session, Motion, _MOTION, number=motion_id)


def motion_by_digest(session: Session, digest: str) -> Motion | None:
    """Return the motion whose terms have this digest."""
    return read_first(session, Motion, _MOTION_OF, digest=digest)


def motions_in(session: Session, *states: MotionState) -> tuple[Motion, ...]:
    """Return the motions in any of the states, oldest first."""
    return read_all(session, Motion, _MOTIONS_IN, states=[state.value for state in states])
