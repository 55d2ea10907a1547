"""The ledger of the simulation: its process may die right before or right after each commit.

One thread reads and writes it, so all readers share one session for as long as they see the same
view, and what was answered is recalled; see `recall`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from sqlalchemy import text

from tests.simulation.dice import Crash, Dice
from tests.simulation.recall import LEARNS, MEMORY, Memory
from treasury.ledger import Ledger, Session
from treasury.ledger.journal import Place

_LOOK = text("SELECT 1 FROM journal LIMIT 1")


class FrailLedger(Ledger):
    """A ledger in bad company; see the module's text."""

    def __init__(self, ledger: Ledger, dice: Dice) -> None:
        self.__dict__.update(ledger.__dict__)
        self._dice = dice
        self._memory = Memory()
        self._reading = self._reading.execution_options(**{MEMORY: self._memory})
        self._writing = self._writing.execution_options(**{MEMORY: self._memory})
        self._idle = []
        self._shared = ExitStack()
        self._reader: Session | None = None
        self._readers = 0

    @contextmanager
    def read(self) -> Iterator[Session]:
        if self._reader is None:
            self._reader = self._shared.enter_context(super().read())
            self._reader.info.update({MEMORY: self._memory, LEARNS: True})
        reader = self._reader
        self._readers += 1
        try:
            yield reader
        finally:
            self._readers -= 1
            self._close_stale()

    @contextmanager
    def write(self, book: Place | None = None) -> Iterator[Session]:
        try:
            with super().write(book) as session:
                session.info[MEMORY] = self._memory
                yield session
        finally:
            self._memory.settle(is_committed=False)

    def commit(self, session: Session) -> None:
        if self._dice.happens("crash_before_commit", 0.004):
            raise Crash
        self._leave_view()
        super().commit(session)
        self._memory.settle(is_committed=True)
        if self._dice.happens("crash_after_commit", 0.004):
            raise Crash

    def close(self) -> None:
        self._shared.close()
        super().close()

    def _leave_view(self) -> None:
        """Let who still reads keep the view from before, and who reads next have a new one."""
        if self._reader is not None and not self._readers:
            _renew_view(self._reader)
            return
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.info.pop(MEMORY)
            reader.connection().execute(_LOOK)  # a view begins with its first question

    def _close_stale(self) -> None:
        if self._reader is None and not self._readers:
            self._shared.close()


def _renew_view(reader: Session) -> None:
    """End a view and begin the next, as closing the session and opening another would."""
    reader.expunge_all()
    driver: Any = reader.connection().connection.dbapi_connection
    driver.execute("ROLLBACK")
    driver.execute("BEGIN")
