"""The book's pages on orders, their nonces and attempts, and what was spent.

The book assigns nonces: next = last + 1 per chain and address, from the law's start nonce. A
recorded nonce belongs to its order for ever.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hsm.answers import AttemptKind, Fees
from hsm.book import Book
from hsm.errors import BookError
from hsm.fields import to_hex
from hsm.reading import fees_from_json, fees_to_json
from hsm.signature import Signature
from policies.consent import terms_to_json, transfer_from_json
from policies.terms import Address, TransferTerms

_SERIES = len("0x") + 30
_TO_TEXT = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
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
    changed: int
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
        "SELECT order_id, terms, nonce, changed FROM orders WHERE order_id = ?", (order_id,)
    ).fetchone()
    return None if row is None else _order(book, row)


def orders_after(book: Book, seq: int, limit: int) -> Sequence[Order]:
    """Return the orders with a nonce that changed after an entry, oldest change first."""
    rows = book.connection.execute(
        "SELECT order_id, terms, nonce, changed FROM orders"
        " WHERE changed > ? AND nonce IS NOT NULL ORDER BY changed LIMIT ?",
        (seq, limit),
    ).fetchall()
    return [_order(book, row) for row in rows]


def _order(book: Book, row: tuple[bytes, str, int | None, int]) -> Order:
    order_id, terms, nonce, changed = row
    rows = book.connection.execute(
        "SELECT attempt, kind, fees, digest, raw, hash FROM attempts"
        " WHERE order_id = ? ORDER BY attempt",
        (order_id,),
    )
    return Order(
        order_id=order_id,
        terms=transfer_from_json(json.loads(terms)),
        nonce=nonce,
        changed=changed,
        attempts=tuple(_attempt(item) for item in rows),
    )


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


def keep_order(book: Book, order_id: bytes, terms: TransferTerms, seq: int) -> None:
    """Write an order in, without a nonce; inside a transaction. Known orders stay as they are."""
    book.connection.execute(
        "INSERT OR IGNORE INTO orders (order_id, terms, purpose, chain_id, source, nonce, changed)"
        " VALUES (?, ?, ?, ?, ?, NULL, ?)",
        (
            order_id,
            _TO_TEXT(terms_to_json(terms)),
            terms.purpose.value,
            terms.chain_id,
            terms.source,
            seq,
        ),
    )


def next_nonce(book: Book, chain_id: int, address: Address, start: int) -> int:
    """Return the nonce that the next order of an address gets."""
    row = book.connection.execute(
        "SELECT next FROM nonces WHERE chain_id = ? AND address = ?", (chain_id, address)
    ).fetchone()
    return start if row is None else max(start, int(row[0]))


def set_next_nonce(book: Book, chain_id: int, address: Address, nonce: int) -> None:
    """Set the nonce that comes next; inside a transaction."""
    book.connection.execute(
        "INSERT OR REPLACE INTO nonces VALUES (?, ?, ?)", (chain_id, address, nonce)
    )


def is_salt_used(book: Book, order_id: bytes, salt: bytes) -> bool:
    """Tell whether another order holds a nonce and this salt, or a later one of its series.

    The first 15 bytes of a salt name the series, the last one counts.
    """
    series, number = to_hex(salt)[:_SERIES], to_hex(salt)[_SERIES:]
    row = book.connection.execute(
        "SELECT 1 FROM orders WHERE substr(json_extract(terms, '$.salt'), 1, 32) = ?"
        " AND substr(json_extract(terms, '$.salt'), 33) >= ?"
        " AND nonce IS NOT NULL AND order_id <> ?",
        (series, number, order_id),
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
    """Give an order its nonce for ever, with its first attempt; inside a transaction."""
    fees = fees_to_json(attempt.fees)
    # The order id is the digest of all terms, so the entry covers them.
    content = {"orderId": to_hex(order_id), "nonce": str(nonce), "digest": to_hex(attempt.digest)}
    seq = book.write("order_recorded", {**fees, **content}, now)
    text = _TO_TEXT(terms_to_json(terms))
    book.connection.execute(
        "INSERT INTO orders (order_id, terms, purpose, chain_id, source, nonce, changed)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (order_id) DO UPDATE"
        " SET nonce = excluded.nonce, changed = excluded.changed WHERE nonce IS NULL",
        (order_id, text, terms.purpose.value, terms.chain_id, terms.source, nonce, seq),
    )
    _insert_attempt(book, order_id, attempt, fees, now)


def record_attempt(book: Book, order_id: bytes, attempt: Attempt, now: int) -> None:
    """Write down a further attempt that is about to be signed; inside a transaction."""
    fees = fees_to_json(attempt.fees)
    seq = book.write(
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
    _insert_attempt(book, order_id, attempt, fees, now)
    _touch(book, order_id, seq)


def _insert_attempt(
    book: Book, order_id: bytes, attempt: Attempt, fees: Mapping[str, str], now: int
) -> None:
    book.connection.execute(
        "INSERT INTO attempts (order_id, attempt, kind, fees, digest, at)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (order_id, attempt.number, attempt.kind.value, _TO_TEXT(fees), attempt.digest, now),
    )


def store_raw(book: Book, order_id: bytes, number: int, raw: bytes, hash_: bytes) -> None:
    """Write down the signed bytes; inside a transaction. Stored bytes never change."""
    now = book.now()
    seq = book.write(
        "attempt_signed",
        {"orderId": to_hex(order_id), "attempt": str(number), "hash": to_hex(hash_)},
        now,
    )
    changed = book.connection.execute(
        "UPDATE attempts SET raw = ?, hash = ? WHERE order_id = ? AND attempt = ? AND raw IS NULL",
        (raw, hash_, order_id, number),
    ).rowcount
    if changed != 1:
        raise BookError("an attempt was to be signed twice; the second signature was dropped")
    _touch(book, order_id, seq)


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


def _touch(book: Book, order_id: bytes, seq: int) -> None:
    book.connection.execute("UPDATE orders SET changed = ? WHERE order_id = ?", (seq, order_id))
