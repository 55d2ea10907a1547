"""The signer's book: durable, chained, one writer, and time that never goes back."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from hsm.book import law as book_law
from hsm.book import orders as book_orders
from hsm.book.book import LOG_BYTES, Book, chain_head
from hsm.book.law import Mark
from hsm.book.orders import Attempt, record_order
from hsm.errors import BookError
from hsm.wire.answers import AttemptKind
from policies.terms import Purpose
from tests.fakes.clock import FakeClock
from tests.fakes.vault_room import FEES, VaultRoom, nonce_of
from tests.laws import address_of


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the book lies."""
    return tmp_path / "book.sqlite3"


@pytest.fixture
def book(path: Path, clock: FakeClock) -> Iterator[Book]:
    """An empty book."""
    made = Book(path, clock.unix)
    yield made
    made.close()


def test_an_empty_book_draws_a_new_deployment(tmp_path: Path, clock: FakeClock) -> None:
    """Deleting the book makes a new deployment, so all old consent is void."""
    books = [Book(tmp_path / name, clock.unix) for name in ("a", "b")]
    drawn = {book.deployment for book in books}
    for book in books:
        book.close()

    assert 2 == len(drawn)
    assert {32} == {len(deployment) for deployment in drawn}


def test_it_is_durable_and_private(book: Book, path: Path) -> None:
    """Full synchronisation, write-ahead log, mode 0600 (R4.2)."""
    assert (2,) == book.connection.execute("PRAGMA synchronous").fetchone()
    assert ("wal",) == book.connection.execute("PRAGMA journal_mode").fetchone()
    assert 0o600 == path.stat().st_mode & 0o777


def test_a_log_laid_out_in_full_never_grows_and_survives_a_crash(
    book: Book, path: Path, tmp_path: Path, clock: FakeClock
) -> None:
    """Commits find their room there already, and what lies behind them is not read as one."""
    log = path.with_name(path.name + "-wal")
    book.lay_out_log()
    for number in range(400):
        with book.transaction():
            book_law.set_mark(book, f"wallet-{number}", Mark.ISOLATED, "why " * 200, clock.unix())
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    for file in (path, log):
        shutil.copy(file, crashed)
    again = Book(crashed / path.name, clock.unix)
    again.verify()

    assert LOG_BYTES == log.stat().st_size
    assert (book.seq, book.head) == (again.seq, again.head)
    again.close()


