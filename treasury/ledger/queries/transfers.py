"""Questions about transfers and attempts."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import ColumnElement, bindparam
from sqlalchemy import select as sql_select
from sqlmodel import Session, and_, col, func, or_, select

from policies.lifecycles import TransferState
from policies.terms import Address, Purpose
from treasury.ledger.facts import Attempt, SignedRefill, Transfer
from treasury.ledger.reading import ask, by_time_on, read_as, rows_of
from treasury.ledger.tables import AttemptRow, TransferRow, WalletRow

_HIGHEST = chr(0x10FFFF)
_SIGNED_REFILLS = (
    sql_select(
        col(TransferRow.destination),
        col(TransferRow.asset),
        col(TransferRow.amount),
        col(AttemptRow.signed_at),
    )
    .join(AttemptRow, col(AttemptRow.transfer_id) == col(TransferRow.id))
    .where(
        col(TransferRow.purpose) == Purpose.REFILL.value,
        by_time_on(bindparam("chain_id")),
        col(AttemptRow.number) == 1,
        col(AttemptRow.signed_at) > bindparam("since"),
    )
)
_IN_STATES = (
    rows_of(TransferRow)
    .where(
        col(TransferRow.chain_id) == bindparam("chain_id"),
        col(TransferRow.state).in_(bindparam("states", expanding=True)),
    )
    .order_by(col(TransferRow.nonce), col(TransferRow.id))
)
_HOMEWARD = (
    rows_of(TransferRow)
    .where(
        col(TransferRow.chain_id) == bindparam("chain_id"),
        col(TransferRow.state) == TransferState.QUEUED.value,
        or_(
            col(TransferRow.purpose) == Purpose.EVACUATION.value,
            col(TransferRow.purpose) == Purpose.TOP_UP.value,
        ),
    )
    .order_by(col(TransferRow.id))
)
_OF_PURPOSE = (
    rows_of(TransferRow)
    .where(
        col(TransferRow.chain_id) == bindparam("chain_id"),
        col(TransferRow.state) == bindparam("state"),
        col(TransferRow.purpose) == bindparam("purpose"),
    )
    .order_by(col(TransferRow.id))
)
_ATTEMPTS_OF = (
    rows_of(AttemptRow)
    .where(col(AttemptRow.transfer_id).in_(bindparam("transfer_ids", expanding=True)))
    .order_by(col(AttemptRow.number))
)
_LAST_NONCES = sql_select(
    col(WalletRow.address),
    # One look into an index per wallet: grouping would read every transfer that there ever was.
    sql_select(func.max(TransferRow.nonce))
    .where(
        col(TransferRow.chain_id) == bindparam("chain_id"),
        col(TransferRow.source) == col(WalletRow.address),
    )
    .scalar_subquery(),
).where(col(WalletRow.chain_id) == bindparam("chain_id"))


def transfer(session: Session, transfer_id: int) -> Transfer | None:
    """Return the transfer that people call by this number."""
    row = session.get(TransferRow, transfer_id)
    return None if row is None else read_as(Transfer, row)


def by_order(session: Session, order_id: str) -> Transfer | None:
    """Return the transfer whose terms have this digest."""
    row = session.exec(select(TransferRow).where(TransferRow.order_id == order_id)).first()
    return None if row is None else read_as(Transfer, row)


def by_cause(session: Session, prefix: str) -> tuple[Transfer, ...]:
    """Return the transfers whose cause is `prefix` or begins with "`prefix`:", oldest first."""
    query = (
        select(TransferRow)
        .where(or_(col(TransferRow.cause) == prefix, _begins(session, f"{prefix}:")))
        .order_by(col(TransferRow.id))
    )
    return tuple(read_as(Transfer, row) for row in session.exec(query))


def by_causes(session: Session, causes: Iterable[str]) -> tuple[Transfer, ...]:
    """Return the transfers that have one of these causes, oldest first."""
    query = (
        select(TransferRow)
        .where(col(TransferRow.cause).in_(list(causes)))
        .order_by(col(TransferRow.id))
    )
    return tuple(read_as(Transfer, row) for row in session.exec(query))


def has_cause(session: Session, prefix: str, purpose: Purpose) -> bool:
    """Say whether a transfer of a purpose has a cause that begins with a prefix."""
    query = select(TransferRow.id).where(
        _begins(session, prefix), TransferRow.purpose == purpose.value
    )
    return session.exec(query.limit(1)).first() is not None


def _begins(session: Session, prefix: str) -> ColumnElement[bool]:
    """Return "the cause begins with", so that an index answers it where one can.

    SQLite compares texts byte by byte. A server compares them as its language does, where ";" may
    come before ":", so that a range would be empty and a payment would seem never to have been.
    """
    cause = col(TransferRow.cause)
    if session.connection().dialect.name != "sqlite":
        return cause.startswith(prefix, autoescape=True)
    return and_(cause >= prefix, cause < prefix + _HIGHEST)


def in_states(session: Session, chain_id: int, *states: TransferState) -> tuple[Transfer, ...]:
    """Return the transfers of a chain in any of the states, by nonce, then oldest first."""
    rows = ask(session, _IN_STATES, {"chain_id": chain_id, "states": _values(states)})
    return tuple(read_as(Transfer, row) for row in rows)


def of_purpose(
    session: Session, chain_id: int, purpose: Purpose, state: TransferState
) -> tuple[Transfer, ...]:
    """Return the transfers of a chain with a purpose in a state, oldest first."""
    wanted = {"chain_id": chain_id, "state": state.value, "purpose": purpose.value}
    return tuple(read_as(Transfer, row) for row in ask(session, _OF_PURPOSE, wanted))


def homeward(session: Session, chain_id: int) -> tuple[Transfer, ...]:
    """Return the queued evacuations and top-ups of a chain, oldest first."""
    rows = ask(session, _HOMEWARD, {"chain_id": chain_id})
    return tuple(read_as(Transfer, row) for row in rows)


def given_up(session: Session, chain_ids: Iterable[int], since: int) -> tuple[Transfer, ...]:
    """Return the transfers of chains that ended after `since` without ever being signed."""
    query = (
        select(TransferRow)
        .where(
            col(TransferRow.chain_id).in_(list(chain_ids)),
            TransferRow.state == TransferState.CANCELLED.value,
            col(TransferRow.nonce).is_(None),
            col(TransferRow.changed_at) > since,
        )
        .order_by(col(TransferRow.id))
    )
    return tuple(read_as(Transfer, row) for row in session.exec(query))


def open_ones(session: Session, chain_id: int) -> tuple[Transfer, ...]:
    """Return the transfers of a chain that are not over at finality."""
    return in_states(
        session, chain_id, TransferState.QUEUED, TransferState.IN_FLIGHT, TransferState.MINED
    )


def last_nonces(session: Session, chain_id: int) -> dict[Address, int]:
    """Return the highest nonce that our books know as signed, for every wallet that has one."""
    rows = ask(session, _LAST_NONCES, {"chain_id": chain_id})
    return {Address(source): nonce for source, nonce in rows if nonce is not None}


def signed_refills(session: Session, chain_id: int, since: int) -> tuple[SignedRefill, ...]:
    """Return every refill of a chain that was first signed after `since`."""
    rows = ask(session, _SIGNED_REFILLS, {"chain_id": chain_id, "since": since})
    return tuple(
        SignedRefill(
            destination=Address(to), asset=Address(asset), amount=amount, signed_at=signed_at
        )
        for to, asset, amount, signed_at in rows
    )


def refilled_since(session: Session, wallet: Address, asset: Address, since: int) -> int:
    """Return the sum of refills to a wallet that were first signed after `since`."""
    query = (
        select(TransferRow.amount)
        .join(AttemptRow, col(AttemptRow.transfer_id) == col(TransferRow.id))
        .where(
            TransferRow.purpose == Purpose.REFILL.value,
            TransferRow.destination == wallet,
            TransferRow.asset == asset,
            AttemptRow.number == 1,
            AttemptRow.signed_at > since,
        )
    )
    return sum(session.exec(query))


def last_queued_at(session: Session, chain_id: int, source: Address) -> int | None:
    """Return when the newest withdrawal of an address was queued (unix), None when never."""
    query = select(func.max(TransferRow.created_at)).where(
        TransferRow.chain_id == chain_id,
        TransferRow.purpose == Purpose.WITHDRAWAL.value,
        TransferRow.source == source,
    )
    return session.exec(query).one()


def attempts(session: Session, transfer_id: int) -> tuple[Attempt, ...]:
    """Return the attempts of a transfer, first to last."""
    query = (
        select(AttemptRow)
        .where(AttemptRow.transfer_id == transfer_id)
        .order_by(col(AttemptRow.number))
    )
    return tuple(read_as(Attempt, row) for row in session.exec(query))


def attempts_of(session: Session, transfer_ids: Iterable[int]) -> dict[int, tuple[Attempt, ...]]:
    """Return the attempts of several transfers in one question."""
    wanted = list(transfer_ids)
    found: dict[int, tuple[Attempt, ...]] = dict.fromkeys(wanted, ())
    for row in ask(session, _ATTEMPTS_OF, {"transfer_ids": wanted}):
        found[row.transfer_id] = (*found[row.transfer_id], read_as(Attempt, row))
    return found


def has_hash(session: Session, digest: str) -> bool:
    """Say whether a transaction (0x-hex) is an attempt of ours."""
    return session.exec(select(AttemptRow.id).where(AttemptRow.hash == digest)).first() is not None


def known_hashes(session: Session, order_ids: Iterable[str]) -> dict[str, frozenset[str]]:
    """Return the hashes of all attempts that our books hold for several orders."""
    query = (
        select(TransferRow.order_id, AttemptRow.hash)
        .join(AttemptRow, col(AttemptRow.transfer_id) == col(TransferRow.id))
        .where(col(TransferRow.order_id).in_(list(order_ids)))
    )
    found: dict[str, set[str]] = {}
    for order_id, digest in session.exec(query):
        found.setdefault(order_id, set()).add(digest)
    return {order_id: frozenset(digests) for order_id, digests in found.items()}


def _values(states: Iterable[TransferState]) -> list[str]:
    return [state.value for state in states]
