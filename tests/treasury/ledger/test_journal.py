"""The journal: lines cannot be changed quietly, and the first bad one is named."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy.exc import DatabaseError
from sqlmodel import text

from tests.fakes.ledgers import fresh_ledger
from treasury.errors import LedgerError, TwinError
from treasury.ledger import Ledger, journal, marks, open_ledger
from treasury.ledger.journal import Place

LINES = 5


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file of a closed ledger with five lines."""
    ledger = fresh_ledger(tmp_path)
    for number in range(LINES):
        with ledger.write() as session:
            marks.tell(session, "a_line", f"thing:{number}", {"n": str(number)}, now=number)
    ledger.close()
    return tmp_path / "ledger.sqlite3"


def verified(path: Path) -> journal.Verified:
    """Open the file and verify its journal."""
    ledger = open_ledger(f"sqlite:///{path}")
    with ledger.read() as session:
        found = journal.verify(session)
    ledger.close()
    return found


def tamper(path: Path, sql: str) -> None:
    """Change the file behind the program's back, triggers away."""
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TRIGGER journal_refuses_update")
        connection.execute("DROP TRIGGER journal_refuses_delete")
        connection.execute(sql)


def test_an_untouched_journal_verifies(path: Path) -> None:
    """R7.1: all lines fit, and the head is that of the last one."""
    found = verified(path)

    assert (True, LINES, None) == (found.ok, found.entries, found.first_bad)


@pytest.mark.parametrize(
    "sql", ["UPDATE journal SET body = '{}' WHERE seq = 3", "DELETE FROM journal WHERE seq = 3"]
)
def test_the_database_itself_refuses_changes(path: Path, sql: str) -> None:
    """R7.1: triggers stand against UPDATE and DELETE, whoever asks."""
    with (
        sqlite3.connect(path) as connection,
        pytest.raises(sqlite3.IntegrityError, match="append-only"),
    ):
        connection.execute(sql)


@pytest.mark.parametrize(
    ("sql", "bad", "why"),
    [
        ('UPDATE journal SET body = \'{"n":"9"}\' WHERE seq = 3', 3, "changed"),
        ("UPDATE journal SET at = 99 WHERE seq = 1", 1, "changed"),
        ("UPDATE journal SET actor = 'nobody' WHERE seq = 5", 5, "changed"),
        ("UPDATE journal SET book_seq = 7 WHERE seq = 2", 2, "changed"),
        ("UPDATE journal SET hash = prev WHERE seq = 4", 4, "changed"),
        ("DELETE FROM journal WHERE seq = 2", 2, "missing"),
        ("DELETE FROM journal WHERE seq = 1", 1, "missing"),
        ("UPDATE journal SET prev = hash WHERE seq = 4", 4, "does not follow"),
        ("UPDATE journal SET seq = 9 WHERE seq = 5", 5, "missing"),
        ("UPDATE journal SET seq = -3 WHERE seq = 5", 1, "missing"),
    ],
)
def test_the_first_bad_line_is_named(path: Path, sql: str, bad: int, why: str) -> None:
    """R7.1: whatever was done to the file, verification names the line and says what is wrong."""
    tamper(path, sql)

    found = verified(path)

    assert (False, bad, bad - 1) == (found.ok, found.first_bad, found.entries)
    assert why in found.why


def test_lines_carry_the_newest_place_of_the_book(path: Path) -> None:
    """A line written after an answer of the signer carries its place, and so do all later ones."""
    ledger = open_ledger(f"sqlite:///{path}")
    newer, older = Place(seq=12, head="0x12"), Place(seq=11, head="0x11")
    for place in (newer, None, older):
        with ledger.write(place) as session:
            marks.tell(session, "a_line", "thing", {}, now=9)

    with ledger.read() as session:
        places = [entry.book_seq for entry in journal.tail(session)]

    assert [None] * LINES + [12, 12, 12] == places


def test_no_float_enters(tmp_path: Path) -> None:
    """A float in a line is a bug, however deep it hides."""
    ledger = fresh_ledger(tmp_path)

    with pytest.raises(ValueError, match="float"), ledger.write() as session:
        marks.tell(session, "a_line", "thing", {"list": [{"deep": 0.5}]}, now=1)


@pytest.mark.parametrize("sql", ["UPDATE journal SET at = 0", "DELETE FROM journal"])
def test_the_program_itself_cannot_change_it(path: Path, sql: str) -> None:
    """R7.1: even our own connection is refused."""
    ledger: Ledger = open_ledger(f"sqlite:///{path}")

    def act() -> None:
        with ledger.write() as session:
            session.connection().execute(text(sql))

    with pytest.raises((TwinError, LedgerError, DatabaseError), match="append-only"):
        act()
