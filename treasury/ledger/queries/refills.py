"""Questions about refills and the consent they gathered."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import bindparam
from sqlalchemy import select as sql_select
from sqlmodel import Session, col, func

from policies.lifecycles import RefillState
from policies.terms import Address
from treasury.ledger.facts import Approval, Refill
from treasury.ledger.reading import ask, read_all, read_as, read_first, rows_of
from treasury.ledger.tables import ApprovalRow, RefillRow, VetoRow

_IS_THERE = (
    col(RefillRow.chain_id) == bindparam("chain_id"),
    col(RefillRow.state).in_(bindparam("states", expanding=True)),
)
_NUMBERED = rows_of(RefillRow).where(col(RefillRow.id) == bindparam("number"))
_OF_ORDER = rows_of(RefillRow).where(col(RefillRow.order_id) == bindparam("order_id"))
_OF_TRANSFER = rows_of(RefillRow).where(col(RefillRow.transfer_id) == bindparam("transfer_id"))
_IN_STATES = rows_of(RefillRow).where(*_IS_THERE).order_by(col(RefillRow.id))
_APPROVALS = (
    rows_of(ApprovalRow)
    .where(col(ApprovalRow.digest) == bindparam("digest"))
    .order_by(col(ApprovalRow.id))
)
_APPROVALS_OF = (
    rows_of(ApprovalRow)
    .where(col(ApprovalRow.digest).in_(bindparam("digests", expanding=True)))
    .order_by(col(ApprovalRow.id))
)
_VETOES = (
    rows_of(VetoRow).where(col(VetoRow.digest) == bindparam("digest")).order_by(col(VetoRow.id))
)
_LAST_CHANGES = (
    sql_select(col(RefillRow.wallet), col(RefillRow.asset), func.max(col(RefillRow.changed_at)))
    .where(*_IS_THERE, col(RefillRow.changed_at) >= bindparam("since"))
    .group_by(col(RefillRow.wallet), col(RefillRow.asset))
)


def refill(session: Session, refill_id: int) -> Refill | None:
    """Return the refill that people call by this number."""
    return read_first(session, Refill, _NUMBERED, number=refill_id)


def by_order(session: Session, order_id: str) -> Refill | None:
    """Return the refill whose terms have this digest."""
    return read_first(session, Refill, _OF_ORDER, order_id=order_id)


def by_transfer(session: Session, transfer_id: int) -> Refill | None:
    """Return the refill that a transfer carries out."""
    return read_first(session, Refill, _OF_TRANSFER, transfer_id=transfer_id)


def in_states(session: Session, chain_id: int, *states: RefillState) -> tuple[Refill, ...]:
    """Return the refills of a chain in any of the states, oldest first."""
    return read_all(session, Refill, _IN_STATES, chain_id=chain_id, states=_values(states))


def open_ones(session: Session, chain_id: int) -> tuple[Refill, ...]:
    """Return the refills of a chain that may still move money."""
    return in_states(
        session, chain_id, RefillState.PROPOSED, RefillState.APPROVED, RefillState.RELEASED
    )


def last_changes(
    session: Session, chain_id: int, since: int
) -> dict[tuple[str, Address], int | None]:
    """Return when the newest refill of each (wallet, asset) settled or failed (unix).

    Left out is what happened before `since`.
    """
    over = (RefillState.SETTLED, RefillState.FAILED, RefillState.REJECTED)
    values = {"chain_id": chain_id, "states": _values(over), "since": since}
    rows = ask(session, _LAST_CHANGES, values)
    return {(wallet, Address(asset)): at for wallet, asset, at in rows}


def approvals(session: Session, digest: str) -> tuple[Approval, ...]:
    """Return the approvals over a digest, in the order in which they came."""
    return read_all(session, Approval, _APPROVALS, digest=digest)


def approvals_of(session: Session, digests: Iterable[str]) -> dict[str, tuple[Approval, ...]]:
    """Return the approvals over several digests in one question."""
    wanted = list(digests)
    found: dict[str, tuple[Approval, ...]] = dict.fromkeys(wanted, ())
    for row in ask(session, _APPROVALS_OF, {"digests": wanted}):
        found[row.digest] = (*found[row.digest], read_as(Approval, row))
    return found


def vetoes(session: Session, digest: str) -> tuple[Approval, ...]:
    """Return the vetoes against a digest."""
    return read_all(session, Approval, _VETOES, digest=digest)


def _values(states: Iterable[RefillState]) -> list[str]:
    return [state.value for state in states]
