"""The signer's own durable book: what was signed, under which law, and who consented.

Rules of the book:
1. Every change is one entry in a hash chain, written in the same transaction as the change.
2. Nothing is signed before its entry is on disk (`synchronous=FULL`, checked at opening).
3. Nothing is ever deleted; a refusal writes nothing.
4. Time never goes back: a clock more than 5 s behind the last entry stops the signer.
5. An empty book draws a new deployment id, so that every older consent is void.

It does not notice a book that was replaced by an older copy of itself; the daemon does, because
it journals the number and head that every answer carries.
"""

from __future__ import annotations

import hashlib
import logging
import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from hsm.book.schema import migrate
from hsm.errors import BookError
from hsm.wire.canonical import to_text

log = logging.getLogger("hsm")

REWIND_S = 5
LOG_BYTES = 3 << 20
"""More than the write-ahead log ever needs: it begins anew after some two megabytes."""
_LOG_PIECE_BYTES = 1 << 16
TIDY_AFTER = 64
"""Entries, as thirty orders write them: less than half of what makes the log begin anew."""
_FULL = 2
_GENESIS_HEAD = bytes(32)
_T = TypeVar("_T")
Place = tuple[int, bytes, int]
"""Number, hash and time of an entry."""


class Stretch:
    """Work that the book keeps whole, or takes back whole when anything inside fails."""

    __slots__ = ("_before", "_begin", "_book", "_keep", "_undo")

    def __init__(self, book: Book, begin: str, keep: str, undo: Sequence[str]) -> None:
        """Remember the statements; an empty one is left out."""
        self._book, self._begin, self._keep, self._undo = book, begin, keep, undo

    def __enter__(self) -> None:
        """Begin."""
        if self._begin:
            self._book.connection.execute(self._begin)
        self._before = self._book.place()

    def __exit__(self, kind: type[BaseException] | None, *_error: object) -> None:
        """Keep what was written, or undo it; an error goes on."""
        if kind is not None:
            self._take_back()
        elif self._keep:
            try:
                self._book.connection.execute(self._keep)
            except BaseException:
                self._take_back()
                raise

    def _take_back(self) -> None:
        self._book.go_back(self._before)
        if self._book.connection.in_transaction:
            for statement in self._undo:
                self._book.connection.execute(statement)


