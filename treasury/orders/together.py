"""Several rows in one commit, because a flush to the disk costs more than all the rest.

Each row is a piece: a function of the session that moves it. The pieces share one transaction. As
soon as one of them finds that its row was moved meanwhile, or a twin, the whole transaction is
undone and each piece gets one of its own, so that one row never stands in the way of another. A
crash before the commit loses all of them together, which is what it means everywhere on the belt:
they are still where they were, and the next tick takes them again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from treasury.errors import StaleRowError, TwinError
from treasury.ledger import Ledger, Session
from treasury.ledger.gathering import gathered
from treasury.ledger.journal import Place

T = TypeVar("T")
Piece = Callable[[Session], T]
Trouble = StaleRowError | TwinError


def write_together(
    ledger: Ledger, pieces: Sequence[Piece[T]], book: Place | None = None
) -> list[T | Trouble]:
    """Run all pieces in one transaction; return for each its result, or what stood against it.

    `book` is the place of the signer's book that the journal lines shall carry.
    """
    if not pieces:
        return []
    if len(pieces) == 1:
        return [_write_alone(ledger, pieces[0], book)]
    try:
        with ledger.write(book) as session, gathered(session):
            return [piece(session) for piece in pieces]
    except (StaleRowError, TwinError):
        pass  # one of them stands in the way of the others
    return [found for piece in pieces for found in write_together(ledger, [piece], book)]


def _write_alone(ledger: Ledger, piece: Piece[T], book: Place | None) -> T | Trouble:
    try:
        with ledger.write(book) as session:
            return piece(session)
    except (StaleRowError, TwinError) as error:
        return error
