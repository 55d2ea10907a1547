"""Questions about transfers and attempts."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import bindparam
from sqlalchemy import select as sql_select
from sqlmodel import Session, and_, col, func, or_, select

from policies.lifecycles import TransferState
from policies.terms import Address, Purpose
from treasury.ledger.facts import Attempt, SignedRefill, Transfer
from treasury.ledger.reading import ask, by_time_on, read_all, read_as, read_first, rows_of
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
_NUMBERED = rows_of(TransferRow).where(col(TransferRow.id) == bindparam("number"))
_OF_ORDER = rows_of(TransferRow).where(col(TransferRow.order_id) == bindparam("order_id"))
_OF_HASH = (
    rows_of(TransferRow)
    .join(AttemptRow, col(AttemptRow.transfer_id) == col(TransferRow.id))
    .where(col(AttemptRow.hash) == bindparam("hash"))
)
_BY_CAUSES = (
    rows_of(TransferRow)
    .where(col(TransferRow.cause).in_(bindparam("causes", expanding=True)))
    .order_by(col(TransferRow.id))
)
# "The cause begins with", so that an index answers it: SQLite compares texts byte by byte.
_BEGINS = and_(
    col(TransferRow.cause) >= bindparam("prefix"), col(TransferRow.cause) < bindparam("behind")
)
_BY_CAUSE = (
    rows_of(TransferRow)
    .where(or_(col(TransferRow.cause) == bindparam("cause"), _BEGINS))
    .order_by(col(TransferRow.id))
)
_HAS_CAUSE = (
    sql_select(col(TransferRow.id))
    .where(_BEGINS, col(TransferRow.purpose) == bindparam("purpose"))
    .limit(1)
)
_REFILLED = (
    sql_select(col(TransferRow.amount))
    .join(AttemptRow, col(AttemptRow.transfer_id) == col(TransferRow.id))
    .where(
        col(TransferRow.purpose) == Purpose.REFILL.value,
        col(TransferRow.destination) == bindparam("wallet"),
        col(TransferRow.asset) == bindparam("asset"),
        col(AttemptRow.number) == 1,
        col(AttemptRow.signed_at) > bindparam("since"),
    )
)
_HASHES = (
    sql_select(col(TransferRow.order_id), col(AttemptRow.hash))
    .join(AttemptRow, col(AttemptRow.transfer_id) == col(TransferRow.id))
    .where(col(TransferRow.order_id).in_(bindparam("order_ids", expanding=True)))
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

_NONCES_FROM = sql_select(col(TransferRow.nonce)).where(
    col(TransferRow.chain_id) == bindparam("chain_id"),
    col(TransferRow.source) == bindparam("source"),
    col(TransferRow.nonce) >= bindparam("first"),
)


def transfer(session: Session, transfer_id: int) -> Transfer | None:
    """Return the transfer that people call by this number."""
    return read_first(session, Transfer, _NUMBERED, number=transfer_id)


def by_order(session: Session, order_id: str) -> Transfer | None:
    """Return the transfer whose terms have this digest."""
    return read_first(session, Transfer, _OF_ORDER, order_id=order_id)


def by_hash(session: Session, digest: str) -> Transfer | None:
    """Return the transfer of which a transaction (0x-hex) is an attempt."""
    return read_first(session, Transfer, _OF_HASH, hash=digest)


def by_cause(session: Session, prefix: str) -> tuple[Transfer, ...]:
    """Return the transfers whose cause is `prefix` or begins with "`prefix`:", oldest first."""
    return read_all(session, Transfer, _BY_CAUSE, cause=prefix, **_range(f"{prefix}:"))


def by_causes(session: Session, causes: Iterable[str]) -> tuple[Transfer, ...]:
    """Return the transfers that have one of these causes, oldest first."""
    return read_all(session, Transfer, _BY_CAUSES, causes=list(causes))


def has_cause(session: Session, prefix: str, purpose: Purpose) -> bool:
    """Say whether a transfer of a purpose has a cause that begins with a prefix."""
    wanted = {**_range(prefix), "purpose": purpose.value}
    return ask(session, _HAS_CAUSE, wanted).first() is not None


def _range(prefix: str) -> dict[str, str]:
    return {"prefix": prefix, "behind": prefix + _HIGHEST}


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


def nonces_from(session: Session, chain_id: int, source: Address, first: int) -> frozenset[int]:
    """Return the nonces from `first` on that transfers of an address hold or held."""
    wanted = {"chain_id": chain_id, "source": source, "first": first}
    return frozenset(ask(session, _NONCES_FROM, wanted).scalars())


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
    values = {"wallet": wallet, "asset": asset, "since": since}
    return sum(ask(session, _REFILLED, values).scalars())


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
    return read_all(session, Attempt, _ATTEMPTS_OF, transfer_ids=[transfer_id])


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
    found: dict[str, set[str]] = {}
    for order_id, digest in ask(session, _HASHES, {"order_ids": list(order_ids)}):
        found.setdefault(order_id, set()).add(digest)
    return {order_id: frozenset(digests) for order_id, digests in found.items()}


def _values(states: Iterable[TransferState]) -> list[str]:
    return [state.value for state in states]