class Book:
    """An open book; one writer, one thread."""

    def __init__(self, path: Path, clock: Callable[[], int]) -> None:
        """Open or begin the book; `clock` returns unix seconds. Raises `BookError`."""
        self._clock = clock
        self._path = path
        self._memory: dict[str, Any] = {}
        self._tidy_to = 0
        self.connection = _open(path)
        try:
            migrate(self.connection)
            self._seq, self._head, self._last_at = self._last_entry()
            if self._seq == 0:
                self._begin()
        except sqlite3.Error as error:
            raise BookError(f"{path}: the book cannot be used: {error}") from error

    @property
    def seq(self) -> int:
        """Return the number of the last entry."""
        return self._seq

    @property
    def head(self) -> bytes:
        """Return the hash of the last entry, which covers all before it."""
        return self._head

    @property
    def last_at(self) -> int:
        """Return the latest time that any entry carries."""
        return self._last_at

    @property
    def deployment(self) -> bytes:
        """Return the deployment id, the salt of every signed message."""
        return bytes.fromhex(self.get("deployment"))

    def now(self) -> int:
        """Return the signer's time. Raises `BookError` when it went back too far."""
        now = self._clock()
        if now < self._last_at - REWIND_S:
            raise BookError(
                f"the clock shows {now}, the book's last entry {self._last_at}: set the clock"
            )
        return max(now, self._last_at)

    def transaction(self) -> Stretch:
        """Do everything inside in one durable commit, or nothing of it."""
        return Stretch(self, "BEGIN IMMEDIATE", "COMMIT", ("ROLLBACK",))

    def part(self) -> Stretch:
        """Undo only what is inside when it fails: one request of several in a transaction."""
        return Stretch(self, "SAVEPOINT part", "RELEASE part", ("ROLLBACK TO part", "RELEASE part"))

    def whole(self) -> Stretch:
        """Undo all of the transaction when it fails: `part` for a request that is alone in it.

        Costs nothing while nothing fails, where a savepoint copies every page that is touched.
        """
        return Stretch(self, "", "", ("ROLLBACK", "BEGIN IMMEDIATE"))

    def place(self) -> Place:
        """Return number, hash and time of the last entry."""
        return self._seq, self._head, self._last_at

    def go_back(self, before: Place) -> None:
        """Remember only what the file holds, whose last entry is again the one before."""
        self._seq, self._head, self._last_at = before
        self.forget()

    def head_at(self, seq: int) -> bytes | None:
        """Return the hash of an entry; None when the book has none of that number."""
        row = self.connection.execute("SELECT head FROM entries WHERE seq = ?", (seq,)).fetchone()
        return None if row is None else bytes(row[0])

    def write(self, kind: str, content: Mapping[str, str], at: int) -> int:
        """Add an entry to the chain, inside a transaction; return its number."""
        text = to_text(content)
        seq = self._seq + 1
        head = chain_head(self._head, seq, at, kind, text)
        self.connection.execute(
            "INSERT INTO entries (seq, at, kind, content, head) VALUES (?, ?, ?, ?, ?)",
            (seq, at, kind, text, head),
        )
        self._seq, self._head, self._last_at = seq, head, max(at, self._last_at)
        return seq

    def recall(self, name: str, load: Callable[[], _T]) -> _T:
        """Return what `load` read from the book, read again only after a change.

        Sound because nobody else can write: the file is locked exclusively.
        """
        if name not in self._memory:
            self._memory[name] = load()
        value: _T = self._memory[name]
        return value

    def remember(self, name: str, value: object) -> None:
        """Keep for `recall` what was just written, until the next change or failure."""
        self._memory[name] = value

    def remembered(self, name: str) -> object | None:
        """Return what was kept under a name, None when nothing is."""
        return self._memory.get(name)

    def forget(self) -> None:
        """Read everything anew from now on; called by whoever changes what is recalled."""
        self._memory.clear()

    def get(self, name: str, default: str = "") -> str:
        """Return a named value."""
        values = self.recall("meta", self._meta)
        return values.get(name, default)

    def _meta(self) -> dict[str, str]:
        return dict(self.connection.execute("SELECT name, value FROM meta"))

    def put(self, name: str, value: str) -> None:
        """Set a named value, inside a transaction."""
        self.forget()
        self.connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    def lay_out_log(self) -> None:
        """Give the write-ahead log its full length now, so that no commit has to make it longer.

        A flush of a file that grew writes the file's length too and takes twice as long. It is
        written piece by piece, because the kernel keeps together what was written together and
        looks through all of it at every later write. Raises `BookError`.
        """
        try:
            with Path(f"{self._path}-wal").open("r+b", buffering=0) as file:
                size = file.seek(0, os.SEEK_END)
                while size < LOG_BYTES:
                    size += file.write(bytes(min(_LOG_PIECE_BYTES, LOG_BYTES - size)))
                os.fsync(file.fileno())
        except OSError as error:
            raise BookError(
                f"{self._path}: no room for the book's log: {error}; it needs "
                f"{LOG_BYTES >> 20} MB beside the book"
            ) from error

    def tidy(self) -> None:
        """Bring what gathered in the log into the book's file; called while nobody waits.

        Else the order that fills the log does it within its own commit, for two flushes more.
        Where the disk is full that order finds out: here nothing is lost, the log has it all.
        """
        if self._seq < self._tidy_to + TIDY_AFTER:
            return
        self._tidy_to = self._seq
        try:
            self.connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        except sqlite3.Error as error:
            log.warning("the book's log could not be brought into its file: %s", error)

    def verify(self) -> None:
        """Walk the whole chain. Raises `BookError` naming the first bad entry."""
        head, expected = _GENESIS_HEAD, 1
        rows = self.connection.execute(
            "SELECT seq, at, kind, content, head FROM entries ORDER BY seq"
        )
        for seq, at, kind, content, stored in rows:
            head = chain_head(head, seq, at, kind, content)
            if seq != expected or head != stored:
                raise BookError(f"{self._path}: entry {expected} of the book was changed or lost")
            expected += 1

    def close(self) -> None:
        """Close the file."""
        self.connection.close()

    def _begin(self) -> None:
        deployment = os.urandom(32).hex()
        with self.transaction():
            self.put("deployment", deployment)
            self.write("began", {"deployment": deployment}, self._clock())

    def _last_entry(self) -> tuple[int, bytes, int]:
        row = self.connection.execute(
            "SELECT seq, head, (SELECT max(at) FROM entries) FROM entries ORDER BY seq DESC LIMIT 1"
        ).fetchone()
        return (0, _GENESIS_HEAD, 0) if row is None else (row[0], row[1], row[2])


def chain_head(before: bytes, seq: int, at: int, kind: str, content: str) -> bytes:
    """Return the hash of an entry: it covers the entry and, through `before`, all older ones."""
    return hashlib.sha256(
        before + seq.to_bytes(8, "big") + at.to_bytes(8, "big") + f"{kind}\n{content}".encode()
    ).digest()


def _open(path: Path) -> sqlite3.Connection:
    try:
        connection = sqlite3.connect(path, isolation_level=None, timeout=1.0)
        path.chmod(0o600)
        # Heard by an empty file alone. Each touched page is flushed, and a row is half such a page.
        connection.execute("PRAGMA page_size = 2048")
        # Exclusive: a second signer on the same book must fail, not take turns.
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        (level,) = connection.execute("PRAGMA synchronous").fetchone()
    except (sqlite3.Error, OSError) as error:
        raise BookError(
            f"{path}: the book cannot be opened: {error}; is another signer running?"
        ) from error
    if mode != "wal" or level != _FULL:
        raise BookError(f"{path}: the book cannot be made durable (journal {mode}, level {level})")
    return connection
