"""Notify: tell the log what the journal says, line by line, at least once each.

The journal is the source, so that nothing which happened is left untold after a crash. The
number of the last line told is remembered after the telling.
"""

from __future__ import annotations

import json
from datetime import datetime

import structlog

from policies.alarms import CATALOGUE, Severity
from treasury.ledger import Ledger, journal, marks
from treasury.ledger.queries import standings
from treasury.world import Outcome

_NAME = "notify"
_TOLD = "told_seq"
_MOST_LINES = 500
_ALARMS = frozenset(
    {
        "quorum_lost",
        "wallet_isolated",
        *(kind for kind, ring in CATALOGUE.items() if ring.severity is not Severity.NOTICE),
    }
)

log = structlog.get_logger()


def notify(ledger: Ledger, now: datetime) -> Outcome:  # noqa: ARG001 - every station gets `now`
    """Tell at most 500 lines; the rest follows at the next call."""
    with ledger.read() as session:
        told = int(standings.remembered(session, _TOLD) or "0")
        entries = journal.tail(session, after=told, limit=_MOST_LINES)
    for entry in entries:
        tell = log.warning if entry.kind in _ALARMS else log.info
        tell(
            entry.kind,
            seq=entry.seq,
            actor=entry.actor,
            subject=entry.subject,
            **{f"detail_{name}": value for name, value in json.loads(entry.body).items()},
        )
    if entries:
        with ledger.write() as session:
            marks.remember(session, _TOLD, str(entries[-1].seq))
    return Outcome(station=_NAME)
