"""What a payout engine registered: written down once, found by its hash, and seen on the chain.

A registered transaction explains a drop as soon as its receipt is there, and not before: what was
only said to come would explain a theft of the same size.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, update
from sqlmodel import Session, col, func, select

from policies.lifecycles import TransferState
from policies.terms import NATIVE, Address
from treasury.ledger import marks
from treasury.ledger.facts_seen import Flow
from treasury.ledger.reading import ask, read_as, rows_of
from treasury.ledger.tables_registered import RegisteredRow

_ROW = RegisteredRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One movement of a transaction: how many base units of which asset go where."""

    asset: Address
    destination: Address
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """Whose transaction it is: the chain, the wallet, its 0x-hash, and which service said so."""

    chain_id: int
    wallet: Address
    hash: str
    service: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """One registered movement; `block_number` None: no receipt was seen yet."""

    id: int
    chain_id: int
    wallet: Address
    hash: str
    part: int
    asset: Address
    destination: Address
    amount: int
    service: str
    registered_at: int
    block_number: int | None
    block_hash: str | None
    succeeded: bool | None
    settled_fee: int | None
    settled_at: int | None
    is_void: bool
    moved: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a receipt says of a hash; `fee` in wei, zero when another account paid it.

    `is_final`: nothing changes it any more. `moved`: base units by asset that left the wallet.
    """

    block_number: int
    block_hash: str
    succeeded: bool
    fee: int
    is_final: bool
    moved: Mapping[Address, int]


def by_hash(session: Session, chain_id: int, digest: str) -> tuple[Registered, ...]:
    """Return the parts that were registered under a transaction hash."""
    query = select(_ROW).where(_ROW.chain_id == chain_id, _ROW.hash == digest)
    return tuple(read_as(Registered, row) for row in session.exec(query.order_by(col(_ROW.part))))


def unsettled(session: Session, chain_id: int) -> tuple[Registered, ...]:
    """Return what is neither final nor void, oldest first."""
    rows = ask(session, _open(chain_id).order_by(col(_ROW.id)))
    return tuple(read_as(Registered, row) for row in rows)


def count_unsettled(session: Session, chain_id: int, wallet: Address) -> int:
    """Return how many movements of a wallet are neither final nor void."""
    mine = _open(chain_id).where(col(_ROW.wallet) == wallet).subquery()
    return session.exec(select(func.count()).select_from(mine)).one()


def newest(session: Session, wallets: Collection[Address] | None, limit: int) -> list[Registered]:
    """Return what was registered last, newest first; of some wallets, or of all."""
    query = select(_ROW).order_by(col(_ROW.id).desc()).limit(limit)
    if wallets is not None:
        query = query.where(col(_ROW.wallet).in_(list(wallets)))
    return [read_as(Registered, row) for row in session.exec(query)]


def flows(session: Session, chain_id: int, after_block: int) -> list[Flow]:
    """Return what was seen in later blocks, as balances see it."""
    query = select(_ROW).where(
        _ROW.chain_id == chain_id,
        col(_ROW.block_number) > after_block,
        col(_ROW.is_void).is_(False),
    )
    return [_flow(row) for row in session.exec(query)]


def register(
    session: Session, envelope: Envelope, parts: Sequence[Part], *, now: int
) -> tuple[Registered, ...]:
    """Write a transaction down with all its parts."""
    for number, part in enumerate(parts):
        session.add(
            RegisteredRow(
                chain_id=envelope.chain_id,
                wallet=envelope.wallet,
                hash=envelope.hash,
                part=number,
                asset=part.asset,
                destination=part.destination,
                amount=part.amount,
                service=envelope.service,
                registered_at=now,
            )
        )
    session.flush()
    body = {"wallet": envelope.wallet, "service": envelope.service, "parts": str(len(parts))}
    subject = f"transaction:{envelope.hash}"
    marks.tell(session, "outflow_registered", subject, body, now=now, actor="api")
    return by_hash(session, envelope.chain_id, envelope.hash)


def note_seen(session: Session, chain_id: int, seen: Mapping[str, Seen | None], now: int) -> None:
    """Write what receipts say; None takes back what a reorg took away."""
    for digest, found in seen.items():
        values: dict[str, object] = {
            "block_number": found.block_number if found else None,
            "block_hash": found.block_hash if found else None,
            "succeeded": found.succeeded if found else None,
            "settled_fee": found.fee if found else None,
            "settled_at": now if found and found.is_final else None,
        }
        where = (col(_ROW.chain_id) == chain_id, col(_ROW.hash) == digest)
        session.connection().execute(update(_ROW).where(*where).values(**values))
        _note_moved(session, by_hash(session, chain_id, digest), found)


def _note_moved(session: Session, parts: Sequence[Registered], found: Seen | None) -> None:
    """Give each part what really left, in their order, and never more than was registered."""
    left = dict(found.moved) if found else {}
    for part in parts:
        moved = min(part.amount, left.get(part.asset, 0)) if found else None
        left[part.asset] = left.get(part.asset, 0) - (moved or 0)
        statement = update(_ROW).where(col(_ROW.id) == part.id).values(moved=moved)
        session.connection().execute(statement)


def make_void(session: Session, chain_id: int, digest: str, *, now: int) -> None:
    """Let a transaction that never came explain nothing any more."""
    where = (col(_ROW.chain_id) == chain_id, col(_ROW.hash) == digest)
    session.connection().execute(update(_ROW).where(*where).values(is_void=True))
    marks.tell(
        session,
        "outflow_void",
        f"transaction:{digest}",
        {"why": "never seen"},
        now=now,
        actor="trace",
    )


def _open(chain_id: int) -> Select[Any]:
    here, is_unsettled = col(_ROW.chain_id) == chain_id, col(_ROW.settled_at).is_(None)
    return rows_of(_ROW).where(here, is_unsettled, col(_ROW.is_void).is_(False))


def _flow(row: RegisteredRow) -> Flow:
    """Return a movement that left; where it went is no concern of any other wallet of ours."""
    if not row.succeeded:
        state = TransferState.REVERTED
    else:
        state = TransferState.MINED if row.settled_at is None else TransferState.CONFIRMED
    fee = row.settled_fee or 0
    return Flow(
        id=-(row.id or 0),
        source=Address(row.wallet),
        destination=NATIVE,
        asset=Address(row.asset),
        amount=row.amount,
        max_fee=fee,
        state=state,
        nonce=None,
        block_number=row.block_number,
        settled_fee=fee if row.part == 0 else 0,
        moved_out=row.moved,
        moved_in=None,
    )
