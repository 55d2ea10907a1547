"""Moves that wait for each other: equal statements of one transaction run as one.

Most of what a statement costs is the same for one row and for fifty. Inside `gathered` a move is
put off until something is read, or the block ends; then every statement runs once for all its
rows, and must change exactly as many. When it does not, one of the rows was moved by somebody
else, and nobody knows which: `StaleRowError`, the transaction is undone, and who wants to know
does the same row by row, without gathering.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy import CursorResult, Update, event
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import ORMExecuteState
from sqlmodel import Session

from treasury.errors import StaleRowError, TwinError

_GATHERED = "gathered_moves"
_Values = Mapping[str, object]


@contextmanager
def gathered(session: Session) -> Iterator[None]:
    """Put the moves of a block off, and write them at its end.

    Raises `StaleRowError` when a row was moved meanwhile, `TwinError` when a unique index stands
    against one; then the transaction must not be committed.
    """
    session.info[_GATHERED] = {}
    event.listen(session, "do_orm_execute", _before_reading)
    yield
    write_down(session)
    del session.info[_GATHERED]


def change(session: Session, statement: Update, values: _Values, stale: str) -> None:
    """Change the one row that a statement names, now or together with others.

    Raises `StaleRowError` with the text `stale` when there is no such row, and `TwinError`.
    """
    waiting: dict[Update, list[_Values]] | None = session.info.get(_GATHERED)
    if waiting is None:
        _run(session, statement, [values], stale)
    else:
        waiting.setdefault(statement, []).append(values)


def write_down(session: Session) -> None:
    """Write what was put off; raises as `gathered` does."""
    waiting: dict[Update, list[_Values]] = session.info.get(_GATHERED, {})
    for statement in tuple(waiting):
        _run(session, statement, waiting.pop(statement), "one of several rows was moved meanwhile")


def _before_reading(state: ORMExecuteState) -> None:
    write_down(state.session)  # type: ignore[arg-type]


def _run(session: Session, statement: Update, rows: list[_Values], stale: str) -> None:
    try:
        result = session.connection().execute(statement, rows if len(rows) > 1 else rows[0])
    except IntegrityError as error:
        raise TwinError(f"another row stands against this move: {error.orig}") from error
    assert isinstance(result, CursorResult)
    if result.rowcount != len(rows):
        raise StaleRowError(stale)
