"""The two ordered lanes of a chain, each one plain function; order is the safety property.

    watch_tick   listen -> observe -> trace -> guard -> sense -> overhear -> survey -> evacuate
                 -> respond -> evacuate -> inspect -> assess -> notify
    money_tick   confirm -> adopt -> tally -> carry -> release -> pay -> tend -> dispatch

Guard before assess, because a theft looks exactly like a wallet that needs a refill. Confirm
first, so that nonces and projected balances are true before anything new is decided. Adopt before
dispatch, so that what the signer already signed is never given up or asked for twice.

Evacuate in the watch lane, because the money lane may be in the middle of something longer. Twice:
what guard queued waits for no further look, what respond planned for no other lane.

Listen first, because it must hear single endpoints most of all when there is no quorum.

A station that finds the world unavailable ends its lane for this tick, and the tick still counts
as finished. Any other exception is ours: `Enduring` logs it with its traceback, counts it, and
after `MOST_FAILURES` failed ticks in a row raises it, because a daemon that cannot work must not
look alive. That is the only broad catch of the lanes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import structlog

from treasury.errors import LedgerBusyError
from treasury.stations.adopt import adopt
from treasury.stations.assess import assess
from treasury.stations.carry import carry
from treasury.stations.confirm import confirm
from treasury.stations.dispatch import dispatch
from treasury.stations.evacuate import evacuate
from treasury.stations.guard import guard
from treasury.stations.inspect import inspect
from treasury.stations.listen import listen
from treasury.stations.notify import notify
from treasury.stations.observe import observe
from treasury.stations.overhear import overhear
from treasury.stations.pay import pay
from treasury.stations.release import release
from treasury.stations.respond import respond
from treasury.stations.sense import sense
from treasury.stations.survey import survey
from treasury.stations.tally import tally
from treasury.stations.tend import tend
from treasury.stations.trace import trace
from treasury.world import Outcome, World

Station = Callable[[World, datetime], Outcome]

MOST_FAILURES = 5
WATCH: tuple[Station, ...] = (
    listen,
    observe,
    trace,
    guard,
    sense,
    overhear,
    survey,
    evacuate,
    respond,
    evacuate,
    inspect,
    assess,
)
MONEY: tuple[Station, ...] = (confirm, adopt, tally, carry, release, pay, tend, dispatch)

log = structlog.get_logger()


def watch_tick(world: World, now: datetime) -> tuple[Outcome, ...]:
    """Look at the chain, judge it, propose and sweep; then tell the log what happened."""
    outcomes = _in_order(WATCH, world, now)
    return (*outcomes, notify(world.ledger, now))


def money_tick(world: World, now: datetime) -> tuple[Outcome, ...]:
    """Settle what is mined, then count consent, release, sign and send."""
    return _in_order(MONEY, world, now)


class Enduring:
    """A tick that survives our own faults for a while; call it again and again.

    A world that stops answering is told once, and once more when it answers again: a line per
    tick would bury every other line.
    """

    def __init__(self, name: str, tick: Callable[[], Sequence[Outcome]]) -> None:
        """Wrap a tick that takes no arguments; `name` is for the log."""
        self.name = name
        self.failures = 0
        self._tick = tick
        self._silent_since = ""

    def __call__(self) -> bool:
        """Run one tick and say whether the next one is urgent.

        Raises what went wrong only after `MOST_FAILURES` times in a row.
        """
        try:
            outcomes = self._tick()
            self._tell(outcomes)
        except Exception:
            self.failures += 1
            log.exception("tick_failed", lane=self.name, failures=self.failures)
            if self.failures >= MOST_FAILURES:
                raise
            return False
        self.failures = 0
        return any(outcome.is_urgent for outcome in outcomes)

    def _tell(self, outcomes: Sequence[Outcome]) -> None:
        silent = next((outcome for outcome in outcomes if outcome.ends_lane), None)
        station = silent.station if silent else ""
        if silent is not None and station != self._silent_since:
            log.warning("world_unavailable", station=station, why=silent.unavailable)
        if silent is None and self._silent_since:
            log.info("world_available", lane=self.name)
        self._silent_since = station


def _in_order(stations: Sequence[Station], world: World, now: datetime) -> tuple[Outcome, ...]:
    outcomes: list[Outcome] = []
    for station in stations:
        outcome = _outcome_of(station, world, now)
        outcomes.append(outcome)
        if outcome.deeds:
            log.info("station_done", station=outcome.station, deeds=list(outcome.deeds))
        if outcome.ends_lane:
            break
    return tuple(outcomes)


def _outcome_of(station: Station, world: World, now: datetime) -> Outcome:
    try:
        return station(world, now)
    except LedgerBusyError as error:
        # Nothing of its last transaction was written; the next tick takes the same rows again.
        return Outcome(station=getattr(station, "__name__", "station"), unavailable=str(error))
