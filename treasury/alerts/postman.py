"""The postman: one thread per channel, so that a dead pager never delays the chat.

A tick spreads what is new in the outbox, then tries what is due, one delivery after the other.
The try happens outside of every transaction; what became of it is written after. A crash between
the two tells once more, under the same number: at least once, never lost.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import structlog

from treasury.alerts.channels import Channel
from treasury.alerts.errors import UndeliveredError
from treasury.clock import Clock, unix
from treasury.lanes import Lane
from treasury.ledger import Ledger, alarms, marks, outbox
from treasury.ledger.outbox import Delivery, DeliveryState

_EVERY_S = 1.0
_DEADLINE_S = 300.0
_MOST_IN_A_ROW = 20

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Postman:
    """Carries the outbox to one channel."""

    ledger: Ledger
    channel: Channel
    clock: Clock

    def tick(self) -> int:
        """Spread and deliver what is due now; return how many arrived."""
        self._spread()
        return sum(1 for _ in range(_MOST_IN_A_ROW) if self._deliver())

    def _spread(self) -> None:
        ear = self.channel.ear
        with self.ledger.read() as session:
            if not outbox.has_news(session, ear.channel):
                return
        with self.ledger.write() as session:
            outbox.spread(session, ear, now=unix(self.clock()))

    def _deliver(self) -> bool:
        now = unix(self.clock())
        with self.ledger.read() as session:
            found = outbox.due(session, self.channel.ear.channel, now=now)
        if found is None:
            return False
        delivery, notice = found
        try:
            self.channel.tell(delivery, notice, now)
        except UndeliveredError as error:
            self._note_failure(delivery, str(error))
            return False
        self._note_arrival(delivery)
        return True

    def _note_arrival(self, delivery: Delivery) -> None:
        now, subject = unix(self.clock()), _subject(delivery)
        with self.ledger.write() as session:
            outbox.sent(session, delivery, now=now)
            if alarms.rings(session, "delivery_dead", subject):
                marks.tell(session, "delivery_revived", subject, {}, now=now, actor="alerts")

    def _note_failure(self, delivery: Delivery, why: str) -> None:
        now, tries = unix(self.clock()), self.channel.most_tries
        log.warning("delivery_failed", channel=delivery.channel, delivery=delivery.id, why=why)
        with self.ledger.write() as session:
            state = outbox.failed(session, delivery, error=why, most_tries=tries, now=now)
            if state is DeliveryState.DEAD:
                body = {"why": why, "delivery": str(delivery.id)}
                subject = _subject(delivery)
                marks.tell(session, "delivery_dead", subject, body, now=now, actor="alerts")


def posting_lane(postman: Postman) -> Lane:
    """Return the thread that carries one channel's post; a fault of ours does not end it."""
    name = f"alerts:{postman.channel.ear.channel}"
    tick = partial(_guarded, name, postman.tick)
    return Lane(name, tick, interval_s=_EVERY_S, deadline_s=_DEADLINE_S)


def _guarded(name: str, tick: Callable[[], int]) -> None:
    try:
        tick()
    except Exception:
        log.exception("alerts_tick_failed", lane=name)


def _subject(delivery: Delivery) -> str:
    return f"channel:{delivery.channel}"
