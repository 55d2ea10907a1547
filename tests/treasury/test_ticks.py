"""Ticks: the order of the stations, and how faults of our own are borne."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

import pytest
import structlog

from tests.fakes.belt import Belt
from treasury.errors import LedgerBusyError
from treasury.lanes import Lane
from treasury.ticks import MONEY, MOST_FAILURES, WATCH, Enduring, money_tick
from treasury.world import Outcome

pytestmark = pytest.mark.usefixtures("quiet")


def test_guard_before_assess_and_confirm_first() -> None:
    """The order is the safety property."""
    assert [station.__name__ for station in WATCH] == [
        "listen",
        "observe",
        "trace",
        "guard",
        "sense",
        "overhear",
        "survey",
        "evacuate",
        "respond",
        "evacuate",
        "inspect",
        "assess",
    ]
    assert [
        "confirm",
        "adopt",
        "tally",
        "carry",
        "release",
        "pay",
        "tend",
        "dispatch",
    ] == [station.__name__ for station in MONEY]


def test_our_own_fault_is_borne_a_few_times() -> None:
    """A failing tick is counted, and raised when it fails again and again."""

    def fail() -> tuple[Outcome, ...]:
        raise RuntimeError("ours")

    tick = Enduring("money:devnet", fail)
    for _ in range(MOST_FAILURES - 1):
        tick()

    with pytest.raises(RuntimeError, match="ours"):
        tick()


def test_an_urgent_tick_has_the_next_one_come_soon() -> None:
    """A lane that would rest for a minute ticks again at once while one of its stations asks."""
    urgency = [True, True, False]
    is_done = threading.Event()

    def tick() -> tuple[Outcome, ...]:
        if not urgency:
            return ()
        is_urgent = urgency.pop(0)
        if not urgency:
            is_done.set()
        return (Outcome(station="respond", is_urgent=is_urgent),)

    lane = Lane("watch:devnet", Enduring("watch:devnet", tick), interval_s=60, deadline_s=60)
    lane.start()
    assert is_done.wait(10)
    assert lane.stop(10)


def test_a_good_tick_forgives() -> None:
    """Only failures in a row count."""
    faults = [True] * (MOST_FAILURES - 1) + [False] + [True] * (MOST_FAILURES - 1)

    def sometimes() -> tuple[Outcome, ...]:
        if faults.pop(0):
            raise RuntimeError
        return ()

    tick = Enduring("watch:devnet", sometimes)
    while faults:
        tick()

    assert MOST_FAILURES - 1 == tick.failures


def test_a_silent_world_is_told_once_and_its_return_once() -> None:
    """A node that is away for an hour costs one line, and one more when it is back."""
    away = Outcome(station="observe", unavailable="nobody answers")
    answers = [(away,), (away,), (away,), (Outcome(station="observe"),)]
    tick = Enduring("watch:devnet", lambda: answers.pop(0))
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))

    with structlog.testing.capture_logs() as lines:
        while answers:
            tick()

    assert ["world_unavailable", "world_available"] == [line["event"] for line in lines]


def test_a_locked_ledger_ends_the_lane(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that stays locked is an unavailable world, not a fault."""
    belt = Belt(directory)
    belt.watch()

    def locked(_session: object) -> None:
        raise LedgerBusyError("the ledger stayed locked")

    belt.approve(belt.only_refill(), "alice", "bob")
    monkeypatch.setattr(belt.ledger, "commit", locked)
    outcomes = money_tick(belt.world, belt.clock())

    assert outcomes[-1].ends_lane
    assert "locked" in outcomes[-1].unavailable
