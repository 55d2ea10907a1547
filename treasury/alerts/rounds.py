"""Rounds: what the clock does to alarms while nothing happens."""

from __future__ import annotations

from dataclasses import dataclass

from config.settings import AlertSettings
from treasury.alerts.channels import last_level
from treasury.clock import Clock, unix
from treasury.ledger import Ledger, alarms


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounds:
    """Ends alarms that stayed calm, and escalates those that nobody acknowledged."""

    ledger: Ledger
    settings: AlertSettings
    clock: Clock

    def go(self) -> None:
        """Go once round all open alarms; without any this only reads."""
        now = unix(self.clock())
        with self.ledger.read() as session:
            if not alarms.alarms(session, only_open=True, limit=1):
                return
        with self.ledger.write() as session:
            alarms.settle(session, now=now, settle_s=round(self.settings.settle_s))
            alarms.escalate(
                session,
                now=now,
                last_level=last_level(self.settings),
                silence_s=round(self.settings.silence_s),
            )
