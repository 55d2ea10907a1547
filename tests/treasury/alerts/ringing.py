"""Looking at conditions on a belt, and asking what rings."""

from __future__ import annotations

from tests.fakes.belt import Belt
from treasury.alerts.conditions import Conditions, Look
from treasury.ledger import alarms

PATIENCE_S = 30


def look_twice(belt: Belt, look: Look) -> None:
    """Look, and once more after the patience."""
    watcher = Conditions(ledger=belt.ledger, clock=belt.clock, patience_s=PATIENCE_S, looks=(look,))
    watcher.look()
    belt.clock.advance(PATIENCE_S)
    watcher.look()


def is_ringing(belt: Belt, kind: str, subject: str) -> bool:
    """Say whether an alarm rings."""
    with belt.ledger.read() as session:
        return alarms.rings(session, kind, subject)


def rings_after(belt: Belt, look: Look, kind: str, subject: str) -> bool:
    """Look twice, let what is over settle, and say whether it rings."""
    look_twice(belt, look)
    with belt.ledger.write() as session:
        alarms.settle(session, now=belt.clock.unix() + 10**6, settle_s=0)
    return is_ringing(belt, kind, subject)
