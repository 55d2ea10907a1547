"""Conditions: trouble that lasts rings once, ends once, and outlives a restart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.ledgers import fresh_ledger
from treasury.alerts.conditions import (
    LAST_DRILL,
    Condition,
    Conditions,
    chains_are_seen,
    drills_are_fresh,
    signer_speaks,
)
from treasury.ledger import Ledger, cell_marks, journal, marks

DAY_S = 86_400


@pytest.fixture
def ledger(directory: Path) -> Iterator[Ledger]:
    """An empty ledger."""
    opened = fresh_ledger(directory)
    yield opened
    opened.close()


class Sick:
    """A condition that the test makes bad and good."""

    def __init__(self) -> None:
        self.why = ""

    def __call__(self, _now: int) -> Iterable[Condition]:
        """Look."""
        yield Condition(bad="chain_unseen", good="chain_seen", subject="chain:1", why=self.why)


def conditions(ledger: Ledger, clock: FakeClock, *looks: object) -> Conditions:
    """Return a look-out with thirty seconds of patience."""
    return Conditions(ledger=ledger, clock=clock, patience_s=30, looks=looks)  # type: ignore[arg-type]


def lines(ledger: Ledger) -> list[str]:
    """Return the kinds of all journal lines."""
    with ledger.read() as session:
        return [entry.kind for entry in journal.tail(session)]


def test_short_trouble_is_none(ledger: Ledger, clock: FakeClock) -> None:
    """What is good again within the patience writes nothing."""
    sick = Sick()
    watch = conditions(ledger, clock, sick)
    for _ in range(5):
        sick.why = "away"
        watch.look()
        clock.advance(29)
        watch.look()
        sick.why = ""
        watch.look()

    assert [] == lines(ledger)


def test_lasting_trouble_rings_once_and_ends_once(ledger: Ledger, clock: FakeClock) -> None:
    """One line at the end of the patience, one when it is over, none in between."""
    sick = Sick()
    watch = conditions(ledger, clock, sick)
    sick.why = "away"
    for _ in range(10):
        watch.look()
        clock.advance(10)
    sick.why = ""
    watch.look()
    watch.look()

    assert ["chain_unseen", "chain_seen"] == lines(ledger)


def test_a_restart_neither_forgets_nor_repeats(ledger: Ledger, clock: FakeClock) -> None:
    """The ledger knows what rings."""
    sick = Sick()
    sick.why = "away"
    for _ in range(3):
        watch = conditions(ledger, clock, sick)
        watch.look()
        clock.advance(31)
        watch.look()
    sick.why = ""
    conditions(ledger, clock, sick).look()

    assert ["chain_unseen", "chain_seen"] == lines(ledger)


def test_a_signer_that_is_not_ready_rings(ledger: Ledger, clock: FakeClock) -> None:
    """Degraded and down ring; ready and locked are as people want it."""
    health = "degraded"
    watch = conditions(ledger, clock, signer_speaks(lambda: health))
    watch.look()
    clock.advance(31)
    watch.look()
    health = "ready"
    watch.look()
    health = "locked"
    clock.advance(31)
    watch.look()

    assert ["signer_silent", "signer_ready"] == lines(ledger)


def test_a_chain_that_is_not_read_rings(ledger: Ledger, clock: FakeClock) -> None:
    """A failed look, an old one and none at all are the same: we are blind."""
    watch = conditions(ledger, clock, chains_are_seen(ledger, {1: 60.0}))
    with ledger.write() as session:
        cell_marks.write_failed_tick(session, 1, at=clock.unix(), error="two of three answered")
    watch.look()
    clock.advance(31)
    watch.look()

    assert ["chain_unseen"] == lines(ledger)


def test_an_old_drill_rings_and_a_new_one_ends_it(ledger: Ledger, clock: FakeClock) -> None:
    """R1.7: older than ninety days rings at once; a drill today ends the alarm."""
    watch = conditions(ledger, clock, drills_are_fresh(ledger, 90 * DAY_S))
    remember(ledger, clock.unix())
    clock.advance(90 * DAY_S)
    watch.look()
    clock.advance(1)
    watch.look()
    remember(ledger, clock.unix())
    watch.look()

    assert ["drill_overdue", "drill_fresh"] == lines(ledger)


def remember(ledger: Ledger, at: int) -> None:
    """Note when the last drill was."""
    with ledger.write() as session:
        marks.remember(session, LAST_DRILL, str(at))
