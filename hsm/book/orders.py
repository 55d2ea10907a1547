"""The book's pages on orders, their nonces and attempts, and what was spent.

The book assigns nonces: next = last + 1 per chain and address, from the law's start nonce or from
where a motion skipped to. A recorded nonce belongs to its order for ever.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from hsm.book.book import Book
from hsm.errors import BookError
from hsm.token.signature import Signature
from hsm.wire.answers import AttemptKind, Fees
from hsm.wire.canonical import to_text
from hsm.wire.fields import to_hex
from hsm.wire.reading import fees_from_json, fees_to_json
from policies.consent import terms_to_json, transfer_from_json
from policies.terms import Address, Purpose, TransferTerms

_SERIES_BYTES = 15
_KEEP = (
    "INSERT OR IGNORE INTO orders"
    " (order_id, terms, purpose, chain_id, source, series, number) VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_RECORD = (
    "INSERT INTO orders (order_id, terms, purpose, chain_id, source, series, number, nonce,"
    " fees, digest, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (order_id) DO UPDATE SET nonce = excluded.nonce, fees = excluded.fees,"
    " digest = excluded.digest, at = excluded.at WHERE nonce IS NULL"
)
_STORE = "SET raw = ?, hash = ? WHERE raw IS NULL AND order_id = ?"
_STORE_FIRST = f"UPDATE orders {_STORE} AND digest IS NOT NULL"
_STORE_FURTHER = f"UPDATE further_attempts {_STORE} AND attempt = ?"


class Attempt(NamedTuple):
    """One attempt as the book holds it; `raw` and `hash` None: recorded, not signed."""

    number: int
    kind: AttemptKind
    fees: Fees
    digest: bytes
    raw: bytes | None
    hash: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One order as the book holds it; `nonce` None: only its consent is known."""

    order_id: bytes
    terms: TransferTerms
    nonce: int | None
    attempts: tuple[Attempt, ...]

    @property
    def is_signed(self) -> bool:
        """Tell whether any signature exists for it."""
        return any(attempt.raw is not None for attempt in self.attempts)

    @property
    def is_cancelled(self) -> bool:
        """Tell whether a cancel attempt was begun."""
        return any(attempt.kind is AttemptKind.CANCEL for attempt in self.attempts)


def find_order(book: Book, order_id: bytes) -> Order | None:
    """Return an order with its attempts."""
    row = book.connection.execute(
        "SELECT terms, nonce FROM orders WHERE order_id = ?", (order_id,)
    ).fetchone()
    if row is None:
        return None
    terms, nonce = row
    rows = book.connection.execute(
        "SELECT attempt, kind, fees, digest, raw, hash FROM attempts"
        " WHERE order_id = ? ORDER BY attempt",
        (order_id,),
    )
    return Order(
        order_id=order_id,
        terms=transfer_from_json(json.loads(terms)),
        nonce=nonce,
        attempts=tuple(_attempt(item) for item in rows),
    )


def orders_after(book: Book, seq: int, limit: int) -> Sequence[tuple[int, Order]]:
    """Return the orders that the entries after `seq` tell of, as they are now, at most `limit`.

    Each comes with the number of the last entry that was looked at for it, lowest first: whoever
    goes on from there misses nothing, and may see an order again that changed once more.
    """
    rows = book.connection.execute(
        "SELECT seq, json_extract(content, '$.orderId') FROM entries WHERE seq > ?"
        " AND kind IN ('order_recorded', 'attempt_recorded', 'attempt_signed') ORDER BY seq",
        (seq,),
    )
    newest: dict[str, int] = {}
    for number, order_id in rows:
        if order_id not in newest and len(newest) == limit:
            break
        newest[order_id] = number
    found = []
    for order_id, number in sorted(newest.items(), key=lambda item: item[1]):
        order = find_order(book, bytes.fromhex(order_id[2:]))
        assert order is not None, "entries tell only of recorded orders"
        found.append((number, order))
    return found


def _attempt(row: tuple[int, str, str, bytes, bytes | None, bytes | None]) -> Attempt:
    number, kind, fees, digest, raw, hash_ = row
    return Attempt(
        number=number,
        kind=AttemptKind(kind),
        fees=fees_from_json(json.loads(fees)),
        digest=digest,
        raw=raw,
        hash=hash_,
    )


def keep_order(book: Book, order_id: bytes, terms: TransferTerms) -> None:
    """Write an order in, without a nonce; inside a transaction. Known orders stay as they are."""
    book.connection.execute(_KEEP, _row(order_id, terms))


def _row(order_id: bytes, terms: TransferTerms) -> tuple[object, ...]:
    text = to_text(terms_to_json(terms))
    place = (terms.purpose.value, terms.chain_id, terms.source)
    return (order_id, text, *place, *_series_of(terms.salt))


def _series_of(salt: bytes) -> tuple[str, str]:
    """Return what names the payment and what counts its orders: 15 bytes and one."""
    return to_hex(salt[:_SERIES_BYTES]), salt[_SERIES_BYTES:].hex()


def next_nonce(book: Book, chain_id: int, address: Address, start: int) -> int:
    """Return the nonce that the next order of an address gets."""
    known = book.remembered(f"next {chain_id}/{address}")
    if isinstance(known, int):
        return max(start, known)
    (found,) = book.connection.execute(
        "SELECT max(next) FROM ("
        "SELECT next FROM nonces WHERE chain_id = :chain AND address = :address"
        " UNION ALL SELECT max(nonce) + 1 FROM orders WHERE chain_id = :chain"
        " AND source = :address AND nonce IS NOT NULL AND purpose <> 'evacuation')",
        {"chain": chain_id, "address": address},
    ).fetchone()
    return start if found is None else max(start, int(found))


