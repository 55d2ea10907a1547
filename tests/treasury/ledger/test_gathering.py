"""Moves that are put off and written together: as if each had been written at once."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest
from sqlalchemy import event

from policies.consent import motion_to_json
from policies.lifecycles import MotionState, Owner
from policies.terms import NATIVE, MotionKind, MotionTerms
from treasury.errors import StaleRowError
from treasury.ledger import Ledger, Session, journal, moves, open_ledger
from treasury.ledger.facts import Motion
from treasury.ledger.gathering import gathered
from treasury.ledger.queries import requests
from treasury.ledger.tables import MotionRow

TERMS = MotionTerms(
    what="Resume",
    kind=MotionKind.RESUME,
    salt=bytes(16),
    payload_digest=bytes(32),
    maker=NATIVE,
    proposed_at=1,
    expires_at=9,
    law_digest=bytes(32),
)


@pytest.fixture
def ledger(directory: Path) -> Ledger:
    """A fresh ledger."""
    return open_ledger(f"sqlite:///{directory}/ledger.sqlite3")


def propose(ledger: Ledger, count: int) -> list[Motion]:
    """Propose that many motions."""
    rows = [
        MotionRow(
            digest=f"0x{number:064x}",
            kind="resume",
            terms=motion_to_json(TERMS),
            payload={},
            state="PROPOSED",
            maker=NATIVE,
            proposed_at=1,
            expires_at=9,
            changed_at=1,
            counted=[],
            reasons=[],
        )
        for number in range(count)
    ]
    with ledger.write() as session:
        return [
            moves.create(session, Motion, row, actor=Owner.API, why="asked", now=1) for row in rows
        ]


def updates(ledger: Ledger) -> list[int]:
    """Note for how many rows every statement ran that changes motions."""
    seen: list[int] = []

    def note(*given: object) -> None:
        _connection, _cursor, sql, values, _context, is_many = given
        if str(sql).startswith("UPDATE motion"):
            seen.append(len(cast("list[object]", values)) if is_many else 1)

    event.listen(ledger._writing, "before_cursor_execute", note)
    return seen


def expire(session: Session, motion: Motion) -> Motion:
    """Move a motion to EXPIRED."""
    return moves.move(session, motion, MotionState.EXPIRED, actor=Owner.TALLY, why="late", now=9)


def expire_all(ledger: Ledger, motions: list[Motion]) -> list[Motion]:
    """Expire motions in one transaction, and put their moves off."""
    with ledger.write() as session, gathered(session):
        return [expire(session, motion) for motion in motions]


def states(ledger: Ledger) -> list[MotionState]:
    """Return the state of every motion, by number."""
    with ledger.read() as session:
        found = requests.motions_in(session, *MotionState)
    return [motion.state for motion in sorted(found, key=lambda one: one.id)]


def test_equal_moves_are_one_statement_and_a_line_each(ledger: Ledger) -> None:
    """Five rows go the same step: two statements, five lines, and the chain of them holds."""
    motions = propose(ledger, 5)
    seen = updates(ledger)
    moved = expire_all(ledger, motions)

    with ledger.read() as session:
        lines = [(e.kind, e.subject) for e in journal.tail(session, after=5)]
        assert journal.verify(session).ok
    assert seen == [1, 4], "after the first one the journal's end and the alarms are read, once"
    assert lines == [("motion_expired", f"motion:{motion.id}") for motion in motions]
    assert {motion.state for motion in moved} == {MotionState.EXPIRED}
    assert states(ledger) == [MotionState.EXPIRED] * 5


def test_what_is_read_was_written(ledger: Ledger) -> None:
    """A question in the middle sees what was put off; what follows is put off anew."""
    first, second, third = propose(ledger, 3)
    seen = updates(ledger)
    with ledger.write() as session, gathered(session):
        expire(session, first)
        expire(session, second)
        left = [m.id for m in requests.motions_in(session, MotionState.PROPOSED)]
        expire(session, third)

    assert left == [third.id]
    assert seen == [1, 1, 1]
    assert states(ledger) == [MotionState.EXPIRED] * 3


@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_that_was_moved_undoes_all(ledger: Ledger, place: int) -> None:
    """R1.10: wherever it stands, the transaction fails, and neither a state nor a line is left."""
    motions = propose(ledger, 3)
    with ledger.write() as session:
        rejected = MotionState.REJECTED
        moves.move(session, motions[place], rejected, actor=Owner.TALLY, why="veto", now=5)
    with pytest.raises(StaleRowError, match="one of several"):
        expire_all(ledger, motions)

    wanted = [MotionState.PROPOSED] * 3
    wanted[place] = MotionState.REJECTED
    with ledger.read() as session:
        assert len(journal.tail(session, after=3)) == 1
    assert states(ledger) == wanted


def test_a_row_that_is_moved_twice_is_noticed(ledger: Ledger) -> None:
    """The same fact cannot be used for two steps, although both are written together."""
    (motion,) = propose(ledger, 1)
    with pytest.raises(StaleRowError):
        expire_all(ledger, [motion, motion])

    assert states(ledger) == [MotionState.PROPOSED]
