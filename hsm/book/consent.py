"""The book's pages on consent: which approvals and vetoes it has seen, and when it saw them.

A time-lock starts when this book has seen the quorum, on this process's clock; what the daemon
says about earlier times does not count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hsm.book.book import Book
from hsm.wire.fields import to_hex
from policies.terms import Address


def approvals_of(book: Book, digest: bytes) -> Mapping[Address, tuple[bytes, int]]:
    """Return signature and first sight of every approval of a digest, by signer."""
    rows = book.connection.execute(
        "SELECT signer, signature, seen_at FROM approvals WHERE digest = ?", (digest,)
    )
    return {Address(signer): (signature, seen_at) for signer, signature, seen_at in rows}


def keep_approvals(book: Book, digest: bytes, approvals: Mapping[Address, bytes], now: int) -> None:
    """Write approvals in that were not seen before; inside a transaction."""
    for signer, signature in approvals.items():
        book.write(
            "approval_seen",
            {"digest": to_hex(digest), "signer": signer, "signature": to_hex(signature)},
            now,
        )
        book.connection.execute(
            "INSERT OR IGNORE INTO approvals VALUES (?, ?, ?, ?)", (digest, signer, signature, now)
        )


def vetoes_of(book: Book, digest: bytes) -> Sequence[Address]:
    """Return who vetoed a digest."""
    rows = book.connection.execute("SELECT signer FROM vetoes WHERE digest = ?", (digest,))
    return [Address(signer) for (signer,) in rows]


def heard_on(
    book: Book, digest: bytes
) -> tuple[Mapping[Address, tuple[bytes, int]], Sequence[Address]]:
    """Return the approvals of a digest, as `approvals_of` does, and who vetoed it; one question."""
    rows = book.connection.execute(
        "SELECT signer, signature, seen_at FROM approvals WHERE digest = :digest"
        " UNION ALL SELECT signer, NULL, at FROM vetoes WHERE digest = :digest",
        {"digest": digest},
    )
    approvals: dict[Address, tuple[bytes, int]] = {}
    vetoed_by: list[Address] = []
    for signer, signature, seen_at in rows:
        if signature is None:
            vetoed_by.append(Address(signer))
        else:
            approvals[Address(signer)] = (signature, seen_at)
    return approvals, vetoed_by


def keep_veto(book: Book, digest: bytes, signer: Address, signature: bytes, now: int) -> None:
    """Write a veto in; inside a transaction. A second one of the same person changes nothing."""
    if signer in vetoes_of(book, digest):
        return
    book.write(
        "veto_seen",
        {"digest": to_hex(digest), "signer": signer, "signature": to_hex(signature)},
        now,
    )
    book.connection.execute(
        "INSERT INTO vetoes VALUES (?, ?, ?, ?)", (digest, signer, signature, now)
    )
