"""Open the ledger: lease, pragmas, migrations, and the two ways to talk to it.

SQLite runs in WAL with `synchronous=FULL` (asserted, because a lost commit is a lost nonce), with
foreign keys and a bounded wait for locks; every write begins IMMEDIATE, so that a transaction
never fails half-way for a lock it did not ask for. Errors of the database library are translated
here and in `moves`, and nowhere else.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DatabaseError, IntegrityError, OperationalError
from sqlmodel import Session, create_engine

from treasury.errors import LedgerBusyError, LedgerError, TwinError
from treasury.ledger.journal import Place, see_book
from treasury.ledger.lease import Lease
from treasury.ledger.migrate import migrate
from treasury.ledger.snapshots import Snapshots, keep_written, session_info

_BUSY_MS = 5_000
_MOST_IDLE = 3
"""Views keep so many connections at most: the pool is bounded, and a crowd of readers must leave
some for who writes."""
_FULL = 2


class Ledger:
    """The open ledger. `read()` gives a session for questions, `write()` one transaction."""

    def __init__(self, engine: Engine, lease: Lease | None) -> None:
        """Wrap an engine whose database is migrated; `open_ledger` is the only caller."""
        self._writing = engine
        self._reading = engine.execution_options(reads_only=True)
        self._lease = lease
        self._snapshots = Snapshots()
        self._idle: list[Session] = []

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Answer questions from one consistent view; what is written here is rolled back.

        Raises `LedgerBusyError`, `LedgerError`.
        """
        info = session_info(self._snapshots, reads_only=True)
        with _translated():
            yield from self._view(info)

    def _view(self, info: dict[Any, Any]) -> Iterator[Session]:
        """Lend a session that keeps its connection: a tick opens many views, each for a moment.

        One that saw an exception is not lent again.
        """
        try:
            session = self._idle.pop()
        except IndexError:
            session = Session(self._reading, expire_on_commit=False)
        session.info.clear()
        session.info.update(info)
        try:
            driver = _driver_of(session)
            driver.execute("BEGIN")
            yield session
            driver.rollback()
        except BaseException:
            session.close()
            raise
        session.expunge_all()
        if len(self._idle) < _MOST_IDLE:
            self._idle.append(session)
        else:
            session.close()

    @contextmanager
    def write(self, book: Place | None = None) -> Iterator[Session]:
        """Run one transaction: committed at the end, rolled back by any exception.

        `book` is the place of the signer's book that its journal lines shall carry. Raises
        `LedgerBusyError`, `LedgerError`, `TwinError`.
        """
        info = session_info(self._snapshots, reads_only=False)
        with _translated(), Session(self._writing, expire_on_commit=False, info=info) as session:
            session.connection().exec_driver_sql("BEGIN IMMEDIATE")
            see_book(session, book)
            yield session
            self.commit(session)

    def commit(self, session: Session) -> None:
        """Make a transaction durable; on its own so that a test can die before or after it."""
        session.commit()
        keep_written(session)

    def backup_to(self, path: Path) -> None:
        """Write a consistent copy of a SQLite ledger to a new file."""
        with _translated(), self._reading.connect() as connection:
            connection.exec_driver_sql("VACUUM INTO ?", (str(path),))

    def close(self) -> None:
        """Close every connection and give the lease back."""
        while self._idle:
            self._idle.pop().close()
        self._writing.dispose()
        if self._lease is not None:
            self._lease.release()


def open_ledger(url: str, *, lease: bool = True) -> Ledger:
    """Open the ledger at a database URL ("sqlite:////var/lib/treasury/ledger.db"), migrated.

    Raises `LedgerHeldError` when another daemon has it, `LedgerError` when it cannot be used.
    """
    parsed = _parsed(url)
    held = Lease(Path(f"{parsed.database}.lease")) if lease else None
    engine = create_engine(parsed)
    # Of the pool: an engine that has listeners of its own looks for them at every statement.
    event.listen(engine.pool, "connect", _prepare_connection)
    try:
        with _translated():
            _migrate(parsed)
            _assert_durable(engine)
    except BaseException:
        engine.dispose()
        if held is not None:
            held.release()
        raise
    return Ledger(engine, held)


def file_of(url: str) -> Path:
    """Return the file of a ledger; raises `LedgerError` when this is no URL of one."""
    return Path(_parsed(url).database or "")


def _parsed(url: str) -> URL:
    """Read the URL; the ledger is a SQLite file, because a backup is one and nobody else writes."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise LedgerError(
            f"{url!r} is not a database URL: write sqlite:////path/to/file"
        ) from error
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        raise LedgerError("the ledger must be a SQLite file: write sqlite:////path/to/file")
    return parsed


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        raise TwinError(f"the ledger refused a row: {error.orig}") from error
    except OperationalError as error:
        if "locked" in str(error.orig) or "busy" in str(error.orig):
            raise LedgerBusyError("the ledger stayed locked: is another program reading it?") from (
                error
            )
        raise LedgerError(f"the ledger cannot be used: {error.orig}") from error
    except DatabaseError as error:
        raise LedgerError(f"the ledger cannot be used: {error.orig}") from error


def _prepare_connection(connection: object, _record: object) -> None:
    # The driver must not begin transactions of its own; `_begin` does.
    connection.isolation_level = None  # type: ignore[attr-defined]
    cursor = connection.cursor()  # type: ignore[attr-defined]
    cursor.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _driver_of(session: Session) -> sqlite3.Connection:
    driver = session.connection().connection.driver_connection
    assert isinstance(driver, sqlite3.Connection), "asked of a SQLite ledger alone"
    return driver


def _migrate(url: URL) -> None:
    """Migrate on an engine of its own, whose every transaction begins by itself."""
    engine = create_engine(url)
    event.listen(engine, "connect", _prepare_connection)
    event.listen(engine, "begin", _begin_migrating)
    try:
        migrate(engine)
    finally:
        engine.dispose()


def _begin_migrating(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _assert_durable(engine: Engine) -> None:
    with engine.connect() as connection:
        synchronous = connection.execute(text("PRAGMA synchronous")).scalar_one()
        mode = connection.execute(text("PRAGMA journal_mode")).scalar_one()
        if synchronous != _FULL or mode != "wal":
            raise LedgerError(
                f"the ledger is not durable (synchronous {synchronous}, journal {mode}): "
                "put it on a local file system"
            )
