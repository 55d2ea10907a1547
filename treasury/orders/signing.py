"""What the signer hands out: compared with the order field by field, then stored as an attempt.

The daemon trusts nobody's bytes. A raw transaction is read back, its sender recovered, and every
field compared with the terms, before it is written down and long before a node sees it.
"""

from __future__ import annotations

from collections.abc import Iterator

from hsm.wire.answers import AttemptKind, AttemptRecord, BookPlace, OrderRecord, Signed
from policies.lifecycles import AttemptState, Owner, TransferState
from policies.terms import NATIVE, Reason, TransferTerms
from treasury.chain.errors import BadAnswerError
from treasury.chain.raw import RawTransaction, parse_raw
from treasury.ledger import Session, moves
from treasury.ledger.facts import Attempt, Transfer
from treasury.ledger.journal import Place
from treasury.ledger.queries import transfers
from treasury.ledger.tables import AttemptRow


def place_of(book: BookPlace) -> Place:
    """Return the signer's place as the journal keeps it."""
    return Place(seq=book.seq, head="0x" + book.head.hex())


def told_of(place: Place | None) -> BookPlace | None:
    """Return the journal's place as the signer takes it."""
    return None if place is None else BookPlace(seq=place.seq, head=bytes.fromhex(place.head[2:]))


def signed_from_record(record: OrderRecord, attempt: AttemptRecord, book: BookPlace) -> Signed:
    """Return a stored attempt of the signer's book as if it had just been signed."""
    assert record.nonce is not None, "an order with an attempt has a nonce"
    return Signed(
        book=book,
        order_id=record.order_id,
        attempt=attempt.attempt,
        kind=attempt.kind,
        nonce=record.nonce,
        raw=attempt.raw,
        hash=attempt.hash,
        digest=attempt.digest,
        fees=attempt.fees,
    )


def differences(terms: TransferTerms, order_id: str, signed: Signed) -> tuple[Reason, ...]:
    """Say in what the signed bytes differ from the order; empty means in nothing."""
    try:
        found = parse_raw(signed.raw)
    except BadAnswerError as error:
        return (Reason(code="raw_unreadable", text=str(error)),)
    return tuple(
        Reason(code="raw_differs", text=f"the signed {name} is {has}, the order says {wants}")
        for name, wants, has in _pairs(terms, order_id, signed, found)
        if wants != has
    )


def _pairs(
    terms: TransferTerms, order_id: str, signed: Signed, found: RawTransaction
) -> Iterator[tuple[str, object, object]]:
    is_cancel = signed.kind is AttemptKind.CANCEL
    yield "order", order_id, "0x" + signed.order_id.hex()
    yield "sender", terms.source, found.sender
    yield "chain", terms.chain_id, found.chain_id
    yield "nonce", signed.nonce, found.nonce
    yield "hash", "0x" + signed.hash.hex(), found.hash
    yield "asset", NATIVE if is_cancel else terms.asset, found.asset
    yield "receiver", terms.source if is_cancel else terms.destination, found.destination
    yield "amount", 0 if is_cancel else terms.amount, found.amount
    yield "gas limit", signed.fees.gas_limit, found.gas_limit
    yield "fee per gas", signed.fees.max_fee_per_gas, found.max_fee_per_gas
    yield "tip per gas", signed.fees.max_priority_fee_per_gas, found.max_priority_fee_per_gas
    yield "fee within the terms", True, signed.fees.total <= terms.max_fee


def store_signed(
    session: Session, transfer: Transfer, signed: Signed, *, why: str, now: int
) -> tuple[Transfer, Attempt]:
    """Write nonce and bytes down in the caller's transaction; known bytes are found, not doubled.

    Raises `TwinError` when another transfer holds the nonce.
    """
    known: dict[int, Attempt] = {}
    if transfer.state is TransferState.QUEUED:
        transfer = moves.move(
            session,
            transfer,
            TransferState.IN_FLIGHT,
            actor=Owner.DISPATCH,
            why=why,
            now=now,
            nonce=signed.nonce,
            reasons=(),
        )
    else:
        known = {a.number: a for a in transfers.attempts(session, transfer.id)}
    if signed.attempt in known:
        return transfer, known[signed.attempt]
    row = _row(transfer.id, signed, now)
    attempt = moves.create(session, Attempt, row, actor=Owner.DISPATCH, why=why, now=now)
    return transfer, attempt


def _row(transfer_id: int, signed: Signed, now: int) -> AttemptRow:
    return AttemptRow(
        transfer_id=transfer_id,
        number=signed.attempt,
        kind=signed.kind.value,
        raw="0x" + signed.raw.hex(),
        hash="0x" + signed.hash.hex(),
        gas_limit=signed.fees.gas_limit,
        max_fee_per_gas=signed.fees.max_fee_per_gas,
        max_priority_fee_per_gas=signed.fees.max_priority_fee_per_gas,
        l1_fee=signed.fees.l1_fee,
        state=AttemptState.SIGNED.value,
        signed_at=now,
    )
