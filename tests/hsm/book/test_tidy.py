"""What gathered in the book's log is brought into its file while nobody waits."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from hsm.book.book import TIDY_AFTER, Book
from tests.fakes.clock import FakeClock


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


def write(book: Book, count: int) -> None:
    """Write entries, each in a commit of its own."""
    for number in range(count):
        with book.transaction():
            book.write("epoch", {"epoch": str(number)}, book.now())


def in_file(path: Path, folder: Path) -> int:
    """Return how many entries the book's file has without its log."""
    connection = sqlite3.connect(shutil.copy(path, folder / "alone"))
    (found,) = connection.execute("SELECT count(*) FROM entries").fetchone()
    connection.close()
    return int(found)


def test_the_log_is_brought_into_the_file_when_enough_gathered(
    book: Book, path: Path, tmp_path: Path
) -> None:
    """All entries then, and none before: a flush for each would wear the disk out."""
    before = path.read_bytes()
    write(book, TIDY_AFTER - book.seq - 1)
    book.tidy()
    assert before == path.read_bytes()

    write(book, 1)
    book.tidy()

    assert TIDY_AFTER == book.seq == in_file(path, tmp_path)


def test_a_file_that_takes_nothing_stops_no_order(
    book: Book, path: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """The log still has everything; the trouble is told once, and tried again later."""

    def no_pragma(action: int, *_rest: object) -> int:
        return sqlite3.SQLITE_DENY if action == sqlite3.SQLITE_PRAGMA else sqlite3.SQLITE_OK

    write(book, TIDY_AFTER)
    book.connection.set_authorizer(no_pragma)
    book.tidy()
    book.tidy()
    book.connection.set_authorizer(None)
    write(book, 1)
    seq = book.seq
    book.close()
    again = Book(path, clock.unix)

    assert 1 == len(caplog.messages)
    assert seq == again.seq
    again.close()
