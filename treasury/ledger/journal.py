"""The journal: an append-only chain of hashes over everything that changed.

    hash = sha256(prev || canonical JSON of {actor, at, body, book_head, book_seq, kind, seq,
                                             subject})
with `prev` the hash of the line before as 32 bytes (32 zero bytes for the first). A line is written
in the same transaction as the change it tells of. Every line carries the newest place of the
signer's book that the daemon has seen (`book_seq`, `book_head`): both books bear witness to each
other.

Triggers forbid UPDATE and DELETE. Who rewrites the file itself can make a new chain that is right
in itself: only a signed checkpoint outside tells. `verify` names the first line that does not fit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, bindparam, event, insert
from sqlmodel import Session, col

from treasury.ledger import alarms
from treasury.ledger.columns import canonical_json
from treasury.ledger.facts import Entry
from treasury.ledger.reading import ask, read_all, read_first, rows_of
from treasury.ledger.tables import JournalRow

GENESIS = "0x" + "00" * 32
_TAIL = (
    rows_of(JournalRow)
    .where(col(JournalRow.seq) > bindparam("after"))
    .order_by(col(JournalRow.seq))
    .limit(bindparam("limit"))
)
_HEAD = rows_of(JournalRow).order_by(col(JournalRow.seq).desc()).limit(1)
_OF_KIND = (
    rows_of(JournalRow)
    .where(col(JournalRow.kind) == bindparam("kind"))
    .order_by(col(JournalRow.seq))
)
_BOOK, _UNWRITTEN = "book", "unwritten_lines"
LAST = "last_line"
"""Under which name a session keeps the newest line that it wrote."""
_INSERT = insert(JournalRow)
_PAGE = 1_000
_HASHED = ("actor", "at", "body", "book_head", "book_seq", "kind", "seq", "subject")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A place in the signer's book: the number and the 0x-hash of its last entry."""

    seq: int
    head: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What is to be written: who did what to which thing."""

    at: int
    actor: str
    kind: str
    subject: str
    body: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """Whether the chain holds; `first_bad` is the number of the first line that does not fit."""

    ok: bool
    entries: int
    head: str
    first_bad: int | None = None
    why: str = ""


def see_book(session: Session, place: Place | None) -> None:
    """Let the lines of this transaction carry a place of the signer's book."""
    if place is not None:
        session.info[_BOOK] = place


def append(session: Session, line: Line) -> Entry:
    """Write one line at the end of the chain."""
    last = _last(session)
    place = _newest_place(session, last)
    hashed: dict[str, object] = {
        "seq": 1 if last is None else last.seq + 1,
        "at": line.at,
        "actor": line.actor,
        "kind": line.kind,
        "subject": line.subject,
        "body": canonical_json(line.body),
        "book_seq": place.seq if place else None,
        "book_head": place.head if place else None,
    }
    prev = GENESIS if last is None else last.hash
    values = {**hashed, "prev": prev, "hash": _hash_of(prev, hashed)}
    if _UNWRITTEN not in session.info:
        session.info[_UNWRITTEN] = []
        event.listen(session, "before_commit", _write_down)
    session.info[_UNWRITTEN].append(values)
    entry = Entry(**values)  # type: ignore[arg-type]
    session.info[LAST] = entry
    alarms.ring(session, entry)
    return entry


def _write_down(session: Session) -> None:
    """Insert the lines of this transaction, all in one statement, before anybody reads or commits.

    A transaction that is rolled back never comes here, and its session is used no more.
    """
    lines = session.info.get(_UNWRITTEN)
    if lines:
        session.info[_UNWRITTEN] = []
        session.connection().execute(_INSERT, lines)


def _last(session: Session) -> Entry | None:
    """Return the newest line; nobody else writes one while this transaction does."""
    written: Entry | None = session.info.get(LAST)
    return head(session) if written is None else written


def entry_hash(row: Row[Any] | Entry) -> str:
    """Return the hash that a line must carry."""
    return _hash_of(row.prev, {name: getattr(row, name) for name in _HASHED})


def _hash_of(prev: str, hashed: Mapping[str, object]) -> str:
    digest = hashlib.sha256(bytes.fromhex(prev[2:]) + canonical_json(hashed).encode("ascii"))
    return "0x" + digest.hexdigest()


def verify(session: Session) -> Verified:
    """Walk the whole chain; name the first line that is missing, changed or out of place."""
    _write_down(session)
    prev, count = GENESIS, 0
    for row in _walk(session):
        why = _why_bad(row, count + 1, prev)
        if why:
            return Verified(ok=False, entries=count, head=prev, first_bad=count + 1, why=why)
        prev, count = row.hash, count + 1
    return Verified(ok=True, entries=count, head=prev)


def _walk(session: Session) -> Iterator[Row[Any]]:
    """Yield every line, page after page, past the mapper: a long journal has a million."""
    after = -(2**62)  # a line of a negative number would be none of ours, and must be seen
    while page := ask(session, _TAIL, {"after": after, "limit": _PAGE}).all():
        yield from page
        after = page[-1].seq


def tail(session: Session, *, after: int = 0, limit: int = 100) -> Sequence[Entry]:
    """Return up to `limit` lines that follow line `after`, oldest first."""
    _write_down(session)
    return read_all(session, Entry, _TAIL, after=after, limit=limit)


def of_kind(session: Session, kind: str) -> Sequence[Entry]:
    """Return every line of a kind, oldest first."""
    _write_down(session)
    return read_all(session, Entry, _OF_KIND, kind=kind)


def head(session: Session) -> Entry | None:
    """Return the newest line."""
    _write_down(session)
    return read_first(session, Entry, _HEAD)


def last_place(session: Session) -> Place | None:
    """Return the newest place of the signer's book that the journal bears witness to."""
    entry = head(session)
    if entry is None or entry.book_seq is None or entry.book_head is None:
        return None
    return Place(seq=entry.book_seq, head=entry.book_head)


def _newest_place(session: Session, last: Entry | None) -> Place | None:
    seen: Place | None = session.info.get(_BOOK)
    if last is None or last.book_seq is None or last.book_head is None:
        return seen
    # Two lanes may write the answers of the signer out of order: the newer place stays.
    if seen is None or seen.seq < last.book_seq:
        return Place(seq=last.book_seq, head=last.book_head)
    return seen


def _why_bad(row: Row[Any], seq: int, prev: str) -> str:
    if row.seq != seq:
        return f"line {seq} is missing"
    if row.prev != prev:
        return f"line {seq} does not follow line {seq - 1}"
    if row.hash != entry_hash(row):
        return f"line {seq} was changed after it was written"
    return ""
