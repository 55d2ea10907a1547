"""The book's pages on laws, wallets' marks, active wallets, motions and tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from hsm.book.book import Book
from policies.law import Law, canonical_law, law_digest, law_from_canonical


class Mark(StrEnum):
    """What the book remembers against a wallet."""

    ISOLATED = "isolated"
    RETIRED = "retired"


class Laws(NamedTuple):
    """The law in force, and the adopted one that is not yet (None: no such).

    Until `coming_from` both bind: what the coming law forbids is forbidden at once, what it
    newly allows is not allowed yet.
    """

    present: Law | None
    coming: Law | None
    coming_from: int | None


def laws_at(book: Book, now: int) -> Laws:
    """Return the law in force at a time and the one that waits."""
    rows = book.recall("laws", lambda: _newest_two(book))
    if not rows:
        return Laws(present=None, coming=None, coming_from=None)
    newest, active_from = rows[0]
    if active_from <= now:
        return Laws(present=_parsed(newest), coming=None, coming_from=None)
    # Adoption drops a law that still waits, so the one before a waiting law is in force.
    return Laws(present=_parsed(rows[1][0]), coming=_parsed(newest), coming_from=active_from)


def _newest_two(book: Book) -> Sequence[tuple[str, int]]:
    return book.connection.execute(
        "SELECT text, active_from FROM laws WHERE dropped = 0 ORDER BY seq DESC LIMIT 2"
    ).fetchall()


@lru_cache(maxsize=8)
def _parsed(text: str) -> Law:
    return law_from_canonical(text.encode())


def adopt_law(book: Book, law: Law, *, motion_id: bytes, active_from: int, now: int) -> None:
    """Write an adopted law in, in place of one that still waits; inside a transaction."""
    book.forget()
    digest, text = law_digest(law), canonical_law(law).decode()
    drop_waiting_laws(book, now)
    seq = book.write(
        "law_adopted",
        {"digest": "0x" + digest.hex(), "law": text, "activeFrom": str(active_from)},
        now,
    )
    book.connection.execute(
        "INSERT INTO laws VALUES (?, ?, ?, ?, ?, 0)",
        (seq, digest, text, active_from, motion_id),
    )
    known = active_wallets(book)
    for pool in law.pools:
        if pool.name not in known:
            set_active(book, pool.name, pool.active, now)


def drop_waiting_laws(book: Book, now: int, motion_id: bytes | None = None) -> None:
    """Drop laws that wait to come into force, or only that of one motion; in a transaction."""
    book.forget()
    rows = book.connection.execute(
        "SELECT seq, digest FROM laws WHERE dropped = 0 AND active_from > ?"
        " AND motion_id = ifnull(?, motion_id)",
        (now, motion_id),
    ).fetchall()
    for seq, digest in rows:
        book.write("law_dropped", {"digest": "0x" + digest.hex()}, now)
        book.connection.execute("UPDATE laws SET dropped = 1 WHERE seq = ?", (seq,))


def marks(book: Book) -> Mapping[str, Mark]:
    """Return every marked wallet."""
    return book.recall("marks", lambda: _read_marks(book))


def _read_marks(book: Book) -> Mapping[str, Mark]:
    rows = book.connection.execute("SELECT wallet, mark FROM marks ORDER BY wallet")
    return {wallet: Mark(mark) for wallet, mark in rows}


def set_mark(book: Book, wallet: str, mark: Mark, why: str, now: int) -> None:
    """Mark a wallet; inside a transaction."""
    book.forget()
    book.write("wallet_marked", {"wallet": wallet, "mark": mark.value, "why": why}, now)
    book.connection.execute(
        "INSERT OR REPLACE INTO marks VALUES (?, ?, ?, ?)", (wallet, mark.value, now, why)
    )


def lift_mark(book: Book, wallet: str, now: int) -> None:
    """Lift an isolation by motion; inside a transaction."""
    book.forget()
    book.write("wallet_reinstated", {"wallet": wallet}, now)
    book.connection.execute("DELETE FROM marks WHERE wallet = ? AND mark = 'isolated'", (wallet,))


def active_wallets(book: Book) -> Mapping[str, str]:
    """Return each pool's active wallet."""
    return book.recall("active", lambda: _read_active(book))


def _read_active(book: Book) -> Mapping[str, str]:
    return dict(book.connection.execute("SELECT pool, wallet FROM active ORDER BY pool"))


def set_active(book: Book, pool: str, wallet: str, now: int) -> None:
    """Make a wallet the active one of its pool; inside a transaction."""
    book.forget()
    book.write("wallet_activated", {"pool": pool, "wallet": wallet}, now)
    book.connection.execute("INSERT OR REPLACE INTO active VALUES (?, ?, ?)", (pool, wallet, now))


def has_motion(book: Book, motion_id: bytes) -> bool:
    """Tell whether a motion was carried before."""
    row = book.connection.execute("SELECT 1 FROM motions WHERE motion_id = ?", (motion_id,))
    return row.fetchone() is not None


def write_motion(
    book: Book, motion_id: bytes, kind: str, content: Mapping[str, str], now: int
) -> None:
    """Write a carried motion in; inside a transaction."""
    book.write("motion_carried", {**content, "motionId": "0x" + motion_id.hex()}, now)
    book.connection.execute(
        "INSERT OR IGNORE INTO motions VALUES (?, ?, ?)", (motion_id, kind, now)
    )


def pinned_tokens(book: Book) -> Mapping[str, str]:
    """Return the token serials that were written in at genesis."""
    return dict(book.connection.execute("SELECT name, serial FROM tokens"))


def pin_tokens(book: Book, serials: Mapping[str, str], now: int) -> None:
    """Write the token serials in; inside a transaction."""
    book.write("tokens_pinned", dict(serials), now)
    book.connection.executemany("INSERT OR REPLACE INTO tokens VALUES (?, ?)", serials.items())


def is_frozen(book: Book) -> bool:
    """Tell whether exposure is stopped."""
    return book.get("frozen") != ""


def set_frozen(book: Book, why: str, now: int) -> None:
    """Stop exposure (`why` not empty) or let it go on; inside a transaction."""
    book.write("frozen" if why else "resumed", {"why": why}, now)
    book.put("frozen", why)


def set_epoch(book: Book, epoch: int, now: int) -> None:
    """Remember the number of the newest daemon; inside a transaction."""
    book.put("epoch", str(epoch))
    book.write("epoch", {"epoch": str(epoch)}, now)
