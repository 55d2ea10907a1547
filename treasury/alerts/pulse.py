"""The pulse: a signed POST every minute that says that all is well.

It beats only while every lane finishes its ticks in time, the same condition that feeds the
watchdog. Whatever listens must ring when beats stay out: then the machine, the network or the
daemon is dead, and none of them can say so. A beat that fails is not repeated; the next one is.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from config.settings import PulseSettings
from treasury.alerts.channels import read_private, read_secret
from treasury.alerts.errors import UndeliveredError
from treasury.alerts.webhook import Letter, post
from treasury.clock import Clock, unix
from treasury.ledger import Ledger, alarms, journal
from treasury.ledger.queries import standings

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """Beats once at each call of `beat`, if the daemon is well."""

    ledger: Ledger
    settings: PulseSettings
    clock: Clock
    is_well: Callable[[], bool]

    def beat(self) -> bool:
        """Post one beat; say whether it arrived."""
        if not self.is_well():
            return False
        now = unix(self.clock())
        letter = Letter(body=self._body(now), number=f"beat-{now}", at=now)
        try:
            url = read_private(self.settings.address_file)
            secret = read_secret(self.settings.secret_file)
            post(url, secret, letter, deadline_s=self.settings.deadline_s)
        except UndeliveredError as error:
            log.warning("pulse_failed", why=str(error))
            return False
        return True

    def _body(self, now: int) -> bytes:
        with self.ledger.read() as session:
            head = journal.head(session)
            is_halted = standings.is_halted(session)
            ringing = alarms.alarms(session, only_open=True)
        beat = {
            "version": 1,
            "event": "alive",
            "at": now,
            "exposure": "HALTED" if is_halted else "RUNNING",
            "alarms": str(len(ringing)),
            "journal_seq": None if head is None else str(head.seq),
            "journal_head": None if head is None else head.hash,
        }
        return json.dumps(beat, sort_keys=True, separators=(",", ":")).encode()
