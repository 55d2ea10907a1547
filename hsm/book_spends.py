"""The book's pages on what was spent: the windows count from here.

A movement counts from the moment its nonce is assigned, with the most that it may cost in fees,
and is never given back: the daemon's word that it did not happen counts for nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hsm.book import Book
from policies.terms import Address, TransferTerms

_DIGITS = 78


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """One signed movement, for the windows: amounts in base units, `fee` in native wei."""

    order_id: bytes
    at: int
    purpose: str
    source: Address
    destination: Address
    asset: Address
    amount: int
    fee: int
    first_use: bool


def record_spend(
    book: Book, order_id: bytes, terms: TransferTerms, *, first_use: bool, now: int
) -> None:
    """Count an order in the windows, once, when its nonce is assigned; inside a transaction."""
    book.connection.execute(
        "INSERT INTO spends VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            order_id,
            now,
            terms.purpose.value,
            terms.chain_id,
            terms.source,
            terms.destination,
            terms.asset,
            str(terms.amount).zfill(_DIGITS),
            str(terms.max_fee).zfill(_DIGITS),
            int(first_use),
        ),
    )


def spends_from(book: Book, chain_id: int, source: Address, since: int) -> Sequence[Spend]:
    """Return what left an address after a time."""
    return _spends(book, "source", chain_id, source, since)


def spends_to(book: Book, chain_id: int, destination: Address, since: int) -> Sequence[Spend]:
    """Return what was sent to an address after a time."""
    return _spends(book, "destination", chain_id, destination, since)


def _spends(
    book: Book, column: str, chain_id: int, address: Address, since: int
) -> Sequence[Spend]:
    rows = book.connection.execute(
        "SELECT order_id, at, purpose, source, destination, asset, amount, fee, first_use"  # noqa: S608
        f" FROM spends WHERE chain_id = ? AND {column} = ? AND at > ?",
        (chain_id, address, since),
    )
    return [
        Spend(
            order_id=order_id,
            at=at,
            purpose=purpose,
            source=Address(source),
            destination=Address(destination),
            asset=Address(asset),
            amount=int(amount),
            fee=int(fee),
            first_use=bool(first_use),
        )
        for order_id, at, purpose, source, destination, asset, amount, fee, first_use in rows
    ]


def first_paid_at(book: Book, chain_id: int, destination: Address) -> int | None:
    """Return when an address was first paid by a withdrawal, None when never."""
    (at,) = book.connection.execute(
        "SELECT min(at) FROM spends WHERE chain_id = ? AND destination = ?"
        " AND purpose = 'withdrawal'",
        (chain_id, destination),
    ).fetchone()
    return at if at is None else int(at)
