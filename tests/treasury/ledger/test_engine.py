"""Opening the ledger: durable, alone, migrated, and clear about what is wrong."""

from __future__ import annotations

import sqlite3
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlmodel import select

from treasury.errors import LedgerBusyError, LedgerError, LedgerHeldError
from treasury.ledger import Ledger, engine, journal, marks, open_ledger
from treasury.ledger.tables import MetaRow


def url_of(directory: Path) -> str:
    """Return the URL of a ledger in a directory."""
    return f"sqlite:///{directory}/ledger.sqlite3"


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """A fresh ledger."""
    return open_ledger(url_of(tmp_path))


def test_it_is_durable(ledger: Ledger) -> None:
    """WAL with synchronous FULL and foreign keys, on every connection."""
    with ledger.read() as session:
        pragmas = {
            name: session.connection().exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }

    assert {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": 5000,
    } == pragmas


def test_a_second_daemon_is_refused(ledger: Ledger, tmp_path: Path) -> None:
    """R5.7: only one daemon opens a ledger; the other is told so in one line."""
    with pytest.raises(LedgerHeldError, match="another daemon holds the ledger"):
        open_ledger(url_of(tmp_path))


def test_the_lease_ends_with_the_ledger(ledger: Ledger, tmp_path: Path) -> None:
    """After closing, the next daemon opens it and finds what was written."""
    with ledger.write() as session:
        marks.remember(session, "key", "value")
    ledger.close()

    with open_ledger(url_of(tmp_path)).read() as session:
        assert "value" == session.exec(select(MetaRow.value)).one()


def test_a_view_leaves_nothing_to_the_next(ledger: Ledger) -> None:
    """Views share a connection one after the other, and neither rows, notes nor writes."""
    with ledger.read() as first:
        first.info["note"] = 1
        marks.remember(first, "key", "never written")
        first.add(MetaRow(key="pending", value="never written"))
    with ledger.read() as second:
        assert second is first
        assert "note" not in second.info
        assert [] == second.exec(select(MetaRow)).all()


def test_a_view_that_failed_is_not_lent_again(ledger: Ledger) -> None:
    """Whatever state an exception left it in, the next reader gets another one."""
    with pytest.raises(ZeroDivisionError), ledger.read() as first:
        raise ZeroDivisionError
    with ledger.read() as second:
        assert second is not first


def test_views_within_views_are_apart(ledger: Ledger) -> None:
    """Who reads while somebody else reads gets a connection of his own, and a newer view."""
    with ledger.read() as outer:
        assert [] == outer.exec(select(MetaRow)).all()
        with ledger.write() as session:
            marks.remember(session, "key", "value")
        with ledger.read() as inner:
            assert ["value"] == inner.exec(select(MetaRow.value)).all()
        assert [] == outer.exec(select(MetaRow)).all()


def test_a_crowd_of_readers_leaves_a_connection_to_who_writes(ledger: Ledger) -> None:
    """As many views at once as the pool has connections do not keep them when they are gone."""
    with ExitStack() as crowd:
        for _ in range(15):
            crowd.enter_context(ledger.read()).exec(select(MetaRow)).all()
    with ledger.write() as session:
        marks.remember(session, "key", "value")
    with ledger.read() as session:
        assert ["value"] == session.exec(select(MetaRow.value)).all()


def test_an_exception_leaves_nothing(ledger: Ledger) -> None:
    """A transaction that fails half-way is rolled back as a whole."""

    def die_half_way() -> None:
        with ledger.write() as session:
            marks.remember(session, "key", "value")
            session.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        die_half_way()

    with ledger.read() as session:
        assert session.get(MetaRow, "key") is None


def test_a_reader_cannot_write(ledger: Ledger) -> None:
    """What is written in a reading session is rolled back at its end."""
    with ledger.read() as session:
        marks.remember(session, "key", "value")
        session.flush()

    with ledger.read() as session:
        assert session.get(MetaRow, "key") is None


def test_a_locked_database_is_the_worlds_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program that holds the lock ends in one clear line, and the next try works."""
    monkeypatch.setattr(engine, "_BUSY_MS", 10)
    ledger = open_ledger(url_of(tmp_path))
    other = sqlite3.connect(tmp_path / "ledger.sqlite3", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(LedgerBusyError, match="stayed locked"), ledger.write() as session:
        marks.remember(session, "key", "value")
    other.execute("ROLLBACK")
    with ledger.write() as session:
        marks.remember(session, "key", "value")


@pytest.mark.parametrize(
    "url", ["nonsense", "sqlite://", "sqlite:////nowhere/at/all/ledger.sqlite3"]
)
def test_a_bad_address_is_one_clear_line(url: str) -> None:
    """A wrong URL or a missing directory is told without a traceback of the library."""
    with pytest.raises(LedgerError) as caught:
        open_ledger(url)

    assert 1 == len(str(caught.value).splitlines())


@pytest.mark.parametrize("url", ["postgresql://treasury@db/ledger", "mysql://db/x", "sqlite://"])
def test_only_a_file_is_a_ledger(url: str) -> None:
    """A server's database is refused at the start, with what to write instead."""
    with pytest.raises(LedgerError, match="write sqlite:////path/to/file"):
        open_ledger(url)
    with pytest.raises(LedgerError, match="write sqlite:////path/to/file"):
        engine.file_of(url)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """Garbage in place of the ledger is told, and left as it is."""
    (tmp_path / "ledger.sqlite3").write_bytes(
        b"not a database at all, but longer than a header" * 9
    )

    with pytest.raises(LedgerError, match="cannot be used"):
        open_ledger(url_of(tmp_path))


def test_a_newer_programs_ledger_is_refused(ledger: Ledger, tmp_path: Path) -> None:
    """A schema that this program does not know would be misread."""
    ledger.close()
    with sqlite3.connect(tmp_path / "ledger.sqlite3") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(LedgerError, match="newer"):
        open_ledger(url_of(tmp_path))


def test_a_backup_is_a_whole_ledger(ledger: Ledger, tmp_path: Path) -> None:
    """A copy made while the ledger is open verifies and holds everything committed."""
    with ledger.write() as session:
        marks.tell(session, "a_line", "subject:1", {}, now=1)
    (tmp_path / "copy").mkdir()

    ledger.backup_to(tmp_path / "copy" / "ledger.sqlite3")

    with open_ledger(url_of(tmp_path / "copy")).read() as session:
        assert (True, 1) == (journal.verify(session).ok, journal.verify(session).entries)