def set_next_nonce(book: Book, terms: TransferTerms, nonce: int) -> None:
    """Set the nonce that comes after an order which is recorded in the same transaction.

    The order itself tells it, unless it is an evacuation: a motion may take back what a false
    claim of one did to the nonces, so it has to stand apart.
    """
    if terms.purpose is Purpose.EVACUATION:
        skip_to_nonce(book, terms.chain_id, terms.source, nonce)
    else:
        _remember_next(book, terms.chain_id, terms.source, nonce)


def _remember_next(book: Book, chain_id: int, address: Address, nonce: int) -> None:
    book.remember(f"next {chain_id}/{address}", nonce)


def skip_to_nonce(book: Book, chain_id: int, address: Address, nonce: int) -> None:
    """Let an address go on with this nonce; inside a transaction."""
    book.connection.execute(
        "INSERT INTO nonces VALUES (?, ?, ?)"
        " ON CONFLICT (chain_id, address) DO UPDATE SET next = excluded.next",
        (chain_id, address, nonce),
    )
    _remember_next(book, chain_id, address, nonce)


def is_salt_used(book: Book, order_id: bytes, salt: bytes) -> bool:
    """Tell whether another order holds a nonce and this salt, or a later one of its series.

    The first 15 bytes of a salt name the series, the last one counts.
    """
    row = book.connection.execute(
        "SELECT 1 FROM orders WHERE series = ? AND number >= ?"
        " AND nonce IS NOT NULL AND order_id <> ?",
        (*_series_of(salt), order_id),
    ).fetchone()
    return row is not None


def has_order_from(book: Book, chain_id: int, address: Address, nonce: int) -> bool:
    """Tell whether an order other than an evacuation holds this nonce or a later one."""
    return _has_order(book, ">=", chain_id, address, nonce)


def is_nonce_taken(book: Book, chain_id: int, address: Address, nonce: int) -> bool:
    """Tell whether an order other than an evacuation holds a nonce."""
    return _has_order(book, "=", chain_id, address, nonce)


def _has_order(book: Book, compare: str, chain_id: int, address: Address, nonce: int) -> bool:
    row = book.connection.execute(
        f"SELECT 1 FROM orders WHERE chain_id = ? AND source = ? AND nonce {compare} ?"  # noqa: S608
        " AND purpose <> 'evacuation'",
        (chain_id, address, nonce),
    ).fetchone()
    return row is not None


def record_order(
    book: Book, order_id: bytes, terms: TransferTerms, *, nonce: int, attempt: Attempt, now: int
) -> None:
    """Give an order its nonce for ever, with its first attempt; inside a transaction.

    Raises `BookError` when it has one already.
    """
    fees = fees_to_json(attempt.fees)
    # The order id is the digest of all terms, so the entry covers them.
    content = {"orderId": to_hex(order_id), "nonce": str(nonce), "digest": to_hex(attempt.digest)}
    book.write("order_recorded", {**fees, **content}, now)
    added = (nonce, to_text(fees), attempt.digest, now)
    if book.connection.execute(_RECORD, (*_row(order_id, terms), *added)).rowcount != 1:
        raise BookError("an order was to be recorded twice; the second nonce was dropped")


def record_attempt(book: Book, order_id: bytes, attempt: Attempt, now: int) -> None:
    """Write down a further attempt that is about to be signed; inside a transaction."""
    fees = fees_to_json(attempt.fees)
    book.write(
        "attempt_recorded",
        {
            "orderId": to_hex(order_id),
            "attempt": str(attempt.number),
            "kind": attempt.kind.value,
            "digest": to_hex(attempt.digest),
            **fees,
        },
        now,
    )
    book.connection.execute(
        "INSERT INTO further_attempts (order_id, attempt, kind, fees, digest, at)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (order_id, attempt.number, attempt.kind.value, to_text(fees), attempt.digest, now),
    )


def store_raw(book: Book, order_id: bytes, number: int, raw: bytes, hash_: bytes) -> None:
    """Write down the signed bytes; inside a transaction. Stored bytes never change."""
    now = book.now()
    book.write(
        "attempt_signed",
        {"orderId": to_hex(order_id), "attempt": str(number), "hash": to_hex(hash_)},
        now,
    )
    values, ask = (raw, hash_, order_id), book.connection.execute
    done = ask(_STORE_FIRST, values) if number == 1 else ask(_STORE_FURTHER, (*values, number))
    if done.rowcount != 1:
        raise BookError("an attempt was to be signed twice; the second signature was dropped")


def keep_signature(book: Book, key: str, digest: bytes, signature: Signature, now: int) -> bool:
    """Remember every (key, r); inside a transaction.

    Returns False when this r was used for another digest: the key is lost, because two
    signatures with one r reveal it. A deterministic token repeats r for the same digest only.
    """
    r, s = signature.rs[:32], signature.rs[32:]
    try:
        book.connection.execute(
            "INSERT INTO signatures VALUES (?, ?, ?, ?, ?)", (key, r, digest, s, now)
        )
    except sqlite3.IntegrityError:
        row = book.connection.execute(
            "SELECT digest FROM signatures WHERE key = ? AND r = ?", (key, r)
        ).fetchone()
        return row is not None and bytes(row[0]) == digest
    return True