def test_a_log_that_cannot_be_laid_out_stops_the_start(
    book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk is named at the start, not met within an order."""

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(BookError, match=r"no room .*No space left.*3 MB beside"):
        book.lay_out_log()


def test_the_chain_is_the_one_that_old_books_have() -> None:
    """A hash once written must verify for ever: its layout never changes."""
    head = chain_head(bytes(range(32)), 7, 1_767_355_200, "law_adopted", '{"a":"b"}')
    laid_out = bytes(range(32)) + bytes([0] * 7 + [7]) + bytes.fromhex("000000006957b340")

    assert hashlib.sha256(laid_out + b'law_adopted\n{"a":"b"}').digest() == head


def test_a_second_signer_on_one_book_is_refused(book: Book, path: Path, clock: FakeClock) -> None:
    """Two processes never share a book."""
    with pytest.raises(BookError, match="another signer"):
        Book(path, clock.unix)
    assert 1 == book.seq


def test_everything_survives_a_reopening(path: Path, clock: FakeClock) -> None:
    """Deployment, chain and marks are there after a restart, and the chain verifies."""
    book = Book(path, clock.unix)
    with book.transaction():
        book_law.set_mark(book, "hot-a", Mark.ISOLATED, "a test", clock.unix())
    before = (book.deployment, book.seq, book.head)
    book.close()
    again = Book(path, clock.unix)
    again.verify()

    assert before == (again.deployment, again.seq, again.head)
    assert {"hot-a": Mark.ISOLATED} == dict(book_law.marks(again))
    again.close()


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE entries SET content = '{}' WHERE seq = 2",
        "UPDATE entries SET at = at - 1 WHERE seq = 2",
        "UPDATE entries SET kind = 'x' WHERE seq = 2",
        "DELETE FROM entries WHERE seq = 2",
        "UPDATE entries SET head = zeroblob(32) WHERE seq = 3",
    ],
)
def test_a_changed_entry_is_named(book: Book, clock: FakeClock, tampering: str) -> None:
    """A change, a loss or another head anywhere breaks the chain at its number."""
    with book.transaction():
        for turn in range(3):
            book.write("test", {"turn": str(turn)}, clock.unix())
    book.connection.execute(tampering)

    with pytest.raises(BookError, match=r"entry [23] of the book"):
        book.verify()


def _write_and_fail(book: Book, clock: FakeClock) -> None:
    book.write("second", {}, clock.unix())
    raise ZeroDivisionError


def test_a_failed_transaction_leaves_nothing(book: Book, clock: FakeClock) -> None:
    """When anything inside fails, chain and tables are as before."""
    before = (book.seq, book.head)
    with pytest.raises(ZeroDivisionError), book.transaction():
        _write_and_fail(book, clock)

    assert before == (book.seq, book.head)
    book.verify()


def test_a_failed_part_undoes_only_itself(book: Book, clock: FakeClock) -> None:
    """One request of a batch that fails takes only its own entries back."""
    with book.transaction():
        book.write("first", {"b": "1", "a": "2"}, clock.unix())
        with pytest.raises(ZeroDivisionError), book.part():
            _write_and_fail(book, clock)
        book.write("third", {}, clock.unix())
    kinds = [kind for (kind,) in book.connection.execute("SELECT kind FROM entries ORDER BY seq")]

    (first,) = book.connection.execute("SELECT content FROM entries WHERE seq = 2").fetchone()

    assert ["began", "first", "third"] == kinds
    assert '{"a":"2","b":"1"}' == first
    book.verify()


def test_a_part_that_cannot_end_is_undone(book: Book, clock: FakeClock) -> None:
    """Nothing of it is in the file when the rest of the transaction is committed."""
    before = book.place()

    def no_release(action: int, first: str | None, *_rest: object) -> int:
        is_release = action == sqlite3.SQLITE_SAVEPOINT and first == "RELEASE"
        return sqlite3.SQLITE_DENY if is_release else sqlite3.SQLITE_OK

    with book.transaction():
        book.connection.set_authorizer(no_release)
        with pytest.raises(sqlite3.DatabaseError), book.part():
            book.write("lost", {}, clock.unix())
        book.connection.set_authorizer(None)
        book.write("kept", {}, clock.unix())

    assert before[0] + 1 == book.seq
    assert [] == book.connection.execute("SELECT 1 FROM entries WHERE kind = 'lost'").fetchall()
    book.verify()


def test_a_clock_that_went_back_stops_the_signer(book: Book, clock: FakeClock) -> None:
    """Five seconds are forgiven, six are not, and policy time never goes back."""
    now = clock.unix()
    clock.advance(-5)
    assert now == book.now()
    clock.advance(-1)

    with pytest.raises(BookError, match="set the clock"):
        book.now()


def test_on_a_rewound_clock_only_safety_is_served(tmp_path: Path, clock: FakeClock) -> None:
    """Nothing is signed on a wrong clock; isolation, veto and reports do not wait for it."""
    room = VaultRoom(tmp_path, clock)
    sweep, refill = room.order(Purpose.SWEEP), room.order()
    clock.advance(-60)
    answers = [room.sign(sweep), room.lodge(refill, "alice"), room.call("activate", {})]
    safe = [room.isolate("hot-a"), room.call("freeze", {"why": "x"}), room.call("status", {})]
    room.book.verify()
    room.close()

    assert {("not_ready", "clock")} == {(a.result.value, a.reasons[0].code) for a in answers}
    assert {"ok"} == {answer.result.value for answer in safe}


def test_a_newer_books_version_is_refused(book: Book, path: Path, clock: FakeClock) -> None:
    """A book of a newer program is not touched by an older one."""
    book.connection.execute("PRAGMA user_version = 999")
    book.close()
    with pytest.raises(BookError, match="newer program"):
        Book(path, clock.unix)


def test_garbage_in_the_file_is_one_clear_error(path: Path, clock: FakeClock) -> None:
    """A file that is no database is the operator's matter, not a crash."""
    path.write_bytes(b"this is not a database" * 100)

    with pytest.raises(BookError, match="book"):
        Book(path, clock.unix)


def test_two_orders_never_hold_one_nonce(tmp_path: Path, clock: FakeClock) -> None:
    """The table itself refuses a second exposing order on a nonce (R3.10)."""
    room = VaultRoom(tmp_path, clock)
    attempt = Attempt(
        number=1, kind=AttemptKind.ORIGINAL, fees=FEES, digest=bytes(32), raw=None, hash=None
    )
    first, second = room.order(amount=1), room.order(amount=2)
    record = partial(record_order, room.book, nonce=4, attempt=attempt, now=clock.unix())
    record(room.id_of(first), first)
    with pytest.raises(sqlite3.IntegrityError):
        record(room.id_of(second), second)
    room.close()


def test_an_order_never_gets_a_second_nonce(tmp_path: Path, clock: FakeClock) -> None:
    """What was recorded stays as it is, also where an error before let it come this far."""
    room = VaultRoom(tmp_path, clock)
    terms = room.order()
    nonce = nonce_of(room.sign(terms, "alice", "bob"))
    known = book_orders.find_order(room.book, room.id_of(terms))
    assert known is not None
    with pytest.raises(BookError, match="recorded twice"), room.book.transaction():
        record_order(
            room.book, known.order_id, terms, nonce=nonce + 1, attempt=known.attempts[0], now=9
        )

    assert known == book_orders.find_order(room.book, room.id_of(terms))
    room.close()


def test_stored_bytes_are_never_replaced(tmp_path: Path, clock: FakeClock) -> None:
    """A second signature for a stored attempt is dropped with an error."""
    room = VaultRoom(tmp_path, clock)
    terms = room.order()
    room.sign(terms, "alice", "bob")
    with pytest.raises(BookError, match="twice"):
        book_orders.store_raw(room.book, room.id_of(terms), 1, b"other", bytes(32))
    room.close()


def test_entries_tell_the_whole_story(tmp_path: Path, clock: FakeClock) -> None:
    """Law, approvals, nonce, attempt and the hash of the bytes all stand in the chain."""
    room = VaultRoom(tmp_path, clock)
    signed = room.sign(room.order(), "alice", "bob")
    rows = room.book.connection.execute("SELECT kind, content FROM entries ORDER BY seq").fetchall()
    kinds = [kind for kind, _ in rows]

    assert [
        "began",
        "tokens_pinned",
        "motion_carried",
        "law_adopted",
        "wallet_activated",
        "approval_seen",
        "approval_seen",
        "order_recorded",
        "attempt_signed",
    ] == kinds
    assert signed.body["hash"] == json.loads(rows[-1][1])["hash"]
    assert address_of("alice") in rows[5][1] + rows[6][1]
    room.close()
