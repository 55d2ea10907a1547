"""Conditions: trouble that lasts rings once, ends once, and outlives a restart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import cast

import pytest

from config.settings import JournalSettings
from hsm.client import SignerClient
from policies.lifecycles import Owner, TransferState
from policies.terms import Reason
from tests.fakes.belt import Belt
from tests.fakes.checkpoint_key import SigningClient
from tests.fakes.clock import FakeClock
from tests.fakes.ledgers import fresh_ledger
from tests.laws import ETH
from treasury.alerts.conditions import (
    LAST_DRILL,
    MOST_REFUSALS,
    REFUSALS_S,
    Condition,
    Conditions,
    chains_are_seen,
    drills_are_fresh,
    heads_are_signed,
    signer_agrees,
    signer_speaks,
)
from treasury.ledger import Ledger, alarms, cell_marks, journal, marks, moves
from treasury.records.checkpoints import Checkpoints, unsigned_since
from treasury.stations.pay import pay

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


def refuse(belt: Belt, number: int) -> None:
    """Have the signer refuse a payout that the daemon queued."""
    found = belt.ask_withdrawal(ETH, "customer", key=f"order-{number}")
    pay(belt.world, belt.clock())
    queued = belt.open_transfers()[-1]
    why = (Reason(code="window_amount", text=f"withdrawal {found.id} is above the window"),)
    with belt.ledger.write() as session:
        now = belt.clock.unix()
        cancelled = TransferState.CANCELLED
        moves.move(session, queued, cancelled, actor=Owner.DISPATCH, why=why, now=now)


def test_refusals_in_a_row_ring_with_count_and_amounts(directory: Path, quiet: None) -> None:
    """What the daemon lets pass and the signer refuses again and again is told, and ends."""
    belt = Belt(directory, hot=60 * ETH)
    belt.run(2)
    watch = conditions(belt.ledger, belt.clock, signer_agrees(belt.ledger))
    found = []
    for number in range(MOST_REFUSALS):
        refuse(belt, number)
        watch.look()
        with belt.ledger.read() as session:
            found.append(alarms.rings(session, "signing_refused", "wallet:hot-a"))
    with belt.ledger.read() as session:
        (line,) = journal.of_kind(session, "signing_refused")
    belt.clock.advance(REFUSALS_S + 60)
    watch.look()

    assert [False] * (MOST_REFUSALS - 1) + [True] == found
    assert f"{MOST_REFUSALS} orders ({MOST_REFUSALS * ETH} base units" in line.body
    assert "signing_agreed" in lines(belt.ledger)


def test_a_head_that_nobody_signs_rings_until_it_is_signed(
    directory: Path, tmp_path: Path, quiet: None
) -> None:
    """Lines wait an hour at most: a missing key rings, the first signed head ends it."""
    belt = Belt(directory, hot=60 * ETH)
    belt.run(2)
    watch = conditions(belt.ledger, belt.clock, heads_are_signed(belt.ledger, 3_600))
    points = Checkpoints(
        ledger=belt.ledger,
        signer=cast("SignerClient", SigningClient(belt.signer, belt.world.deployment)),
        settings=JournalSettings(checkpoint_every=1_000, checkpoint_after_s=3_600),
        path=tmp_path / "checkpoints.jsonl",
        clock=belt.clock,
    )
    with belt.ledger.read() as session:
        waiting = unsigned_since(session)
    assert waiting is not None
    told = []
    for age_s in (3_600, 3_601, 3_630, 3_631):
        belt.clock.advance(waiting + age_s - belt.clock.unix())
        watch.look()
        told.append("checkpoint_overdue" in lines(belt.ledger))
    assert points.sign()
    watch.look()

    assert [False, False, False, True] == told
    assert ["checkpoint_overdue", "checkpoint_signed", "checkpoint_fresh"] == [
        kind for kind in lines(belt.ledger) if kind.startswith("checkpoint_")
    ]
