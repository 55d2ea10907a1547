"""Without a law in force every station says so, and touches nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest

from tests.fakes.belt import Belt
from tests.treasury.stations.test_dispatch import queued
from treasury.stations.assess import assess
from treasury.stations.dispatch import dispatch
from treasury.stations.guard import guard
from treasury.stations.inspect import inspect
from treasury.stations.listen import listen
from treasury.stations.observe import observe
from treasury.stations.overhear import overhear
from treasury.stations.pay import pay
from treasury.stations.release import release
from treasury.stations.respond import respond
from treasury.stations.sense import sense
from treasury.stations.tally import tally
from treasury.stations.tend import tend
from treasury.world import NO_LAW, Outcome, World

Station = Callable[[World, datetime], Outcome]
LOOKING = [assess, guard, inspect, listen, observe, overhear, respond, sense]
ACTING = [dispatch, pay, release, tally]


def forget_the_law(belt: Belt) -> None:
    """Let the ledger be one that has not met its signer yet."""
    with belt.ledger.write() as session:
        session.connection().exec_driver_sql("UPDATE law SET current = 0")


@pytest.mark.parametrize("stations", [[*LOOKING, *ACTING], [tend]], ids=["queued", "in flight"])
def test_every_station_says_that_there_is_no_law(low: Belt, stations: list[Station]) -> None:
    """Work waits for each of them, and none of it is done by rules that nobody knows."""
    queued(low)
    if tend in stations:
        low.money()
    forget_the_law(low)
    before = low.transfers()
    told = {station.__name__: station(low.world, low.clock()).unavailable for station in stations}

    assert {station.__name__: NO_LAW for station in stations} == told
    assert before == low.transfers()
